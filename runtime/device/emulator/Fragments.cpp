#include "runtime/device/emulator/Fragments.h"

namespace attn::emu {

ATTN_SIMD_BEGIN

// Two registers that share A, the columns 2t and 2t + 1, in eight vectors: 8 FMAs for 6 loads.
void multiply(const SpreadA &a, const SpreadB &b, unsigned k, unsigned n, bool accumulate, float *const *d) {
  for (unsigned c = 0; c < n / 8; ++c) {
    for (unsigned h = 0; h < 2; ++h) {
      float *even = d[4 * c + 2 * h], *odd = d[4 * c + 2 * h + 1];
      __m256 sum[8];
      for (unsigned v = 0; v < 4; ++v) {
        sum[v] = accumulate ? _mm256_load_ps(even + 8 * v) : _mm256_setzero_ps();
        sum[4 + v] = accumulate ? _mm256_load_ps(odd + 8 * v) : _mm256_setzero_ps();
      }
      for (unsigned kk = 0; kk < k; ++kk) {
        __m256 b0 = _mm256_load_ps(b.value[kk][c][0]), b1 = _mm256_load_ps(b.value[kk][c][1]);
        for (unsigned v = 0; v < 4; ++v) {
          __m256 x = _mm256_load_ps(&a.value[kk][h][8 * v]);
          sum[v] = _mm256_fmadd_ps(x, b0, sum[v]);
          sum[4 + v] = _mm256_fmadd_ps(x, b1, sum[4 + v]);
        }
      }
      for (unsigned v = 0; v < 4; ++v) {
        _mm256_store_ps(even + 8 * v, sum[v]);
        _mm256_store_ps(odd + 8 * v, sum[4 + v]);
      }
    }
  }
}

void convert(Format format, const uint8_t *from, unsigned count, float scale, float *to) {
  switch (format) {
  case Format::F16:
    for (unsigned k = 0; k < count; k += 8)
      _mm256_storeu_ps(to + k, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from + 2 * k))));
    break;
  case Format::BF16:
    for (unsigned k = 0; k < count; k += 8) {
      __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from + 2 * k)));
      _mm256_storeu_ps(to + k, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    break;
  case Format::E4M3:
  case Format::E5M2: {
    const auto &table = format == Format::E4M3 ? decodeTable<E4M3>() : decodeTable<E5M2>();
    for (unsigned k = 0; k < count; ++k)
      to[k] = table[from[k]];
    break;
  }
  case Format::S8:
    for (unsigned k = 0; k < count; ++k)
      to[k] = float(int8_t(from[k]));
    break;
  }
  if (scale != 1)
    for (unsigned k = 0; k < count; ++k)
      to[k] *= scale;
}

ATTN_SIMD_END

} // namespace attn::emu
