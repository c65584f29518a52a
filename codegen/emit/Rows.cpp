//===- Rows.cpp - Where the rows of a view lie -----------------------------===//
#include "codegen/emit/Rows.h"

#include "attn/KernelABI.h"

using namespace mlir;
using namespace attn::codegen;

Rows::Rows(Emitter &e, const TaskCoordinates &task, Value viewWords, size_t firstRowField)
    : e(e), view(e.capture(viewWords)) {
  rowStride = e.word(view, ATTN_VIEW_ROW_STRIDE);
  sink = e.word(view, ATTN_VIEW_SINK);
  ring = e.word(view, ATTN_VIEW_RING);
  first = e.load(e.getI64Type(), e.gep(e.capture(task.request), static_cast<int64_t>(firstRowField)), 8);
}

Value Rows::request(const TaskCoordinates &task) {
  Value base = e.load(e.ptr(), e.gep(view, ATTN_VIEW_BASE * 8), 8);
  return e.gep(base, e.mul(e.capture(task.b), e.word(view, ATTN_VIEW_BATCH_STRIDE)));
}

Value Rows::ofHead(Value base, Value head) {
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
Value Rows::slot(Value position) {
  Value past = e.sub(position, sink);
  Value wraps = e.createOrFold<arith::AndIOp>(e.ne(ring, e.i64(0)), e.cmp(arith::CmpIPredicate::sge, past, e.i64(0)));
  return e.choose(
      wraps, e.getI64Type(), [&] { return e.add(sink, e.createOrFold<arith::RemSIOp>(past, ring)); },
      [&] { return position; });
}
