//===- Boxes.h - Tiles that are boxes of a token grid ---------------*- C++ -*-===//
//
// In a kernel whose schedule has a grid (dialect/mask/TokenGrid.h), rows and keys of a tile are the positions of a box.
// They are written to tables, once per tile, which everything that would otherwise count up from row0 or k0 reads:
// coordinates, row addresses, rotations. The data stays where it is.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_BOXES_H
#define ATTN_CODEGEN_CPU_BOXES_H

#include "codegen/cpu/Scope.h"
#include "dialect/mask/TokenGrid.h"

namespace attn::codegen::cpu {

class Boxes {
public:
  explicit Boxes(KernelScope &scope);
  /// True if the kernel has a grid; only then the rest may be called.
  explicit operator bool() const { return grid.has_value(); }
  const mask::TokenGrid &tokenGrid() const { return *grid; }

  /// Fills `positions` and `stored` of the task for the row tile at row0. Padding repeats a row of the box. Gives whether
  /// there is a row at all.
  Value emitRows(Value row0);
  /// Fills `keyPositions` of the task for the key tile at k0.
  void emitKeys(Value k0);
  /// The k0 behind the last key tile.
  Value keyEnd();

private:
  Values layout(mask::Side side, Value number);
  void emitPositions(mask::Side side, Value number, Value table);

  KernelScope &scope;
  Emitter &e;
  std::optional<mask::TokenGrid> grid;
};

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_BOXES_H
