//===- Precision.h - Rounding of the reference ---------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_REFERENCE_PRECISION_H
#define ATTN_CODEGEN_REFERENCE_PRECISION_H

#include <cmath>
#include <cstdint>
#include <limits>

namespace attn::codegen::reference {

/// F64: no rounding, the arbiter. The others: the naive algorithm in that type, the yardstick that errors are compared
/// with. It computes in fp32, in order; what it keeps between its steps (rotated rows, scores, probabilities, outputs)
/// it rounds to the type.
enum class Precision { F64, F32, F16, BF16 };

class Rounding {
public:
  explicit Rounding(Precision precision = Precision::F64) : precision(precision) {}

  /// The result of one arithmetic operation.
  double compute(double x) const { return precision == Precision::F64 ? x : double(float(x)); }
  /// A value that is kept.
  double store(double x) const {
    switch (precision) {
    case Precision::F16: return round(compute(x), 11, -24, 65504);
    case Precision::BF16: return round(compute(x), 8, -133, 0x1.FEp127);
    default: return compute(x);
    }
  }

private:
  /// To nearest even with `digits` bits, no finer than 2^least; beyond `largest` to infinity.
  static double round(double x, int digits, int least, double largest) {
    if (x == 0 || !std::isfinite(x))
      return x;
    int exponent;
    std::frexp(x, &exponent);
    int unit = exponent - digits > least ? exponent - digits : least;
    double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
    return std::fabs(rounded) > largest ? std::copysign(std::numeric_limits<double>::infinity(), x) : rounded;
  }

  Precision precision;
};

} // namespace attn::codegen::reference

#endif // ATTN_CODEGEN_REFERENCE_PRECISION_H
