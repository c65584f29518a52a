// cvt: between integers, between floats, and between both.
#include "runtime/device/emulator/Numeric.h"

#include <algorithm>
#include <type_traits>

namespace attn::emu {
namespace {

ATTN_SIMD_BEGIN

// An S in a register that holds R, or W where it is wider.
template <class R, class D, class S, class W> struct IntToInt {
  static R apply(W w) { return R(D(S(w))); }
};
template <class S, class R> struct IntToF32 {
  static float apply(R r) { return float(S(r)); }
};
template <class S, class R> struct IntToF64 {
  static double apply(R r) { return double(S(r)); }
};
/// Rounds to f32 to odd first, then to 16 bits: one rounding in effect.
template <class T, class S, class R> struct IntTo16 {
  static T apply(R r) {
    S s = S(r);
    bool negative = s < S(0);
    uint64_t magnitude = negative ? 0 - uint64_t(s) : uint64_t(s);
    unsigned excess = magnitude >> 24 ? 40 - __builtin_clzll(magnitude) : 0;
    uint64_t kept = magnitude >> excess;
    kept |= (kept << excess) != magnitude;
    float f = std::ldexp(float(kept), int(excess));
    f = negative ? -f : f;
    if constexpr (std::is_same_v<T, Half>)
      return toHalf(f);
    else
      return toBFloat(f);
  }
};

enum Round { Nearest, Zero, Down, Up };
template <Round R> double rounded(double d) {
  return R == Nearest ? __builtin_rint(d)
         : R == Zero  ? __builtin_trunc(d)
         : R == Down  ? __builtin_floor(d)
                      : __builtin_ceil(d);
}

inline double asDouble(float f) { return f; }
inline double asDouble(double d) { return d; }
inline double asDouble(Half h) { return toFloat(h); }
inline double asDouble(BFloat b) { return toFloat(b); }

/// Saturates; NaN is 0 for 32 bits and less, else the sign bit alone.
template <Round R, bool Ftz, class D, class S> struct FloatToInt {
  static D apply(S s) {
    double d = asDouble(s);
    if constexpr (Ftz && std::is_same_v<S, float>)
      d = flush(s);
    if (d != d)
      return sizeof(D) == 8 ? D(uint64_t(1) << 63) : D(0);
    d = rounded<R>(d);
    constexpr double low = double(std::numeric_limits<D>::min()), high = double(std::numeric_limits<D>::max());
    return d <= low ? std::numeric_limits<D>::min() : d >= high ? std::numeric_limits<D>::max() : D(d);
  }
};
template <Round R, bool Ftz, class T> struct RoundFloat {
  static T apply(T s) {
    if constexpr (std::is_same_v<T, float>)
      return canonical(float(rounded<R>(Ftz ? flush(s) : s)));
    else
      return rounded<R>(s);
  }
};

struct HalfToF32 {
  static float apply(Half h) { return canonical(toFloat(h)); }
};
struct BFloatToF32 {
  static float apply(BFloat b) { return toFloat(b); }
};
struct F32ToHalf {
  static Half apply(float f) { return toHalf(f); }
};
struct F32ToBFloat {
  static BFloat apply(float f) { return toBFloat(f); }
};
struct F32ToF64 {
  static double apply(float f) { return f; }
};
struct F64ToF32 {
  static float apply(double d) { return canonical(float(d)); }
};
struct Saturate {
  static float apply(float f) { return f > 0 ? (f < 1 ? f : 1) : 0; }
};
struct SaturateFtz {
  static float apply(float f) { return Saturate::apply(flush(f)); }
};
struct Flush {
  static float apply(float f) { return canonical(flush(f)); }
};

inline float relu(float f) { return f > 0 || f != f ? f : 0; }
/// The first operand goes to the high half.
template <bool Relu> struct ToHalf2 {
  static Half2 apply(float high, float low) {
    return {Relu ? pack(toHalf(relu(low)).bits, toHalf(relu(high)).bits) : pack(toHalf(low).bits, toHalf(high).bits)};
  }
};
template <bool Relu> struct ToBFloat2 {
  static BFloat2 apply(float high, float low) {
    return {Relu ? pack(toBFloat(relu(low)).bits, toBFloat(relu(high)).bits)
                 : pack(toBFloat(low).bits, toBFloat(high).bits)};
  }
};
template <class F> struct F32ToFloat8x2 {
  static uint16_t apply(float high, float low) { return uint16_t(F::encode(high) << 8 | F::encode(low)); }
};
template <class F> struct HalfToFloat8x2 {
  static uint16_t apply(Half2 h) {
    return F32ToFloat8x2<F>::apply(toFloat(Half{uint16_t(h.bits >> 16)}), toFloat(Half{uint16_t(h.bits)}));
  }
};
template <class F> struct Float8x2ToHalf {
  static Half2 apply(uint16_t x) {
    return {pack(toHalf(F::decode(uint8_t(x))).bits, toHalf(F::decode(uint8_t(x >> 8))).bits)};
  }
};

ATTN_SIMD_END

template <class T> std::string nameOf() {
  if constexpr (std::is_same_v<T, float>)
    return "f32";
  else if constexpr (std::is_same_v<T, double>)
    return "f64";
  else if constexpr (std::is_same_v<T, Half>)
    return "f16";
  else if constexpr (std::is_same_v<T, BFloat>)
    return "bf16";
  else
    return (std::is_signed_v<T> ? "s" : "u") + std::to_string(sizeof(T) * 8);
}

/// A source register may be wider than the type, an 8-bit result is extended to its register: a form per width.
template <class D, class S, class R> void addFromEach(FormTable &t, const std::string &name) {
  if constexpr (sizeof(S) <= 2)
    addLanewise<IntToInt<R, D, S, uint16_t>, R, uint16_t>(t, name);
  if constexpr (sizeof(S) <= 4)
    addLanewise<IntToInt<R, D, S, uint32_t>, R, uint32_t>(t, name);
  addLanewise<IntToInt<R, D, S, uint64_t>, R, uint64_t>(t, name);
}

template <class D, class S> void addIntegerPair(FormTable &t) {
  std::string name = "cvt." + nameOf<D>() + "." + nameOf<S>();
  constexpr bool isSigned = std::is_signed_v<D>;
  if constexpr (sizeof(D) <= 2)
    addFromEach<D, S, std::conditional_t<isSigned, int16_t, uint16_t>>(t, name);
  if constexpr (sizeof(D) <= 4)
    addFromEach<D, S, std::conditional_t<isSigned, int32_t, uint32_t>>(t, name);
  if constexpr (sizeof(D) == 8)
    addFromEach<D, S, D>(t, name);
}

template <class D> void addToInteger(FormTable &t) {
  addIntegerPair<D, uint8_t>(t);
  addIntegerPair<D, int8_t>(t);
  addIntegerPair<D, uint16_t>(t);
  addIntegerPair<D, int16_t>(t);
  addIntegerPair<D, uint32_t>(t);
  addIntegerPair<D, int32_t>(t);
  addIntegerPair<D, uint64_t>(t);
  addIntegerPair<D, int64_t>(t);
}

template <class S> void addFromInteger(FormTable &t) {
  using R = std::conditional_t<sizeof(S) == 1, uint16_t, S>;
  std::string name = "." + nameOf<S>();
  addLanewise<IntToF32<S, R>, float, R>(t, "cvt.rn.f32" + name);
  addLanewise<IntToF64<S, R>, double, R>(t, "cvt.rn.f64" + name);
  addLanewise<IntTo16<Half, S, R>, Half, R>(t, "cvt.rn.f16" + name);
  addLanewise<IntTo16<BFloat, S, R>, BFloat, R>(t, "cvt.rn.bf16" + name);
}

template <Round R, class S> void addRounded(FormTable &t, const std::string &round) {
  std::string from = "." + nameOf<S>();
  addLanewise<FloatToInt<R, false, uint16_t, S>, uint16_t, S>(t, "cvt." + round + ".u16" + from);
  addLanewise<FloatToInt<R, false, int16_t, S>, int16_t, S>(t, "cvt." + round + ".s16" + from);
  addLanewise<FloatToInt<R, false, uint32_t, S>, uint32_t, S>(t, "cvt." + round + ".u32" + from);
  addLanewise<FloatToInt<R, false, int32_t, S>, int32_t, S>(t, "cvt." + round + ".s32" + from);
  addLanewise<FloatToInt<R, false, uint64_t, S>, uint64_t, S>(t, "cvt." + round + ".u64" + from);
  addLanewise<FloatToInt<R, false, int64_t, S>, int64_t, S>(t, "cvt." + round + ".s64" + from);
}

template <Round R> void addRounding(FormTable &t, const std::string &round) {
  addRounded<R, float>(t, round);
  addRounded<R, double>(t, round);
  addRounded<R, Half>(t, round);
  addRounded<R, BFloat>(t, round);
  addLanewise<FloatToInt<R, true, uint32_t, float>, uint32_t, float>(t, "cvt." + round + ".ftz.u32.f32");
  addLanewise<FloatToInt<R, true, int32_t, float>, int32_t, float>(t, "cvt." + round + ".ftz.s32.f32");
  addLanewise<RoundFloat<R, false, float>, float, float>(t, "cvt." + round + ".f32.f32");
  addLanewise<RoundFloat<R, true, float>, float, float>(t, "cvt." + round + ".ftz.f32.f32");
  addLanewise<RoundFloat<R, false, double>, double, double>(t, "cvt." + round + ".f64.f64");
}

template <class F> void addFloat8(FormTable &t, const std::string &type) {
  addLanewise<F32ToFloat8x2<F>, uint16_t, float, float>(t, "cvt.rn.satfinite." + type + ".f32");
  addLanewise<HalfToFloat8x2<F>, uint16_t, Half2>(t, "cvt.rn.satfinite." + type + ".f16x2");
  addLanewise<Float8x2ToHalf<F>, Half2, uint16_t>(t, "cvt.rn.f16x2." + type);
}

} // namespace

void addConvertForms(FormTable &t) {
  addToInteger<uint8_t>(t);
  addToInteger<int8_t>(t);
  addToInteger<uint16_t>(t);
  addToInteger<int16_t>(t);
  addToInteger<uint32_t>(t);
  addToInteger<int32_t>(t);
  addToInteger<uint64_t>(t);
  addToInteger<int64_t>(t);
  addFromInteger<uint8_t>(t);
  addFromInteger<int8_t>(t);
  addFromInteger<uint16_t>(t);
  addFromInteger<int16_t>(t);
  addFromInteger<uint32_t>(t);
  addFromInteger<int32_t>(t);
  addFromInteger<uint64_t>(t);
  addFromInteger<int64_t>(t);
  addRounding<Nearest>(t, "rni");
  addRounding<Zero>(t, "rzi");
  addRounding<Down>(t, "rmi");
  addRounding<Up>(t, "rpi");
  addLanewise<HalfToF32, float, Half>(t, "cvt.f32.f16");
  addLanewise<HalfToF32, float, Half>(t, "cvt.ftz.f32.f16");
  addLanewise<BFloatToF32, float, BFloat>(t, "cvt.f32.bf16");
  addLanewise<F32ToHalf, Half, float>(t, "cvt.rn.f16.f32");
  addLanewise<F32ToBFloat, BFloat, float>(t, "cvt.rn.bf16.f32");
  addLanewise<F32ToF64, double, float>(t, "cvt.f64.f32");
  addLanewise<F64ToF32, float, double>(t, "cvt.rn.f32.f64");
  addLanewise<Saturate, float, float>(t, "cvt.sat.f32.f32");
  addLanewise<SaturateFtz, float, float>(t, "cvt.ftz.sat.f32.f32");
  addLanewise<Flush, float, float>(t, "cvt.ftz.f32.f32");
  addLanewise<ToHalf2<false>, Half2, float, float>(t, "cvt.rn.f16x2.f32");
  addLanewise<ToHalf2<true>, Half2, float, float>(t, "cvt.rn.relu.f16x2.f32");
  addLanewise<ToBFloat2<false>, BFloat2, float, float>(t, "cvt.rn.bf16x2.f32");
  addLanewise<ToBFloat2<true>, BFloat2, float, float>(t, "cvt.rn.relu.bf16x2.f32");
  addFloat8<E4M3>(t, "e4m3x2");
  addFloat8<E5M2>(t, "e5m2x2");
}

} // namespace attn::emu
