//===- RowMask.cpp - A mask evaluated a row of keys at a time --------------===//
#include "test/exactness/RowMask.h"

#include <algorithm>
#include <cmath>

using namespace attn::mask;

namespace attn::exactness {

void RowMask::row(int64_t q, int64_t h, int64_t from, int64_t size, uint8_t *visible) {
  env.values["q"] = q, env.values["h"] = h;
  first = from, count = size;
  Column result = column(mask);
  for (int64_t i = 0; i < count; ++i)
    visible[i] = (result.isUniform ? result.integer : result.integers[i]) != 0;
}

RowMask::Column RowMask::column(const Expr &e) {
  if (!e.uses("k")) {
    Value value = evaluate(e, env);
    if (!value.ok())
      problem = value.error;
    return {true, value.integer, value.real, {}, {}};
  }
  if (e.uses("q") || e.uses("h") || e.op() == Op::Symbol)
    return compute(e);
  auto known = ofKeys.find(e);
  if (known == ofKeys.end()) {
    int64_t from = first, size = count;
    first = 0, count = keys;
    Column all = spread(compute(e), e.type() == Type::Float);
    first = from, count = size;
    known = ofKeys.emplace(e, std::move(all)).first;
  }
  Column part;
  const Column &all = known->second;
  if (e.type() == Type::Float)
    part.reals.assign(all.reals.begin() + first, all.reals.begin() + first + count);
  else
    part.integers.assign(all.integers.begin() + first, all.integers.begin() + first + count);
  return part;
}

RowMask::Column RowMask::spread(Column c, bool isReal) const {
  if (c.isUniform && isReal)
    c.reals.assign(count, c.real);
  else if (c.isUniform)
    c.integers.assign(count, c.integer);
  c.isUniform = false;
  return c;
}

/// Folds the operands from the left, element by element.
template <typename F> RowMask::Column RowMask::zip(const Expr &e, F f) {
  bool isReal = e.args()[0].type() == Type::Float;
  Column x = spread(column(e.args()[0]), isReal);
  for (size_t n = 1; n < e.args().size(); ++n) {
    Column y = column(e.args()[n]);
    if (isReal) {
      Numbers &a = x.reals;
      for (int64_t i = 0; i < count; ++i) {
        auto value = f(a[i], y.isUniform ? y.real : y.reals[i]);
        if (e.type() == Type::Float)
          a[i] = value;
        else
          x.integers.resize(count), x.integers[i] = value;
      }
    } else if (y.isUniform) {
      int64_t b = y.integer;
      for (int64_t &a : x.integers)
        a = f(a, b);
    } else {
      for (int64_t i = 0; i < count; ++i)
        x.integers[i] = f(x.integers[i], y.integers[i]);
    }
  }
  return x;
}

int64_t RowMask::offset(const Environment::Tensor &t, const std::vector<Column> &indices, int64_t i) const {
  int64_t result = 0;
  for (size_t d = 0; d < indices.size(); ++d) {
    int64_t index = indices[d].isUniform ? indices[d].integer : indices[d].integers[i];
    result = result * t.sizes[d] + std::clamp<int64_t>(index, 0, t.sizes[d] - 1);
  }
  return result;
}

RowMask::Column RowMask::element(const Expr &e) {
  std::vector<Column> indices;
  for (const Expr &arg : e.args())
    indices.push_back(column(arg));
  Column result;
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = offset(tensor(e), indices, i);
    if (e.type() == Type::Float)
      result.reals.push_back(tensor(e).reals[at]);
    else
      result.integers.push_back(e.type() == Type::Bool ? tensor(e).data[at] != 0 : tensor(e).data[at]);
  }
  return result;
}

