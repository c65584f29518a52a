//===- Math.cpp - fp32 functions in vector code ----------------------------===//
//
// Polynomials are near-minimax fits (iteratively reweighted least squares) of relative error; the comment at each gives
// the error of the exact polynomial.
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Math.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::cpu;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {

/// Arithmetic on values of one shape.
struct Lanes {
  Emitter &e;
  Type real, integer;

  Lanes(Emitter &e, Value like)
      : e(e), real(Emitter::typeLike(like, e.getF32Type())), integer(Emitter::typeLike(like, e.getI32Type())) {}

  Value f(double value) { return e.floatOf(real, value); }
  Value i(int64_t value) { return e.intOf(integer, value); }
  Value add(Value a, Value b) { return e.create<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return e.create<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return e.create<arith::MulFOp>(a, b); }
  Value addi(Value a, Value b) { return e.create<arith::AddIOp>(a, b); }
  Value subi(Value a, Value b) { return e.create<arith::SubIOp>(a, b); }
  Value andi(Value a, int64_t mask) { return e.create<arith::AndIOp>(a, i(mask)); }
  Value ori(Value a, Value b) { return e.create<arith::OrIOp>(a, b); }
  Value shl(Value a, int64_t n) { return e.create<arith::ShLIOp>(a, i(n)); }
  Value shr(Value a, int64_t n) { return e.create<arith::ShRUIOp>(a, i(n)); }
  Value bits(Value x) { return e.create<arith::BitcastOp>(integer, x); }
  Value fromBits(Value x) { return e.create<arith::BitcastOp>(real, x); }
  Value less(Value a, Value b) { return e.cmpf(CmpFPredicate::OLT, a, b); }
  Value select(Value c, Value a, Value b) { return e.create<arith::SelectOp>(c, a, b); }

  /// Horner's rule, lowest coefficient first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value p = f(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back()))
      p = e.fma(p, x, f(c));
    return p;
  }
  /// The nearest integer of |x| < 2^22, as a float and as an i32, by adding 1.5 * 2^23.
  std::pair<Value, Value> round(Value x) {
    Value shifted = add(x, f(12582912.0));
    return {sub(shifted, f(12582912.0)), subi(bits(shifted), i(0x4B400000))};
  }
  /// 2^n for -126 <= n <= 128 (128: infinity).
  Value power(Value n) { return fromBits(shl(addi(n, i(127)), 23)); }
};

/// 2^x - relative error 1.9e-9 on [0, 1).
constexpr double kExp2Unit[] = {1, 0.693146984, 0.240229836, 0.055483342, 0.00967884088, 0.00124396889, 0.000217022519};
/// log2(1 + x) / x - relative error 4.1e-9 on [sqrt(1/2) - 1, sqrt(2) - 1].
constexpr double kLog2[] = {1.44269504,   -0.721347352, 0.480898241,  -0.360696649, 0.288567403,
                            -0.239617398, 0.204600705,  -0.191062879, 0.186174499,  -0.109948707};
/// tanh(x) / x in x^2 - relative error 3.9e-9 for |x| < 0.625.
constexpr double kTanh[] = {0.999999996, -0.333332605, 0.133311275, -0.0537210672, 0.020590986, -0.00565998662};

} // namespace

/// An unmasked AVX-512 intrinsic. All take a source for masked lanes and a mask; the 512-bit forms a rounding mode.
static Value avx512(Emitter &e, StringRef name, ValueRange operands) {
  auto type = cast<VectorType>(operands[0].getType());
  int64_t lanes = type.getNumElements();
  Values all(operands);
  all.push_back(operands[0]);
  all.push_back(e.intOf(e.getIntegerType(lanes == 16 ? 16 : 8), -1));
  if (lanes == 16)
    all.push_back(e.intOf(e.getI32Type(), 4)); // the current mode
  std::string symbol = ("llvm.x86.avx512.mask." + name + ".ps." + Twine(lanes * 32)).str();
  return e.intrinsic(symbol, type, all);
}

