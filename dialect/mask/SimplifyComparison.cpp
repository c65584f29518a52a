//===- SimplifyComparison.cpp - Canonical integer comparisons -------------===//
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace attn::mask {

/// `a - b + shift`, or nothing on overflow.
static std::optional<Linear> difference(const Expr &a, const Expr &b, int64_t shift) {
  Linear form = Linear::of(a);
  if (!form.add(Linear::of(b), -1) || !checkedAdd(form.constant, shift, form.constant))
    return std::nullopt;
  return form;
}

namespace {
/// Bounds of a form from what is known of its terms: `x % m` for a constant m, `abs`.
struct Bounds {
  std::optional<int64_t> least, most;
};
} // namespace

static Bounds termBounds(const Expr &term) {
  if (term.op() == Op::Abs)
    return {0, std::nullopt};
  if (term.op() == Op::Mod && term.args()[1].op() == Op::ConstInt && term.args()[1].intValue() > 0)
    return {0, term.args()[1].intValue() - 1};
  return {};
}

static Bounds bounds(const Linear &form) {
  Bounds sum{form.constant, form.constant};
  auto add = [](std::optional<int64_t> &to, std::optional<int64_t> bound, int64_t factor) {
    int64_t product, total;
    if (to && bound && checkedMul(*bound, factor, product) && checkedAdd(*to, product, total))
      to = total;
    else
      to.reset();
  };
  for (const auto &[term, factor] : form.terms) {
    Bounds b = termBounds(term);
    add(sum.least, factor > 0 ? b.least : b.most, factor);
    add(sum.most, factor > 0 ? b.most : b.least, factor);
  }
  return sum;
}

/// `form = left - right + constant` with positive coefficients in both; false if a coefficient cannot be negated.
static bool split(const Linear &form, Linear &left, Linear &right) {
  for (const auto &[term, coefficient] : form.terms) {
    if (coefficient == std::numeric_limits<int64_t>::min())
      return false;
    (coefficient > 0 ? left : right).terms.emplace(term, std::abs(coefficient));
  }
  return form.constant != std::numeric_limits<int64_t>::min();
}

Expr atMostZero(Linear form) {
  form.reduce();
  Bounds range = bounds(form);
  if (range.most && *range.most <= 0)
    return Expr::boolean(true);
  if (range.least && *range.least > 0)
    return Expr::boolean(false);
  Linear left, right;
  if (!split(form, left, right))
    return form.expr() <= Expr::integer(0);
  bool strict = form.constant == 1;
  if (!strict && left.isConstant())
    left.constant = form.constant;
  else if (!strict && (right.isConstant() || form.constant < 0))
    right.constant = -form.constant;
  else if (!strict)
    left.constant = form.constant;
  return Expr::make(strict ? Op::Lt : Op::Le, {left.expr(), right.expr()});
}

Expr lessOrEqual(const Expr &a, const Expr &b, int64_t shift) {
  if (std::optional<Linear> form = difference(a, b, shift))
    return atMostZero(*form);
  return Expr::make(shift == 0 ? Op::Le : Op::Lt, {a, b});
}

/// True if the last term's coefficient is negative: the sign of a form is chosen so that it is not, `q - k`.
static bool isFlipped(const Linear &form) { return !form.terms.empty() && form.terms.rbegin()->second < 0; }

/// `term == value` for a term `x % m`: brings x to a form without constant and with the canonical
/// sign. Nothing where that is the case already (or overflows).
static std::optional<Expr> equalRemainder(const Expr &term, int64_t value, bool negate) {
  Linear x = Linear::of(term.args()[0]), turned;
  Expr modulus = term.args()[1];
  int64_t m = modulus.op() == Op::ConstInt ? modulus.intValue() : 0;
  if (m > 0) {
    if (!checkedAdd(value, -x.constant, value))
      return std::nullopt;
    checkedFloorMod(value, m, value);
    x.constant = 0;
  } else if (value != 0) {
    return std::nullopt;
  }
  if (isFlipped(x)) {
    if (!turned.add(x, -1))
      return std::nullopt;
    x = turned;
    value = value == 0 ? 0 : m - value;
  }
  Expr canonical = remainder(x.expr(), modulus);
  if (canonical == term)
    return std::nullopt;
  return equal(canonical, Expr::integer(value), negate);
}

Expr equal(const Expr &a, const Expr &b, bool negate) {
  std::optional<Linear> difference = mask::difference(a, b, 0);
  if (!difference)
    return Expr::make(negate ? Op::Ne : Op::Eq, {std::min(a, b, ExprLess()), std::max(a, b, ExprLess())});
  Linear form = *difference;
  bool solvable = form.reduce();
  Bounds range = bounds(form);
  if (!solvable || (range.least && *range.least > 0) || (range.most && *range.most < 0))
    return Expr::boolean(negate);
  if (form.isConstant())
    return Expr::boolean((form.constant == 0) != negate);

  auto first = form.terms.begin(), last = std::prev(form.terms.end());
  if (form.terms.size() == 1 && first->first.op() == Op::Mod && (first->second == 1 || first->second == -1) &&
      form.constant != std::numeric_limits<int64_t>::min()) {
    int64_t value = first->second == 1 ? -form.constant : form.constant;
    if (std::optional<Expr> turned = equalRemainder(first->first, value, negate))
      return *turned;
  }
  // x % m == y % m is (x - y) % m == 0.
  if (form.terms.size() == 2 && form.constant == 0 && first->first.op() == Op::Mod && last->first.op() == Op::Mod &&
      first->second + last->second == 0 && first->first.args()[1] == last->first.args()[1]) {
    Linear x = Linear::of(first->first.args()[0]);
    if (x.add(Linear::of(last->first.args()[0]), -1))
      return equal(remainder(x.expr(), first->first.args()[1]), Expr::integer(0), negate);
  }
  Linear left, right;
  if (first->second < 0) {
    Linear turned;
    if (turned.add(form, -1))
      form = turned;
  }
  Op op = negate ? Op::Ne : Op::Eq;
  if (!split(form, left, right))
    return Expr::make(op, {form.expr(), Expr::integer(0)});
  if (right.isConstant() || form.constant < 0)
    right.constant = -form.constant;
  else
    left.constant = form.constant;
  return Expr::make(op, {left.expr(), right.expr()});
}

} // namespace attn::mask
