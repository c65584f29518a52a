//===- VerifyTiled.cpp - The contract between passes and codegen -------------===//
//
// V1.. are the rules in the description of attn-verify-tiled; each has a case in
// test/passes/verify/attn-verify-tiled.mlir.
//===----------------------------------------------------------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/tile/TileDialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace attn::passes {
#define GEN_PASS_DEF_VERIFYTILED
#include "passes/Passes.h.inc"
} // namespace attn::passes

using namespace mlir;
using namespace attn;

namespace {

struct VerifyTiled : passes::impl::VerifyTiledBase<VerifyTiled> {
  void runOnOperation() override {
    if (failed(noPatternCode()) || failed(keyTiles()))
      return signalPassFailure();
    for (auto entry : getOperation().getOps<tile::EntryOp>())
      if (failed(schedule(entry)))
        return signalPassFailure();
  }
  LogicalResult noPatternCode();
  LogicalResult keyTiles();
  LogicalResult schedule(tile::EntryOp entry);
};

/// The names that `kernel` stores through, and those it only reads.
void usedNames(tile::KernelOp kernel, llvm::StringSet<> &stored, llvm::StringSet<> &read) {
  kernel.walk([&](tile::StoreOp store) {
    if (auto view = dyn_cast<BlockArgument>(store.getView()))
      stored.insert(cast<StringAttr>(kernel.getArgs()[view.getArgNumber() - tile::NumLeadingArguments]));
  });
  for (Attribute name : kernel.getArgs())
    if (!stored.contains(cast<StringAttr>(name)))
      read.insert(cast<StringAttr>(name));
}

} // namespace

LogicalResult VerifyTiled::noPatternCode() {
  WalkResult result = getOperation().walk([](Operation *op) {
    if (isa<func::FuncOp, ir::AttendOp, ir::MergeOp, ir::GatedSumOp>(op)) {
      op->emitError("V1: is left in the tiled form; expected declarations only");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult VerifyTiled::keyTiles() {
  WalkResult result = getOperation().walk([](tile::LoadKeysOp load) {
    if (!load->getParentOfType<tile::ForKeysOp>())
      return WalkResult::advance();
    int64_t expected = load->getParentOfType<tile::KernelOp>().getSchedule().getKeys();
    int64_t got = cast<tile::TileType>(load.getTile().getType()).getShape()[0];
    if (got == expected)
      return WalkResult::advance();
    load.emitError("V5: keys of the tile: expected ") << expected << " as in the schedule, got " << got;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult VerifyTiled::schedule(tile::EntryOp entry) {
  llvm::StringSet<> known, outputs, stored;
  auto collect = [](ArrayAttr list, llvm::StringSet<> &names) {
    for (Attribute item : list)
      if (auto name = cast<DictionaryAttr>(item).getAs<StringAttr>("name"))
        names.insert(name);
  };
  collect(entry.getInputs(), known);
  collect(entry.getOutputs(), outputs);
  for (auto pattern : getOperation().getOps<ir::PatternOp>())
    for (Operation &op : pattern.getBody().front())
      if (isa<ir::ParamOp, ir::OperandOp>(op))
        known.insert(cast<SymbolOpInterface>(op).getNameAttr());

  for (auto launch : entry.getBody().getOps<tile::LaunchOp>()) {
    llvm::StringSet<> now;
    Attribute arguments;
    for (Attribute symbol : launch.getForms()) {
      auto kernel = getOperation().lookupSymbol<tile::KernelOp>(cast<SymbolRefAttr>(symbol).getRootReference());
      if (!kernel)
        return launch.emitError("V2: no kernel ") << symbol;
      if (arguments && arguments != kernel.getArgsAttr())
        return launch.emitError("V2: the forms take different arguments: ")
               << arguments << " and " << kernel.getArgsAttr();
      arguments = kernel.getArgsAttr();
      llvm::StringSet<> read;
      usedNames(kernel, now, read);
      for (const auto &name : read) {
        bool temporary = name.getKey().starts_with("%");
        if (temporary && !stored.contains(name.getKey()))
          return launch.emitError("V4: temporary '") << name.getKey() << "' is loaded before it is stored";
        if (!temporary && !known.contains(name.getKey()) && !outputs.contains(name.getKey()))
          return launch.emitError("V3: '") << name.getKey() << "' is no input, output, parameter or operand";
      }
    }
    for (const auto &name : now) {
      if (!name.getKey().starts_with("%") && !outputs.contains(name.getKey()))
        return launch.emitError("V3: '") << name.getKey() << "' is stored but is no output or temporary";
      stored.insert(name.getKey());
    }
  }
  for (const auto &name : outputs)
    if (!stored.contains(name.getKey()))
      return entry.emitError("V6: output '") << name.getKey() << "' is never stored";
  return success();
}
