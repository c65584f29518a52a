//===- Pipelines.cpp - The order of the passes ------------------------------===//
//
// The only place that states order.
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

void attn::passes::buildLaunchPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createSimplifyMasks());
  manager.addPass(createSplitPartitions());
  manager.addPass(createFuseKernelMaps());
}

void attn::passes::buildTilePipeline(mlir::OpPassManager &manager, const tile::Machine &machine,
                                     TileAttentionOptions options) {
  options.lanes = machine.lanes;
  options.l2Bytes = machine.l2Bytes;
  options.tensorCores = machine.tensorCores;
  buildLaunchPipeline(manager);
  manager.addPass(createTileAttention(options));
  manager.addPass(createVerifyTiled());
}

void attn::passes::registerPipelines() {
  mlir::PassPipelineRegistration<>("attn-to-tile", "From a pattern to the verified tiled form",
                                   [](mlir::OpPassManager &manager) {
                                     tile::Machine machine;
                                     machine.lanes = 16;
                                     buildTilePipeline(manager, machine);
                                   });
}
