//===- Print.h - A pattern as normalised text ----------------------*- C++ -*-===//
#ifndef ATTN_DIALECT_SPEC_PRINT_H
#define ATTN_DIALECT_SPEC_PRINT_H

#include "dialect/spec/Pattern.h"

namespace attn::spec {

/// The document of `pattern` with keys in a fixed order, named forms, grids and `let` expanded, and
/// what is default left out. Reading it gives the same pattern, and the same text again.
std::string print(const Pattern &pattern);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_PRINT_H
