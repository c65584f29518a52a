//===- Expr.cpp - Integer, boolean and float expressions ------------------===//
#include "dialect/mask/Expr.h"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace attn::mask {

struct Expr::Node {
  Op op;
  Type type;
  int64_t integer = 0; // ConstInt, ConstBool
  double real = 0;     // ConstFloat
  std::string name;    // Symbol, Element, Member, Ancestor
  std::vector<Expr> args;
  int64_t size = 1;
};

Op Expr::op() const { return node->op; }
Type Expr::type() const { return node->type; }
bool Expr::isConst() const {
  return node->op == Op::ConstBool || node->op == Op::ConstInt || node->op == Op::ConstFloat;
}
bool Expr::boolValue() const { return node->integer != 0; }
int64_t Expr::intValue() const { return node->integer; }
double Expr::floatValue() const { return node->real; }
const std::string &Expr::name() const { return node->name; }
const std::vector<Expr> &Expr::args() const { return node->args; }
int64_t Expr::size() const { return node->size; }

Expr Expr::of(Node node) {
  node.size = 1;
  for (const Expr &arg : node.args)
    node.size = std::min<int64_t>(node.size + arg.size(), int64_t(1) << 31);
  return Expr(std::make_shared<Node>(std::move(node)));
}

Expr Expr::boolean(bool value) { return of({Op::ConstBool, Type::Bool, value, 0, {}, {}}); }
Expr Expr::integer(int64_t value) { return of({Op::ConstInt, Type::Int, value, 0, {}, {}}); }
Expr Expr::real(double value) { return of({Op::ConstFloat, Type::Float, 0, value, {}, {}}); }
Expr Expr::symbol(std::string name, Type type) { return of({Op::Symbol, type, 0, 0, std::move(name), {}}); }
Expr Expr::element(std::string tensor, std::vector<Expr> indices, Type type) {
  return of({Op::Element, type, 0, 0, std::move(tensor), std::move(indices)});
}

Expr Expr::search(Op op, std::string tensor, std::vector<Expr> args) {
  return of({op, Type::Bool, 0, 0, std::move(tensor), std::move(args)});
}

static Type resultType(Op op, const std::vector<Expr> &args) {
  switch (op) {
  case Op::Add:
  case Op::Sub:
  case Op::Mul:
  case Op::Min:
  case Op::Max:
  case Op::Neg:
  case Op::Abs: return args[0].type();
  case Op::FloorDiv:
  case Op::Mod:
  case Op::Floor: return Type::Int;
  case Op::Div:
  case Op::Exp:
  case Op::Log:
  case Op::Tanh:
  case Op::Sqrt:
  case Op::ToFloat: return Type::Float;
  case Op::Select: return args[1].type();
  default: return Type::Bool;
  }
}

Expr Expr::make(Op op, std::vector<Expr> args) {
  assert(!args.empty() && "an operator takes arguments");
  Type type = resultType(op, args);
  return of({op, type, 0, 0, {}, std::move(args)});
}

int Expr::compare(const Expr &a, const Expr &b) {
  if (a.node == b.node)
    return 0;
  if (!a.node || !b.node)
    return a.node ? 1 : -1;
  auto three = [](auto x, auto y) { return x < y ? -1 : (y < x ? 1 : 0); };
  if (int c = three(a.node->op, b.node->op))
    return c;
  if (int c = three(a.node->type, b.node->type))
    return c;
  if (int c = three(a.node->integer, b.node->integer))
    return c;
  if (int c = three(a.node->real, b.node->real))
    return c;
  if (int c = a.node->name.compare(b.node->name))
    return c < 0 ? -1 : 1;
  if (int c = three(a.node->args.size(), b.node->args.size()))
    return c;
  for (size_t i = 0; i < a.node->args.size(); ++i)
    if (int c = compare(a.node->args[i], b.node->args[i]))
      return c;
  return 0;
}

bool Expr::uses(const std::string &symbol) const {
  if (node->op == Op::Symbol)
    return node->name == symbol;
  for (const Expr &arg : node->args)
    if (arg.uses(symbol))
      return true;
  return false;
}

void Expr::collect(std::set<std::string> &symbols, std::set<std::string> &tensors) const {
  if (node->op == Op::Symbol)
    symbols.insert(node->name);
  if (node->op == Op::Element || node->op == Op::Member || node->op == Op::Ancestor)
    tensors.insert(node->name);
  for (const Expr &arg : node->args)
    arg.collect(symbols, tensors);
}

