//===- Ceilings.cpp - What the machine can do at most, for attn-bench --------===//
//
// The loops of Peak.h on several threads, behind a C interface for Python. Rates are sums over the threads.
//===----------------------------------------------------------------------===//
#include "test/bench/Peak.h"

#include <thread>

/// Sum over `threads` threads of what `rate(thread)` returns, all running at the same time.
template <typename F> static double onThreads(int threads, F rate) {
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i)
    pool.emplace_back([&, i] { rates[size_t(i)] = rate(i); });
  for (std::thread &thread : pool)
    thread.join();
  double sum = 0;
  for (double r : rates)
    sum += r;
  return sum;
}

#pragma GCC visibility push(default)
extern "C" {

/// Flops per second of fp32 multiply-adds.
double attn_peak_flops(int threads) {
  const char *isa = __builtin_cpu_supports("avx512f")                                ? "x86-64-v4"
                    : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "x86-64-v3"
                                                                                      : "generic";
  return onThreads(threads, [&](int) { return attn::bench::peak(isa); });
}

/// Flops per second of multiply-adds of bf16 pairs; those of fp32 on machines without them.
double attn_peak_flops_bf16(int threads) {
  if (!__builtin_cpu_supports("avx512bf16"))
    return attn_peak_flops(threads);
  return onThreads(threads, [](int) { return attn::bench::peakBf16(); });
}

/// Bytes per second of loops that only read, over `bytes` per thread; the memory is kept between calls.
double attn_read_rate(int threads, int64_t bytes) {
  static std::vector<std::vector<uint8_t>> memory;
  memory.resize(std::max(memory.size(), size_t(threads)));
  for (int i = 0; i < threads; ++i)
    memory[size_t(i)].resize(size_t(bytes), 1);
  return onThreads(threads, [&](int i) { return attn::bench::readRate(memory[size_t(i)]); });
}
}
#pragma GCC visibility pop
