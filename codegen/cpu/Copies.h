//===- Copies.h - Tiles between memory and their layouts ------------*- C++ -*-===//
//
// Layouts of an fp32 tile in scratch memory, both with a leading dimension `ld` in elements, a multiple of the lanes:
//   by rows   [row][column], as in memory: for keys and values, which dots read one row at a time;
//   by lanes  [column][row]: for what belongs to query rows, a vector being one column of `lanes` rows.
// Rows in the caller's memory are given by a table of row addresses.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_COPIES_H
#define ATTN_CODEGEN_CPU_COPIES_H

#include "codegen/cpu/Views.h"

namespace attn::codegen::cpu {

/// fp32 rows: addresses in a table, or a block by rows.
struct RowSource {
  Value table; ///< null: a block
  Value block;
  int64_t ld = 0; ///< of the block
};

/// A rotation of channel pairs by position: RoPE tables (addresses of their ABI words) and the positions of the rows.
struct Rotation {
  Value cos, sin;
  Type element; ///< of the tables
  bool interleaved = false;
  Value positions; ///< i32 per row, or null:
  Value first;     ///< position of row 0, the others follow
};

/// Copies rows of `columns` elements of type `element` to a block by rows, as fp32: rotated, then scaled (where given).
/// The row `next` places further on in the table is prefetched, if that is not 0.
void emitConvertRows(Emitter &e, Value table, Type element, int64_t rows, int64_t next, int64_t columns, Value block,
                     int64_t ld, const Rotation *rotation, Value scale);

/// Copies `rows` rows (a multiple of the lanes) to a tile by lanes, scaled where `scale` is given; else bit by bit, so
/// that the elements may be anything of 4 bytes.
void emitRowsToLanes(Emitter &e, RowSource source, int64_t rows, int64_t columns, Value tile, int64_t ld, Value scale);

/// Copies a tile by lanes to rows of type `element`, given by a table, or (table null) to an fp32 block by rows.
void emitLanesToRows(Emitter &e, Value tile, int64_t ld, int64_t rows, int64_t columns, RowSource target, Type element);

/// Row vectors: element r of `vector` and the single element of row r.
void emitLoadVector(Emitter &e, Value table, Type element, int64_t rows, Value vector, Value scale);
void emitStoreVector(Emitter &e, Value vector, int64_t rows, Value table, Type element);

/// Sets or copies `count` floats, a multiple of the lanes.
void emitFill(Emitter &e, Value target, int64_t count, double value);
void emitCopy(Emitter &e, Value target, Value source, int64_t count);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_COPIES_H
