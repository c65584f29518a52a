//===- Forms.h - Named forms ---------------------------------------*- C++ -*-===//
//
// Sugar for masks and scores, expanded while parsing, so that a named form and its expansion give
// the same IR. The formulas stand in Forms.cpp and docs/spec-format.md.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_FORMS_H
#define ATTN_DIALECT_SPEC_FORMS_H

#include "dialect/spec/Expression.h"

namespace attn::spec {

/// An argument: one term, a list of terms, or the name of a tensor.
struct FormArgument {
  std::vector<Term> terms;
  bool isList = false;
  std::string tensor;
};

struct FormParameter {
  enum Kind {
    Int,
    Float,
    Ids,     ///< name of an integer tensor with a last dimension of positions
    List,    ///< name of an integer tensor
    PerAxis, ///< an integer, or one per axis of the grid
    Flags,   ///< a constant boolean, or one per axis of the grid
  };
  const char *name;
  Kind kind;
  const char *fallback = nullptr; ///< value where the argument is absent; null: required
  bool isTensor() const { return kind == Ids || kind == List; }
};

struct Form {
  using Expand = Term (*)(TermBuilder &, const Scope &, const std::vector<FormArgument> &);
  const char *name;
  std::vector<FormParameter> parameters;
  Expand expand;
};

/// The form of that name, or null.
const Form *findForm(const std::string &name);
std::vector<std::string> formNames();

/// Expands `form` with one argument per parameter, in order; an absent one has no terms and no
/// tensor.
Term expandForm(const Form &form, TermBuilder &build, const Scope &scope, std::vector<FormArgument> arguments);

/// The coordinate of `symbol` (q or k) along axis `axis` of the grid.
Term gridCoordinate(TermBuilder &build, const Scope &scope, const char *symbol, size_t axis);
/// tensor[index] or, with a batch dimension, tensor[b, index].
Term elementAt(TermBuilder &build, const Scope &scope, const std::string &tensor, std::vector<Term> indices);
/// A search (Member, Ancestor) in tensor[row], the list along the last dimension; a batch dimension may be left out.
Term searchIn(TermBuilder &build, const Scope &scope, mask::Op op, const std::string &tensor, std::vector<Term> row,
              std::vector<Term> args);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_FORMS_H
