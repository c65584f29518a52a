//===- Staging.cpp - Tiles in shared memory --------------------------------===//
#include "codegen/ptx/Staging.h"

#include "attn/KernelABI.h"

#include <cstddef>

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

/// Piece `thread + n * threads` falls to a thread in its turn n.
void ptx::forEachPiece(WarpEmitter &e, const Layout &layout, const SharedTile &tile, bool unroll,
                       function_ref<void(Value row, Value column)> body) {
  int64_t threads = layout.threads(), perRow = tile.columns / 8, count = tile.rows * perRow;
  auto divide = [&](Value x) { return e.createOrFold<arith::DivUIOp>(x, e.i32(perRow)); };
  auto remainder = [&](Value x) { return e.createOrFold<arith::RemUIOp>(x, e.i32(perRow)); };
  if (!unroll) {
    e.loop(e.thread, e.i32(count), threads, [&](Value piece) { body(divide(piece), remainder(piece)); });
    return;
  }
  for (int64_t first = 0; first < count; first += threads) {
    Value piece = e.plus(e.thread, first);
    auto run = [&] {
      if (threads % perRow == 0) // a thread stays at one column
        body(e.plus(divide(e.thread), first / perRow), remainder(e.thread));
      else
        body(divide(piece), remainder(piece));
    };
    if (first + threads <= count)
      run();
    else
      e.when(e.lt(piece, e.i32(count)), run);
  }
}

Value ptx::pieceAddress(WarpEmitter &e, const SharedTile &tile, Value target, Value row, Value column) {
  return e.gep(target, e.wide(e.add(e.times(row, tile.rowBytes()), e.times(column, 16))));
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
  forEachPiece(e, layout, tile, /*unroll=*/false, [&](Value row, Value column) {
    auto [query, head] = queryAndHead(e, task, e.add(row0, e.wide(row)));
    Value from = rows.address(task.pack ? rows.ofHead(base, head) : base, rows.slot(query));
    e.copyAsync(pieceAddress(e, tile, target, row, column), e.gep(from, e.wide(e.times(column, 16))), e.i32(16));
  });
}

KeyRows::KeyRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, int64_t rowCount,
                 int64_t columns)
    : e(e), task(task), layout(layout), shape{0, rowCount, columns},
      rows(e, task, view, offsetof(attn_request, kv_row)) {
  base = rows.ofHead(rows.request(task), task.g);
}

void KeyRows::copy(Value k0, Value target) {
  Value left = e.narrow(e.min(e.sub(task.kvLen, k0), e.i64(shape.rows))); // keys of this tile
  auto copyRows = [&](bool unroll, function_ref<Value(Value row)> rowAddress) {
    forEachPiece(e, layout, shape, unroll, [&](Value row, Value column) {
      Value bytes = e.select(e.lt(row, left), e.i32(16), e.i32(0));
      Value from = e.gep(rowAddress(row), e.wide(e.times(column, 16)));
      e.copyAsync(pieceAddress(e, shape, target, row, column), from, bytes);
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
