//===- Dot.h - The contraction of a register tile -------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_CPU_DOT_H
#define ATTN_CODEGEN_CPU_DOT_H

#include "codegen/emit/Emitter.h"
#include "dialect/tile/TileDialect.h"

namespace attn::codegen::cpu {

inline llvm::ArrayRef<int64_t> shapeOf(Value tile) { return llvm::cast<tile::TileType>(tile.getType()).getShape(); }
inline int64_t columnsOf(Value tile) { return shapeOf(tile).size() == 1 ? 1 : shapeOf(tile)[1]; }

/// fp32 storage by lanes, [column][lane] (see Copies.h; a tile by rows is one by lanes of its transpose). Row vectors
/// have one column. Or, in as many bytes per column, pairs of bf16 (Pairs.h): [column / 2][lane].
struct Place {
  Value address;
  int64_t ld = 0;
  bool pairs = false;
  explicit operator bool() const { return static_cast<bool>(address); }
};

/// How a dot reads a tile: the left operand a vector of rows at a time, the right one element by element. In a dot of
/// pairs an element is a pair; a right operand with pairs of rows is a block of pairs by rows.
struct DotSource {
  Place place;
  bool byLanes = false; ///< layout of `place` (Copies.h)
  Value table;          ///< addresses of rows in memory (fp32, or bf16 for pairs); then `place` is not set
  int64_t rows = 0;     ///< rows in the table; as many follow, which are likely to be read next
  Value scale;          ///< factor of all products (a value of the kernel function), or null
  // For a channel dot:
  Type element = {}; ///< of the rows in the table, or null: fp32
  Value stride = {}; ///< bytes between rows, or null where they do not follow each other
};

/// A register tile of a dot: rows [m, m + vectors * lanes), columns [n, n + columns).
struct DotTile {
  tile::DotOp dot;
  const DotSource &a, &b;
  Value m, n;
  int64_t vectors, columns;
};

/// Adds the products of the tile to the accumulators, `vectors` of column 0, then of column 1, and so on; returns them.
Values emitContraction(Emitter &e, const DotTile &tile, Values accumulators);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_DOT_H
