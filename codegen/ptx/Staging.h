//===- Staging.h - Tiles in shared memory ---------------------------*- C++ -*-===//
//
// Rows of queries, keys and values reach shared memory by cp.async, 16 bytes (a piece) a thread at a time. Tiles are
// arranged such that the eight rows of an 8x8 matrix lie in different banks:
//   Padded     a row is followed by 16 unused bytes, so that every address is a thread's constant plus an immediate
//              offset.
//   Swizzled   panels of 64 columns, one after the other; piece c of a panel's row r lies at 128 r + 16 (c ^ r % 8).
//              The 128-byte swizzle of wgmma; tiles begin at a multiple of 1024 and have a multiple of 8 rows.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_STAGING_H
#define ATTN_CODEGEN_PTX_STAGING_H

#include "codegen/emit/Rows.h"
#include "codegen/ptx/Layout.h"

namespace attn::codegen::ptx {

enum class Arrangement { Padded, Swizzled };

/// A block of `rows` rows of `columns` 16-bit elements at byte `offset` of shared memory.
struct SharedTile {
  Arrangement arrangement = Arrangement::Padded;
  int64_t offset = 0, rows = 0, columns = 0;

  bool swizzled() const { return arrangement == Arrangement::Swizzled; }
  int64_t rowBytes() const { return swizzled() ? 128 : 2 * columns + 16; } ///< between rows
  int64_t panelBytes() const { return 128 * rows; }                        ///< Swizzled: between panels
  int64_t bytes() const { return swizzled() ? llvm::divideCeil(columns, 64) * panelBytes() : rows * rowBytes(); }
  int64_t alignment() const { return swizzled() ? 1024 : 16; }
};

/// A tile in shared memory that can be read: its element type, shape, and address.
struct Operand16 {
  Type element;
  SharedTile tile;
  Value address;
};

/// 16 bytes of a tile: row + moreRows, and piece column + moreColumns of the row. `row` and `column` are i32. Where the
/// tile is swizzled, `column` is below 8 and moreRows a multiple of 8.
struct Piece {
  Value row, column;
  int64_t moreRows = 0, moreColumns = 0;

  Value wholeRow(WarpEmitter &e) const { return e.plus(row, moreRows); }
  /// Bytes of the row before it.
  Value bytes(WarpEmitter &e) const { return e.wide(e.times(e.plus(column, moreColumns), 16)); }
};

/// Runs `body` for every piece of a tile that falls to this thread: code for each, or loops.
void forEachPiece(WarpEmitter &e, const Layout &layout, const SharedTile &tile, bool unroll,
                  llvm::function_ref<void(const Piece &piece)> body);
/// The address of a piece of a tile at `target`.
Value pieceAddress(WarpEmitter &e, const SharedTile &tile, Value target, const Piece &piece);

/// Issues the copies of logical rows row0 .. of the task; rows past the last one repeat it.
void copyQueryRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, Value row0,
                   const SharedTile &tile);

/// Writes a fragment, rounded, to a row tile in shared memory.
void storeFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &target);

/// Key-side rows: loaded once per task, copied tile by tile.
class KeyRows {
public:
  KeyRows(WarpEmitter &e, const TaskCoordinates &task, const Layout &layout, Value view, const SharedTile &shape);

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
