//===- Simplify.cpp - The canonical form of an expression: booleans -------===//
#include "dialect/mask/Simplify.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

/// Absorption and complements compare all pairs; longer lists are only sorted and freed of duplicates.
static constexpr size_t pairwiseLimit = 64;

static Expr boolean(const Expr &e, bool negate);

/// Comparisons are ordered by their sides first: `k <= q and q < k + window`, not the other way round.
static bool before(const Expr &a, const Expr &b) {
  auto isComparison = [](const Expr &e) { return e.op() >= Op::Lt && e.op() <= Op::Ne; };
  if (isComparison(a) && isComparison(b))
    for (size_t i : {0, 1})
      if (int c = Expr::compare(a.args()[i], b.args()[i]))
        return c < 0;
  return Expr::compare(a, b) < 0;
}

/// Collects the operands of nested `op` (And or Or) after pushing `negate` inwards.
static void collect(const Expr &e, bool negate, Op op, std::vector<Expr> &operands) {
  if (e.op() == Op::Not)
    return collect(e.args()[0], !negate, op, operands);
  Op effective = e.op();
  if (negate && (effective == Op::And || effective == Op::Or))
    effective = effective == Op::And ? Op::Or : Op::And;
  if (effective == op && (e.op() == Op::And || e.op() == Op::Or)) {
    for (const Expr &arg : e.args())
      collect(arg, negate, op, operands);
    return;
  }
  Expr operand = boolean(e, negate);
  if (operand.op() == op)
    operands.insert(operands.end(), operand.args().begin(), operand.args().end());
  else
    operands.push_back(operand);
}

/// The operands of `e` under the dual of `op`: the parts of `a and b` inside an `or`.
static std::vector<Expr> parts(const Expr &e, Op dual) { return e.op() == dual ? e.args() : std::vector<Expr>{e}; }

static Expr junction(const Expr &e, bool negate) {
  bool isAnd = (e.op() == Op::And) != negate;
  Op op = isAnd ? Op::And : Op::Or, dual = isAnd ? Op::Or : Op::And;
  std::vector<Expr> operands;
  collect(e, negate, op, operands);
  std::sort(operands.begin(), operands.end(), before);
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());

  std::vector<Expr> kept;
  for (const Expr &operand : operands) {
    if (operand.op() != Op::ConstBool)
      kept.push_back(operand);
    else if (operand.boolValue() != isAnd)
      return operand;
  }
  if (kept.size() <= pairwiseLimit) {
    auto contains = [&](const Expr &x) { return std::binary_search(kept.begin(), kept.end(), x, before); };
    for (const Expr &operand : kept)
      if (contains(negated(operand)))
        return Expr::boolean(!isAnd);
    // a or (a and b) is a: drop an operand whose parts include all parts of another.
    auto absorbs = [&](const Expr &small, const Expr &large) {
      if (small == large)
        return false;
      std::vector<Expr> a = parts(small, dual), b = parts(large, dual);
      return std::includes(b.begin(), b.end(), a.begin(), a.end(), before);
    };
    std::vector<Expr> all = kept;
    kept.erase(std::remove_if(kept.begin(), kept.end(),
                              [&](const Expr &large) {
                                return std::any_of(all.begin(), all.end(),
                                                   [&](const Expr &small) { return absorbs(small, large); });
                              }),
               kept.end());
  }
  if (kept.empty())
    return Expr::boolean(isAnd);
  return kept.size() == 1 ? kept[0] : Expr::make(op, std::move(kept));
}

static Expr floatComparison(const Expr &e, bool negate) {
  Expr a = canonicalize(e.args()[0]), b = canonicalize(e.args()[1]);
  Op op = e.op();
  // Exact for NaN too: `not (a == b)` is `a != b`; `not (a < b)` is not `b <= a` and stays.
  if (negate && (op == Op::Eq || op == Op::Ne))
    op = op == Op::Eq ? Op::Ne : Op::Eq, negate = false;
  if (a.isConst() && b.isConst()) {
    double x = a.floatValue(), y = b.floatValue();
    bool value = op == Op::Lt ? x < y : op == Op::Le ? x <= y : op == Op::Eq ? x == y : x != y;
    return Expr::boolean(value != negate);
  }
  if ((op == Op::Eq || op == Op::Ne) && Expr::compare(b, a) < 0)
    std::swap(a, b);
  Expr comparison = Expr::make(op, {a, b});
  return negate ? !comparison : comparison;
}

