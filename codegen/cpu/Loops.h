//===- Loops.h - Loops over keys and rows ---------------------------*- C++ -*-===//
//
// tile.for_keys runs the range program of its mask and, per range, its full or its partial region; tile.for_rows runs
// over the row tiles of the request. The tiles that a loop carries live in slots, one place each.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_LOOPS_H
#define ATTN_CODEGEN_CPU_LOOPS_H

#include "codegen/cpu/Boxes.h"
#include "codegen/cpu/PhaseBuilder.h"

namespace attn::codegen::cpu {

class Loops {
public:
  using LowerBlock = std::function<mlir::LogicalResult(mlir::Block &)>;
  Loops(KernelScope &scope, Tiles &tiles, PhaseBuilder &phases, Boxes &boxes, LowerBlock lowerBlock)
      : scope(scope), e(scope.e), tiles(tiles), phases(phases), boxes(boxes), lowerBlock(std::move(lowerBlock)) {}
  /// The first logical row of the task.
  void setRow0(Value value) { row0 = value; }

  mlir::LogicalResult forKeys(tile::ForKeysOp op);
  mlir::LogicalResult forRows(tile::ForRowsOp op);

private:
  mlir::LogicalResult keyTiles(mlir::Region &region, llvm::ArrayRef<Slot> slots, Value from, Value to);
  /// A share of the query-side rows that are needed next: of the outputs, and of the next task's queries.
  void prefetchRows(Value k0);
  mlir::LogicalResult body(mlir::Region &region, llvm::ArrayRef<Slot> slots);
  /// Places for `results`, set to `inits`; `region` is the body of the loop.
  llvm::SmallVector<Slot> openSlots(mlir::Region &region, ValueRange inits, ValueRange results);
  /// Elements of a tile in its form.
  int64_t sizeOf(Value tile, bool byRows);
  void yield(mlir::Operation *terminator, llvm::ArrayRef<Slot> slots);
  /// (any, all, next) of the tiles from key k0 on, by the mask of the loop.
  mlir::FailureOr<Values> rangeCode(tile::ForKeysOp op, Value k0);

  KernelScope &scope;
  Emitter &e;
  Tiles &tiles;
  PhaseBuilder &phases;
  Boxes &boxes;
  Value row0;
  LowerBlock lowerBlock;
};

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_LOOPS_H
