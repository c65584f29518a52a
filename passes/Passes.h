//===- Passes.h - From patterns to the tiled form -------------------*- C++ -*-===//
#ifndef ATTN_PASSES_PASSES_H
#define ATTN_PASSES_PASSES_H

#include "dialect/tile/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace attn::passes {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// The part of the pipeline that leaves one attend per launch, in the attn dialect.
void buildLaunchPipeline(mlir::OpPassManager &manager);

/// The order of the passes, from an imported pattern to a verified tiled form for `machine`.
/// Options of the tile sizes in `options` (rows, keys) override the cost model where they are not
/// 0; lanes and cache sizes come from the machine.
void buildTilePipeline(mlir::OpPassManager &manager, const tile::Machine &machine, TileAttentionOptions options = {});

/// Registers the pipeline as `--attn-to-tile`.
void registerPipelines();

} // namespace attn::passes

#endif // ATTN_PASSES_PASSES_H
