// f16 and bf16 arithmetic, one or two values in a register. Computed in f32 or f64 and rounded once.
#include "runtime/device/emulator/Numeric.h"

namespace attn::emu {
namespace {

ATTN_SIMD_BEGIN

/// Rounds an exact or innocuous double to T. The f32 between must not round on its own: it is rounded to odd, and has
/// more than two bits to spare.
inline float roundToOdd(double exact) {
  float nearest = float(exact);
  if (double(nearest) == exact || exact != exact || std::isinf(nearest))
    return nearest;
  uint32_t bits = bitsOf(nearest);
  bool away = std::fabs(double(nearest)) > std::fabs(exact);
  bits -= away; // now truncated
  return floatOf(bits | 1);
}
template <class T> T roundTo(double exact);
template <> inline Half roundTo<Half>(double exact) { return toHalf(roundToOdd(exact)); }
template <> inline BFloat roundTo<BFloat>(double exact) { return toBFloat(roundToOdd(exact)); }

// Products of two 16-bit floats and their sums are exact in f64, or far enough from a tie.
struct AddOp {
  static double apply(double a, double b) { return a + b; }
};
struct SubOp {
  static double apply(double a, double b) { return a - b; }
};
struct MulOp {
  static double apply(double a, double b) { return a * b; }
};

template <class Op, class T> struct Scalar2 {
  static T apply(T a, T b) { return roundTo<T>(Op::apply(toFloat(a), toFloat(b))); }
};
template <bool Relu, class T> struct ScalarFma {
  static T apply(T a, T b, T c) {
    double product = double(toFloat(a)) * toFloat(b), addend = toFloat(c), sum = product + addend;
    // The error of the sum decides ties: move a rounded sum off the tie, to its exact side.
    double high = sum - product, error = (product - (sum - high)) + (addend - high);
    if (error != 0 && sum == sum && !std::isinf(sum)) {
      uint64_t bits;
      memcpy(&bits, &sum, sizeof bits);
      if (!(bits & 1))
        bits += (error > 0) == (sum > 0) ? 1 : -1;
      sum = fromBits<double>(bits);
    }
    if (Relu && !(sum > 0))
      sum = sum != sum ? sum : 0;
    return roundTo<T>(sum);
  }
};
template <class T, bool Larger, bool NaN> struct ScalarExtreme {
  static T apply(T a, T b) {
    float x = toFloat(a), y = toFloat(b);
    if (x != x || y != y)
      return (NaN || (x != x && y != y)) ? T{0x7fff} : x != x ? b : a;
    bool first = x != y ? (x > y) == Larger : bool(a.bits & 0x8000) != Larger;
    return first ? a : b;
  }
};
template <class T> struct ScalarNeg {
  static T apply(T a) { return {uint16_t(a.bits ^ 0x8000)}; }
};
template <class T> struct ScalarAbs {
  static T apply(T a) { return {uint16_t(a.bits & 0x7fff)}; }
};

/// Applies Op to both halves.
template <class Op, class T, class P> struct Packed {
  template <class... S> static P apply(S... s) {
    return {pack(Op::apply(T{uint16_t(s.bits)}...).bits, Op::apply(T{uint16_t(s.bits >> 16)}...).bits)};
  }
};

template <class T> struct Exp2 {
  static T apply(T a) { return roundTo<T>(std::exp2(double(toFloat(a)))); }
};
template <class T> struct Tanh {
  static T apply(T a) { return roundTo<T>(std::tanh(double(toFloat(a)))); }
};

ATTN_SIMD_END

template <class Op, class T, class P> void addUnary(FormTable &t, const std::string &stem, const std::string &type) {
  addLanewise<Op, T, T>(t, stem + "." + type);
  addLanewise<Packed<Op, T, P>, P, P>(t, stem + "." + type + "x2");
}
template <class Op, class T, class P> void addBinary(FormTable &t, const std::string &stem, const std::string &type) {
  addLanewise<Op, T, T, T>(t, stem + "." + type);
  addLanewise<Packed<Op, T, P>, P, P, P>(t, stem + "." + type + "x2");
}
template <class Op, class T, class P> void addTernary(FormTable &t, const std::string &stem, const std::string &type) {
  addLanewise<Op, T, T, T, T>(t, stem + "." + type);
  addLanewise<Packed<Op, T, P>, P, P, P, P>(t, stem + "." + type + "x2");
}

template <class T, class P> void addType(FormTable &t, const std::string &type) {
  for (const char *round : {"", ".rn"}) {
    addBinary<Scalar2<AddOp, T>, T, P>(t, std::string("add") + round, type);
    addBinary<Scalar2<SubOp, T>, T, P>(t, std::string("sub") + round, type);
    addBinary<Scalar2<MulOp, T>, T, P>(t, std::string("mul") + round, type);
  }
  addTernary<ScalarFma<false, T>, T, P>(t, "fma.rn", type);
  addTernary<ScalarFma<true, T>, T, P>(t, "fma.rn.relu", type);
  addBinary<ScalarExtreme<T, true, false>, T, P>(t, "max", type);
  addBinary<ScalarExtreme<T, false, false>, T, P>(t, "min", type);
  addBinary<ScalarExtreme<T, true, true>, T, P>(t, "max.NaN", type);
  addBinary<ScalarExtreme<T, false, true>, T, P>(t, "min.NaN", type);
  addUnary<ScalarNeg<T>, T, P>(t, "neg", type);
  addUnary<ScalarAbs<T>, T, P>(t, "abs", type);
  addUnary<Tanh<T>, T, P>(t, "tanh.approx", type);
}

} // namespace

void addHalfForms(FormTable &t) {
  addType<Half, Half2>(t, "f16");
  addType<BFloat, BFloat2>(t, "bf16");
  addUnary<Exp2<Half>, Half, Half2>(t, "ex2.approx", "f16");
  addUnary<Exp2<BFloat>, BFloat, BFloat2>(t, "ex2.approx.ftz", "bf16");
}

} // namespace attn::emu
