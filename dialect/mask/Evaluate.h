//===- Evaluate.h - The value of an expression ---------------------*- C++ -*-===//
//
// Evaluates an expression in C++, operator by operator: the oracle for the simplifier and the range
// programs, and the host's way to compute derived sizes. Slow and obvious on purpose. Integers are
// 64-bit and wrap around; floats are computed in double.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_EVALUATE_H
#define ATTN_DIALECT_MASK_EVALUATE_H

#include "dialect/mask/RangeProgram.h"

namespace attn::mask {

/// A value, or an error: a zero divisor, a name without a value, a tensor without elements or of
/// another rank, a float that no integer holds.
struct Value {
  Type type = Type::Int;
  int64_t integer = 0; ///< Bool (0 or 1) and Int
  double real = 0;     ///< Float
  std::string error;   ///< empty if there is a value

  bool ok() const { return error.empty(); }
};

/// Both operands of `and`, `or` and both branches of `select` are evaluated only as far as they
/// matter. Tensor indices are clamped to the tensor.
Value evaluate(const Expr &e, const Environment &env);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_EVALUATE_H
