//===- SimplifyMasks.cpp - Canonical masks ----------------------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Simplify.h"
#include "passes/Passes.h"
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"

namespace attn::passes {
#define GEN_PASS_DEF_SIMPLIFYMASKS
#include "passes/Passes.h.inc"
} // namespace attn::passes

using namespace mlir;

namespace {
struct SimplifyMasks : attn::passes::impl::SimplifyMasksBase<SimplifyMasks> {
  void runOnOperation() override {
    auto simplify = [&](Region &region) {
      if (region.empty())
        return WalkResult::advance();
      auto value = attn::passes::regionToExpr(region);
      if (failed(value))
        return WalkResult::interrupt();
      attn::passes::setExpression(region, attn::passes::coordinateTypes(&getContext()),
                                  attn::mask::canonicalize(*value), region.getLoc());
      return WalkResult::advance();
    };
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (auto map = dyn_cast<attn::ir::KernelMapOp>(op)) {
        if (simplify(map.getMask()).wasInterrupted())
          return WalkResult::interrupt();
        return simplify(map.getWhich());
      }
      if (auto entry = dyn_cast<attn::ir::ClassOp>(op))
        return simplify(entry.getRule());
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
