//===- CodeEmit.cpp - Expressions as integer code -------------------------===//
#include "dialect/mask/CodeBuilder.h"

#include <algorithm>
#include <cassert>

namespace attn::mask {

bool isPositive(const Expr &e, const Facts &facts) {
  static const std::set<std::string> sizes = {"batch", "q_heads", "kv_heads", "q_len", "kv_len"};
  auto isSmall = [&](const Expr &x) { // in [1, 2^31): no sum or product of two wraps around
    return x.op() == Op::ConstInt ? x.intValue() > 0 && x.intValue() < (int64_t(1) << 31)
                                  : x.op() == Op::Symbol && isPositive(x, facts);
  };
  auto isKnown = [&](const Expr &x) { return isPositive(x, facts); };
  const std::vector<Expr> &args = e.args();
  switch (e.op()) {
  case Op::ConstInt: return e.intValue() > 0;
  case Op::Symbol: return facts.positive.count(e.name()) || sizes.count(e.name());
  case Op::Add:
  case Op::Mul: return args.size() == 2 && isSmall(args[0]) && isSmall(args[1]);
  case Op::Min: return std::all_of(args.begin(), args.end(), isKnown);
  case Op::Max: return std::any_of(args.begin(), args.end(), isKnown);
  default: return false;
  }
}

/// `//` and `%`. The division that is run has a divisor other than 0 (counts as 1) and -1 (might overflow).
int CodeBuilder::division(const Expr &e, const Bindings &bindings) {
  int x = emit(e.args()[0], bindings), divisor = emit(e.args()[1], bindings);
  bool isQuotient = e.op() == Op::FloorDiv;
  auto divide = [&](int by) { return isQuotient ? floorDiv(x, by) : mod(x, by); };
  std::optional<int64_t> known = constantOf(divisor);
  if (isPositive(e.args()[1], facts) || (known && *known != 0 && *known != -1))
    return divide(divisor);
  int isMinusOne = eq(divisor, constant(-1));
  int safe = select(lor(eq(divisor, constant(0)), isMinusOne), constant(1), divisor);
  int result = divide(safe);
  return isQuotient ? select(isMinusOne, sub(constant(0), x), result) : result;
}

CodeBuilder::Listed CodeBuilder::leastMember(const Expr &e, int x, const Bindings &bindings) {
  int zero = constant(0), one = constant(1);
  std::vector<int> row;
  for (size_t i = 3; i < e.args().size(); ++i)
    row.push_back(emit(e.args()[i], bindings));
  int size = this->size(e.name(), int64_t(row.size()));
  int from = max(emit(e.args()[1], bindings), zero), to = min(emit(e.args()[2], bindings), size);
  auto at = [&](int position) {
    std::vector<int> indices = row;
    indices.push_back(position);
    return element(e.name(), std::move(indices));
  };
  auto inside = [&](const Carried &v) { return lt(v[0], to); };
  if (!facts.sorted.count(e.name())) { // one position after the other
    auto all = loop({from, boolean(false), zero}, inside, [&](const Carried &v) {
      int value = at(v[0]), isBetter = land(le(x, value), lor(lnot(v[1]), lt(value, v[2])));
      return Carried{add(v[0], one), lor(v[1], isBetter), select(isBetter, value, v[2])};
    });
    return {all[1], all[2]};
  }
  int least = loop(
      {from, to}, [&](const Carried &v) { return lt(v[0], v[1]); },
      [&](const Carried &v) {
        int middle = floorDiv(add(v[0], v[1]), constant(2)), isBelow = lt(at(middle), x);
        return Carried{select(isBelow, add(middle, one), v[0]), select(isBelow, v[1], middle)};
      })[0];
  return {lt(least, to), at(least)};
}

int CodeBuilder::member(const Expr &e, const Bindings &bindings) {
  int x = emit(e.args()[0], bindings);
  Listed least = leastMember(e, x, bindings);
  return land(least.exists, eq(least.value, x));
}

int CodeBuilder::ancestor(const Expr &e, const Bindings &bindings) {
  int zero = constant(0), x = emit(e.args()[0], bindings), y = emit(e.args()[1], bindings);
  std::vector<int> row;
  for (size_t i = 2; i < e.args().size(); ++i)
    row.push_back(emit(e.args()[i], bindings));
  int size = this->size(e.name(), int64_t(row.size()));
  auto parent = [&](int position) {
    std::vector<int> indices = row;
    indices.push_back(position);
    return element(e.name(), std::move(indices));
  };
  // Carried: the position, and whether it may have a parent that matters.
  auto reached = loop(
      {x, boolean(true)},
      [&](const Carried &v) { return land(v[1], land(lt(y, v[0]), land(le(zero, v[0]), lt(v[0], size)))); },
      [&](const Carried &v) {
        int next = parent(v[0]), decreases = lt(next, v[0]);
        return Carried{select(decreases, next, v[0]), decreases};
      });
  return eq(reached[0], y);
}

int CodeBuilder::emit(const Expr &e, const Bindings &bindings) {
  auto arg = [&](size_t i) { return emit(e.args()[i], bindings); };
  auto fold = [&](int (CodeBuilder::*f)(int, int)) {
    int value = arg(0);
    for (size_t i = 1; i < e.args().size(); ++i)
      value = (this->*f)(value, arg(i));
    return value;
  };
  auto asDeclared = [&](int value) { // bools are 0 or 1 in memory
    return e.type() == Type::Bool ? lnot(eq(value, constant(0))) : value;
  };
  bool comparesFloats = e.op() >= Op::Lt && e.op() <= Op::Ne && e.args()[0].type() == Type::Float;
  if (comparesFloats || e.op() == Op::Floor)
    return evaluate(e, bindings);
  switch (e.op()) {
  case Op::ConstBool: return boolean(e.boolValue());
  case Op::ConstInt: return constant(e.intValue());
  case Op::Symbol: {
    auto it = bindings.find(e.name());
    return asDeclared(it != bindings.end() ? it->second : input(e.name()));
  }
  case Op::Element: {
    std::vector<int> indices;
    for (size_t i = 0; i < e.args().size(); ++i)
      indices.push_back(arg(i));
    return asDeclared(element(e.name(), std::move(indices)));
  }
  case Op::Member: return member(e, bindings);
  case Op::Ancestor: return ancestor(e, bindings);
  case Op::Add: return fold(&CodeBuilder::add);
  case Op::Sub: return fold(&CodeBuilder::sub);
  case Op::Mul: return fold(&CodeBuilder::mul);
  case Op::Min: return fold(&CodeBuilder::min);
  case Op::Max: return fold(&CodeBuilder::max);
  case Op::And: return fold(&CodeBuilder::land);
  case Op::Or: return fold(&CodeBuilder::lor);
  case Op::FloorDiv:
  case Op::Mod: return division(e, bindings);
  case Op::Neg: return sub(constant(0), arg(0));
  case Op::Abs: return max(arg(0), sub(constant(0), arg(0)));
  case Op::Lt: return lt(arg(0), arg(1));
  case Op::Le: return le(arg(0), arg(1));
  case Op::Eq: return eq(arg(0), arg(1));
  case Op::Ne: return lnot(eq(arg(0), arg(1)));
  case Op::Not: return lnot(arg(0));
  case Op::IsPow2: return isPow2(arg(0));
  case Op::Select:
    if (e.type() == Type::Int)
      return select(arg(0), arg(1), arg(2));
    return lor(land(arg(0), arg(1)), land(lnot(arg(0)), arg(2)));
  default: assert(false && "floats have no integer code"); return constant(0);
  }
}

} // namespace attn::mask
