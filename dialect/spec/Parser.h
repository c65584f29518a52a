//===- Parser.h - Expression text as terms -------------------------*- C++ -*-===//
//
// Precedence climbing over the grammar of Expression.h. Nesting is limited to 64, so the recursion
// is; an error latches in the builder, with the column of the token that it is about.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_PARSER_H
#define ATTN_DIALECT_SPEC_PARSER_H

#include "dialect/spec/Expression.h"

namespace attn::spec {

Term parseText(std::string_view text, TermBuilder &build, const Scope &scope, const Place &place);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_PARSER_H
