//===- Read.h - A pattern document as a checked Pattern ------------*- C++ -*-===//
//
// The public entry of the front end. `json` is untrusted: whatever it holds, `read` gives either a
// Pattern that passes every rule of Pattern.h or nothing and the reasons, in bounded time. What the
// format plans but this version does not do is an UNSUPPORTED error, never ignored.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_READ_H
#define ATTN_DIALECT_SPEC_READ_H

#include "dialect/spec/Json.h"
#include "dialect/spec/Pattern.h"

namespace attn::spec {

std::optional<Pattern> read(std::string_view json, Diagnostics &diagnostics);
std::optional<Pattern> read(const Json &json, Diagnostics &diagnostics);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_READ_H