/// Member and Ancestor, each key by itself.
RowMask::Column RowMask::search(const Expr &e) {
  std::vector<Column> args;
  for (const Expr &arg : e.args())
    args.push_back(column(arg));
  const Environment::Tensor &t = tensor(e);
  size_t own = e.op() == Op::Member ? 3 : 2;
  Column result;
  for (int64_t i = 0; i < count; ++i) {
    auto at = [&](size_t n) { return args[n].isUniform ? args[n].integer : args[n].integers[i]; };
    int64_t row = offset(t, {args.begin() + own, args.end()}, i), size = t.sizes.back(), x = at(0);
    const int64_t *data = t.data.data() + row * size;
    bool holds = false;
    if (e.op() == Op::Member) {
      for (int64_t p = std::max<int64_t>(at(1), 0); p < std::min(at(2), size) && !holds; ++p)
        holds = data[p] == x;
    } else {
      for (holds = x == at(1); !holds && x >= 0 && x < size && data[x] < x; holds = x == at(1))
        x = data[x];
    }
    result.integers.push_back(holds);
  }
  return result;
}

static int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
static int64_t floorModulo(int64_t a, int64_t b) {
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

RowMask::Column RowMask::compute(const Expr &e) {
  auto guarded = [&](auto f) {
    return zip(e, [this, f](auto a, auto b) -> int64_t {
      if (b != 0)
        return f(int64_t(a), int64_t(b));
      problem = "division by zero";
      return 0;
    });
  };
  switch (e.op()) {
  case Op::Symbol: {
    Column result;
    for (int64_t i = 0; i < count; ++i)
      result.integers.push_back(first + i);
    return result;
  }
  case Op::Element: return element(e);
  case Op::Member:
  case Op::Ancestor: return search(e);
  case Op::Add: return zip(e, [](auto a, auto b) { return a + b; });
  case Op::Sub: return zip(e, [](auto a, auto b) { return a - b; });
  case Op::Mul: return zip(e, [](auto a, auto b) { return a * b; });
  case Op::Div: return zip(e, [](auto a, auto b) { return a / b; });
  case Op::Min: return zip(e, [](auto a, auto b) { return std::min(a, b); });
  case Op::Max: return zip(e, [](auto a, auto b) { return std::max(a, b); });
  case Op::FloorDiv: return guarded(floorDivide);
  case Op::Mod: return guarded(floorModulo);
  case Op::Lt: return zip(e, [](auto a, auto b) { return a < b; });
  case Op::Le: return zip(e, [](auto a, auto b) { return a <= b; });
  case Op::Eq: return zip(e, [](auto a, auto b) { return a == b; });
  case Op::Ne: return zip(e, [](auto a, auto b) { return a != b; });
  case Op::And: return zip(e, [](auto a, auto b) { return a != 0 && b != 0; });
  case Op::Or: return zip(e, [](auto a, auto b) { return a != 0 || b != 0; });
  default: break;
  }
  if (e.op() == Op::Select) {
    bool isReal = e.type() == Type::Float;
    Column condition = column(e.args()[0]);
    Column yes = spread(column(e.args()[1]), isReal), no = spread(column(e.args()[2]), isReal);
    for (int64_t i = 0; i < count; ++i)
      if (!(condition.isUniform ? condition.integer : condition.integers[i]))
        isReal ? void(yes.reals[i] = no.reals[i]) : void(yes.integers[i] = no.integers[i]);
    return yes;
  }
  // Of one operand.
  Column x = column(e.args()[0]);
  switch (e.op()) {
  case Op::Neg:
  case Op::Abs:
    for (double &a : x.reals)
      a = e.op() == Op::Neg ? -a : std::abs(a);
    for (int64_t &a : x.integers)
      a = e.op() == Op::Neg ? -a : std::abs(a);
    break;
  case Op::Exp:
  case Op::Log:
  case Op::Tanh:
  case Op::Sqrt:
    for (double &a : x.reals)
      a = e.op() == Op::Exp    ? std::exp(a)
          : e.op() == Op::Log  ? std::log(a)
          : e.op() == Op::Tanh ? std::tanh(a)
                               : std::sqrt(a);
    break;
  case Op::ToFloat: x.reals.assign(x.integers.begin(), x.integers.end()); break;
  case Op::Floor:
    x.integers.clear();
    for (double a : x.reals)
      x.integers.push_back(int64_t(std::floor(a)));
    break;
  case Op::Not:
    for (int64_t &a : x.integers)
      a = !a;
    break;
  default: // IsPow2
    for (int64_t &a : x.integers)
      a = a > 0 && (a & (a - 1)) == 0;
    break;
  }
  return x;
}

} // namespace attn::exactness
