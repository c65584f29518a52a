//===- SpecToIR.h - A checked pattern as attn IR -------------------*- C++ -*-===//
//
// The module holds one `attn.pattern` with the declarations of the pattern and one func.func per
// entry. Arguments: q, then k and v of every cache that the entry reads; they are called `k` and
// `v` where the pattern has one cache, else `k.<cache>` and `v.<cache>`. Results: out, lse, as the
// entry asks. Each carries attn.name and attn.role, keys and values also attn.cache.
//
// The IR is built in memory, never through text, and passes the verifier; the same pattern gives
// the same IR, operation for operation.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_SPECTOIR_H
#define ATTN_DIALECT_SPEC_SPECTOIR_H

#include "dialect/spec/Pattern.h"
#include "dialect/spec/Variant.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attn::spec {

/// `variant` comes from variantOf(pattern, ...). Loads the dialects that it needs.
mlir::OwningOpRef<mlir::ModuleOp> import(const Pattern &pattern, const Variant &variant, mlir::MLIRContext &context);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_SPECTOIR_H
