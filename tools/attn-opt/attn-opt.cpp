//===- attn-opt.cpp - Run any attn pass on IR by hand ----------------------===//
#include "codegen/cpu/CPU.h"
#include "dialect/attn/AttnDialect.h"
#include "dialect/tile/TileDialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

/// The whole way from a pattern to vector code for this machine.
static void buildCPUPipeline(mlir::OpPassManager &manager) {
  attn::passes::buildTilePipeline(manager, *attn::codegen::cpu::describe("host"));
  if (failed(mlir::parsePassPipeline("attn-tile-to-cpu", manager)))
    llvm::report_fatal_error("attn-tile-to-cpu is not registered");
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                  attn::ir::AttnDialect, attn::tile::TileDialect>();
  attn::codegen::cpu::registerDialects(registry);
  attn::codegen::cpu::registerPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  attn::passes::registerAttnPasses();
  attn::passes::registerPipelines();
  mlir::PassPipelineRegistration<>("attn-to-cpu", "From a pattern to vector code for this machine", buildCPUPipeline);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "attn optimizer driver\n", registry));
}
