//===- TileToCPU.cpp - The pass --attn-tile-to-cpu -------------------------===//
#include "codegen/cpu/CPU.h"

#include "dialect/tile/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace attn::codegen::cpu {
#define GEN_PASS_DECL
#define GEN_PASS_DEF_TILETOCPU
#define GEN_PASS_REGISTRATION
#include "codegen/cpu/Passes.h.inc"
} // namespace attn::codegen::cpu

using namespace mlir;
using namespace attn::codegen;

namespace {
struct TileToCPU : cpu::impl::TileToCPUBase<TileToCPU> {
  using TileToCPUBase::TileToCPUBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine = cpu::describe(isa);
    if (failed(machine)) {
      module.emitError("there is no ISA '") << isa << "'";
      return signalPassFailure();
    }
    auto lowered = cpu::lowerTileKernels(module, *machine);
    if (!lowered)
      return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (mlir::isa<attn::tile::EntryOp, attn::tile::KernelOp>(op))
        op.erase();
    module.getBody()->getOperations().splice(module.getBody()->end(), lowered->getBody()->getOperations());
  }
};
} // namespace

void cpu::registerPasses() { registerTileToCPU(); }
