//===- CostModel.h - Tile sizes ---------------------------------------*- C++ -*-===//
#ifndef ATTN_PASSES_TILE_COSTMODEL_H
#define ATTN_PASSES_TILE_COSTMODEL_H

#include <cstdint>

namespace attn::passes {

/// What the tile sizes of one form depend on.
struct TileProblem {
  int64_t keyDim, valueDim; ///< head dimensions of q and k, and of v
  int64_t lanes;            ///< fp32 lanes of a vector register
  int64_t l2Bytes;
  bool tensorCores = false; ///< a GPU
};

struct TileSizes {
  int64_t rows, keys;
};

/// Bytes of fp32 scratch that one row tile works on: q, scores, output, and one key and one value
/// tile.
int64_t workingSet(const TileProblem &problem, TileSizes sizes);

/// Prefill: rows in steps of three vectors (the register tile is 8 x 3 vectors: every broadcast
/// feeds three multiply-adds, measured best on AVX-512), as many as keep the working set within
/// half of L2, at most 96.
///
/// A GPU: four warps. Each has 32 rows where registers suffice (so that keys and values are read from shared memory half
/// as often), and then 48 keys: with 64 a thread needs more than 255 registers for most masks. Else 16 rows.
TileSizes prefillTile(const TileProblem &problem);

/// Decode: the rows are the heads of one group, seldom more than 8, and dots of up to 8 rows read K and V once, with
/// channels along the lanes (codegen/cpu/ChannelDot.h). Keys are streamed: 64 of them (32 KB of fp32 keys at d 128)
/// make the cost of a tile small (tables, maxima, rescaling: 3 ns a key of 45) and are how far ahead pages are looked
/// up.
///
/// A GPU: the smallest row tile of its matrix unit.
TileSizes decodeTile(const TileProblem &problem);

} // namespace attn::passes

#endif // ATTN_PASSES_TILE_COSTMODEL_H
