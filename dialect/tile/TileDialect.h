//===- TileDialect.h - The tile dialect ----------------------------*- C++ -*-===//
#ifndef ATTN_DIALECT_TILE_TILEDIALECT_H
#define ATTN_DIALECT_TILE_TILEDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/tile/TileDialect.h.inc"
#include "dialect/tile/TileEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialect/tile/TileOps.h.inc"

namespace attn::tile {

/// The leading entry block arguments of every tile.kernel, all i64.
enum KernelArgument : unsigned { Batch, KVHead, Layer, Row0, NumLeadingArguments };

} // namespace attn::tile

#endif // ATTN_DIALECT_TILE_TILEDIALECT_H
