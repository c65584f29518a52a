//===- PhaseBuilder.h - Gathers tile operations into phases ---------*- C++ -*-===//
//
// Takes the tile operations of a block in order. As long as they can be computed in one sweep they join one phase
// (Phase.h); its operands and the results that outlive it get their places when it is emitted.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_PHASEBUILDER_H
#define ATTN_CODEGEN_CPU_PHASEBUILDER_H

#include "codegen/cpu/Tiles.h"

namespace attn::codegen::cpu {

class PhaseBuilder {
public:
  PhaseBuilder(KernelScope &scope, Tiles &tiles) : scope(scope), tiles(tiles) {}

  /// Adds a tile.dot, map, reduce or where. Emits the phase before it if it cannot join.
  mlir::LogicalResult add(mlir::Operation *op);
  /// Emits what was added so far.
  mlir::LogicalResult flush();

private:
  mlir::LogicalResult placeOperands(Phase &phase);
  void placeResults(Phase &phase);

  KernelScope &scope;
  Tiles &tiles;
  std::optional<Phase> phase;
};

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_PHASEBUILDER_H
