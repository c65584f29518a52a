//===- Evaluate.cpp - The value of an expression --------------------------===//
#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Linear.h"

#include <algorithm>
#include <cmath>

namespace attn::mask {

static Value ofInteger(int64_t x) { return {Type::Int, x, 0, {}}; }
static Value ofBool(bool x) { return {Type::Bool, x, 0, {}}; }
static Value ofReal(double x) { return {Type::Float, 0, x, {}}; }
static Value failure(std::string message) { return {Type::Int, 0, 0, std::move(message)}; }

static int64_t wrap(uint64_t x) { return static_cast<int64_t>(x); }

static Value symbol(const Expr &e, const Environment &env) {
  if (e.type() == Type::Float) {
    auto it = env.reals.find(e.name());
    return it == env.reals.end() ? failure("no value for '" + e.name() + "'") : ofReal(it->second);
  }
  auto it = env.values.find(e.name());
  if (it == env.values.end())
    return failure("no value for '" + e.name() + "'");
  return e.type() == Type::Bool ? ofBool(it->second != 0) : ofInteger(it->second);
}

static Value element(const Expr &e, const Environment &env) {
  auto it = env.tensors.find(e.name());
  if (it == env.tensors.end())
    return failure("no tensor '" + e.name() + "'");
  const Environment::Tensor &tensor = it->second;
  size_t count = e.type() == Type::Float ? tensor.reals.size() : tensor.data.size();
  if (tensor.sizes.size() != e.args().size() || count == 0)
    return failure("tensor '" + e.name() + "' has another rank or no elements");
  int64_t offset = 0;
  for (size_t i = 0; i < e.args().size(); ++i) {
    Value index = evaluate(e.args()[i], env);
    if (!index.ok())
      return index;
    offset =
        offset * tensor.sizes[i] + std::clamp<int64_t>(index.integer, 0, std::max<int64_t>(tensor.sizes[i] - 1, 0));
  }
  if (offset >= int64_t(count))
    return failure("tensor '" + e.name() + "' has fewer elements than its sizes say");
  if (e.type() == Type::Float)
    return ofReal(tensor.reals[offset]);
  return e.type() == Type::Bool ? ofBool(tensor.data[offset] != 0) : ofInteger(tensor.data[offset]);
}

/// Member and Ancestor.
static Value search(const Expr &e, const Environment &env) {
  auto it = env.tensors.find(e.name());
  size_t own = e.op() == Op::Member ? 3 : 2;
  if (it == env.tensors.end() || it->second.sizes.size() + own != e.args().size() + 1)
    return failure("no tensor '" + e.name() + "', or one of another rank");
  std::vector<int64_t> args;
  for (const Expr &arg : e.args()) {
    Value value = evaluate(arg, env);
    if (!value.ok())
      return value;
    args.push_back(value.integer);
  }
  const Environment::Tensor &tensor = it->second;
  int64_t row = 0, size = tensor.sizes.back();
  for (size_t i = own; i < args.size(); ++i) {
    int64_t last = std::max<int64_t>(tensor.sizes[i - own] - 1, 0);
    row = row * tensor.sizes[i - own] + std::clamp<int64_t>(args[i], 0, last);
  }
  if ((row + 1) * size > int64_t(tensor.data.size()))
    return failure("tensor '" + e.name() + "' has fewer elements than its sizes say");
  const int64_t *data = tensor.data.data() + row * size;
  if (e.op() == Op::Member) {
    int64_t from = std::clamp<int64_t>(args[1], 0, size), to = std::clamp<int64_t>(args[2], from, size);
    return ofBool(std::find(data + from, data + to, args[0]) != data + to);
  }
  int64_t x = args[0], y = args[1];
  while (x > y && x >= 0 && x < size && data[x] < x)
    x = data[x];
  return ofBool(x == y);
}

static Value onIntegers(Op op, int64_t a, int64_t b) {
  int64_t result;
  switch (op) {
  case Op::Add: return ofInteger(wrap(uint64_t(a) + uint64_t(b)));
  case Op::Sub: return ofInteger(wrap(uint64_t(a) - uint64_t(b)));
  case Op::Mul: return ofInteger(wrap(uint64_t(a) * uint64_t(b)));
  case Op::Min: return ofInteger(std::min(a, b));
  case Op::Max: return ofInteger(std::max(a, b));
  case Op::FloorDiv: return checkedFloorDiv(a, b, result) ? ofInteger(result) : failure("division by zero");
  case Op::Mod: return checkedFloorMod(a, b, result) ? ofInteger(result) : failure("modulo zero");
  case Op::Lt: return ofBool(a < b);
  case Op::Le: return ofBool(a <= b);
  case Op::Eq: return ofBool(a == b);
  default: return ofBool(a != b);
  }
}

static Value onReals(Op op, double a, double b) {
  switch (op) {
  case Op::Add: return ofReal(a + b);
  case Op::Sub: return ofReal(a - b);
  case Op::Mul: return ofReal(a * b);
  case Op::Div: return ofReal(a / b);
  case Op::Min: return ofReal(std::min(a, b));
  case Op::Max: return ofReal(std::max(a, b));
  case Op::Lt: return ofBool(a < b);
  case Op::Le: return ofBool(a <= b);
  case Op::Eq: return ofBool(a == b);
  default: return ofBool(a != b);
  }
}

static Value unary(Op op, const Value &x) {
  bool isReal = x.type == Type::Float;
  switch (op) {
  case Op::Neg: return isReal ? ofReal(-x.real) : ofInteger(wrap(-uint64_t(x.integer)));
  case Op::Abs:
    return isReal ? ofReal(std::abs(x.real)) : ofInteger(x.integer < 0 ? wrap(-uint64_t(x.integer)) : x.integer);
  case Op::Exp: return ofReal(std::exp(x.real));
  case Op::Log: return ofReal(std::log(x.real));
  case Op::Tanh: return ofReal(std::tanh(x.real));
  case Op::Sqrt: return ofReal(std::sqrt(x.real));
  case Op::ToFloat: return ofReal(double(x.integer));
  case Op::Floor:
    if (!(std::abs(x.real) < 0x1p63))
      return failure("floor of a number that no integer holds");
    return ofInteger(int64_t(std::floor(x.real)));
  case Op::Not: return ofBool(x.integer == 0);
  default: return ofBool(x.integer > 0 && (x.integer & (x.integer - 1)) == 0); // IsPow2
  }
}

Value evaluate(const Expr &e, const Environment &env) {
  switch (e.op()) {
  case Op::ConstBool: return ofBool(e.boolValue());
  case Op::ConstInt: return ofInteger(e.intValue());
  case Op::ConstFloat: return ofReal(e.floatValue());
  case Op::Symbol: return symbol(e, env);
  case Op::Element: return element(e, env);
  case Op::Member:
  case Op::Ancestor: return search(e, env);
  case Op::And:
  case Op::Or: {
    bool isAnd = e.op() == Op::And;
    for (const Expr &arg : e.args()) {
      Value x = evaluate(arg, env);
      if (!x.ok() || (x.integer != 0) != isAnd)
        return x;
    }
    return ofBool(isAnd);
  }
  case Op::Select: {
    Value condition = evaluate(e.args()[0], env);
    return condition.ok() ? evaluate(e.args()[condition.integer ? 1 : 2], env) : condition;
  }
  default: break;
  }
  Value x = evaluate(e.args()[0], env);
  if (!x.ok() || e.args().size() == 1)
    return x.ok() ? unary(e.op(), x) : x;
  for (size_t i = 1; i < e.args().size(); ++i) {
    Value y = evaluate(e.args()[i], env);
    if (!y.ok())
      return y;
    x = x.type == Type::Float ? onReals(e.op(), x.real, y.real) : onIntegers(e.op(), x.integer, y.integer);
    if (!x.ok())
      return x;
  }
  return x;
}

} // namespace attn::mask
