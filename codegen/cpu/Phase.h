//===- Phase.h - One sweep over a tile ------------------------------*- C++ -*-===//
//
// A phase computes a group of tile operations in one sweep, as one outlined function: for every block of row vectors, a
// prologue on row vectors, then the columns, a register tile at a time: an optional dot, elementwise operations and
// reductions of the same shape; then an epilogue on row vectors. Values that only the phase uses stay in registers.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_PHASE_H
#define ATTN_CODEGEN_CPU_PHASE_H

#include "codegen/cpu/Dot.h"
#include "codegen/emit/Expressions.h"

namespace attn::codegen::cpu {

struct Phase {
  int64_t lanesCount = 0; ///< extent along the lanes
  int64_t columns = 0;    ///< extent along the columns; 0: row vectors only
  bool byRows = false;    ///< the lanes are the columns of the tiles (maps with key_rows)
  tile::DotOp dot;        ///< or null; the first of `ops`
  llvm::SmallVector<mlir::Operation *> ops;

  /// Places of operands from outside and of results that are used outside.
  llvm::DenseMap<Value, Place> places;
  llvm::DenseMap<Value, Place> pairs;      ///< of results that dots of pairs read
  llvm::DenseMap<Value, double> constants; ///< operands that are fills
  DotSource a, b;
  mlir::Region *visible = nullptr; ///< of the loop around, where `where` or `seen` needs it
  Value k0;                        ///< first key of the columns, for `visible` (a value of the kernel function)
  Value seen;                      ///< bytes per key to set where a row of the tile sees it, or null

  bool contains(mlir::Operation *op) const { return llvm::is_contained(ops, op); }
  /// Adds `op` if it can be computed in this sweep; else false. `Value`s of `late` are known after the columns only.
  bool join(mlir::Operation *op);

private:
  llvm::DenseSet<Value> late;
  friend class PhaseEmitter;
};

/// Emits the phase as a call of an outlined function. Failure comes with an error at an operation.
mlir::LogicalResult emitPhase(Emitter &e, const Surroundings &around, Phase &phase);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_PHASE_H
