//===- Fragments.h - Products of matrices held by lanes ------------*- C++ -*-===//
//
// mma and wgmma keep a 16 x 8n accumulator as 4n registers: register 4c + 2h + p of lane 4g + t is row 8h + g, column
// 8c + 2t + p. Here A and B are spread out in the same way, so that a register is updated as a whole: no shuffles.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_FRAGMENTS_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_FRAGMENTS_H

#include "runtime/device/emulator/Numeric.h"

namespace attn::emu {

constexpr unsigned MaxK = 32, MaxN = 256;

enum class Format : uint32_t { F16, BF16, E4M3, E5M2, S8 };
inline unsigned byteSize(Format format) { return format <= Format::BF16 ? 2 : 1; }

/// Which matrix formats a mnemonic names, or -1.
inline int formatOf(std::string_view text) {
  std::string_view names[] = {"f16", "bf16", "e4m3", "e5m2", "s8"};
  for (int k = 0; k < 5; ++k)
    if (text == names[k])
      return k;
  return -1;
}

/// 16 rows of A: value (k, h, lane) is A[8h + lane / 4][k].
struct SpreadA {
  alignas(64) float value[MaxK][2][32];

  template <class Element> void fill(unsigned k, Element a) { // a(row, k)
    for (unsigned kk = 0; kk < k; ++kk)
      for (unsigned row = 0; row < 16; ++row) {
        float x = a(row, kk), *to = &value[kk][row / 8][row % 8 * 4];
        to[0] = to[1] = to[2] = to[3] = x;
      }
  }
};

/// n columns of B: value (k, c, p, j) is B[k][8c + 2 (j % 4) + p], twice for the 8 floats of a vector.
struct SpreadB {
  alignas(64) float value[MaxK][MaxN / 8][2][8];

  void set(unsigned k, unsigned column, float x) {
    float *to = &value[k][column / 8][column % 2][column % 8 / 2];
    to[0] = to[4] = x;
  }
};

/// d[4c + 2h + p] += A B over the rows of registers `d` (32 floats each), k after k, fused.
/// With `accumulate` false d starts at zero.
void multiply(const SpreadA &a, const SpreadB &b, unsigned k, unsigned n, bool accumulate, float *const *d);

/// Converts `count` packed elements, a multiple of 8 of them; scale is 1 or -1.
void convert(Format format, const uint8_t *from, unsigned count, float scale, float *to);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_FRAGMENTS_H
