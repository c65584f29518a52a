//===- Views.cpp - Tasks, requests and rows in memory ----------------------===//
#include "codegen/cpu/Views.h"

#include "attn/KernelABI.h"
#include "codegen/emit/Rows.h"

#include <cstddef>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;
using arith::CmpIPredicate;

static Value divide(Emitter &e, Value a, Value b) { return e.createOrFold<arith::DivSIOp>(a, b); }
static Value remainder(Emitter &e, Value a, Value b) { return e.createOrFold<arith::RemSIOp>(a, b); }

static Value requestField(Emitter &e, const Task &task, size_t offset) {
  return e.load(e.getI64Type(), e.gep(e.capture(task.request), static_cast<int64_t>(offset)), 8);
}

void attn::codegen::cpu::emitTaskLoop(Emitter &e, func::FuncOp kernel, bool scan, Task &task,
                                      function_ref<void(Value)> body) {
  Value words = task.words;
  Value one = e.i64(1), zero = e.i64(0);
  Value batch = e.word(words, ATTN_WORD_BATCH);
  task.qHeads = e.word(words, ATTN_WORD_Q_HEADS);
  task.kvHeads = e.word(words, ATTN_WORD_KV_HEADS);
  task.layer = e.word(words, ATTN_WORD_LAYER);
  Value rowTiles = e.word(words, ATTN_WORD_ROW_TILES);
  task.group = e.max(divide(e, task.qHeads, e.max(task.kvHeads, one)), one);
  Value heads = task.pack ? task.kvHeads : task.qHeads;
  Value lanes = e.mul(batch, heads);

  e.loop(kernel.getArgument(2), kernel.getArgument(3), 1, [&](Value index) {
    // task = ((row_tiles - 1 - tile) * splits + split) * lanes + request * heads + head
    Value lane = remainder(e, index, lanes);
    Value tile = e.sub(e.sub(rowTiles, one), divide(e, index, lanes));
    emitCoordinates(e, task, lane);
    Value row0 = scan ? zero : e.mul(tile, task.rowTile);
    if (task.keyPositions)
      body(row0);
    else
      e.when(e.lt(row0, task.rows), [&] { body(row0); });
  });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// Walks logical rows from row0 up, with the query index (within the request) and the head of each. Rows from `end` on
/// repeat the last row before it.
static void forRows(Emitter &e, const Task &task, Value row0, Value count, Value end,
                    function_ref<void(Value r, Value row, Value query, Value head)> body) {
  Value one = e.i64(1), group = e.parameter(task.rowGroup), head = e.capture(task.head);
  Values start{divide(e, row0, group), remainder(e, row0, group)};
  e.loop(e.i64(0), count, 1, start, [&](Value r, ValueRange at) {
    Value row = e.add(row0, r);
    body(r, row, at[0], e.add(head, at[1]));
    Value isLast = e.cmp(CmpIPredicate::sge, e.add(row, one), end);
    Value nextHead = e.add(at[1], one), wraps = e.eq(nextHead, group);
    Value query = e.select(wraps, e.add(at[0], one), at[0]);
    return Values{e.select(isLast, at[0], query), e.select(isLast, at[1], e.select(wraps, e.i64(0), nextHead))};
  });
}

void attn::codegen::cpu::emitRowCoordinates(Emitter &e, const Task &task, Value row0) {
  // Lanes past the tile repeat its last row, so that they see no key that it does not see.
  Value end = e.min(task.rows, e.add(row0, task.rowTile));
  Value padded = e.i64(llvm::alignTo(task.rowTile, e.lanes));
  e.outline("row_coordinates", [&] {
    Value positions = e.capture(task.positions), heads = e.capture(task.heads);
    Value qPos = requestField(e, task, offsetof(attn_request, q_pos));
    forRows(e, task, e.capture(row0), e.parameter(padded), e.capture(end),
            [&](Value r, Value, Value query, Value head) {
              auto put = [&](Value value, Value array) {
                e.store(e.create<arith::TruncIOp>(e.getI32Type(), value), e.gep(array, e.mul(r, 4)), 4);
              };
              put(e.add(qPos, query), positions);
              put(head, heads);
            });
  });
}

//===----------------------------------------------------------------------===//
// Rows of boxes
//===----------------------------------------------------------------------===//

static Value positionAt(Emitter &e, Value positions, Value index) {
  return e.create<arith::ExtSIOp>(e.getI64Type(), e.load(e.getI32Type(), e.gep(positions, e.mul(index, 4)), 4));
}

static void emitBoxRows(Emitter &e, const Task &task, Value view, int64_t rows, Value tableAddress, bool drop) {
  Value padded = e.i64(llvm::alignTo(rows, e.lanes)), all = e.i1(!drop);
  e.outline("box_query_rows", [&] {
    Rows at(e, task, view, offsetof(attn_request, q_row));
    Value table = e.capture(tableAddress), dropRow = e.capture(task.dropRow), keepAll = e.parameter(all);
    Value positions = e.capture(task.positions), stored = e.capture(task.stored), first = e.capture(task.qPos);
    Value base = at.ofHead(at.request(task), e.capture(task.head));
    e.loop(e.i64(0), e.parameter(padded), 1, [&](Value r) {
      Value address = at.address(base, at.slot(e.sub(positionAt(e, positions, r), first)));
      Value byte = e.load(e.getI8Type(), e.gep(stored, r));
      Value keep = e.createOrFold<arith::OrIOp>(keepAll, e.ne(byte, e.intOf(e.getI8Type(), 0)));
      e.store(e.select(keep, address, dropRow), e.gep(table, e.mul(r, 8)), 8);
    });
  });
}

static void emitBoxKeys(Emitter &e, const Task &task, Value view, Value count, Value tableAddress, Value seenBytes) {
  e.outline("box_key_rows", [&] {
    Rows rows(e, task, view, offsetof(attn_request, kv_row));
    Value table = e.capture(tableAddress), positions = e.capture(task.keyPositions), seen = e.capture(seenBytes);
    Value zeroRow = e.capture(task.zeroRow);
    Value base = rows.ofHead(rows.request(task), e.capture(task.g));
    e.loop(e.i64(0), e.parameter(count), 1, [&](Value j) {
      Value position = positionAt(e, positions, j), byte = e.load(e.getI8Type(), e.gep(seen, j));
      Value exists = e.cmp(CmpIPredicate::sge, position, e.i64(0));
      Value valid = e.create<arith::AndIOp>(exists, e.ne(byte, e.intOf(e.getI8Type(), 0)));
      e.store(e.select(valid, rows.address(base, rows.slot(position)), zeroRow), e.gep(table, e.mul(j, 8)), 8);
    });
  });
}

void attn::codegen::cpu::emitPrefetchRows(Emitter &e, const Task &task, Value view, Value head, Value first,
                                          int64_t count, int64_t bytes) {
  e.outline("prefetch_rows", [&] {
    Rows at(e, task, view, offsetof(attn_request, q_row));
    Value base = at.ofHead(at.request(task), e.parameter(head)), from = e.parameter(first);
    Value positions = task.stored ? e.capture(task.positions) : Value();
    Value start = task.stored ? e.capture(task.qPos) : Value();
    e.loop(from, e.add(from, count), 1, [&](Value r) {
      Value row = positions ? e.sub(positionAt(e, positions, r), start) : r;
      e.prefetch(at.address(base, row), bytes);
    });
  });
}

//===----------------------------------------------------------------------===//
// Rows of intervals
//===----------------------------------------------------------------------===//

void attn::codegen::cpu::emitQueryRows(Emitter &e, const Task &task, Value view, Value row0, int64_t rows,
                                       Value tableAddress, bool drop) {
  if (task.stored)
    return emitBoxRows(e, task, view, rows, tableAddress, drop);
  // One function for loads and stores: loads have no row to drop.
  Value end = e.min(task.rows, e.add(row0, rows));
  Value stored = drop ? end : e.i64(std::numeric_limits<int64_t>::max());
  Value padded = e.i64(llvm::alignTo(rows, e.lanes));
  e.outline("query_rows", [&] {
    Rows at(e, task, view, offsetof(attn_request, q_row));
    Value table = e.capture(tableAddress), last = e.parameter(stored), dropRow = e.capture(task.dropRow);
    Value request = at.request(task);
    forRows(e, task, e.capture(row0), e.parameter(padded), e.capture(end),
            [&](Value r, Value row, Value query, Value head) {
              Value address = at.address(at.ofHead(request, head), at.slot(query));
              e.store(e.select(e.lt(row, last), address, dropRow), e.gep(table, e.mul(r, 8)), 8);
            });
  });
}

void attn::codegen::cpu::emitKeyRows(Emitter &e, const Task &task, Value view, Value k0, int64_t count,
                                     Value tableAddress, Value seenBytes) {
  if (task.keyPositions)
    return emitBoxKeys(e, task, view, e.i64(count), tableAddress, seenBytes);
  // Most tables are of rows at one distance, which need none of the tests below.
  Value keys = e.i64(count), regular = e.i64(seenBytes == task.everyKey ? count : 0);
  e.outline("key_rows", [&] {
    Rows rows(e, task, view, offsetof(attn_request, kv_row));
    Value table = e.capture(tableAddress), first = e.capture(k0), seen = e.capture(seenBytes);
    Value zeroRow = e.capture(task.zeroRow), kvLen = e.capture(task.kvLen);
    Value base = rows.ofHead(rows.request(task), e.capture(task.g));
    // After `last` comes slot `sink`; without a ring no slot is `last`.
    Value last = e.select(e.ne(rows.ring, e.i64(0)), e.add(rows.sink, rows.ring), e.i64(-1));
    Value slot = rows.slot(first), stride = rows.rowStride, row = rows.address(base, slot);
    Value run = e.select(e.ne(rows.ring, e.i64(0)), e.sub(last, slot), kvLen);
    run = e.max(e.min(e.min(run, e.sub(kvLen, first)), e.parameter(regular)), e.i64(0));
    Value whole = e.sub(run, e.createOrFold<arith::RemSIOp>(run, e.i64(4)));
    e.loop(e.i64(0), whole, 4, {row}, [&](Value j, ValueRange carried) {
      Value address = carried[0], entry = e.gep(table, e.mul(j, 8));
      for (int64_t i = 0; i < 4; ++i, address = e.gep(address, stride))
        e.store(address, e.gep(entry, i * 8), 8);
      return Values{address};
    });
    e.loop(whole, e.parameter(keys), 1, {rows.slot(e.add(first, whole))}, [&](Value j, ValueRange carried) {
      Value byte = e.load(e.getI8Type(), e.gep(seen, j));
      Value valid = e.create<arith::AndIOp>(e.lt(e.add(first, j), kvLen), e.ne(byte, e.intOf(e.getI8Type(), 0)));
      Value address = e.select(valid, rows.address(base, carried[0]), zeroRow);
      e.store(address, e.gep(table, e.mul(j, 8)), 8);
      Value next = e.add(carried[0], 1);
      return Values{e.select(e.eq(next, last), rows.sink, next)};
    });
  });
}
