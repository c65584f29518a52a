//===- Views.cpp - Tasks, requests and rows in memory ----------------------===//
#include "codegen/cpu/Views.h"

#include "attn/KernelABI.h"

#include <cstddef>

using namespace mlir;
using namespace attn;
using namespace attn::codegen::cpu;
using arith::CmpIPredicate;

static Value divide(Emitter &e, Value a, Value b) { return e.createOrFold<arith::DivSIOp>(a, b); }
static Value remainder(Emitter &e, Value a, Value b) { return e.createOrFold<arith::RemSIOp>(a, b); }

static Value requestField(Emitter &e, const Task &task, size_t offset) {
  return e.load(e.getI64Type(), e.gep(e.capture(task.request), static_cast<int64_t>(offset)), 8);
}

int64_t attn::codegen::cpu::wordCount(Type type) {
  if (isa<tile::ViewType>(type))
    return ATTN_VIEW_WORDS;
  if (auto buffer = dyn_cast<tile::BufferType>(type))
    return 1 + 2 * buffer.getRank();
  return 2;
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
  Value requests = e.load(e.ptr(), e.gep(words, ATTN_WORD_REQUESTS * 8), 8);
  task.group = e.max(divide(e, task.qHeads, e.max(task.kvHeads, one)), one);
  Value heads = task.pack ? task.kvHeads : task.qHeads;
  Value lanes = e.mul(batch, heads);

  e.loop(kernel.getArgument(2), kernel.getArgument(3), 1, [&](Value index) {
    // task = ((row_tiles - 1 - tile) * splits + split) * lanes + request * heads + head
    Value lane = remainder(e, index, lanes);
    Value tile = e.sub(e.sub(rowTiles, one), divide(e, index, lanes));
    task.b = divide(e, lane, heads);
    Value head = remainder(e, lane, heads);
    task.g = task.pack ? head : divide(e, head, task.group);
    task.head = task.pack ? e.mul(head, task.group) : head;
    task.request = e.gep(requests, e.mul(task.b, static_cast<int64_t>(sizeof(attn_request))));
    task.qLen = requestField(e, task, offsetof(attn_request, q_len));
    task.kvLen = requestField(e, task, offsetof(attn_request, kv_len));
    task.rows = task.pack ? e.mul(task.qLen, task.group) : task.qLen;
    Value row0 = scan ? zero : e.mul(tile, task.rowTile);
    e.when(e.lt(row0, task.rows), [&] { body(row0); });
  });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// Query index (within the request) and head of a logical row, which is clamped to the last one.
static std::pair<Value, Value> queryOfRow(Emitter &e, const Task &task, Value row) {
  row = e.min(row, e.sub(e.capture(task.rows), e.i64(1)));
  Value head = e.capture(task.head);
  if (!task.pack)
    return {row, head};
  Value group = e.capture(task.group);
  return {divide(e, row, group), e.add(head, remainder(e, row, group))};
}

void attn::codegen::cpu::emitRowCoordinates(Emitter &e, const Task &task, Value row0) {
  e.outline("row_coordinates", [&] {
    Value first = e.capture(row0), positions = e.capture(task.positions);
    Value qPos = requestField(e, task, offsetof(attn_request, q_pos));
    int64_t padded = llvm::alignTo(task.rowTile, e.lanes);
    e.loop(e.i64(0), e.i64(padded), 1, [&](Value r) {
      // Lanes past the tile repeat its last row, so that they see no key that it does not see.
      Value row = padded > task.rowTile ? e.min(r, e.i64(task.rowTile - 1)) : r;
      auto [query, head] = queryOfRow(e, task, e.add(first, row));
      auto put = [&](Value value, Value array) {
        e.store(e.create<arith::TruncIOp>(e.getI32Type(), value), e.gep(array, e.mul(r, 4)), 4);
      };
      put(e.add(qPos, query), positions);
      if (task.pack)
        put(head, e.capture(task.heads));
    });
  });
}

namespace {

/// The words of one view, loaded, with the part of the address that is the same for all rows.
struct Rows {
  Emitter &e;
  Value view, rowStride, sink, ring, first;

  Rows(Emitter &e, const Task &task, Value viewWords, size_t firstRowField) : e(e), view(e.capture(viewWords)) {
    rowStride = e.word(view, ATTN_VIEW_ROW_STRIDE);
    sink = e.word(view, ATTN_VIEW_SINK);
    ring = e.word(view, ATTN_VIEW_RING);
    first = requestField(e, task, firstRowField);
  }

  /// base + b * batch_stride
  Value request(const Task &task) {
    Value base = e.load(e.ptr(), e.gep(view, ATTN_VIEW_BASE * 8), 8);
    return e.gep(base, e.mul(e.capture(task.b), e.word(view, ATTN_VIEW_BATCH_STRIDE)));
  }
  Value ofHead(Value base, Value head) {
    Value map = e.word(view, ATTN_VIEW_HEAD_MAP);
    Value mapped = e.choose(
        e.ne(map, e.i64(0)), e.getI64Type(),
        [&]() -> Value {
          Value table = e.load(e.ptr(), e.gep(view, ATTN_VIEW_HEAD_MAP * 8), 8);
          Value entry = e.load(e.getI32Type(), e.gep(table, e.mul(head, 4)), 4);
          return e.create<arith::ExtSIOp>(e.getI64Type(), entry);
        },
        [&] { return head; });
    return e.gep(base, e.mul(mapped, e.word(view, ATTN_VIEW_HEAD_STRIDE)));
  }
  /// slot(p) = (ring == 0 || p < sink) ? p : sink + (p - sink) % ring
  Value slot(Value position) {
    Value past = e.sub(position, sink);
    Value wraps = e.createOrFold<arith::AndIOp>(e.ne(ring, e.i64(0)), e.cmp(CmpIPredicate::sge, past, e.i64(0)));
    return e.choose(
        wraps, e.getI64Type(), [&] { return e.add(sink, remainder(e, past, ring)); }, [&] { return position; });
  }
  Value address(Value base, Value slot) { return e.gep(base, e.mul(e.add(first, slot), rowStride)); }
};

} // namespace

void attn::codegen::cpu::emitQueryRows(Emitter &e, const Task &task, Value view, Value row0, int64_t rows,
                                       Value tableAddress, bool drop) {
  e.outline("query_rows", [&] {
    Rows at(e, task, view, offsetof(attn_request, q_row));
    Value table = e.capture(tableAddress), firstRow = e.capture(row0);
    Value request = at.request(task);
    Value shared = task.pack ? request : at.ofHead(request, e.capture(task.head));
    e.loop(e.i64(0), e.i64(llvm::alignTo(rows, e.lanes)), 1, [&](Value r) {
      Value row = e.add(firstRow, r);
      auto [query, head] = queryOfRow(e, task, row);
      Value base = task.pack ? at.ofHead(shared, head) : shared;
      Value address = at.address(base, at.slot(query));
      if (drop) {
        Value end = e.min(e.capture(task.rows), e.add(firstRow, rows));
        address = e.select(e.lt(row, end), address, e.capture(task.dropRow));
      }
      e.store(address, e.gep(table, e.mul(r, 8)), 8);
    });
  });
}

void attn::codegen::cpu::emitKeyRows(Emitter &e, const Task &task, Value view, Value k0, int64_t count,
                                     Value tableAddress, Value seenBytes) {
  e.outline("key_rows", [&] {
    Rows rows(e, task, view, offsetof(attn_request, kv_row));
    Value table = e.capture(tableAddress), first = e.capture(k0);
    Value zeroRow = e.capture(task.zeroRow), kvLen = e.capture(task.kvLen);
    Value base = rows.ofHead(rows.request(task), e.capture(task.g));
    // After `last` comes slot `sink`; without a ring no slot is `last`.
    Value last = e.select(e.ne(rows.ring, e.i64(0)), e.add(rows.sink, rows.ring), e.i64(-1));
    e.loop(e.i64(0), e.i64(count), 1, {rows.slot(first)}, [&](Value j, ValueRange carried) {
      Value valid = e.lt(e.add(first, j), kvLen);
      if (seenBytes) {
        Value seen = e.load(e.getI8Type(), e.gep(e.capture(seenBytes), j));
        valid = e.create<arith::AndIOp>(valid, e.ne(seen, e.intOf(e.getI8Type(), 0)));
      }
      Value address = e.select(valid, rows.address(base, carried[0]), zeroRow);
      e.store(address, e.gep(table, e.mul(j, 8)), 8);
      Value next = e.add(carried[0], 1);
      return Values{e.select(e.eq(next, last), rows.sink, next)};
    });
  });
}
