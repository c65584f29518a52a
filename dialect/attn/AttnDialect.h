//===- AttnDialect.h - The attn dialect ----------------------------*- C++ -*-===//
#ifndef ATTN_DIALECT_ATTN_ATTNDIALECT_H
#define ATTN_DIALECT_ATTN_ATTNDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/attn/AttnDialect.h.inc"
#include "dialect/attn/AttnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/attn/AttnAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialect/attn/AttnOps.h.inc"

namespace attn::ir {

/// The coordinates that every expression region takes, in this order, as i64 block arguments (score regions take the
/// raw score f32 before them).
enum Coordinate : unsigned { Batch, QHead, KVHead, Layer, Query, Key, NumCoordinates };

} // namespace attn::ir

#endif // ATTN_DIALECT_ATTN_ATTNDIALECT_H
