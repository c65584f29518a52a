//===- KernelBench.cpp - Speed of compiled tile kernels ----------------------===//
//
// BM_Prefill  fraction of the peak (`peak`: a loop of independent multiply-adds, or bf16 dots, timed around every
// iteration, so
//             that the fraction does not depend on the clock of the moment) spent on the pairs of all visited tiles,
//             4 * d flops a pair, softmax excluded
// BM_Decode   bytes of K and V per second next to a loop that only reads the same memory (`bandwidth`: the fraction)
// BM_Compile  tile IR to object bytes
//
// One thread. Kernels are checked by test/codegen/cpu, not here.
//===----------------------------------------------------------------------===//
#include "test/bench/Peak.h"
#include "test/codegen/cpu/Attention.h"

#include <benchmark/benchmark.h>

using namespace attn;
using namespace attn::test;

static const char *kCausal = "%visible = arith.cmpi sle, %k, %q : i64";

struct Case {
  const char *isa;
  int64_t d, length;
  const char *mask;
  const char *dtype;
  int64_t rows;
};

static void BM_Prefill(benchmark::State &state, Case c) {
  KernelText text;
  text.d = text.dv = c.d;
  text.dtype = c.dtype;
  text.rows = c.rows;
  if (c.mask)
    text.mask = c.mask;
  Problem problem(text, 1, 1, {c.length}, {c.length});
  CompiledKernel kernel(text.str(), c.isa);
  double tiles = 0;
  for (int64_t q = 0; q < c.length; q += c.rows)
    for (int64_t k = 0; k < c.length; k += text.keys)
      tiles += !c.mask || k < q + c.rows;
  double flops = tiles * c.rows * text.keys * 4 * c.d;
  std::vector<double> times, fractions;
  problem.run(kernel);
  for (auto _ : state) {
    double before = bench::peak(c.isa, c.dtype);
    auto start = bench::Clock::now();
    problem.run(kernel);
    double t = bench::seconds(start);
    state.SetIterationTime(t);
    times.push_back(t);
    fractions.push_back(flops / t / std::max(before, bench::peak(c.isa, c.dtype)));
  }
  state.counters["peak"] = bench::median(fractions);
  state.counters["us_tile"] = bench::median(times) / tiles * 1e6;
}

static void BM_Decode(benchmark::State &state, Case c) {
  KernelText text;
  text.d = text.dv = c.d;
  text.dtype = c.dtype;
  text.rows = 8;
  text.pack = true;
  Problem problem(text, c.rows, 1, {1}, {c.length});
  CompiledKernel kernel(text.str(), c.isa);
  double bytes = double(problem.k.bytes.size()) + double(problem.v.bytes.size());
  std::vector<double> rates, fractions;
  for (auto _ : state) {
    double read = bench::readRate(problem.k.bytes);
    auto start = bench::Clock::now();
    problem.run(kernel);
    double t = bench::seconds(start);
    state.SetIterationTime(t);
    rates.push_back(bytes / t / 1e9);
    fractions.push_back(bytes / t / std::max(read, bench::readRate(problem.v.bytes)));
  }
  state.counters["ns_key"] = bytes / *std::max_element(rates.begin(), rates.end()) / double(c.length);
  state.counters["GB/s"] = bench::median(rates);
  state.counters["bandwidth"] = bench::median(fractions);
}

static void BM_Compile(benchmark::State &state, bool pack) {
  KernelText text;
  text.pack = pack;
  text.rows = pack ? 8 : 96;
  std::string mlir = text.str();
  for (auto _ : state)
    CompiledKernel kernel(mlir, "host");
}

#define PREFILL(name, ...)                                                                                             \
  BENCHMARK_CAPTURE(BM_Prefill, name, Case{__VA_ARGS__})->UseManualTime()->Unit(benchmark::kMillisecond)->MinTime(0.5)
