//===- SimplifyArithmetic.cpp - Canonical numbers -------------------------===//
#include "dialect/mask/SimplifyArithmetic.h"
#include "dialect/mask/Simplify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace attn::mask {

static std::vector<Expr> canonicalArgs(const Expr &e) {
  std::vector<Expr> args;
  for (const Expr &arg : e.args())
    args.push_back(canonicalize(arg));
  return args;
}

Expr leafOf(const Expr &e) {
  if (e.op() == Op::Element)
    return Expr::element(e.name(), canonicalArgs(e), e.type());
  return e.op() == Op::Symbol ? e : Expr::search(e.op(), e.name(), canonicalArgs(e));
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// A product as coefficient * sorted factors; false on overflow.
static bool product(const Expr &e, int64_t &coefficient, std::vector<Expr> &factors) {
  if (e.op() == Op::Mul)
    return std::all_of(e.args().begin(), e.args().end(),
                       [&](const Expr &arg) { return product(arg, coefficient, factors); });
  Expr factor = integer(e);
  Linear form = Linear::of(factor);
  if (form.isConstant())
    return checkedMul(coefficient, form.constant, coefficient);
  if (form.terms.size() == 1 && form.constant == 0) {
    const auto &[term, scale] = *form.terms.begin();
    if (term.op() == Op::Mul)
      factors.insert(factors.end(), term.args().begin(), term.args().end());
    else
      factors.push_back(term);
    return checkedMul(coefficient, scale, coefficient);
  }
  factors.push_back(factor);
  return true;
}

/// Adds scale * e to `form`; false on overflow.
static bool gather(const Expr &e, int64_t scale, Linear &form) {
  int64_t negated;
  switch (e.op()) {
  case Op::Add:
    return std::all_of(e.args().begin(), e.args().end(), [&](const Expr &arg) { return gather(arg, scale, form); });
  case Op::Sub:
    return checkedMul(scale, -1, negated) && gather(e.args()[0], scale, form) && gather(e.args()[1], negated, form);
  case Op::Neg: return checkedMul(scale, -1, negated) && gather(e.args()[0], negated, form);
  case Op::Mul: {
    std::vector<Expr> factors;
    if (!product(e, scale, factors))
      return false;
    if (factors.empty())
      return checkedAdd(form.constant, scale, form.constant);
    if (factors.size() == 1)
      return form.add(Linear::of(factors[0]), scale);
    std::sort(factors.begin(), factors.end(), ExprLess());
    return form.addTerm(Expr::make(Op::Mul, std::move(factors)), scale);
  }
  default: return form.add(Linear::of(integer(e)), scale);
  }
}

static Expr sum(const Expr &e) {
  Linear form;
  if (gather(e, 1, form))
    return form.expr();
  return Expr::make(e.op(), canonicalArgs(e));
}

/// Writes x as divisor * multiple + rest, where no coefficient of rest is a multiple of divisor > 0
/// and its constant is in [0, divisor).
static void takeMultiples(const Linear &x, int64_t divisor, Linear &multiple, Linear &rest) {
  for (const auto &[term, coefficient] : x.terms) {
    if (coefficient % divisor == 0)
      multiple.terms.emplace(term, coefficient / divisor);
    else
      rest.terms.emplace(term, coefficient);
  }
  checkedFloorDiv(x.constant, divisor, multiple.constant);
  checkedFloorMod(x.constant, divisor, rest.constant);
}

/// The greatest common divisor of the coefficients of `x` and of `divisor`.
static int64_t commonDivisor(const Linear &x, int64_t divisor) {
  for (const auto &term : x.terms)
    divisor = std::gcd(divisor, term.second);
  return divisor;
}

static bool opposite(const Linear &x, Linear &result) { return result.add(x, -1); }

Expr floorDivision(const Expr &x, const Expr &divisor) {
  Expr plain = Expr::make(Op::FloorDiv, {x, divisor});
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  if (divisor.op() != Op::ConstInt || divisor.intValue() == 0 || divisor.intValue() == least)
    return x.op() == Op::ConstInt && x.intValue() == 0 ? x : plain;
  int64_t d = divisor.intValue();
  Linear form = Linear::of(x), turned, multiple, rest;
  if (d < 0) { // x // -d == -x // d
    if (!opposite(form, turned))
      return plain;
    form = turned, d = -d;
  }
  for (const auto &term : form.terms)
    if (term.second == least)
      return plain;
  takeMultiples(form, d, multiple, rest);
  if (rest.isConstant())
    return multiple.expr();
  // floor((g * y + c) / (g * d)) == floor((y + floor(c / g)) / d)
  int64_t common = commonDivisor(rest, d);
  for (auto &term : rest.terms)
    term.second /= common;
  rest.constant /= common;
  if (!multiple.addTerm(Expr::make(Op::FloorDiv, {rest.expr(), Expr::integer(d / common)}), 1))
    return plain;
  return multiple.expr();
}

Expr remainder(const Expr &x, const Expr &divisor) {
  Expr plain = Expr::make(Op::Mod, {x, divisor});
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  if (divisor.op() != Op::ConstInt || divisor.intValue() == 0 || divisor.intValue() == least)
    return x.op() == Op::ConstInt && x.intValue() == 0 ? x : plain;
  int64_t d = divisor.intValue(), sign = 1;
  Linear form = Linear::of(x), turned, multiple, rest;
  if (d < 0) { // x % -d == -(-x % d)
    if (!opposite(form, turned))
      return plain;
    form = turned, d = -d, sign = -1;
  }
  for (const auto &term : form.terms)
    if (term.second == least)
      return plain;
  takeMultiples(form, d, multiple, rest);
  Linear result;
  if (rest.isConstant()) {
    result.constant = sign * rest.constant;
    return result.expr();
  }
  // (g * y) % (g * d) == g * (y % d)
  int64_t common = std::gcd(commonDivisor(rest, d), rest.constant);
  for (auto &term : rest.terms)
    term.second /= common;
  rest.constant /= common;
  result.addTerm(Expr::make(Op::Mod, {rest.expr(), Expr::integer(d / common)}), sign * common);
  return result.expr();
}

static void flatten(const Expr &e, Op op, std::vector<Expr> &operands) {
  for (const Expr &arg : e.args()) {
    if (arg.op() == op) {
      flatten(arg, op, operands);
      continue;
    }
    Expr operand = integer(arg);
    if (operand.op() == op)
      operands.insert(operands.end(), operand.args().begin(), operand.args().end());
    else
      operands.push_back(operand);
  }
}

static Expr extremum(const Expr &e) {
  std::vector<Expr> operands;
  flatten(e, e.op(), operands);
  std::sort(operands.begin(), operands.end(), ExprLess());
  operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
  // Constants come first and in increasing order: keep the first for min, the last for max.
  auto isConst = [](const Expr &x) { return x.isConst(); };
  auto variable = std::find_if_not(operands.begin(), operands.end(), isConst);
  if (variable - operands.begin() > 1) {
    operands[0] = e.op() == Op::Min ? operands[0] : *(variable - 1);
    operands.erase(operands.begin() + 1, variable);
  }
  return operands.size() == 1 ? operands[0] : Expr::make(e.op(), std::move(operands));
}

static Expr magnitude(const Expr &x) {
  if (x.op() == Op::Abs || (x.op() == Op::ConstInt && x.intValue() >= 0))
    return x;
  Linear form = Linear::of(x), turned;
  bool flipped = form.isConstant() ? form.constant < 0 : form.terms.rbegin()->second < 0;
  if (flipped && opposite(form, turned))
    return turned.isConstant() ? turned.expr() : magnitude(turned.expr());
  return Expr::make(Op::Abs, {x});
}

Expr integer(const Expr &e) {
  switch (e.op()) {
  case Op::ConstInt: return e;
  case Op::Add:
  case Op::Sub:
  case Op::Mul:
  case Op::Neg: return sum(e);
  case Op::FloorDiv: return floorDivision(integer(e.args()[0]), integer(e.args()[1]));
  case Op::Mod: return remainder(integer(e.args()[0]), integer(e.args()[1]));
  case Op::Min:
  case Op::Max: return extremum(e);
  case Op::Abs: return magnitude(integer(e.args()[0]));
  case Op::Select: return select(canonicalize(e.args()[0]), integer(e.args()[1]), integer(e.args()[2]));
  case Op::Floor: {
    Expr x = real(e.args()[0]);
    if (x.op() == Op::ConstFloat && std::abs(x.floatValue()) < 0x1p62)
      return Expr::integer(static_cast<int64_t>(std::floor(x.floatValue())));
    return Expr::make(Op::Floor, {x});
  }
  default: return leafOf(e);
  }
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

static double fold(Op op, const std::vector<Expr> &args) {
  double x = args[0].op() == Op::ConstInt ? double(args[0].intValue()) : args[0].floatValue();
  auto reduce = [&](auto f) {
    double value = x;
    for (size_t i = 1; i < args.size(); ++i)
      value = f(value, args[i].floatValue());
    return value;
  };
  switch (op) {
  case Op::Add: return reduce([](double a, double b) { return a + b; });
  case Op::Sub: return reduce([](double a, double b) { return a - b; });
  case Op::Mul: return reduce([](double a, double b) { return a * b; });
  case Op::Div: return reduce([](double a, double b) { return b == 0 ? NAN : a / b; });
  case Op::Min: return reduce([](double a, double b) { return std::min(a, b); });
  case Op::Max: return reduce([](double a, double b) { return std::max(a, b); });
  case Op::Neg: return -x;
  case Op::Abs: return std::abs(x);
  case Op::ToFloat: return x;
  case Op::Exp: return std::exp(x);
  case Op::Log: return x > 0 ? std::log(x) : NAN;
  case Op::Tanh: return std::tanh(x);
  case Op::Sqrt: return x >= 0 ? std::sqrt(x) : NAN;
  default: return NAN;
  }
}

Expr real(const Expr &e) {
  if (e.op() == Op::ConstFloat)
    return e;
  if (e.op() == Op::Symbol || e.op() == Op::Element)
    return leafOf(e);
  std::vector<Expr> args = canonicalArgs(e);
  if (e.op() == Op::Select)
    return select(args[0], args[1], args[2]);
  if (std::all_of(args.begin(), args.end(), [](const Expr &arg) { return arg.isConst(); })) {
    double value = fold(e.op(), args);
    if (std::isfinite(value))
      return Expr::real(value);
  }
  if (e.op() == Op::Neg && args[0].op() == Op::Neg)
    return args[0].args()[0];
  bool commutes = e.op() == Op::Add || e.op() == Op::Mul || e.op() == Op::Min || e.op() == Op::Max;
  if (commutes && Expr::compare(args[1], args[0]) < 0)
    std::swap(args[0], args[1]); // (a + b) + c keeps its order of evaluation
  return Expr::make(e.op(), std::move(args));
}

} // namespace attn::mask
