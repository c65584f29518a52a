//===- Linear.cpp - Linear forms of integer expressions -------------------===//
#include "dialect/mask/Linear.h"

#include <limits>
#include <numeric>

namespace attn::mask {

bool checkedAdd(int64_t a, int64_t b, int64_t &result) { return !__builtin_add_overflow(a, b, &result); }
bool checkedMul(int64_t a, int64_t b, int64_t &result) { return !__builtin_mul_overflow(a, b, &result); }
bool checkedFloorDiv(int64_t a, int64_t b, int64_t &result) {
  if (b == 0 || (a == std::numeric_limits<int64_t>::min() && b == -1))
    return false;
  result = a / b - (a % b != 0 && (a < 0) != (b < 0));
  return true;
}
bool checkedFloorMod(int64_t a, int64_t b, int64_t &result) {
  if (b == 0)
    return false;
  result = b == -1 ? 0 : a % b; // the least integer % -1 traps
  if (result != 0 && (result < 0) != (b < 0))
    result += b;
  return true;
}

bool Linear::addTerm(const Expr &term, int64_t coefficient) {
  if (coefficient == 0)
    return true;
  auto [it, isNew] = terms.emplace(term, coefficient);
  if (isNew)
    return true;
  if (!checkedAdd(it->second, coefficient, it->second))
    return false;
  if (it->second == 0)
    terms.erase(it);
  return true;
}

bool Linear::add(const Linear &other, int64_t scale) {
  int64_t product;
  if (!checkedMul(other.constant, scale, product) || !checkedAdd(constant, product, constant))
    return false;
  for (const auto &[term, coefficient] : other.terms)
    if (!checkedMul(coefficient, scale, product) || !addTerm(term, product))
      return false;
  return true;
}

int64_t Linear::coefficient(const Expr &e) const {
  auto it = terms.find(e);
  return it == terms.end() ? 0 : it->second;
}

/// Adds scale * e to `form`, opening sums; false on overflow.
static bool accumulate(const Expr &e, int64_t scale, Linear &form) {
  int64_t product;
  switch (e.op()) {
  case Op::ConstInt:
    return checkedMul(e.intValue(), scale, product) && checkedAdd(form.constant, product, form.constant);
  case Op::Neg: return checkedMul(scale, -1, product) && accumulate(e.args()[0], product, form);
  case Op::Sub:
    return checkedMul(scale, -1, product) && accumulate(e.args()[0], scale, form) &&
           accumulate(e.args()[1], product, form);
  case Op::Add:
    for (const Expr &arg : e.args())
      if (!accumulate(arg, scale, form))
        return false;
    return true;
  case Op::Mul: {
    std::vector<Expr> factors;
    for (const Expr &arg : e.args()) {
      if (arg.op() != Op::ConstInt)
        factors.push_back(arg);
      else if (!checkedMul(scale, arg.intValue(), scale))
        return false;
    }
    if (factors.empty())
      return checkedAdd(form.constant, scale, form.constant);
    if (factors.size() == 1)
      return accumulate(factors[0], scale, form);
    return form.addTerm(factors.size() == e.args().size() ? e : Expr::make(Op::Mul, factors), scale);
  }
  default: return form.addTerm(e, scale);
  }
}

Linear Linear::of(const Expr &e) {
  Linear form;
  if (accumulate(e, 1, form))
    return form;
  Linear opaque;
  opaque.terms.emplace(e, 1);
  return opaque;
}

bool Linear::reduce() {
  uint64_t divisor = 0;
  auto magnitude = [](int64_t x) { return x < 0 ? -static_cast<uint64_t>(x) : uint64_t(x); };
  for (const auto &term : terms)
    divisor = std::gcd(divisor, magnitude(term.second));
  if (divisor <= 1 || divisor > uint64_t(std::numeric_limits<int64_t>::max()))
    return true;
  int64_t signedDivisor = int64_t(divisor);
  for (auto &term : terms)
    term.second /= signedDivisor;
  bool divisible = constant % signedDivisor == 0;
  constant = constant / signedDivisor + (!divisible && constant > 0); // rounds up
  return divisible;
}

static Expr scaled(const Expr &term, int64_t coefficient) {
  if (coefficient == 1)
    return term;
  std::vector<Expr> factors = {Expr::integer(coefficient)};
  if (term.op() == Op::Mul)
    factors.insert(factors.end(), term.args().begin(), term.args().end());
  else
    factors.push_back(term);
  return Expr::make(Op::Mul, std::move(factors));
}

Expr Linear::expr() const {
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  std::vector<Expr> sum;
  for (const auto &[term, coefficient] : terms)
    if (coefficient > 0 || coefficient == least)
      sum.push_back(scaled(term, coefficient));
  bool constantLast = constant < 0 && constant != least;
  if (constant != 0 && (!constantLast || (sum.empty() && terms.empty())))
    sum.push_back(Expr::integer(constant)), constantLast = false;
  Expr result;
  if (sum.size() == 1)
    result = sum[0];
  else if (!sum.empty())
    result = Expr::make(Op::Add, sum);
  for (const auto &[term, coefficient] : terms) {
    if (coefficient > 0 || coefficient == least)
      continue;
    Expr part = scaled(term, -coefficient);
    if (result)
      result = result - part;
    else
      result = coefficient == -1 ? Expr::make(Op::Neg, {part}) : scaled(term, coefficient);
  }
  if (constantLast && constant != 0)
    result = result - Expr::integer(-constant);
  return result ? result : Expr::integer(0);
}

} // namespace attn::mask
