//===- Rows.h - Where the rows of a view lie ------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_EMIT_ROWS_H
#define ATTN_CODEGEN_EMIT_ROWS_H

#include "codegen/emit/Task.h"

namespace attn::codegen {

/// The words of one view, loaded into the current function. Formulas: runtime/include/attn/KernelABI.h.
struct Rows {
  Emitter &e;
  Value view, rowStride, sink, ring, first;

  /// `firstRowField`: offset of q_row or kv_row in attn_request.
  Rows(Emitter &e, const TaskCoordinates &task, Value viewWords, size_t firstRowField);

  /// base + b * batch_stride
  Value request(const TaskCoordinates &task);
  /// base + head_of(head) * head_stride
  Value ofHead(Value base, Value head);
  Value slot(Value position);
  Value address(Value base, Value slot) { return e.gep(base, e.mul(e.add(first, slot), rowStride)); }
};

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_ROWS_H
