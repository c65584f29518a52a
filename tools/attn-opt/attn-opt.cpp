//===- attn-opt.cpp - Run any attn pass on IR by hand ----------------------===//
#include "codegen/cpu/CPU.h"
#include "dialect/attn/AttnDialect.h"
#include "dialect/tile/TileDialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

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
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "attn optimizer driver\n", registry));
}