PREFILL(v4_d64_1k, "x86-64-v4", 64, 1024, nullptr, "f32", 96);
PREFILL(v4_d64_4k, "x86-64-v4", 64, 4096, nullptr, "f32", 96);
PREFILL(v4_d128_1k, "x86-64-v4", 128, 1024, nullptr, "f32", 96);
PREFILL(v4_d128_4k, "x86-64-v4", 128, 4096, nullptr, "f32", 96);
PREFILL(v4_d64_4k_causal, "x86-64-v4", 64, 4096, kCausal, "f32", 96);
PREFILL(v4_d64_4k_f16, "x86-64-v4", 64, 4096, nullptr, "f16", 96);
PREFILL(v4_d64_4k_bf16, "x86-64-v4", 64, 4096, nullptr, "bf16", 96);
PREFILL(v4bf16_d64_1k, "x86-64-v4-bf16", 64, 1024, nullptr, "bf16", 96);
PREFILL(v4bf16_d64_4k, "x86-64-v4-bf16", 64, 4096, nullptr, "bf16", 96);
PREFILL(v4bf16_d64_4k_causal, "x86-64-v4-bf16", 64, 4096, kCausal, "bf16", 96);
PREFILL(v4bf16_d128_1k, "x86-64-v4-bf16", 128, 1024, nullptr, "bf16", 96);
PREFILL(v4bf16_d128_4k, "x86-64-v4-bf16", 128, 4096, nullptr, "bf16", 96);
PREFILL(v3_d64_4k, "x86-64-v3", 64, 4096, nullptr, "f32", 96);
PREFILL(v3_d128_4k, "x86-64-v3", 128, 4096, nullptr, "f32", 96);
PREFILL(generic_d64_1k, "generic", 64, 1024, nullptr, "f32", 96);

#define DECODE(name, ...)                                                                                              \
  BENCHMARK_CAPTURE(BM_Decode, name, Case{__VA_ARGS__})->UseManualTime()->Unit(benchmark::kMillisecond)->MinTime(0.5)
DECODE(g1_f32, "x86-64-v4", 128, 100000, nullptr, "f32", 1);
DECODE(g8_f32, "x86-64-v4", 128, 100000, nullptr, "f32", 8);
DECODE(g1_f16, "x86-64-v4", 128, 200000, nullptr, "f16", 1);
DECODE(g1_bf16, "x86-64-v4", 128, 200000, nullptr, "bf16", 1);
DECODE(g8_f16, "x86-64-v4", 128, 200000, nullptr, "f16", 8);
DECODE(g8_bf16, "x86-64-v4", 128, 200000, nullptr, "bf16", 8);
DECODE(g8_bf16_dots, "x86-64-v4-bf16", 128, 200000, nullptr, "bf16", 8);
DECODE(g1_bf16_dots, "x86-64-v4-bf16", 128, 200000, nullptr, "bf16", 1);

// Keys and values in the second-level cache: the time of the computation alone.
#define CACHED(name, ...)                                                                                              \
  BENCHMARK_CAPTURE(BM_Decode, cached_##name, Case{__VA_ARGS__})->UseManualTime()->Iterations(500)
CACHED(g1_f32, "x86-64-v4", 128, 512, nullptr, "f32", 1);
CACHED(g4_f32, "x86-64-v4", 128, 512, nullptr, "f32", 4);
CACHED(g8_f32, "x86-64-v4", 128, 512, nullptr, "f32", 8);
CACHED(g1_f16, "x86-64-v4", 128, 512, nullptr, "f16", 1);
CACHED(g8_f16, "x86-64-v4", 128, 512, nullptr, "f16", 8);
CACHED(g1_bf16_dots, "x86-64-v4-bf16", 128, 512, nullptr, "bf16", 1);
CACHED(g8_bf16_dots, "x86-64-v4-bf16", 128, 512, nullptr, "bf16", 8);
CACHED(g8_f32_v3, "x86-64-v3", 128, 512, nullptr, "f32", 8);

BENCHMARK_CAPTURE(BM_Compile, prefill, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Compile, decode, true)->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
