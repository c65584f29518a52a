//===- Variant.h - What is fixed when compiling --------------------*- C++ -*-===//
#ifndef ATTN_DIALECT_SPEC_VARIANT_H
#define ATTN_DIALECT_SPEC_VARIANT_H

#include "dialect/spec/Diagnostics.h"
#include "dialect/spec/Pattern.h"

namespace attn::spec {

/// Element type of q, k, v and out, and the head dimensions of q and k (d) and of v and out (dv).
struct Variant {
  Dtype dtype = Dtype::F32;
  int64_t d = 64, dv = 64;

  std::string str() const; ///< `dtype=f32,d=64,dv=64`
};

/// The variant of `pattern` that `request` names: `d=128,dv=64,dtype=bf16`, in any order, each at
/// most once. What the request leaves out the pattern's `types` give, else `defaults`; dv is d
/// unless stated. Nothing and an error where the request is malformed, contradicts `types`, or does
/// not suit the pattern. The pointer of errors about the request is empty.
std::optional<Variant> variantOf(const Pattern &pattern, std::string_view request, Diagnostics &diagnostics,
                                 const Variant &defaults = {});

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_VARIANT_H