static Expr comparison(const Expr &e, bool negate) {
  if (e.args()[0].type() == Type::Float)
    return floatComparison(e, negate);
  Expr a = canonicalize(e.args()[0]), b = canonicalize(e.args()[1]);
  switch (e.op()) {
  case Op::Lt: return negate ? lessOrEqual(b, a, 0) : lessOrEqual(a, b, 1);
  case Op::Le: return negate ? lessOrEqual(b, a, 1) : lessOrEqual(a, b, 0);
  default: return equal(a, b, (e.op() == Op::Ne) != negate);
  }
}

static Expr boolean(const Expr &e, bool negate) {
  switch (e.op()) {
  case Op::ConstBool: return Expr::boolean(e.boolValue() != negate);
  case Op::Not: return boolean(e.args()[0], !negate);
  case Op::And:
  case Op::Or: return junction(e, negate);
  case Op::Lt:
  case Op::Le:
  case Op::Eq:
  case Op::Ne: return comparison(e, negate);
  case Op::Select: {
    Expr condition = boolean(e.args()[0], false);
    return select(condition, boolean(e.args()[1], negate), boolean(e.args()[2], negate));
  }
  case Op::IsPow2: {
    Expr x = canonicalize(e.args()[0]);
    if (x.op() == Op::ConstInt)
      return Expr::boolean((x.intValue() > 0 && (x.intValue() & (x.intValue() - 1)) == 0) != negate);
    Expr test = Expr::make(Op::IsPow2, {x});
    return negate ? !test : test;
  }
  default: { // Symbol, Element, Member, Ancestor
    Expr leaf = leafOf(e);
    return negate ? !leaf : leaf;
  }
  }
}

Expr select(const Expr &condition, const Expr &a, const Expr &b) {
  if (condition.op() == Op::ConstBool)
    return condition.boolValue() ? a : b;
  if (a == b)
    return a;
  if (a.type() == Type::Bool && a.op() == Op::ConstBool && b.op() == Op::ConstBool)
    return a.boolValue() ? condition : negated(condition);
  // Of a condition and its negation the smaller one is used.
  Expr opposite = negated(condition);
  if (Expr::compare(opposite, condition) < 0)
    return Expr::make(Op::Select, {opposite, b, a});
  return Expr::make(Op::Select, {condition, a, b});
}

Expr negated(const Expr &e) {
  switch (e.op()) {
  case Op::ConstBool: return Expr::boolean(!e.boolValue());
  case Op::Not: return e.args()[0];
  case Op::And:
  case Op::Or: {
    std::vector<Expr> operands;
    for (const Expr &arg : e.args())
      operands.push_back(negated(arg));
    std::sort(operands.begin(), operands.end(), before);
    return Expr::make(e.op() == Op::And ? Op::Or : Op::And, std::move(operands));
  }
  case Op::Eq: return Expr::make(Op::Ne, e.args());
  case Op::Ne: return Expr::make(Op::Eq, e.args());
  case Op::Lt:
  case Op::Le:
    if (e.args()[0].type() == Type::Float)
      return !e;
    return lessOrEqual(e.args()[1], e.args()[0], e.op() == Op::Le);
  case Op::Select: return select(e.args()[0], negated(e.args()[1]), negated(e.args()[2]));
  default: return !e;
  }
}

Expr canonicalize(const Expr &e) {
  if (e.size() > Expr::maxSize)
    return e;
  if (e.type() == Type::Bool)
    return boolean(e, false);
  return e.type() == Type::Int ? integer(e) : real(e);
}

} // namespace attn::mask
