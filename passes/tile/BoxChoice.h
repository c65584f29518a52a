//===- BoxChoice.h - Boxes of a token grid ---------------------------*- C++ -*-===//
//
// Where a mask is written over a token grid (or over a dilated sequence), tiles are boxes of the grid. Which ones, is
// chosen by counting along each axis, at the default sizes, how many boxes of keys the windows of a box of queries
// touch and fill; the counts of the axes multiply. Boxes only change the speed: the kernel takes any size of the grid.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_TILE_BOXCHOICE_H
#define ATTN_PASSES_TILE_BOXCHOICE_H

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Expr.h"
#include "dialect/tile/TileDialect.h"
#include "passes/tile/CostModel.h"

namespace attn::passes {

/// The grid for a kernel of at most `limits` rows and keys, or null if tiles are better intervals.
tile::GridAttr chooseBoxes(const mask::Expr &mask, ir::PatternOp pattern, TileSizes limits, int64_t lanes);

/// The rows and keys of its boxes.
TileSizes boxSizes(tile::GridAttr grid);

} // namespace attn::passes

#endif // ATTN_PASSES_TILE_BOXCHOICE_H
