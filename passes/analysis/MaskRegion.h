//===- MaskRegion.h - Expression regions as mask::Expr -------------*- C++ -*-===//
//
// Both dialects hold expressions as regions over the coordinates b, h, g, l, q, k; the analyses
// work on mask::Expr.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_ANALYSIS_MASKREGION_H
#define ATTN_PASSES_ANALYSIS_MASKREGION_H

#include "dialect/mask/BoxProgram.h"
#include "dialect/mask/CodeBuilder.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"
#include "mlir/Support/LLVM.h"

namespace attn::passes {

/// Converts the value that `region` yields. The last six arguments of the region are the
/// coordinates; an f32 argument before them becomes the symbol `s`. In the attn dialect,
/// `attn.scalar` and `attn.element` give symbols and elements by their symbol; in the tile dialect,
/// arguments of the enclosing `tile.kernel` do by their name. Values of the kernel computed from
/// those (loop invariant scalars) are followed. On an operation that is no part of an expression an
/// error is emitted at it and failure returned.
mlir::FailureOr<mask::Expr> regionToExpr(mlir::Region &region);

/// The same for a single value of such a region or kernel.
mlir::FailureOr<mask::Expr> valueToExpr(mlir::Value value);

/// The inverse, in the tile dialect: emits `expr` over the coordinates b, h, g, l, q, k. Its symbols and tensors are
/// arguments of `kernel` (or sizes).
mlir::Value exprToValue(mlir::OpBuilder &builder, tile::KernelOp kernel, const mask::Expr &expr,
                        mlir::ValueRange coordinates);

/// The operation of a Member or Ancestor in `buffer`.
mlir::Value searchOp(mlir::OpBuilder &builder, mlir::Location loc, const mask::Expr &e, mlir::Value buffer,
                     mlir::ValueRange args);

/// The token grid of a kernel whose tiles are boxes.
std::optional<mask::TokenGrid> tokenGrid(tile::KernelOp kernel);

/// The box program of the mask of a loop in `kernel`, which has `grid`.
mask::BoxProgram boxProgram(tile::KernelOp kernel, const mask::TokenGrid &grid, const mask::Expr &mask);

/// What the kernel says of its arguments.
mask::Facts factsOf(tile::KernelOp kernel);

/// The range program of the mask of a loop in `kernel`, with what the kernel says of its arguments.
mask::RangeProgram rangeProgram(tile::KernelOp kernel, const mask::Expr &mask);

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_MASKREGION_H
