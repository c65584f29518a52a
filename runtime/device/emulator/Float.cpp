// f32 and f64 arithmetic and the approximate functions of f32.
//
// Approximate functions give the f32 nearest to the exact result (up to the double that it is rounded from);
// docs/emulator.md says how far devices may be from that.
#include "runtime/device/emulator/Numeric.h"

namespace attn::emu {
namespace {

ATTN_SIMD_BEGIN

template <bool Ftz, class T> T in(T x) {
  if constexpr (Ftz)
    return flush(x);
  else
    return x;
}
template <bool Ftz, class T> T out(T x) {
  if constexpr (Ftz)
    return canonical(flush(x));
  else
    return canonical(x);
}

template <bool F, class T> struct Add {
  static T apply(T a, T b) { return out<F>(in<F>(a) + in<F>(b)); }
};
template <bool F, class T> struct Sub {
  static T apply(T a, T b) { return out<F>(in<F>(a) - in<F>(b)); }
};
template <bool F, class T> struct Mul {
  static T apply(T a, T b) { return out<F>(in<F>(a) * in<F>(b)); }
};
template <bool F, class T> struct Div {
  static T apply(T a, T b) { return out<F>(in<F>(a) / in<F>(b)); }
};
template <bool F> struct Fma {
  static float apply(float a, float b, float c) { return out<F>(__builtin_fmaf(in<F>(a), in<F>(b), in<F>(c))); }
};
struct FmaF64 {
  static double apply(double a, double b, double c) { return __builtin_fma(a, b, c); }
};

// The larger of +0 and -0 is +0. A NaN loses against a number unless `NaN`.
template <bool F, bool NaN, class T> struct Max {
  static T apply(T a, T b) {
    a = in<F>(a), b = in<F>(b);
    T larger = a > b ? a : b > a ? b : std::signbit(a) ? b : a;
    T result = a != a ? b : b != b ? a : larger;
    return canonical(NaN && (a != a || b != b) ? a + b : result);
  }
};
template <bool F, bool NaN, class T> struct Min {
  static T apply(T a, T b) {
    a = in<F>(a), b = in<F>(b);
    T smaller = a < b ? a : b < a ? b : std::signbit(a) ? a : b;
    T result = a != a ? b : b != b ? a : smaller;
    return canonical(NaN && (a != a || b != b) ? a + b : result);
  }
};
template <bool F, class T> struct Abs {
  static T apply(T a) { return std::fabs(in<F>(a)); }
};
template <bool F, class T> struct Neg {
  static T apply(T a) { return -in<F>(a); }
};
/// copysign.f32 d, a, b: the sign of a, the magnitude of b.
template <class T> struct CopySign {
  static T apply(T a, T b) { return std::copysign(b, a); }
};

template <bool F> struct Rcp {
  static float apply(float a) { return out<F>(1.0f / in<F>(a)); }
};
template <bool F> struct Sqrt {
  static float apply(float a) { return out<F>(__builtin_sqrtf(in<F>(a))); }
};
template <bool F> struct Rsqrt {
  static float apply(float a) { return out<F>(float(1.0 / __builtin_sqrt(double(in<F>(a))))); }
};
/// 2^a as a double: 2^n * 2^f with |f| <= 1/2, the latter by its Taylor series to 1e-16.
template <bool F> struct Exp2 {
  static float apply(float a) {
    double x = in<F>(a);
    x = x < 200.0 ? x : 200.0; // also NaN, put back below
    x = x > -200.0 ? x : -200.0;
    double n = __builtin_rint(x), f = (x - n) * 0.6931471805599453;
    double p = 1.0 / 6227020800;
    p = p * f + 1.0 / 479001600;
    p = p * f + 1.0 / 39916800;
    p = p * f + 1.0 / 3628800;
    p = p * f + 1.0 / 362880;
    p = p * f + 1.0 / 40320;
    p = p * f + 1.0 / 5040;
    p = p * f + 1.0 / 720;
    p = p * f + 1.0 / 120;
    p = p * f + 1.0 / 24;
    p = p * f + 1.0 / 6;
    p = p * f + 0.5;
    p = p * f + 1;
    p = p * f + 1;
    // n + 1023 in the exponent field: adding 2^52 + 1023 leaves the integer in the low bits.
    double biased = n + (4503599627370496.0 + 1023);
    uint64_t bits;
    memcpy(&bits, &biased, sizeof bits);
    double scale = fromBits<double>(bits << 52);
    return out<F>(a != a ? a : float(p * scale));
  }
};
template <bool F> struct Log2 {
  static float apply(float a) { return out<F>(float(std::log2(double(in<F>(a))))); }
};
template <bool F> struct Sin {
  static float apply(float a) { return out<F>(float(std::sin(double(in<F>(a))))); }
};
template <bool F> struct Cos {
  static float apply(float a) { return out<F>(float(std::cos(double(in<F>(a))))); }
};
struct Tanh {
  static float apply(float a) { return canonical(float(std::tanh(double(a)))); }
};

ATTN_SIMD_END

template <bool F> void addF32(FormTable &t, const std::string &ftz) {
  using f = float;
  std::string type = ftz + ".f32";
  for (const char *round : {"", ".rn"}) {
    addLanewise<Add<F, f>, f, f, f>(t, "add" + (round + type));
    addLanewise<Sub<F, f>, f, f, f>(t, "sub" + (round + type));
    addLanewise<Mul<F, f>, f, f, f>(t, "mul" + (round + type));
  }
  addLanewise<Fma<F>, f, f, f, f>(t, "fma.rn" + type);
  for (const char *kind : {"div.rn", "div.full", "div.approx"})
    addLanewise<Div<F, f>, f, f, f>(t, kind + type);
  addLanewise<Max<F, false, f>, f, f, f>(t, "max" + type);
  addLanewise<Min<F, false, f>, f, f, f>(t, "min" + type);
  addLanewise<Max<F, true, f>, f, f, f>(t, "max" + ftz + ".NaN.f32");
  addLanewise<Min<F, true, f>, f, f, f>(t, "min" + ftz + ".NaN.f32");
  addLanewise<Abs<F, f>, f, f>(t, "abs" + type);
  addLanewise<Neg<F, f>, f, f>(t, "neg" + type);
  for (const char *kind : {"rcp.rn", "rcp.approx"})
    addLanewise<Rcp<F>, f, f>(t, kind + type);
  for (const char *kind : {"sqrt.rn", "sqrt.approx"})
    addLanewise<Sqrt<F>, f, f>(t, kind + type);
  addLanewise<Rsqrt<F>, f, f>(t, "rsqrt.approx" + type);
  addLanewise<Exp2<F>, f, f>(t, "ex2.approx" + type);
  addLanewise<Log2<F>, f, f>(t, "lg2.approx" + type);
  addLanewise<Sin<F>, f, f>(t, "sin.approx" + type);
  addLanewise<Cos<F>, f, f>(t, "cos.approx" + type);
}

} // namespace

void addFloatForms(FormTable &t) {
  using d = double;
  addF32<false>(t, "");
  addF32<true>(t, ".ftz");
  addLanewise<Tanh, float, float>(t, "tanh.approx.f32");
  addLanewise<CopySign<float>, float, float, float>(t, "copysign.f32");
  addLanewise<CopySign<d>, d, d, d>(t, "copysign.f64");
  for (const char *round : {"", ".rn"}) {
    addLanewise<Add<false, d>, d, d, d>(t, std::string("add") + round + ".f64");
    addLanewise<Sub<false, d>, d, d, d>(t, std::string("sub") + round + ".f64");
    addLanewise<Mul<false, d>, d, d, d>(t, std::string("mul") + round + ".f64");
  }
  addLanewise<FmaF64, d, d, d, d>(t, "fma.rn.f64");
  addLanewise<Div<false, d>, d, d, d>(t, "div.rn.f64");
  addLanewise<Max<false, false, d>, d, d, d>(t, "max.f64");
  addLanewise<Min<false, false, d>, d, d, d>(t, "min.f64");
  addLanewise<Abs<false, d>, d, d>(t, "abs.f64");
  addLanewise<Neg<false, d>, d, d>(t, "neg.f64");
}

} // namespace attn::emu
