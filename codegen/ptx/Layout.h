//===- Layout.h - Which thread holds which element of a tile --------*- C++ -*-===//
//
// The accumulators of mma.m16n8: a warp holds a strip of blocks of 16 rows and 8 columns, and in each block a thread
// has rows lane / 4 and lane / 4 + 8, columns 2 (lane % 4) and the one after. So the elements of a thread are all pairs
// of some rows and some columns, and what depends on one of the two is computed once for it. Warps are a grid of
// `warpRows` x `warpColumns` over the tile. A row vector is held by every thread that has the row.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_LAYOUT_H
#define ATTN_CODEGEN_PTX_LAYOUT_H

#include "codegen/ptx/WarpEmitter.h"

namespace attn::codegen::ptx {

/// Of the row tiles of a kernel.
struct Layout {
  int64_t rows = 0; ///< of the tile, a multiple of 16 * warpRows
  int64_t warpRows = 1, warpColumns = 1;

  int64_t warps() const { return warpRows * warpColumns; }
  int64_t threads() const { return 32 * warps(); }
  int64_t rowBlocks() const { return rows / 16 / warpRows; } ///< of a warp
  int64_t threadRows() const { return 2 * rowBlocks(); }     ///< rows of a thread
  /// Columns of a thread in a tile of `columns` columns; blocks of a warp are half as many.
  int64_t threadColumns(int64_t columns) const { return columns / 4 / warpColumns; }
};

/// A tile in registers: element (r, c) of the thread's rows and columns is values[c * rows + r]. A row vector has one
/// column.
struct Fragment {
  int64_t rows = 0;
  Values values;

  int64_t columns() const { return static_cast<int64_t>(values.size()) / rows; }
  Value &at(int64_t r, int64_t c) { return values[c * rows + r]; }
  Value at(int64_t r, int64_t c) const { return values[c * rows + r]; }
};

/// Where the current thread stands in a layout.
class Place {
public:
  Place(WarpEmitter &e, const Layout &layout);

  Layout layout;
  Value firstRow;    ///< i32, row of the tile of thread row 0
  Value firstColumn; ///< i32, column of thread column 0 within its warp's columns: 2 (lane % 4)
  Value warpRow;     ///< i32, first row of the warp
  Value warpColumn;  ///< i32, index of the warp along the columns

  /// Row of the tile of thread row r, as firstRow plus a constant.
  Value row(int64_t r) { return e->plus(firstRow, 16 * (r / 2) + 8 * (r % 2)); }
  /// Column of thread column c in a tile of `columns` columns.
  Value column(int64_t c, int64_t columns);

private:
  WarpEmitter *e;
};

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_LAYOUT_H
