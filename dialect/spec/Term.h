//===- Term.h - Typed, measured construction of expressions --------*- C++ -*-===//
//
// Builds mask::Expr from untrusted parts: checks operand types, converts integers to floats where
// an operator mixes the two, and keeps the size of the expanded expression within limits (`let`
// names and named forms share subtrees, so a short text may mean a huge tree).
//
// Errors latch: the first one is kept, after it every operation returns a harmless term, and the
// caller asks `failed()` once at the end.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_TERM_H
#define ATTN_DIALECT_SPEC_TERM_H

#include "dialect/mask/Expr.h"
#include "dialect/spec/Diagnostics.h"

namespace attn::spec {

/// An expression with its number of nodes as a tree and its depth.
struct Term {
  mask::Expr e = mask::Expr::integer(0);
  int size = 1, depth = 1;

  mask::Type type() const { return e.type(); }
};

const char *typeName(mask::Type type); ///< "an integer", ...

class TermBuilder {
public:
  static constexpr int maxSize = 4096, maxDepth = 256;

  bool failed() const { return latched; }
  const Diagnostic &firstError() const { return error; }
  Term fail(Code code, std::string message);
  /// The place that errors refer to, to be set before building. Column 0: a JSON value, no text.
  void at(const std::string &pointer, int line) {
    here.pointer = pointer;
    here.line = line;
    here.column = 0;
  }
  void at(int column) { here.column = column; }
  int column() const { return here.column; }

  static Term integer(int64_t value) { return {mask::Expr::integer(value)}; }
  static Term real(double value) { return {mask::Expr::real(value)}; }
  static Term boolean(bool value) { return {mask::Expr::boolean(value)}; }
  static Term symbol(std::string name, mask::Type type) { return {mask::Expr::symbol(std::move(name), type)}; }

  /// `what` names the operator or function in messages.
  Term arithmetic(mask::Op op, Term a, Term b, const char *what); ///< Add .. Mod, Min, Max
  Term compare(const std::string &sign, Term a, Term b);          ///< `<` `<=` `>` `>=` `==` `!=`
  Term logic(mask::Op op, std::vector<Term> terms);               ///< And, Or: two or more; Not: one
  Term negate(Term a);
  Term floatFunction(mask::Op op, Term a, const char *what); ///< Exp, Log, Tanh, Sqrt, ToFloat
  Term floor(Term a);
  Term abs(Term a);
  Term isPow2(Term a);
  Term select(Term condition, Term yes, Term no);
  /// An element of `tensor`; a tensor of booleans gives Bool.
  Term element(const std::string &tensor, std::vector<Term> indices, mask::Type type);

  /// Member (x, from, to) or Ancestor (x, y) in `tensor`, of integers; `row` are the indices before the searched one.
  Term search(mask::Op op, const std::string &tensor, std::vector<Term> args, std::vector<Term> row);

  // Shorthands for named forms; all operands are integers or booleans.
  Term add(Term a, Term b) { return arithmetic(mask::Op::Add, a, b, "+"); }
  Term sub(Term a, Term b) { return arithmetic(mask::Op::Sub, a, b, "-"); }
  Term mul(Term a, Term b) { return arithmetic(mask::Op::Mul, a, b, "*"); }
  Term div(Term a, Term b) { return arithmetic(mask::Op::FloorDiv, a, b, "//"); }
  Term mod(Term a, Term b) { return arithmetic(mask::Op::Mod, a, b, "%"); }
  Term min(Term a, Term b) { return arithmetic(mask::Op::Min, a, b, "min"); }
  Term max(Term a, Term b) { return arithmetic(mask::Op::Max, a, b, "max"); }
  Term both(Term a, Term b) { return logic(mask::Op::And, {a, b}); }
  Term either(Term a, Term b) { return logic(mask::Op::Or, {a, b}); }

  /// `a` as a float.
  Term toFloat(Term a);

private:
  Term make(mask::Op op, const std::vector<Term> &args);
  Term measured(mask::Expr e, const std::vector<Term> &args);
  bool expect(const Term &a, mask::Type type, const std::string &what);
  bool expectNumber(const Term &a, const std::string &what);

  Diagnostic here{Code::ExprSyntax, "", 0, 0, ""}, error = here;
  bool latched = false;
};

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_TERM_H
