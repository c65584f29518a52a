//===- Views.h - Tasks, requests and rows in memory -----------------*- C++ -*-===//
//
// The part of a kernel that reads the words of runtime/include/attn/KernelABI.h: which request, head and row tile a
// task is, and where the rows of a view lie. Rows are always reached through a table of row addresses, so that
// contiguous, ragged and ring views need one code.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_VIEWS_H
#define ATTN_CODEGEN_CPU_VIEWS_H

#include "codegen/emit/Task.h"
#include "dialect/tile/TileDialect.h"

namespace attn::codegen::cpu {

/// Less than any position.
constexpr int64_t boxPadding = std::numeric_limits<int32_t>::min();

/// The task being run. All values belong to the kernel function; outlined code captures them.
struct Task : TaskCoordinates {
  Value scratch;
  Value rowCount;  ///< those in the current row tile; not with a scan
  Value dropRow;   ///< a row that may be written and is never read
  Value everyKey;  ///< bytes that say that every key is seen
  Value positions; ///< i32 of every row of the current row tile: its query position
  Value heads;     ///< the same for its query head; only with pack
  // Where tiles are boxes of a grid (Boxes.h), else null:
  Value stored;       ///< byte of every row of the current row tile: 0 for padding, which is not stored
  Value keyPositions; ///< i32 of every key of the current key tile: its position, boxPadding for padding
};

/// Runs `body` for every task of the kernel's range, with the members of `task` up to `rows` set and `row0` given (0
/// with `scan`). Tasks past the rows of their request are
/// skipped, but where tiles are boxes.
void emitTaskLoop(Emitter &e, mlir::func::FuncOp kernel, bool scan, Task &task,
                  llvm::function_ref<void(Value row0)> body);

/// Fills `positions` and `heads` for the row tile at row0. Rows past the last one repeat it.
void emitRowCoordinates(Emitter &e, const Task &task, Value row0);

/// Writes the addresses of `rows` logical rows from row0 of a query-side view (given by the address of its words) to
/// `table`, which is filled up to a multiple of the lanes. Rows past the last one repeat it; with `drop`, they and what
/// fills up are the task's dropRow.
void emitQueryRows(Emitter &e, const Task &task, Value view, Value row0, int64_t rows, Value table, bool drop);

/// Prefetches `count` rows of `bytes` bytes of a query-side view from row `first` on, of query head `head`. Where tiles
/// are boxes, `first` counts the rows of the tile. Rows that do not exist do no harm. Not with pack.
void emitPrefetchRows(Emitter &e, const Task &task, Value view, Value head, Value first, int64_t count, int64_t bytes);

/// Writes the addresses of `count` key rows from position k0 of a key-side view to `table`. Positions past kv_len and
/// keys whose byte in `seen` is 0 have the task's zeroRow. Where tiles are boxes, the keys are those of keyPositions.
void emitKeyRows(Emitter &e, const Task &task, Value view, Value k0, int64_t count, Value table, Value seen);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_VIEWS_H
