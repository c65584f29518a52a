//===- Functions.cpp - Elementary functions of a GPU -----------------------===//
//
// ex2.approx and lg2.approx are within 2 ulp, lg2 within 2^-22 near 1. Arguments are split where they would be rounded.
//===----------------------------------------------------------------------===//
#include "codegen/ptx/WarpEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace attn::codegen;

namespace {

/// In a class, apart from the functions of <cmath>.
struct Elementary {

  static Value mul(Emitter &e, Value a, Value b) { return e.create<arith::MulFOp>(a, b); }

  static Value exp2(Emitter &e, Value x) { return e.intrinsic("llvm.nvvm.ex2.approx.ftz.f", e.getF32Type(), x); }
  static Value log2(Emitter &e, Value x) { return e.intrinsic("llvm.nvvm.lg2.approx.ftz.f", e.getF32Type(), x); }

  /// e^x = 2^t (1 + ln 2 * rest), where t = x log2(e) rounded, and rest is what rounding lost.
  static Value exp(Emitter &e, Value x) {
    constexpr double log2eHigh = 1.44269502162933349609375, log2eLow = 1.92596299e-8;
    Value high = e.f32(log2eHigh), t = mul(e, x, high);
    Value rest = e.fma(x, high, e.create<arith::NegFOp>(t));
    rest = e.fma(x, e.f32(log2eLow), rest);
    Value power = exp2(e, t);
    // Where the power is 0 or infinite, the rest is not a number or does not matter.
    Value isFinite = e.cmpf(arith::CmpFPredicate::OLT, e.create<math::AbsFOp>(t), e.f32(128));
    Value corrected = e.fma(power, mul(e, rest, e.f32(0.693147180559945)), power);
    return e.select(isFinite, corrected, power);
  }

  static Value log(Emitter &e, Value x) { return mul(e, log2(e, x), e.f32(0.693147180559945)); }

  /// (t - 1) / (t + 1) of t = e^2|x|, and below 0.25, where that cancels, the odd series.
  static Value tanh(Emitter &e, Value x) {
    Value magnitude = e.create<math::AbsFOp>(x);
    Value t = exp(e, e.create<arith::AddFOp>(magnitude, magnitude)), one = e.f32(1);
    // 1 - 2 / (t + 1): no infinity over infinity.
    Value large = e.create<arith::SubFOp>(one, e.create<arith::DivFOp>(e.f32(2), e.create<arith::AddFOp>(t, one)));
    large = e.create<math::CopySignOp>(large, x);
    Value square = mul(e, x, x), p = e.f32(0.0218694885);
    for (double c : {-0.0539682540, 0.133333333, -0.333333333})
      p = e.fma(p, square, e.f32(c));
    Value small = e.fma(mul(e, p, square), x, x);
    return e.select(e.cmpf(arith::CmpFPredicate::OLT, magnitude, e.f32(0.25)), small, large);
  }

  static Value floor(Emitter &e, Value x) { return e.create<math::FloorOp>(x); }

  static Value toF32(Emitter &e, Value x, Type element) {
    return element.isF32() ? x : e.create<arith::ExtFOp>(e.getF32Type(), x).getResult();
  }
  static Type storageType(Emitter &, Type element) { return element; }
};

} // namespace

const Functions attn::codegen::ptx::functions = {Elementary::exp2,  Elementary::exp,        Elementary::log2,
                                                 Elementary::log,   Elementary::tanh,       Elementary::floor,
                                                 Elementary::toF32, Elementary::storageType};
