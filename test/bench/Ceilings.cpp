//===- Ceilings.cpp - What the machine can do at most, for attn-bench --------===//
//
// The loops of Peak.h on several threads, behind a C interface for Python. Rates of arithmetic are sums over the
// threads.
//===----------------------------------------------------------------------===//
#include "test/bench/Peak.h"

#include <chrono>
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

static double readSeconds(int threads, const void *memory, int64_t bytes, void (*read)(const uint8_t *, size_t)) {
  using WallClock = std::chrono::steady_clock;
  std::vector<WallClock::time_point> starts(static_cast<size_t>(threads)), ends(starts);
  size_t part = size_t(bytes) / size_t(threads);
  onThreads(threads, [&](int i) {
    starts[size_t(i)] = WallClock::now();
    read(static_cast<const uint8_t *>(memory) + size_t(i) * part, part);
    ends[size_t(i)] = WallClock::now();
    return 0.0;
  });
  auto first = *std::min_element(starts.begin(), starts.end()), last = *std::max_element(ends.begin(), ends.end());
  return std::chrono::duration<double>(last - first).count();
}

#pragma GCC visibility push(default)
extern "C" {

/// Flops per second of fp32 multiply-adds.
double attn_peak_flops(int threads) {
  const char *isa = __builtin_cpu_supports("avx512f")                                 ? "x86-64-v4"
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

/// Seconds that loops which only read take for `bytes` bytes of `memory`, a part of them each: from the first start to
/// the last end. The faster of two runs: without prefetches, and with prefetches 4 KB ahead.
double attn_read_seconds(int threads, const void *memory, int64_t bytes) {
  return std::min(readSeconds(threads, memory, bytes, attn::bench::readAll<0>),
                  readSeconds(threads, memory, bytes, attn::bench::readAll<4096>));
}
}
#pragma GCC visibility pop
