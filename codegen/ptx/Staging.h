//===- Staging.h - Tiles in shared memory ---------------------------*- C++ -*-===//
//
// Rows of queries, keys and values reach shared memory by cp.async, 16 bytes a thread at a time. A row is followed by
// 16 unused bytes, so that the eight rows of an 8x8 matrix lie in different banks and every address is a thread's
// constant plus an immediate offset.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_STAGING_H
#define ATTN_CODEGEN_PTX_STAGING_H

#include "codegen/emit/Rows.h"
#include "codegen/ptx/Layout.h"

namespace attn::codegen::ptx {

/// A block of `rows` rows of `columns` 16-bit elements at byte `offset` of shared memory.
struct SharedTile {
  int64_t offset = 0, rows = 0, columns = 0;

  int64_t rowBytes() const { return 2 * columns + 16; }
  int64_t bytes() const { return rows * rowBytes(); }
};

/// Runs `body` for every 16-byte piece of a tile that falls to this thread, with its row and column (in pieces), i32:
/// code for each, or a loop.
void forEachPiece(WarpEmitter &e, const Layout &layout, const SharedTile &tile, bool unroll,
                  llvm::function_ref<void(Value row, Value column)> body);
/// The address of a piece of a tile at `target`.
Value pieceAddress(WarpEmitter &e, const SharedTile &tile, Value target, Value row, Value column);

/// Issues the copies of logical rows row0 .. of the task; rows past the last one repeat it.
void copyQueryRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, Value row0,
                   const SharedTile &tile);

/// Key-side rows: loaded once per task, copied tile by tile.
class KeyRows {
public:
  KeyRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, int64_t rows, int64_t columns);

  /// Issues the copies of positions k0 .. to `target` (an address of shared memory); those past kv_len read as zero.
  void copy(Value k0, Value target);

private:
  WarpEmitter &e;
  const TaskCoordinates &task;
  const Layout &layout;
  const SharedTile shape;
  Rows rows;
  Value base; ///< of row 0 of the KV head, at this thread's bytes
};

/// The query row and head of a logical row (i64), which is clamped to the last one of the task.
std::pair<Value, Value> queryAndHead(WarpEmitter &e, const TaskCoordinates &task, Value row);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_STAGING_H
