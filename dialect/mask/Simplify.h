//===- Simplify.h - The canonical form of an expression ------------*- C++ -*-===//
//
// Rewrites an expression to a normal form, so that different spellings of one thing compare equal:
//
//  * constants are folded (64-bit; what overflows or divides by zero is left as it is);
//  * `not` is pushed inwards; `and`, `or`, `+`, `*`, `min`, `max` and the sides of `==` are flat and sorted, without
//    duplicates, absorbed operands and complements;
//  * an integer comparison is one linear form: terms with positive coefficients on either side, the constant on one
//    side, `<` only where it stands for `+ 1`. `not (k > q)`, `q >= k`, `q - k >= 0` all become `k <= q`;
//  * `x % m == y % m` becomes `(x - y) % m == 0`.
//
// Floats keep their order of evaluation (only the two operands of a commutative operator are sorted).
// The result has the same value wherever no intermediate value overflows and no divisor is 0, and
// canonicalize(canonicalize(e)) == canonicalize(e). An expression of more than Expr::maxSize nodes is left as it is.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_SIMPLIFY_H
#define ATTN_DIALECT_MASK_SIMPLIFY_H

#include "dialect/mask/Expr.h"

namespace attn::mask {

Expr canonicalize(const Expr &e);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_SIMPLIFY_H
