//===- Linear.h - Linear forms of integer expressions --------------*- C++ -*-===//
//
// An integer expression as `sum of coefficient * term + constant`, where a term is any expression
// that is not itself a sum. The common ground of the simplifier and of the range programs. A value
// type; arithmetic is checked.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_LINEAR_H
#define ATTN_DIALECT_MASK_LINEAR_H

#include "dialect/mask/Expr.h"

#include <map>

namespace attn::mask {

struct ExprLess {
  bool operator()(const Expr &a, const Expr &b) const { return Expr::compare(a, b) < 0; }
};

// 64-bit arithmetic. The functions return false on overflow (or a zero divisor) and then leave `result` undefined.
bool checkedAdd(int64_t a, int64_t b, int64_t &result);
bool checkedMul(int64_t a, int64_t b, int64_t &result);
bool checkedFloorDiv(int64_t a, int64_t b, int64_t &result);
bool checkedFloorMod(int64_t a, int64_t b, int64_t &result);

struct Linear {
  std::map<Expr, int64_t, ExprLess> terms; ///< no coefficient is 0
  int64_t constant = 0;

  /// The linear form of `e`: sums, differences, negations and products with constants are opened,
  /// anything else is a term. A part whose coefficients would overflow is kept as a term.
  static Linear of(const Expr &e);

  /// this += scale * other. False on overflow; this is then undefined.
  bool add(const Linear &other, int64_t scale);
  bool addTerm(const Expr &term, int64_t coefficient);
  /// The coefficient of symbol or term `e` (0 if absent).
  int64_t coefficient(const Expr &e) const;
  bool isConstant() const { return terms.empty(); }
  /// Divides by the greatest common divisor of the coefficients; the constant is rounded up, which
  /// keeps the integer solutions of `form <= 0`. Returns false if the constant was not divisible
  /// (`form == 0` has no solution).
  bool reduce();
  /// The form as an expression: positive terms, then negative ones, then the constant.
  Expr expr() const;
};

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_LINEAR_H
