//===- Peak.h - What the machine can do at most ------------------------------===//
//
// Loops that benchmarks run next to what they measure, in the same iteration.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_BENCH_PEAK_H
#define ATTN_TEST_BENCH_PEAK_H

#include <algorithm>
#include <cstdint>
#include <immintrin.h>
#include <string_view>
#include <time.h>
#include <vector>

namespace attn::bench {

/// Processor time of this thread: other processes on the machine do not count.
struct Clock {
  static double now() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
  }
};
inline double seconds(double since) { return Clock::now() - since; }
inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

template <typename T> void keep(T &value) { asm volatile("" : "+m"(value)); }

/// Flops per second of independent chains, each advanced by `step` with `flops`. Inlined into a caller that may use the
/// instructions of `step`.
template <int chains, typename Vector, typename Step>
[[gnu::always_inline]] inline double chainRate(const Vector &first, int flops, Step step) {
  Vector a[chains];
  for (Vector &x : a)
    x = first;
  const int64_t n = 100000;
  auto start = Clock::now();
  for (int64_t i = 0; i < n; ++i)
#pragma clang loop unroll(full)
    for (Vector &x : a)
      step(x);
  double t = seconds(start);
  for (Vector &x : a)
    keep(x);
  return double(n) * chains * flops / t;
}

#define ATTN_TARGET(features) __attribute__((target(features)))
ATTN_TARGET("avx512f") inline double peak512() {
  const __m512 b = _mm512_set1_ps(1.000001f), c = _mm512_set1_ps(1e-7f);
  return chainRate<12>(_mm512_set1_ps(1.0f), 32,
                       [&](__m512 &x) ATTN_TARGET("avx512f") { x = _mm512_fmadd_ps(x, b, c); });
}
ATTN_TARGET("avx2,fma") inline double peak256() {
  const __m256 b = _mm256_set1_ps(1.000001f), c = _mm256_set1_ps(1e-7f);
  return chainRate<12>(_mm256_set1_ps(1.0f), 16,
                       [&](__m256 &x) ATTN_TARGET("avx2,fma") { x = _mm256_fmadd_ps(x, b, c); });
}
/// SSE2 has no fused multiply-add: a product and a sum count as two flops each lane.
inline double peak128() {
  struct Pair {
    __m128 product, sum;
  };
  const __m128 one = _mm_set1_ps(1.0f), b = _mm_set1_ps(1.000001f);
  return chainRate<6>(Pair{one, one}, 8, [&](Pair &x) {
    x.product = _mm_mul_ps(x.product, b);
    x.sum = _mm_add_ps(x.sum, b);
  });
}
/// bf16 dots: a product and a sum each.
ATTN_TARGET("avx512f,avx512bf16") inline double peakBf16() {
  const __m512bh b = (__m512bh)_mm512_set1_epi32(0x3F803F80);
  return chainRate<12>(_mm512_set1_ps(1.0f), 64,
                       [&](__m512 &x) ATTN_TARGET("avx512f,avx512bf16") { x = _mm512_dpbf16_ps(x, b, b); });
}
#undef ATTN_TARGET

/// Flops per second of one core with the instructions of `isa` for inputs of `dtype`.
inline double peak(std::string_view isa, std::string_view dtype = "f32") {
  if (isa == "x86-64-v4-bf16" && dtype == "bf16")
    return peakBf16();
  if (isa == "generic")
    return peak128();
  return isa == "x86-64-v3" ? peak256() : std::max(peak512(), peak256());
}

/// Reads `bytes` bytes and does nothing else; with `ahead`, prefetches what lies so many bytes further on.
template <size_t ahead = 0> __attribute__((target("avx2"))) inline void readAll(const uint8_t *memory, size_t bytes) {
  __m256i sum[8] = {};
  size_t skip = -reinterpret_cast<uintptr_t>(memory) % 64; // no load spans two lines
  const auto *p = reinterpret_cast<const __m256i *>(memory + skip);
  bytes -= std::min(bytes, skip);
  for (size_t i = 0; i + 8 <= bytes / 32; i += 8)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < 8; ++j) {
      if (ahead && j % 2 == 0)
        _mm_prefetch(reinterpret_cast<const char *>(p + i + j) + ahead, _MM_HINT_T1);
      sum[j] = _mm256_xor_si256(sum[j], _mm256_loadu_si256(p + i + j));
    }
  for (auto &x : sum)
    keep(x);
}

/// Bytes per second of it.
inline double readRate(const std::vector<uint8_t> &bytes) {
  auto start = Clock::now();
  readAll(bytes.data(), bytes.size());
  return double(bytes.size()) / seconds(start);
}

} // namespace attn::bench

#endif // ATTN_TEST_BENCH_PEAK_H
