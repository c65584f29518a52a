//===- IntervalChoice.h - Tile sizes for narrow masks ----------------*- C++ -*-===//
//
// A row tile visits every key that one of its rows sees. Where a row sees few keys, as in a narrow window, smaller
// tiles visit fewer pairs that nobody sees. Here the tiles that the range program visits at the default parameters are
// counted for a few sizes. The sizes only change the speed.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_TILE_INTERVALCHOICE_H
#define ATTN_PASSES_TILE_INTERVALCHOICE_H

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Expr.h"
#include "passes/tile/CostModel.h"

namespace attn::passes {

/// Sizes for a prefill kernel with this mask: `usual`, or fewer rows where that is clearly cheaper. Parts of the mask
/// that read tensors are taken as true.
TileSizes chooseIntervals(const mask::Expr &mask, ir::PatternOp pattern, TileSizes usual, int64_t lanes);

} // namespace attn::passes

#endif // ATTN_PASSES_TILE_INTERVALCHOICE_H
