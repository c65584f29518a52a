//===- Staging.cpp - Tiles in shared memory --------------------------------===//
#include "codegen/ptx/Staging.h"

#include "attn/KernelABI.h"

#include <cstddef>

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

/// By panels (a padded tile is one): piece `thread + n * threads` of a panel falls to a thread in its turn n. Mostly a
/// thread stays at one column, and its rows differ by constants.
void ptx::forEachPiece(WarpEmitter &e, const Layout &layout, const SharedTile &tile, bool unroll,
                       function_ref<void(const Piece &piece)> body) {
  int64_t threads = layout.threads(), pieces = tile.columns / 8;
  int64_t width = tile.swizzled() ? 8 : pieces, step = tile.swizzled() ? 8 : 1; // of rows
  for (int64_t panel = 0; panel < pieces; panel += width) {
    int64_t perRow = std::min(width, pieces - panel), count = tile.rows * perRow;
    auto divide = [&](Value x) { return e.createOrFold<arith::DivUIOp>(x, e.i32(perRow)); };
    auto remainder = [&](Value x) { return e.createOrFold<arith::RemUIOp>(x, e.i32(perRow)); };
    if (!unroll) {
      e.loop(e.thread, e.i32(count), threads, [&](Value piece) { body({divide(piece), remainder(piece), 0, panel}); });
      continue;
    }
    for (int64_t first = 0; first < count; first += threads) {
      Value piece = e.plus(e.thread, first);
      auto run = [&] {
        if (threads % perRow == 0 && threads / perRow % step == 0)
          body({divide(e.thread), remainder(e.thread), first / perRow, panel});
        else
          body({divide(piece), remainder(piece), 0, panel});
      };
      if (first + threads <= count)
        run();
      else
        e.when(e.lt(piece, e.i32(count)), run);
    }
  }
}

Value ptx::pieceAddress(WarpEmitter &e, const SharedTile &tile, Value target, const Piece &piece) {
  Value column = piece.column;
  int64_t rest = piece.moreRows * tile.rowBytes();
  if (tile.swizzled()) {
    rest += piece.moreColumns / 8 * tile.panelBytes();
    if (piece.moreColumns % 8) { // the piece may lie in the panel after that
      column = e.plus(column, piece.moreColumns % 8);
      target = e.gep(target, e.wide(e.times(e.shiftRight(column, 3), tile.panelBytes())));
      column = e.bits(column, 7);
    }
    column = e.createOrFold<arith::XOrIOp>(column, e.bits(piece.row, 7));
  } else {
    rest += 16 * piece.moreColumns;
  }
  return e.gep(e.gep(target, e.wide(e.add(e.times(piece.row, tile.rowBytes()), e.times(column, 16)))), rest);
}

std::pair<Value, Value> ptx::queryAndHead(WarpEmitter &e, const TaskCoordinates &task, Value row) {
  Value clamped = e.min(row, e.add(task.rows, -1));
  if (!task.pack)
    return {clamped, task.head};
  Value query = e.createOrFold<arith::DivSIOp>(clamped, task.group);
  return {query, e.add(task.head, e.sub(clamped, e.mul(query, task.group)))};
}

void ptx::copyQueryRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, Value row0,
                        const SharedTile &tile) {
  Rows rows(e, task, view, offsetof(attn_request, q_row));
  Value request = rows.request(task), target = e.shared(tile.offset);
  Value base = task.pack ? request : rows.ofHead(request, task.head);
  forEachPiece(e, layout, tile, /*unroll=*/false, [&](const Piece &piece) {
    auto [query, head] = queryAndHead(e, task, e.add(row0, e.wide(piece.wholeRow(e))));
    Value from = rows.address(task.pack ? rows.ofHead(base, head) : base, rows.slot(query));
    e.copyAsync(pieceAddress(e, tile, target, piece), e.gep(from, piece.bytes(e)), e.i32(16));
  });
}

void ptx::storeFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &target) {
  const Layout &layout = place.layout;
  Value column = e.times(place.warpColumn, target.tile.columns / layout.warpColumns / 8);
  for (int64_t c = 0; c < a.columns(); c += 2)
    for (int64_t r = 0; r < a.rows; ++r) {
      Piece piece{place.firstRow, column, 16 * (r / 2) + 8 * (r % 2), c / 2};
      Value start = pieceAddress(e, target.tile, target.address, piece);
      e.store(e.pack(target.element, a.at(r, c), a.at(r, c + 1)), e.gep(start, e.wide(e.times(place.firstColumn, 2))),
              4);
    }
}

KeyRows::KeyRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, const SharedTile &shape)
    : e(e), task(task), layout(layout), shape(shape), rows(e, task, view, offsetof(attn_request, kv_row)) {
  base = rows.ofHead(rows.request(task), task.g);
}

void KeyRows::copy(Value k0, Value target) {
  Value left = e.narrow(e.min(e.sub(task.kvLen, k0), e.i64(shape.rows))); // keys of this tile
  auto copyRows = [&](bool unroll, function_ref<Value(Value row)> rowAddress) {
    forEachPiece(e, layout, shape, unroll, [&](const Piece &piece) {
      Value row = piece.wholeRow(e);
      Value bytes = e.select(e.lt(row, left), e.i32(16), e.i32(0));
      e.copyAsync(pieceAddress(e, shape, target, piece), e.gep(rowAddress(row), piece.bytes(e)), bytes);
    });
  };
  e.whenElse(
      e.eq(rows.ring, e.i64(0)), // then rows are at one distance
      [&] {
        Value first = rows.address(base, k0);
        copyRows(true, [&](Value row) { return e.gep(first, e.mul(e.wide(row), rows.rowStride)); });
      },
      [&] { copyRows(false, [&](Value row) { return rows.address(base, rows.slot(e.add(k0, e.wide(row)))); }); });
}
