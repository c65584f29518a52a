//===- Dependence.cpp - How an expression varies with q and k -------------===//
#include "dialect/mask/Dependence.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace attn::mask {

bool hasFloat(const Expr &e) {
  return e.type() == Type::Float || std::any_of(e.args().begin(), e.args().end(), hasFloat);
}

std::optional<Linear> boundOf(const Expr &e) {
  if ((e.op() != Op::Lt && e.op() != Op::Le) || e.args()[0].type() != Type::Int)
    return std::nullopt;
  Linear form = Linear::of(e.args()[0]);
  if (!form.add(Linear::of(e.args()[1]), -1) || !checkedAdd(form.constant, e.op() == Op::Lt, form.constant))
    return std::nullopt;
  return form;
}

//===----------------------------------------------------------------------===//
// Trends
//===----------------------------------------------------------------------===//

static Trend opposite(Trend t) { return t == Trend::Up ? Trend::Down : t == Trend::Down ? Trend::Up : t; }
/// The trend of something increasing in both of two things.
static Trend join(Trend a, Trend b) {
  if (a == Trend::Constant || a == b)
    return b;
  return b == Trend::Constant ? a : Trend::Unknown;
}

Trend trend(const Expr &e, const std::string &axis, const Facts &facts) {
  if (!e.uses(axis))
    return Trend::Constant;
  auto of = [&](size_t i) { return trend(e.args()[i], axis, facts); };
  auto all = [&](size_t from) {
    Trend result = Trend::Constant;
    for (size_t i = from; i < e.args().size(); ++i)
      result = join(result, of(i));
    return result;
  };
  switch (e.op()) {
  case Op::Symbol: return Trend::Up;
  case Op::Add:
  case Op::Min:
  case Op::Max:
  case Op::And:
  case Op::Or: return all(0);
  case Op::Sub: return join(of(0), opposite(of(1)));
  case Op::Neg:
  case Op::Not: return opposite(of(0));
  case Op::Lt:
  case Op::Le: // false before true: rises where the left side falls
    return e.args()[0].type() == Type::Int ? join(opposite(of(0)), of(1)) : Trend::Unknown;
  case Op::Mul: {
    Trend result = Trend::Constant;
    for (size_t i = 0; i < e.args().size(); ++i) {
      const Expr &factor = e.args()[i];
      if (factor.uses(axis))
        result = result == Trend::Constant ? of(i) : Trend::Unknown;
    }
    for (const Expr &factor : e.args())
      if (!factor.uses(axis) && !isPositive(factor, facts))
        result = factor.op() == Op::ConstInt && factor.intValue() < 0 ? opposite(result) : Trend::Unknown;
    return result;
  }
  case Op::FloorDiv: return !e.args()[1].uses(axis) && isPositive(e.args()[1], facts) ? of(0) : Trend::Unknown;
  case Op::Element:
    for (size_t i = 0; i + 1 < e.args().size(); ++i)
      if (e.args()[i].uses(axis))
        return Trend::Unknown;
    return facts.sorted.count(e.name()) ? of(e.args().size() - 1) : Trend::Unknown;
  case Op::Select: return e.args()[0].uses(axis) ? Trend::Unknown : all(1);
  default: return Trend::Unknown;
  }
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

/// True if `e` is linear in `axis`, other than through it constant, and free of the other axis.
static bool isAffine(const Expr &e, const std::string &axis, int64_t &coefficient) {
  Linear form = Linear::of(e);
  coefficient = form.coefficient(Expr::symbol(axis));
  for (const auto &term : form.terms)
    if (varies(term.first) && term.first != Expr::symbol(axis))
      return false;
  return coefficient != 0;
}

void pieces(const Expr &e, const std::string &axis, const Facts &facts, ExprSet &result) {
  if (!e.uses(axis))
    return;
  int64_t coefficient;
  std::string other = axis == "q" ? "k" : "q";
  bool isDivision = e.op() == Op::FloorDiv && !varies(e.args()[1]) && isAffine(e.args()[0], axis, coefficient);
  bool isSorted = e.op() == Op::Element && !e.uses(other) && facts.sorted.count(e.name()) &&
                  trend(e, axis, facts) != Trend::Unknown;
  if (isDivision || isSorted || e.op() == Op::Symbol) {
    result.insert(e);
    return;
  }
  for (const Expr &arg : e.args())
    pieces(arg, axis, facts, result);
}

int pieceEnd(CodeBuilder &code, const Expr &piece, const std::string &axis, int first, int last, const Facts &facts,
             Bindings bindings) {
  if (piece.op() == Op::Symbol)
    return first;
  bindings[axis] = first;
  if (piece.op() == Op::FloorDiv) {
    // The value changes where the dividend leaves its multiple of the divisor.
    const Expr &dividend = piece.args()[0], &divisor = piece.args()[1];
    int64_t step = Linear::of(dividend).coefficient(Expr::symbol(axis));
    int rest = code.emit(Expr::make(Op::Mod, {dividend, divisor}), bindings);
    int one = code.constant(1), c = code.emit(divisor, bindings);
    if (step > 0)
      rest = code.sub(code.sub(c, one), rest);
    int steps = code.floorDiv(rest, code.constant(step > 0 ? step : -step));
    if (!isPositive(divisor, facts))
      steps = code.select(code.lt(code.constant(0), c), steps, code.constant(0));
    return code.add(first, code.min(steps, code.sub(last, first))); // steps may be close to 2^63
  }
  // A sorted tensor: bisect for the last position with the value at `first`.
  int value = code.emit(piece, bindings);
  auto found = code.loop(
      {first, last}, [&](const CodeBuilder::Carried &v) { return code.lt(v[0], v[1]); },
      [&](const CodeBuilder::Carried &v) {
        int one = code.constant(1);
        int middle = code.floorDiv(code.add(code.add(v[0], v[1]), one), code.constant(2));
        bindings[axis] = middle;
        int same = code.eq(code.emit(piece, bindings), value);
        return CodeBuilder::Carried{code.select(same, middle, v[0]), code.select(same, v[1], code.sub(middle, one))};
      });
  return found[0];
}

//===----------------------------------------------------------------------===//
// Directions
//===----------------------------------------------------------------------===//

int64_t reduce(int64_t q, int64_t k, Direction &direction) {
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  if (q == least || k == least) { // has no magnitude in 64 bits
    direction = {q, k};
    return 1;
  }
  int64_t factor = std::gcd(q, k);
  if (q < 0 || (q == 0 && k < 0))
    factor = -factor;
  direction = factor == 0 ? Direction{} : Direction{q / factor, k / factor};
  return factor;
}

void directions(const Expr &e, std::set<Direction> &result) {
  if (!varies(e))
    return;
  bool isComparison = e.op() >= Op::Lt && e.op() <= Op::Ne && e.args()[0].type() == Type::Int;
  if (!isComparison && e.type() != Type::Int) {
    for (const Expr &arg : e.args())
      directions(arg, result);
    return;
  }
  Linear form = Linear::of(e);
  if (isComparison) {
    form = Linear::of(e.args()[0]);
    form.add(Linear::of(e.args()[1]), -1);
  }
  int64_t q = form.coefficient(Expr::symbol("q")), k = form.coefficient(Expr::symbol("k"));
  if (q != 0 || k != 0) {
    Direction direction;
    reduce(q, k, direction);
    result.insert(direction);
  }
  for (const auto &term : form.terms)
    if (term.first.op() != Op::Symbol)
      for (const Expr &arg : term.first.args())
        directions(arg, result);
}

} // namespace attn::mask
