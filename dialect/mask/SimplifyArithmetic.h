//===- SimplifyArithmetic.h - Canonical numbers and comparisons ----*- C++ -*-===//
//
// The arithmetic half of Simplify.h; internal to dialect/mask. Arguments called canonical are results of canonicalize.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_SIMPLIFYARITHMETIC_H
#define ATTN_DIALECT_MASK_SIMPLIFYARITHMETIC_H

#include "dialect/mask/Linear.h"

namespace attn::mask {

/// Canonical forms of an integer and of a float expression.
Expr integer(const Expr &e);
Expr real(const Expr &e);
/// A symbol, or a tensor element or a search in a tensor with canonical indices.
Expr leafOf(const Expr &e);

/// `a + shift <= b` of canonical integers.
Expr lessOrEqual(const Expr &a, const Expr &b, int64_t shift);
/// `form <= 0`.
Expr atMostZero(Linear form);
/// `a == b`, or `a != b`, of canonical integers.
Expr equal(const Expr &a, const Expr &b, bool negate);
/// `x // d` and `x % d` of canonical integers.
Expr floorDivision(const Expr &x, const Expr &d);
Expr remainder(const Expr &x, const Expr &d);
/// The negation of a canonical boolean. Unlike canonicalize, it does not look into the sides of comparisons.
Expr negated(const Expr &e);
/// A choice between canonical expressions.
Expr select(const Expr &condition, const Expr &a, const Expr &b);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_SIMPLIFYARITHMETIC_H
