//===- AttentionBench.cpp - Speed of compiled patterns ------------------------===//
//
// Every case is checked for a finite result first, then timed on one thread next to a loop of independent
// multiply-adds, in the same iteration, so that the fraction of the peak does not depend on the clock of the moment.
//
// Counters: `peak` fraction of the FMA peak spent on visited tiles (4 * d flops a pair of a visited tile, softmax
// excluded), `ns_pair` per visible pair, `us_tile` per visited tile, `vs_dense` time per visited tile over the dense
// pattern's in the same process.
//===----------------------------------------------------------------------===//
#include "attn/attn.h"
#include "codegen/jit/Compiler.h"
#include "test/bench/Peak.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

using attn::bench::Clock, attn::bench::seconds;

static double peak() {
  return __builtin_cpu_supports("avx512f") ? std::max(attn::bench::peak512(), attn::bench::peak256())
                                           : attn::bench::peak256();
}

namespace {

struct Case {
  const char *pattern;
  int64_t d, length;
  /// Visible pairs of one head, and a row's first and last visible key for tile counting.
  bool (*visible)(int64_t q, int64_t k, int64_t length);
};

/// A planned call on random data that lives as long as this.
class Call {
public:
  Call(const Case &c, std::string &error);
  ~Call() {
    attn_plan_destroy(plan);
    attn_artifact_close(artifact);
    std::free(workspace);
  }
  bool run() { return attn_run(plan, workspace, bytes) == ATTN_OK; }
  std::vector<float> out;

private:
  attn_artifact *artifact = nullptr;
  attn_plan *plan = nullptr;
  void *workspace = nullptr;
  size_t bytes = 0;
  std::vector<float> q, k, v;
  std::vector<int32_t> doc;
};

} // namespace

Call::Call(const Case &c, std::string &error) {
  std::ifstream file(std::string(ATTN_PATTERNS_DIR) + "/" + c.pattern + ".json");
  std::stringstream text;
  text << file.rdbuf();
  attn::codegen::CompileOptions options;
  options.variants = {"d=" + std::to_string(c.d)};
  auto compiled = attn::codegen::compile(text.str(), attn::codegen::Emit::Artifact, options);
  if (!compiled.ok) {
    error = compiled.error;
    return;
  }
  auto check = [&](int32_t code) {
    if (code != ATTN_OK && error.empty())
      error = attn_last_error();
    return code == ATTN_OK;
  };
  if (!check(attn_artifact_open_bytes(compiled.output.data(), compiled.output.size(), &artifact)))
    return;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (auto *tensor : {&q, &k, &v}) {
    tensor->resize(c.length * c.d);
    for (float &x : *tensor)
      x = normal(random);
  }
  out.resize(c.length * c.d);
  doc.resize(c.length);
  for (int64_t i = 0; i < c.length; ++i)
    doc[i] = int32_t(i / 700);
  int64_t shape[4] = {1, 1, c.length, c.d}, docShape[2] = {1, c.length};
  std::vector<attn_tensor> tensors;
  auto add = [&](const char *name, void *data, int32_t dtype, int32_t rank, const int64_t *sizes) {
    attn_tensor t{};
    t.struct_size = sizeof t;
    t.version = ATTN_STRUCT_VERSION;
    t.name = name;
    t.data = data;
    t.dtype = dtype;
    t.ndim = rank;
    t.shape = sizes;
    tensors.push_back(t);
  };
  add("q", q.data(), ATTN_F32, 4, shape);
  add("k", k.data(), ATTN_F32, 4, shape);
  add("v", v.data(), ATTN_F32, 4, shape);
  add("out", out.data(), ATTN_F32, 4, shape);
  if (std::string_view(c.pattern) == "document")
    add("doc", doc.data(), ATTN_I32, 2, docShape);
  attn_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.version = ATTN_STRUCT_VERSION;
  desc.batch = desc.q_heads = desc.kv_heads = 1;
  desc.q_len = desc.kv_len = c.length;
  desc.tensors = tensors.data();
  desc.tensor_count = int64_t(tensors.size());
  desc.threads = 1;
  if (!check(attn_plan_create(artifact, nullptr, &desc, &plan)) || !check(attn_plan_workspace_size(plan, &bytes)))
    return;
  workspace = std::aligned_alloc(ATTN_WORKSPACE_ALIGNMENT, (bytes + 63) / 64 * 64 + 64);
  check(attn_run(plan, workspace, bytes));
}

static double denseTile[600]; // seconds per visited tile of the dense pattern, by head dim

static void BM_Prefill(benchmark::State &state, Case c) {
  std::string error;
  Call call(c, error);
  if (!error.empty())
    return state.SkipWithError(error.c_str());
  for (float x : call.out)
    if (!std::isfinite(x))
      return state.SkipWithError("the result is not finite");
  const int64_t rows = 96, keys = 64;
  double pairs = 0, tiles = 0;
  for (int64_t q0 = 0; q0 < c.length; q0 += rows)
    for (int64_t k0 = 0; k0 < c.length; k0 += keys) {
      double here = 0;
      for (int64_t q = q0; q < std::min(q0 + rows, c.length); ++q)
        for (int64_t k = k0; k < std::min(k0 + keys, c.length); ++k)
          here += c.visible(q, k, c.length);
      pairs += here;
      tiles += here > 0;
    }
  double flops = tiles * rows * keys * 4 * c.d;
  std::vector<double> times, fractions;
  for (auto _ : state) {
    double before = peak();
    auto start = Clock::now();
    call.run();
    double t = seconds(start);
    state.SetIterationTime(t);
    times.push_back(t);
    fractions.push_back(flops / t / std::max(before, peak()));
  }
  std::sort(times.begin(), times.end());
  std::sort(fractions.begin(), fractions.end());
  double median = times[times.size() / 2];
  if (std::string_view(c.pattern) == "dense")
    denseTile[c.d] = median / tiles;
  state.counters["peak"] = fractions[fractions.size() / 2];
  state.counters["ns_pair"] = median / pairs * 1e9;
  state.counters["us_tile"] = median / tiles * 1e6;
  if (denseTile[c.d] > 0)
    state.counters["vs_dense"] = median / tiles / denseTile[c.d];
}

static bool dense(int64_t, int64_t, int64_t) { return true; }
static bool causal(int64_t q, int64_t k, int64_t) { return k <= q; }
static bool window(int64_t q, int64_t k, int64_t) { return k <= q && q - k < 256; }
static bool document(int64_t q, int64_t k, int64_t) { return k <= q && q / 700 == k / 700; }

#define PREFILL(name, ...)                                                                                             \
  BENCHMARK_CAPTURE(BM_Prefill, name, Case{__VA_ARGS__})->UseManualTime()->Unit(benchmark::kMillisecond)->MinTime(1.0)
PREFILL(dense_d64_1k, "dense", 64, 1024, dense);
PREFILL(dense_d64_4k, "dense", 64, 4096, dense);
PREFILL(causal_d64_4k, "causal", 64, 4096, causal);
PREFILL(window256_d64_4k, "sliding_window", 64, 4096, window);
PREFILL(document_d64_4k, "document", 64, 4096, document);
PREFILL(dense_d128_1k, "dense", 128, 1024, dense);
PREFILL(dense_d128_4k, "dense", 128, 4096, dense);
PREFILL(causal_d128_4k, "causal", 128, 4096, causal);

BENCHMARK_MAIN();
