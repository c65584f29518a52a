//===- Dependence.h - How an expression varies with q and k --------*- C++ -*-===//
//
// What the range programs must know of a term: does it vary along an axis ("q" or "k"), is it
// monotone, on which pieces of the axis is it constant, does it see q and k only through one linear form.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_DEPENDENCE_H
#define ATTN_DIALECT_MASK_DEPENDENCE_H

#include "dialect/mask/CodeBuilder.h"
#include "dialect/mask/Linear.h"

namespace attn::mask {

using ExprSet = std::set<Expr, ExprLess>;

inline bool varies(const Expr &e) { return e.uses("q") || e.uses("k"); }
/// True if a float occurs, which integer code leaves to its consumer.
bool hasFloat(const Expr &e);
/// `a <= b` and `a < b` of integers as the form `a - b (+ 1)`, which is at most 0 where they hold.
/// Nothing for other expressions and on overflow.
std::optional<Linear> boundOf(const Expr &e);

enum class Trend : uint8_t { Constant, Up, Down, Unknown };
/// How an integer expression, or a boolean one (false before true), varies as `axis` grows and all else is fixed.
Trend trend(const Expr &e, const std::string &axis, const Facts &facts);

/// The largest parts of `e` that vary with `axis` and are constant on pieces of it: `x // c` with x
/// linear in the axis, sorted tensors at an index that is monotone in it. What is left of the axis
/// gives the symbol itself: pieces of one.
void pieces(const Expr &e, const std::string &axis, const Facts &facts, ExprSet &result);
/// The last position up to `last` (at least `first`) to which `piece` (from `pieces`) keeps its
/// value at `first`. `bindings` bind every other varying symbol; `axis` is bound here.
int pieceEnd(CodeBuilder &code, const Expr &piece, const std::string &axis, int first, int last, const Facts &facts,
             Bindings bindings);

/// q * Q + k * K; in lowest terms, with the first coefficient that is not 0 positive.
struct Direction {
  int64_t q = 0, k = 0;
  friend bool operator<(Direction a, Direction b) { return a.q != b.q ? a.q < b.q : a.k < b.k; }
  friend bool operator==(Direction a, Direction b) { return a.q == b.q && a.k == b.k; }
};
/// q and k as a multiple of a direction; returns the factor.
int64_t reduce(int64_t q, int64_t k, Direction &direction);
/// The directions through which a boolean or integer expression sees q and k.
void directions(const Expr &e, std::set<Direction> &result);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_DEPENDENCE_H
