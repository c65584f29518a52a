//===- Lanes.h - Integers that differ per query row -----------------*- C++ -*-===//
//
// A value of an expression is uniform (the same for every row) or one vector per row vector of the block being
// computed. Integers are 64-bit by contract, but 32-bit lanes are twice as fast, so an integer is kept as `lanes +
// scalar`: the lanes narrow, what is uniform as a 64-bit scalar. `q - k < w` is then one comparison of the lanes of q
// with the scalar w + k. Ranges, from the bounds that plan checks (positions and scalars are below 2^31), prove that
// nothing is lost.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_EMIT_LANES_H
#define ATTN_CODEGEN_EMIT_LANES_H

#include "codegen/emit/Emitter.h"

#include <limits>

namespace attn::codegen {

/// An interval of 64-bit integers; the whole type where nothing is known (arithmetic that may wrap gives that).
struct Interval {
  int64_t lo = std::numeric_limits<int64_t>::min(), hi = std::numeric_limits<int64_t>::max();

  static Interval of(int64_t value) { return {value, value}; }
  /// Magnitude below 2^31: positions, sizes and scalars.
  static Interval position() { return {-2147483647, 2147483647}; }
  static Interval size() { return {0, 2147483647}; }
  static Interval bits(unsigned width) { return {-(int64_t(1) << (width - 1)), (int64_t(1) << (width - 1)) - 1}; }
  bool within(Interval outer) const { return lo >= outer.lo && hi <= outer.hi; }
  bool fits32() const { return within(bits(32)); }
  bool has(int64_t value) const { return lo <= value && value <= hi; }
};
Interval operator+(Interval a, Interval b);
Interval operator-(Interval a, Interval b);
Interval operator*(Interval a, Interval b);
Interval hull(Interval a, Interval b);

struct Operand {
  Values lanes;         ///< per row vector; empty: uniform
  Value scalar;         ///< uniform value, or (integers only, may be null) the uniform part of lanes + scalar
  Interval laneRange;   ///< of the lanes (integers)
  Interval scalarRange; ///< of the scalar (integers)

  bool uniform() const { return lanes.empty(); }
  bool isInteger() const;
  Interval range() const;

  static Operand ofScalar(Value scalar, Interval range = {}) { return {{}, scalar, {}, range}; }
  static Operand ofLanes(Values lanes, Interval range = {}) { return {std::move(lanes), {}, range, {}}; }
};

/// Integer arithmetic on operands of a block of `vectors` row vectors.
class LaneArithmetic {
public:
  LaneArithmetic(Emitter &e, int64_t vectors) : e(e), vectors(vectors) {}

  int64_t vectorCount() const { return vectors; }
  Operand add(const Operand &a, const Operand &b);
  Operand sub(const Operand &a, const Operand &b);
  Operand mul(const Operand &a, const Operand &b);
  Operand minmax(bool isMin, const Operand &a, const Operand &b);
  Operand abs(const Operand &a);
  /// Rounds towards minus infinity. A zero divisor counts as 1; `onZero` gets an i1 that says whether there was one.
  Operand floorDiv(const Operand &a, const Operand &b, llvm::function_ref<void(Value)> onZero);
  Operand mod(const Operand &a, const Operand &b, llvm::function_ref<void(Value)> onZero);
  Operand compare(mlir::arith::CmpIPredicate predicate, const Operand &a, const Operand &b);
  Operand isPow2(const Operand &a);
  Operand select(const Operand &condition, const Operand &a, const Operand &b);
  Operand toF32(const Operand &a);

  /// Applies `f` to scalars if all operands are uniform, else to vectors (uniform ones are splat). For types whose
  /// lanes have one representation: floats and booleans.
  Operand apply(llvm::ArrayRef<Operand> operands, llvm::function_ref<Value(ValueRange)> f);
  /// Whether some row's boolean is set, as an i1 scalar.
  Value any(const Operand &flags);
  /// The operand as one vector per row vector; integers as i32 or i64 lanes.
  Values vectorsOf(const Operand &a, Type element);

private:
  Operand binary(const Operand &a, const Operand &b, Interval result, bool narrow,
                 llvm::function_ref<Value(Value, Value)> f);
  Type laneType(bool narrow) { return narrow ? e.getI32Type() : e.getI64Type(); }
  Operand nonZero(const Operand &a, llvm::function_ref<void(Value)> onZero);

  Emitter &e;
  int64_t vectors;
};

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_LANES_H
