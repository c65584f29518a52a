//===- Layout.cpp - Which thread holds which element of a tile -------------===//
#include "codegen/ptx/Layout.h"

using namespace attn::codegen;
using namespace attn::codegen::ptx;

Place::Place(WarpEmitter &e, const Layout &layout) : layout(layout), e(&e) {
  Value row = e.i32(0);
  warpColumn = e.i32(0);
  if (layout.warpRows > 1 && layout.warpColumns > 1) {
    row = e.shiftRight(e.warp, llvm::Log2_64(layout.warpColumns));
    warpColumn = e.bits(e.warp, layout.warpColumns - 1);
  } else if (layout.warpRows > 1) {
    row = e.warp;
  } else if (layout.warpColumns > 1) {
    warpColumn = e.warp;
  }
  warpRow = e.times(row, 16 * layout.rowBlocks());
  firstRow = e.add(warpRow, e.shiftRight(e.lane, 2));
  firstColumn = e.times(e.bits(e.lane, 3), 2);
}

Value Place::column(int64_t c, int64_t columns) {
  Value first = firstColumn;
  if (layout.warpColumns > 1)
    first = e->add(first, e->times(warpColumn, columns / layout.warpColumns));
  return e->plus(first, 8 * (c / 2) + c % 2);
}