Value attn::codegen::cpu::exp2(Emitter &e, Value x) {
  Lanes v(e, x);
  if (e.isAVX512() && isa<VectorType>(x.getType())) {
    // vreduceps gives x - floor(x), 0 for infinities; vscalefps multiplies by 2^floor(x): 8 instructions.
    Value fraction = avx512(e, "reduce", {x, e.intOf(e.getI32Type(), 1)});
    return avx512(e, "scalef", {v.polynomial(fraction, kExp2Unit), x});
  }
  // Selects that keep a NaN in x; below -126 the result is 0.
  Value small = v.less(x, v.f(-126));
  Value clamped = v.select(small, v.f(-126), x);
  clamped = v.select(v.less(v.f(128), clamped), v.f(128), clamped);
  auto [rounded, n] = v.round(v.sub(clamped, v.f(0.5))); // floor: n is at most 127 below the overflow
  Value y = v.mul(v.polynomial(v.sub(clamped, rounded), kExp2Unit), v.power(n));
  return v.select(small, v.f(0), y);
}

Value attn::codegen::cpu::exp(Emitter &e, Value x) {
  Lanes v(e, x);
  Value small = v.less(x, v.f(-87.33654));
  Value clamped = v.select(small, v.f(-87.33654), x);
  clamped = v.select(v.less(v.f(88.8), clamped), v.f(88.8), clamped);
  // x - n ln 2 in two steps; the first part of ln 2 has 9 bits, so that its product is exact.
  auto [rounded, n] = v.round(v.sub(v.mul(clamped, v.f(1.4426950408889634)), v.f(0.5)));
  Value rest = e.fma(rounded, v.f(-0.693359375), clamped);
  rest = e.fma(rounded, v.f(2.12194440e-4), rest);
  Value y = v.mul(v.polynomial(v.mul(rest, v.f(1.4426950408889634)), kExp2Unit), v.power(n));
  return v.select(small, v.f(0), y);
}

Value attn::codegen::cpu::log2(Emitter &e, Value x) {
  Lanes v(e, x);
  Value subnormal = v.less(x, v.f(1.17549435e-38));
  Value scaled = v.select(subnormal, v.mul(x, v.f(8388608)), x);
  // scaled = 2^n * m with m in [sqrt(1/2), sqrt(2)).
  Value bits = v.bits(scaled);
  Value n = e.create<arith::ShRSIOp>(v.subi(bits, v.i(0x3F3504F3)), v.i(23));
  Value fraction = v.sub(v.fromBits(v.subi(bits, v.shl(n, 23))), v.f(1));
  n = v.select(subnormal, v.subi(n, v.i(23)), n);
  Value y = e.fma(fraction, v.polynomial(fraction, kLog2), e.create<arith::SIToFPOp>(v.real, n));
  // Zero, negative, infinite, NaN.
  constexpr double inf = std::numeric_limits<double>::infinity();
  y = v.select(e.cmpf(CmpFPredicate::OEQ, x, v.f(0)), v.f(-inf), y);
  y = v.select(v.less(x, v.f(0)), v.f(std::numeric_limits<double>::quiet_NaN()), y);
  return v.select(v.less(x, v.f(inf)), y, v.select(e.cmpf(CmpFPredicate::OEQ, x, v.f(inf)), x, v.add(x, x)));
}

Value attn::codegen::cpu::log(Emitter &e, Value x) {
  Lanes v(e, x);
  return v.mul(log2(e, x), v.f(0.6931471805599453));
}

Value attn::codegen::cpu::tanh(Emitter &e, Value x) {
  Lanes v(e, x);
  Value magnitude = e.create<math::AbsFOp>(x);
  Value small = v.mul(x, v.polynomial(v.mul(x, x), kTanh));
  Value power = exp(e, v.add(magnitude, magnitude));
  Value large = v.sub(v.f(1), e.create<arith::DivFOp>(v.f(2), v.add(power, v.f(1))));
  large = v.select(v.less(x, v.f(0)), e.create<arith::NegFOp>(large), large);
  return v.select(v.less(magnitude, v.f(0.625)), small, large);
}