Expr Expr::substitute(const std::function<Expr(const std::string &)> &f) const {
  if (node->op == Op::Symbol) {
    Expr replacement = f(node->name);
    return replacement ? replacement : *this;
  }
  if (node->args.empty())
    return *this;
  Node copy = *node;
  for (Expr &arg : copy.args)
    arg = arg.substitute(f);
  return of(std::move(copy));
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

namespace {
/// Binding strength of the spec's operators; a child of lower strength is put in parentheses.
enum Strength { Or_ = 1, And_, Not_, Compare_, Sum_, Product_, Unary_, Atom_ };
} // namespace

static Strength strength(const Expr &e) {
  switch (e.op()) {
  case Op::Or: return Or_;
  case Op::And: return And_;
  case Op::Not: return Not_;
  case Op::Lt:
  case Op::Le:
  case Op::Eq:
  case Op::Ne: return Compare_;
  case Op::Add:
  case Op::Sub: return Sum_;
  case Op::Mul:
  case Op::Div:
  case Op::FloorDiv:
  case Op::Mod: return Product_;
  case Op::Neg: return Unary_;
  case Op::ConstInt: return e.intValue() < 0 ? Unary_ : Atom_;
  case Op::ConstFloat: return e.floatValue() < 0 ? Unary_ : Atom_;
  default: return Atom_;
  }
}

static const char *infix(Op op) {
  switch (op) {
  case Op::Or: return " or ";
  case Op::And: return " and ";
  case Op::Lt: return " < ";
  case Op::Le: return " <= ";
  case Op::Eq: return " == ";
  case Op::Ne: return " != ";
  case Op::Add: return " + ";
  case Op::Sub: return " - ";
  case Op::Mul: return " * ";
  case Op::Div: return " / ";
  case Op::FloorDiv: return " // ";
  case Op::Mod: return " % ";
  default: return nullptr;
  }
}

static const char *function(Op op) {
  switch (op) {
  case Op::Min: return "min";
  case Op::Max: return "max";
  case Op::Abs: return "abs";
  case Op::Exp: return "exp";
  case Op::Log: return "log";
  case Op::Tanh: return "tanh";
  case Op::Sqrt: return "sqrt";
  case Op::ToFloat: return "float";
  case Op::Floor: return "floor";
  case Op::IsPow2: return "is_pow2";
  case Op::Select: return "select";
  default: return nullptr;
  }
}

static std::string list(const std::vector<Expr> &args) {
  std::string text;
  for (const Expr &arg : args)
    text += (text.empty() ? "" : ", ") + arg.str();
  return text;
}

/// `member(x, list[b, h], from, to)` and `ancestor(parent[b], x, y)`.
static std::string searchText(const Expr &e) {
  size_t own = e.op() == Op::Member ? 3 : 2;
  std::vector<Expr> args(e.args().begin(), e.args().begin() + own), indices(e.args().begin() + own, e.args().end());
  std::string tensor = e.name() + (indices.empty() ? "" : "[" + list(indices) + "]");
  if (e.op() == Op::Ancestor)
    return "ancestor(" + tensor + ", " + list(args) + ")";
  return "member(" + args[0].str() + ", " + tensor + ", " + list({args[1], args[2]}) + ")";
}

std::string Expr::str() const {
  auto child = [&](const Expr &e, int least) { return strength(e) < least ? "(" + e.str() + ")" : e.str(); };
  switch (node->op) {
  case Op::ConstBool: return node->integer ? "true" : "false";
  case Op::ConstInt: return std::to_string(node->integer);
  case Op::ConstFloat: {
    char buffer[40];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, node->real).ptr;
    std::string text(buffer, end);
    return text.find_first_of(".enf") == std::string::npos ? text + ".0" : text;
  }
  case Op::Symbol: return node->name;
  case Op::Element: return node->name + "[" + list(node->args) + "]";
  case Op::Member:
  case Op::Ancestor: return searchText(*this);
  case Op::Not: return "not " + child(node->args[0], Not_);
  case Op::Neg: return "-" + child(node->args[0], Atom_);
  default: break;
  }
  if (const char *sign = infix(node->op)) {
    int own = strength(*this);
    // Comparisons do not chain; sums and products associate to the left; `and` and `or` are flat.
    std::string text = child(node->args[0], own == Compare_ ? own + 1 : own);
    for (size_t i = 1; i < node->args.size(); ++i)
      text += sign + child(node->args[i], own + 1);
    return text;
  }
  return std::string(function(node->op)) + "(" + list(node->args) + ")";
}

} // namespace attn::mask
