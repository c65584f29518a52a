//===- Dnf.h - Masks as unions of simple regions -------------------*- C++ -*-===//
//
// Brings a mask to disjunctive normal form over literals that range programs can treat: comparisons
// of linear forms, ranges of remainders, powers of two, and what is left.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_DNF_H
#define ATTN_DIALECT_MASK_DNF_H

#include "dialect/mask/Dependence.h"

namespace attn::mask {

/// Canonical literals that all hold.
using Conjunction = std::vector<Expr>;

struct Dnf {
  std::vector<Conjunction> conjunctions;
  /// False if the form was cut short; the conjunctions then cover the mask, and more.
  bool exact = true;
};

/// The disjunctive normal form of `mask`, or of its negation.
Dnf disjunctiveForm(const Expr &mask, bool negate, const Facts &facts);

/// Opens a canonical literal into simpler ones where that is exact: equality as two bounds, `min`,
/// `max`, `abs` and `select` as cases, `//` over keys as a bound, `%` over queries as a division.
/// Nothing if it is simple already.
std::optional<Expr> openLiteral(const Expr &literal, const Facts &facts);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_DNF_H