Value attn::codegen::cpu::floor(Emitter &e, Value x) {
  if (e.hasFMA())
    return e.create<math::FloorOp>(x);
  // SSE2 has no rounding instruction and a call is not possible. From 2^23 on every float is an integer.
  Lanes v(e, x);
  Value fractional = v.less(e.create<math::AbsFOp>(x), v.f(8388608));
  Value truncated = e.create<arith::FPToSIOp>(v.integer, v.select(fractional, x, v.f(0)));
  Value rounded = e.create<arith::SIToFPOp>(v.real, truncated);
  Value down = v.select(v.less(x, rounded), v.sub(rounded, v.f(1)), rounded);
  return v.select(fractional, down, x);
}

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

Type attn::codegen::cpu::storageType(Emitter &e, Type element) {
  return element.isF16() || element.isBF16() ? e.getIntegerType(16) : element;
}

Value attn::codegen::cpu::toF32(Emitter &e, Value bits, Type element) {
  if (element.isF32())
    return bits;
  Type real = Emitter::typeLike(bits, e.getF32Type());
  if (element.isF16() && e.hasFMA()) { // F16C
    Value half = e.create<arith::BitcastOp>(Emitter::typeLike(bits, element), bits);
    return e.create<arith::ExtFOp>(real, half);
  }
  Lanes v(e, bits);
  Value wide = e.create<arith::ExtUIOp>(v.integer, bits);
  if (element.isBF16())
    return v.fromBits(v.shl(wide, 16));
  // f16: scaling by 2^112 moves the exponent and also makes subnormals normal; infinities and NaNs apart.
  Value magnitude = v.shl(v.andi(wide, 0x7FFF), 13);
  Value finite = v.bits(v.mul(v.fromBits(magnitude), v.f(5192296858534827628530496329220096.0)));
  Value special = v.ori(magnitude, v.i(0x7F800000));
  Value isSpecial = e.cmp(CmpIPredicate::sge, magnitude, v.i(0x0F800000));
  Value sign = v.shl(v.andi(wide, 0x8000), 16);
  return v.fromBits(v.ori(v.select(isSpecial, special, finite), sign));
}

Value attn::codegen::cpu::fromF32(Emitter &e, Value x, Type element) {
  if (element.isF32())
    return x;
  Type narrow = Emitter::typeLike(x, e.getIntegerType(16));
  if (element.isF16() && e.hasFMA())
    return e.create<arith::BitcastOp>(narrow, e.create<arith::TruncFOp>(Emitter::typeLike(x, element), x));
  Lanes v(e, x);
  Value bits = v.bits(x);
  Value result;
  if (element.isBF16()) {
    Value even = v.andi(v.shr(bits, 16), 1);
    Value rounded = v.shr(v.addi(v.addi(bits, v.i(0x7FFF)), even), 16);
    Value quiet = v.ori(v.shr(bits, 16), v.i(0x40));
    result = v.select(e.cmpf(CmpFPredicate::UNO, x, x), quiet, rounded);
  } else {
    Value magnitude = v.andi(bits, 0x7FFFFFFF);
    Value sign = v.andi(v.shr(bits, 16), 0x8000);
    // Normal: rebias the exponent and round to even on bit 13. Subnormal: let an fp32 addition of 0.5 round.
    Value even = v.andi(v.shr(magnitude, 13), 1);
    Value normal = v.shr(v.addi(v.addi(magnitude, v.i(0xFFF - (112 << 23))), even), 13);
    Value subnormal = v.subi(v.bits(v.add(v.fromBits(magnitude), v.f(0.5))), v.i(126 << 23));
    Value special = v.select(e.cmp(CmpIPredicate::sgt, magnitude, v.i(0x7F800000)), v.i(0x7E00), v.i(0x7C00));
    result = v.select(e.cmp(CmpIPredicate::slt, magnitude, v.i(113 << 23)), subnormal, normal);
    result = v.select(e.cmp(CmpIPredicate::sge, magnitude, v.i(0x47800000)), special, result);
    result = v.ori(result, sign);
  }
  return e.create<arith::TruncIOp>(narrow, result);
}

const Functions attn::codegen::cpu::functions = {cpu::exp2, cpu::exp,   cpu::log2,  cpu::log,
                                                 cpu::tanh, cpu::floor, cpu::toF32, cpu::storageType};
