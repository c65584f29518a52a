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

/// Flops per second of 12 independent chains of multiply-adds.
__attribute__((target("avx512f"))) inline double peak512() {
  __m512 a[12], b = _mm512_set1_ps(1.000001f), c = _mm512_set1_ps(1e-7f);
  for (auto &x : a)
    x = _mm512_set1_ps(1.0f);
  const int64_t n = 100000;
  auto start = Clock::now();
  for (int64_t i = 0; i < n; ++i)
#pragma clang loop unroll(full)
    for (auto &x : a)
      x = _mm512_fmadd_ps(x, b, c);
  double t = seconds(start);
  for (auto &x : a)
    keep(x);
  return n * 12 * 32 / t;
}
__attribute__((target("avx2,fma"))) inline double peak256() {
  __m256 a[12], b = _mm256_set1_ps(1.000001f), c = _mm256_set1_ps(1e-7f);
  for (auto &x : a)
    x = _mm256_set1_ps(1.0f);
  const int64_t n = 100000;
  auto start = Clock::now();
  for (int64_t i = 0; i < n; ++i)
#pragma clang loop unroll(full)
    for (auto &x : a)
      x = _mm256_fmadd_ps(x, b, c);
  double t = seconds(start);
  for (auto &x : a)
    keep(x);
  return n * 12 * 16 / t;
}
/// SSE2 has no fused multiply-add: a product and a sum count as two flops each lane.
inline double peak128() {
  __m128 a[6], s[6], b = _mm_set1_ps(1.000001f);
  for (int i = 0; i < 6; ++i)
    a[i] = s[i] = _mm_set1_ps(1.0f);
  const int64_t n = 100000;
  auto start = Clock::now();
  for (int64_t i = 0; i < n; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < 6; ++j) {
      a[j] = _mm_mul_ps(a[j], b);
      s[j] = _mm_add_ps(s[j], b);
    }
  double t = seconds(start);
  for (int i = 0; i < 6; ++i) {
    keep(a[i]);
    keep(s[i]);
  }
  return n * 6 * 8 / t;
}

/// Flops per second of 12 independent chains of bf16 dots, a product and a sum each.
__attribute__((target("avx512f,avx512bf16"))) inline double peakBf16() {
  __m512 a[12];
  __m512bh b = (__m512bh)_mm512_set1_epi32(0x3F803F80);
  for (auto &x : a)
    x = _mm512_set1_ps(1.0f);
  const int64_t n = 100000;
  auto start = Clock::now();
  for (int64_t i = 0; i < n; ++i)
#pragma clang loop unroll(full)
    for (auto &x : a)
      x = _mm512_dpbf16_ps(x, b, b);
  double t = seconds(start);
  for (auto &x : a)
    keep(x);
  return n * 12 * 64 / t;
}

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
