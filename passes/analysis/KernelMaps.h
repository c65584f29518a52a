//===- KernelMaps.h - Conditions of classes and kernel maps ---------*- C++ -*-===//
#ifndef ATTN_PASSES_ANALYSIS_KERNELMAPS_H
#define ATTN_PASSES_ANALYSIS_KERNELMAPS_H

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Expr.h"

namespace attn::passes {

/// The partition that a class reference `@partition::@class` names; null if there is none.
ir::PartitionOp partitionOf(mlir::Operation *from, mlir::SymbolRefAttr reference);

/// When an element belongs to the class: its rule holds and no earlier class's does; the last class
/// takes the rest.
mlir::FailureOr<mask::Expr> classCondition(mlir::Operation *from, mlir::SymbolRefAttr reference);

/// The conjunction of the conditions of the classes of a kernel map (true without classes).
mlir::FailureOr<mask::Expr> mapCondition(ir::KernelMapOp map);

/// Which positions the cache `index` of the attend holds: true, or for a sink_ring cache
/// `k < sink or k >= kv_len - ring`.
mlir::FailureOr<mask::Expr> residentPositions(ir::AttendOp attend, int64_t index);

/// Whether the keys of the attend are slots of a cache of their own instead of positions.
bool hasSlots(ir::AttendOp attend);

/// Replaces `region` by one block with the arguments `types` (the coordinates last) that yields
/// `value`.
void setExpression(mlir::Region &region, mlir::ArrayRef<mlir::Type> types, const mask::Expr &value, mlir::Location loc);

/// The six coordinate types, with `before` in front.
llvm::SmallVector<mlir::Type> coordinateTypes(mlir::MLIRContext *context, mlir::ArrayRef<mlir::Type> before = {});

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_KERNELMAPS_H
