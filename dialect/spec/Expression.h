//===- Expression.h - The expression language ----------------------*- C++ -*-===//
//
// Text (or a named form written as JSON) -> typed mask::Expr. Grammar, in order of binding:
//
//   expr    := conj ('or' conj)*
//   conj    := neg ('and' neg)*
//   neg     := 'not' neg | comp
//   comp    := sum (('<' | '<=' | '>' | '>=' | '==' | '!=') sum)*        chains: a <= k < b
//            | sum 'not'? 'in' sum '..' sum                              half-open: lo <= x < hi
//   sum     := product (('+' | '-') product)*
//   product := unary (('*' | '/' | '//' | '%') unary)*
//   unary   := '-' unary | primary
//   primary := number | 'true' | 'false' | name | ('q' | 'k') '.' axis | '(' expr ')'
//            | tensor '[' expr (',' expr)* ']' | function '(' arguments? ')'
//
// `/` divides floats, `//` and `%` integers, rounding towards minus infinity. Functions: min max
// abs clamp is_pow2 select exp log tanh sqrt floor float, and the named forms of Forms.h; `causal`
// and `full` need no parentheses. docs/spec-format.md is the user's description.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_EXPRESSION_H
#define ATTN_DIALECT_SPEC_EXPRESSION_H

#include "dialect/spec/Json.h"
#include "dialect/spec/Term.h"

#include <map>
#include <set>

namespace attn::spec {

/// What names mean in the expressions of one pattern.
struct Scope {
  struct Tensor {
    size_t rank;
    mask::Type type; ///< of an element
    bool batchFirst; ///< the first dimension is `batch`, and `b` may be left out
  };
  struct GridAxis {
    std::string name;
    Term size;
  };
  std::map<std::string, Term> values; ///< parameters, sizes and `let` names
  std::map<std::string, Tensor> tensors;
  std::vector<GridAxis> grid;
};

/// Where an expression stands: which coordinates it may read, and what it must give.
struct Place {
  std::string coordinates = "bhglqk"; ///< one letter each; `s` is the raw score
  const char *what = "a mask";        ///< for messages
  std::optional<mask::Type> type;     ///< an integer is accepted where a float is wanted
};

/// Parses the expression in `json` (a string, a number, a boolean, or an object of named forms and
/// the combinators `and`, `or`, `not`). On failure nothing, and one error.
std::optional<Term> parseExpression(const Json &json, const std::string &pointer, const Scope &scope,
                                    const Place &place, Diagnostics &diagnostics);

/// True for words that the language gives a meaning everywhere (`and`, `q`, `kv_len`, ...).
bool isReserved(const std::string &name);
/// Sizes that expressions may read.
inline constexpr const char *sizeNames[] = {"batch", "q_heads", "kv_heads", "q_len", "kv_len"};

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_EXPRESSION_H
