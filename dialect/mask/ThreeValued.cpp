//===- ThreeValued.cpp - Expressions over intervals as code ----------------===//
#include "dialect/mask/ThreeValued.h"
#include "dialect/mask/Dependence.h"

#include <algorithm>

namespace attn::mask {

bool ThreeValued::varies(const Expr &e) const {
  if (e.op() == Op::Symbol)
    return varying.count(e.name()) != 0;
  return std::any_of(e.args().begin(), e.args().end(), [&](const Expr &arg) { return varies(arg); });
}

//===----------------------------------------------------------------------===//
// Truth
//===----------------------------------------------------------------------===//

ThreeValued::Truth ThreeValued::truth(const Expr &e) {
  Truth unknown{code.boolean(true), code.boolean(false)};
  if (!varies(e)) {
    if (hasFloat(e))
      return unknown;
    int value = code.emit(e, {});
    return {value, value};
  }
  switch (e.op()) {
  case Op::And:
  case Op::Or: {
    bool isAnd = e.op() == Op::And;
    Truth result = truth(e.args()[0]);
    for (size_t i = 1; i < e.args().size(); ++i) {
      Truth next = truth(e.args()[i]);
      result = isAnd ? Truth{code.land(result.may, next.may), code.land(result.must, next.must)}
                     : Truth{code.lor(result.may, next.may), code.lor(result.must, next.must)};
    }
    return result;
  }
  case Op::Not: {
    Truth inner = truth(e.args()[0]);
    return {code.lnot(inner.must), code.lnot(inner.may)};
  }
  case Op::Lt:
  case Op::Le:
  case Op::Eq:
  case Op::Ne: return e.args()[0].type() == Type::Int ? comparison(e) : unknown;
  case Op::Select: {
    Truth condition = truth(e.args()[0]), a = truth(e.args()[1]), b = truth(e.args()[2]);
    int never = code.lnot(condition.may);
    // One branch where the condition is known, else what holds of both.
    int may = code.lor(code.land(condition.may, a.may), code.land(code.lnot(condition.must), b.may));
    int must = code.lor(code.land(a.must, b.must),
                        code.lor(code.land(condition.must, a.must), code.land(never, b.must)));
    return {may, must};
  }
  default: return unknown;
  }
}

ThreeValued::Truth ThreeValued::comparison(const Expr &e) {
  Range a = range(e.args()[0]), b = range(e.args()[1]);
  auto atMost = [&](std::optional<int> x, std::optional<int> y, bool isStrict, bool otherwise) {
    if (!x || !y)
      return code.boolean(otherwise);
    return isStrict ? code.lt(*x, *y) : code.le(*x, *y);
  };
  if (e.op() == Op::Lt || e.op() == Op::Le) {
    bool isStrict = e.op() == Op::Lt;
    return {atMost(a.lo, b.hi, isStrict, true), atMost(a.hi, b.lo, isStrict, false)};
  }
  Truth equal{code.land(atMost(a.lo, b.hi, false, true), atMost(b.lo, a.hi, false, true)),
              code.land(atMost(a.hi, b.lo, false, false), atMost(b.hi, a.lo, false, false))};
  if (e.op() == Op::Eq)
    return equal;
  return {code.lnot(equal.must), code.lnot(equal.may)};
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

ThreeValued::Range ThreeValued::range(const Expr &e) {
  if (!varies(e)) {
    if (hasFloat(e))
      return {};
    int value = code.emit(e, {});
    return {value, value};
  }
  using Fold = int (CodeBuilder::*)(int, int);
  auto fold = [&](Fold f) {
    auto join = [&](std::optional<int> a, std::optional<int> b) {
      return a && b ? std::optional<int>((code.*f)(*a, *b)) : std::nullopt;
    };
    Range result = range(e.args()[0]);
    for (size_t i = 1; i < e.args().size(); ++i) {
      Range next = range(e.args()[i]);
      result = {join(result.lo, next.lo), join(result.hi, next.hi)};
    }
    return result;
  };
  auto minus = [&](std::optional<int> a, std::optional<int> b) {
    return a && b ? std::optional<int>(code.sub(*a, *b)) : std::nullopt;
  };
  switch (e.op()) {
  case Op::Symbol: {
    const Varying &symbol = varying.at(e.name());
    return {symbol.lo, symbol.hi};
  }
  case Op::Add: return fold(&CodeBuilder::add);
  case Op::Min: return fold(&CodeBuilder::min);
  case Op::Max: return fold(&CodeBuilder::max);
  case Op::Sub: {
    Range a = range(e.args()[0]), b = range(e.args()[1]);
    return {minus(a.lo, b.hi), minus(a.hi, b.lo)};
  }
  case Op::Neg: {
    Range a = range(e.args()[0]);
    int zero = code.constant(0);
    return {minus(zero, a.hi), minus(zero, a.lo)};
  }
  case Op::Abs: {
    Range a = range(e.args()[0]);
    int zero = code.constant(0);
    if (!a.lo || !a.hi)
      return {zero, {}};
    int negative = code.sub(zero, *a.lo);
    return {code.max(zero, code.max(*a.lo, code.sub(zero, *a.hi))), code.max(*a.hi, negative)};
  }
  case Op::Mul: {
    Range result = range(e.args()[0]);
    for (size_t i = 1; i < e.args().size(); ++i)
      result = product(result, range(e.args()[i]));
    return result;
  }
  case Op::FloorDiv: return quotient(e);
  case Op::Mod: return remainder(e);
  case Op::Select: return choice(e);
  default: return {};
  }
}

ThreeValued::Range ThreeValued::product(const Range &a, const Range &b) {
  if (!a.lo || !a.hi || !b.lo || !b.hi)
    return {};
  if (b.isSingle())
    if (auto factor = code.constantOf(*b.lo)) {
      Range result{code.mul(*a.lo, *b.lo), code.mul(*a.hi, *b.lo)};
      return *factor < 0 ? Range{result.hi, result.lo} : result;
    }
  if (a.isSingle() && code.constantOf(*a.lo))
    return product(b, a);
  int corners[] = {code.mul(*a.lo, *b.lo), code.mul(*a.lo, *b.hi), code.mul(*a.hi, *b.lo), code.mul(*a.hi, *b.hi)};
  int lo = corners[0], hi = corners[0];
  for (int corner : corners)
    lo = code.min(lo, corner), hi = code.max(hi, corner);
  return {lo, hi};
}

/// x // d with a fixed d that is known to be positive.
ThreeValued::Range ThreeValued::quotient(const Expr &e) {
  const Expr &divisor = e.args()[1];
  if (varies(divisor) || !isPositive(divisor, facts))
    return {};
  Range x = range(e.args()[0]);
  int d = code.emit(divisor, {});
  auto divided = [&](std::optional<int> bound) {
    return bound ? std::optional<int>(code.floorDiv(*bound, d)) : std::nullopt;
  };
  return {divided(x.lo), divided(x.hi)};
}

/// True if `e` is a polynomial of fixed values and of symbols that keep their remainder by `modulus`.
bool ThreeValued::hasOneRemainder(const Expr &e, const Expr &modulus) const {
  if (!varies(e))
    return !hasFloat(e);
  if (e.op() == Op::Symbol) {
    const Expr &known = varying.at(e.name()).modulus;
    return known && known == modulus;
  }
  bool isPolynomial = e.op() == Op::Add || e.op() == Op::Sub || e.op() == Op::Mul || e.op() == Op::Neg;
  return isPolynomial && std::all_of(e.args().begin(), e.args().end(),
                                     [&](const Expr &arg) { return hasOneRemainder(arg, modulus); });
}

ThreeValued::Range ThreeValued::remainder(const Expr &e) {
  const Expr &divisor = e.args()[1];
  if (varies(divisor) || !isPositive(divisor, facts))
    return {};
  int d = code.emit(divisor, {});
  if (hasOneRemainder(e.args()[0], divisor)) {
    Bindings at;
    for (const auto &[name, symbol] : varying)
      at[name] = symbol.lo;
    int value = code.mod(code.emit(e.args()[0], at), d);
    return {value, value};
  }
  int zero = code.constant(0), last = code.sub(d, code.constant(1));
  Range x = range(e.args()[0]);
  if (!x.lo || !x.hi)
    return {zero, last};
  int isOneBlock = code.eq(code.floorDiv(*x.lo, d), code.floorDiv(*x.hi, d));
  return {code.select(isOneBlock, code.mod(*x.lo, d), zero), code.select(isOneBlock, code.mod(*x.hi, d), last)};
}

ThreeValued::Range ThreeValued::choice(const Expr &e) {
  Truth condition = truth(e.args()[0]);
  Range a = range(e.args()[1]), b = range(e.args()[2]);
  auto bound = [&](std::optional<int> x, std::optional<int> y, bool isLow) -> std::optional<int> {
    if (!x || !y)
      return std::nullopt;
    int either = isLow ? code.min(*x, *y) : code.max(*x, *y);
    return code.select(condition.must, *x, code.select(condition.may, either, *y));
  };
  return {bound(a.lo, b.lo, true), bound(a.hi, b.hi, false)};
}

} // namespace attn::mask
