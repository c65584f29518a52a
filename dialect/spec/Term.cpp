//===- Term.cpp - Typed, measured construction of expressions ---------------===//
#include "dialect/spec/Term.h"

#include <algorithm>
#include <limits>

using attn::mask::Expr;
using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

const char *typeName(Type type) {
  switch (type) {
  case Type::Bool: return "a boolean";
  case Type::Int: return "an integer";
  case Type::Float: return "a float";
  }
  return "?";
}

Term TermBuilder::fail(Code code, std::string message) {
  if (!latched) {
    latched = true;
    error = here;
    error.code = code;
    error.message = std::move(message);
  }
  return {};
}

Term TermBuilder::measured(Expr e, const std::vector<Term> &args) {
  Term term{std::move(e)};
  for (const Term &arg : args) {
    term.size += arg.size;
    term.depth = std::max(term.depth, arg.depth + 1);
  }
  if (term.size > maxSize)
    return fail(Code::Limit, "the expression has more than 4096 operations, counting what named "
                             "forms and `let` stand for");
  if (term.depth > maxDepth)
    return fail(Code::Limit, "the expression is nested more than 256 deep, counting what named "
                             "forms and `let` stand for");
  return term;
}

Term TermBuilder::make(Op op, const std::vector<Term> &args) {
  if (failed())
    return {};
  std::vector<Expr> operands;
  for (const Term &arg : args)
    operands.push_back(arg.e);
  return measured(Expr::make(op, std::move(operands)), args);
}

bool TermBuilder::expect(const Term &a, Type type, const std::string &what) {
  if (!failed() && a.type() != type)
    fail(Code::ExprType, what + " takes " + typeName(type) + ", not " + typeName(a.type()));
  return !failed();
}

bool TermBuilder::expectNumber(const Term &a, const std::string &what) {
  if (!failed() && a.type() == Type::Bool)
    fail(Code::ExprType, what + " takes numbers, not a boolean");
  return !failed();
}

Term TermBuilder::toFloat(Term a) {
  if (failed() || a.type() == Type::Float)
    return a;
  if (a.e.op() == Op::ConstInt)
    return real(static_cast<double>(a.e.intValue()));
  return make(Op::ToFloat, {a});
}

Term TermBuilder::arithmetic(Op op, Term a, Term b, const char *what) {
  std::string shown = quote(what);
  if (!expectNumber(a, shown) || !expectNumber(b, shown))
    return {};
  if (op == Op::FloorDiv || op == Op::Mod) {
    if (!expect(a, Type::Int, shown) || !expect(b, Type::Int, shown))
      return {};
    if (b.e.op() == Op::ConstInt && b.e.intValue() == 0)
      return fail(Code::BadValue, "the divisor of " + shown + " is 0");
  } else if (op == Op::Div || a.type() != b.type()) {
    a = toFloat(a);
    b = toFloat(b);
  }
  return make(op, {a, b});
}

/// A boolean read from a tensor, beside an integer, as the 0 or 1 that is stored.
static Term stored(const Term &a, const Term &other) {
  bool isElement = a.e.op() == Op::Ne && a.e.args()[0].op() == Op::Element && a.e.args()[1] == Expr::integer(0);
  return isElement && other.type() == Type::Int ? Term{a.e.args()[0], a.size - 2, a.depth - 1} : a;
}

Term TermBuilder::compare(const std::string &sign, Term a, Term b) {
  a = stored(a, b);
  b = stored(b, a);
  std::string shown = quote(sign);
  if (!expectNumber(a, shown) || !expectNumber(b, shown))
    return {};
  if (a.type() != b.type()) {
    a = toFloat(a);
    b = toFloat(b);
  }
  if (sign == "==" || sign == "!=")
    return make(sign == "==" ? Op::Eq : Op::Ne, {a, b});
  if (sign[0] == '>')
    std::swap(a, b);
  return make(sign.size() == 2 ? Op::Le : Op::Lt, {a, b});
}

Term TermBuilder::logic(Op op, std::vector<Term> terms) {
  const char *what = op == Op::And ? "\"and\"" : op == Op::Or ? "\"or\"" : "\"not\"";
  for (const Term &term : terms)
    if (!expect(term, Type::Bool, what))
      return boolean(false);
  return make(op, terms);
}

Term TermBuilder::negate(Term a) {
  if (!expectNumber(a, "unary \"-\""))
    return {};
  if (a.e.op() == Op::ConstInt) {
    if (a.e.intValue() == std::numeric_limits<int64_t>::min())
      return fail(Code::BadValue, "the negated number does not fit in 64 bits");
    return integer(-a.e.intValue());
  }
  if (a.e.op() == Op::ConstFloat)
    return real(-a.e.floatValue());
  return make(Op::Neg, {a});
}

Term TermBuilder::floatFunction(Op op, Term a, const char *what) {
  if (!expectNumber(a, quote(what)))
    return {};
  a = toFloat(a);
  return op == Op::ToFloat ? a : make(op, {a});
}

Term TermBuilder::floor(Term a) {
  if (!expectNumber(a, "\"floor\""))
    return {};
  return a.type() == Type::Int ? a : make(Op::Floor, {a});
}

Term TermBuilder::abs(Term a) { return expectNumber(a, "\"abs\"") ? make(Op::Abs, {a}) : Term{}; }

Term TermBuilder::isPow2(Term a) {
  return expect(a, Type::Int, "\"is_pow2\"") ? make(Op::IsPow2, {a}) : boolean(false);
}

Term TermBuilder::select(Term condition, Term yes, Term no) {
  if (!expect(condition, Type::Bool, "the condition of \"select\""))
    return {};
  if (yes.type() == Type::Bool || no.type() == Type::Bool) {
    if (!expect(yes, Type::Bool, "\"select\" with one boolean choice") ||
        !expect(no, Type::Bool, "\"select\" with one boolean choice"))
      return {};
  } else if (yes.type() != no.type()) {
    yes = toFloat(yes);
    no = toFloat(no);
  }
  return make(Op::Select, {condition, yes, no});
}

Term TermBuilder::search(Op op, const std::string &tensor, std::vector<Term> args, std::vector<Term> row) {
  args.insert(args.end(), row.begin(), row.end());
  std::vector<mask::Expr> exprs;
  for (const Term &arg : args) {
    if (!expect(arg, Type::Int, "an argument of a search in " + quote(tensor)))
      return {};
    exprs.push_back(arg.e);
  }
  return measured(mask::Expr::search(op, tensor, std::move(exprs)), args);
}

Term TermBuilder::element(const std::string &tensor, std::vector<Term> indices, Type type) {
  std::vector<Expr> operands;
  for (const Term &index : indices) {
    if (!expect(index, Type::Int, "an index of " + quote(tensor)))
      return {};
    operands.push_back(index.e);
  }
  if (failed())
    return {};
  Type stored = type == Type::Bool ? Type::Int : type;
  Term term = measured(Expr::element(tensor, std::move(operands), stored), indices);
  return type == Type::Bool ? make(Op::Ne, {term, integer(0)}) : term;
}

} // namespace attn::spec
