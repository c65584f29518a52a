//===- OpenLiteral.cpp - Splitting comparisons into simpler ones ----------===//
#include "dialect/mask/Dnf.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

/// form - coefficient * term + coefficient * replacement, at most 0; nothing on overflow.
static std::optional<Expr> replaced(const Linear &form, const Expr &term, const Expr &replacement) {
  Linear result = form;
  int64_t coefficient = form.coefficient(term);
  result.terms.erase(term);
  if (!result.add(Linear::of(integer(replacement)), coefficient))
    return std::nullopt;
  return atMostZero(result);
}

/// `min`, `max` or `abs`: n * min(a, b) + r <= 0 is one of the cases for n > 0, all of them for n < 0.
static std::optional<Expr> openExtremum(const Linear &form, const Expr &term) {
  std::vector<Expr> values = term.args();
  if (term.op() == Op::Abs) // the larger of x and -x
    values.push_back(Expr::make(Op::Neg, {values[0]}));
  std::vector<Expr> cases;
  for (const Expr &value : values) {
    std::optional<Expr> bound = replaced(form, term, value);
    if (!bound)
      return std::nullopt;
    cases.push_back(*bound);
  }
  bool isAny = (term.op() == Op::Min) == (form.coefficient(term) > 0);
  return Expr::make(isAny ? Op::Or : Op::And, std::move(cases));
}

static std::optional<Expr> openSelect(const Linear &form, const Expr &term) {
  std::optional<Expr> a = replaced(form, term, term.args()[1]), b = replaced(form, term, term.args()[2]);
  if (!a || !b)
    return std::nullopt;
  return (term.args()[0] && *a) || (!term.args()[0] && *b);
}

/// n * (x // c) + rest <= 0 with x over keys and the rest free of them: a bound of x. For c < 0, x // c is -x // -c.
static std::optional<Expr> openDivision(const Linear &form, const Expr &term, const Facts &facts) {
  const Expr &x = term.args()[0], &c = term.args()[1];
  Linear rest = form, negated;
  int64_t n = form.coefficient(term);
  rest.terms.erase(term);
  if (!x.uses("k") || c.uses("k") || rest.expr().uses("k") || !negated.add(rest, -1))
    return std::nullopt;
  Expr one = Expr::integer(1), zero = Expr::integer(0), up, down;
  if (n > 0) { // x // c <= v
    Expr v = integer(Expr::make(Op::FloorDiv, {negated.expr(), Expr::integer(n)}));
    up = integer(x) <= v * c + c - one;
    down = v * c + c + one <= x;
  } else { // x // c >= v
    Expr v = Expr::make(Op::Neg, {integer(Expr::make(Op::FloorDiv, {negated.expr(), Expr::integer(-n)}))});
    up = v * c <= x;
    down = x <= v * c;
  }
  return isPositive(c, facts) ? up : (zero < c && up) || (c < zero && down);
}

/// x % m with x linear in q alone is x - m * (x // m), constant on pieces but for x.
static std::optional<Expr> openRemainder(const Linear &form, const Expr &term) {
  const Expr &x = term.args()[0], &m = term.args()[1];
  Linear argument = Linear::of(x);
  if (x.uses("k") || varies(m) || argument.coefficient(Expr::symbol("q")) == 0)
    return std::nullopt;
  for (const auto &part : argument.terms)
    if (part.first.uses("q") && part.first.op() != Op::Symbol)
      return std::nullopt;
  return replaced(form, term, x - m * Expr::make(Op::FloorDiv, {x, m}));
}

static std::optional<Expr> openBound(const Linear &form, const Facts &facts) {
  for (const auto &[term, coefficient] : form.terms) {
    if (!varies(term))
      continue;
    std::optional<Expr> opened;
    switch (term.op()) {
    case Op::Min:
    case Op::Max:
    case Op::Abs: opened = openExtremum(form, term); break;
    case Op::Select: opened = openSelect(form, term); break;
    case Op::FloorDiv: opened = openDivision(form, term, facts); break;
    case Op::Mod: opened = openRemainder(form, term); break;
    default: break;
    }
    if (opened)
      return opened;
  }
  return std::nullopt;
}

/// Whether `form == 0` is better seen as two bounds.
static bool splits(const Linear &form, const Facts &facts) {
  bool isLinear = form.coefficient(Expr::symbol("q")) || form.coefficient(Expr::symbol("k"));
  std::vector<Expr> overKeys;
  for (const auto &[term, coefficient] : form.terms) {
    if (!varies(term) || term.op() == Op::Symbol)
      continue;
    if (term.op() == Op::Min || term.op() == Op::Max || term.op() == Op::Abs || term.op() == Op::Select)
      return true;
    if (term.uses("k"))
      overKeys.push_back(term);
    else if (term.op() == Op::Mod && openRemainder(form, term))
      isLinear = true;
  }
  if (overKeys.empty())
    return isLinear;
  if (trend(form.expr(), "k", facts) != Trend::Unknown)
    return true;
  Op op = overKeys[0].op();
  return overKeys.size() == 1 && (op == Op::Mod || op == Op::FloorDiv) && form.coefficient(Expr::symbol("k")) == 0;
}

std::optional<Expr> openLiteral(const Expr &literal, const Facts &facts) {
  if (!varies(literal))
    return std::nullopt;
  if (std::optional<Linear> form = boundOf(literal))
    return openBound(*form, facts);
  if ((literal.op() != Op::Eq && literal.op() != Op::Ne) || literal.args()[0].type() != Type::Int)
    return std::nullopt;
  const Expr &a = literal.args()[0], &b = literal.args()[1];
  Linear form = Linear::of(a);
  if (!form.add(Linear::of(b), -1) || !splits(form, facts))
    return std::nullopt;
  return literal.op() == Op::Eq ? (a <= b) && (b <= a) : (a < b) || (b < a);
}

} // namespace attn::mask
