//===- Numeric.h - Number formats and their conversions ------------*- C++ -*-===//
//
// Bit-exact conversions as the PTX ISA defines them: round to nearest even, NaN canonical, subnormals kept.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_NUMERIC_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_NUMERIC_H

#include "runtime/device/emulator/Lanes.h"

#include <array>
#include <cmath>
#include <immintrin.h>
#include <limits>

namespace attn::emu {

/// 16-bit formats in a register of 16 bits.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
/// Two in a register of 32 bits, the first in the low half.
struct Half2 {
  uint32_t bits;
};
struct BFloat2 {
  uint32_t bits;
};

inline uint32_t bitsOf(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}
inline float floatOf(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

ATTN_SIMD_BEGIN

/// Results of f32 arithmetic have this NaN and no other.
inline float canonical(float f) { return f != f ? floatOf(0x7fffffff) : f; }
inline double canonical(double d) { return d; }
inline float flush(float f) {
  uint32_t bits = bitsOf(f);
  return floatOf((bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits);
}

inline float toFloat(BFloat b) { return floatOf(uint32_t(b.bits) << 16); }
inline float toFloat(Half h) { return _cvtsh_ss(h.bits); }
inline BFloat toBFloat(float f) {
  uint32_t bits = bitsOf(f);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return {uint16_t((bits & 0x7fffffff) > 0x7f800000 ? 0x7fff : rounded)};
}
inline Half toHalf(float f) { return {uint16_t(f != f ? 0x7fff : _cvtss_sh(f, 0))}; }

inline uint32_t pack(uint16_t low, uint16_t high) { return low | uint32_t(high) << 16; }

ATTN_SIMD_END

/// An 8-bit format with its sign in the top bit. E4M3 has no infinity and one NaN of each sign; E5M2 is IEEE-like.
template <int ExponentBits, int MantissaBits, bool Infinity> struct Float8 {
  static constexpr int Bias = (1 << (ExponentBits - 1)) - 1;
  static constexpr uint8_t NaN = 0x7f;
  static constexpr uint8_t Largest = Infinity ? (0x7f & ~((1 << MantissaBits) - 1)) - 1 : 0x7e;

  static float decode(uint8_t bits) {
    int exponent = bits >> MantissaBits & ((1 << ExponentBits) - 1), mantissa = bits & ((1 << MantissaBits) - 1);
    float magnitude;
    if (Infinity ? exponent == (1 << ExponentBits) - 1 : (bits & 0x7f) == NaN)
      magnitude = Infinity && !mantissa ? std::numeric_limits<float>::infinity() : floatOf(0x7fffffff);
    else if (exponent)
      magnitude = std::ldexp(float((1 << MantissaBits) + mantissa), exponent - Bias - MantissaBits);
    else
      magnitude = std::ldexp(float(mantissa), 1 - Bias - MantissaBits);
    return bits & 0x80 ? -magnitude : magnitude;
  }

  /// Round to nearest even; too large is the largest finite value (.satfinite).
  static uint8_t encode(float f) {
    if (f != f)
      return NaN;
    uint8_t sign = bitsOf(f) >> 24 & 0x80;
    float a = std::fabs(f);
    if (a >= decode(Largest))
      return sign | Largest;
    if (a == 0)
      return sign;
    int exponent;
    std::frexp(a, &exponent); // a = m * 2^exponent with m in [0.5, 1)
    int quantum = std::max(exponent - 1, 1 - Bias) - MantissaBits;
    int steps = int(std::nearbyint(std::ldexp(a, -quantum))); // exact but for the rounding
    // Steps count from the start of the binade, so a carry into the next one is right by itself.
    int base = (quantum + MantissaBits + Bias - 1) << MantissaBits;
    return uint8_t(sign | (base + steps));
  }
};
using E4M3 = Float8<4, 3, false>;
using E5M2 = Float8<5, 2, true>;

/// All 256 values.
template <class F> const std::array<float, 256> &decodeTable() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> t;
    for (int bits = 0; bits < 256; ++bits)
      t[bits] = F::decode(uint8_t(bits));
    return t;
  }();
  return table;
}

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_NUMERIC_H
