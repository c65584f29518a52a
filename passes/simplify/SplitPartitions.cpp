//===- SplitPartitions.cpp - One attend per key class -----------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Simplify.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"

namespace attn::passes {
#define GEN_PASS_DEF_SPLITPARTITIONS
#include "passes/Passes.h.inc"
} // namespace attn::passes

using namespace mlir;
using attn::ir::AttendOp;
using attn::ir::KernelMapOp;
using attn::ir::PartitionOp;

namespace {

struct SplitPartitions : attn::passes::impl::SplitPartitionsBase<SplitPartitions> {
  void runOnOperation() override {
    SmallVector<AttendOp> attends;
    getOperation().walk([&](AttendOp attend) { attends.push_back(attend); });
    for (AttendOp attend : attends)
      if (failed(split(attend)))
        return signalPassFailure();
  }

  LogicalResult split(AttendOp attend);
  LogicalResult restrictTo(AttendOp part, PartitionOp partition, SymbolRefAttr keyClass);
};

/// The partition of the key axis that some kernel map of `attend` names, if any.
PartitionOp keyPartition(AttendOp attend) {
  for (auto map : attend.getMaps().getOps<KernelMapOp>())
    for (auto reference : map.getClasses().value_or(ArrayAttr::get(map.getContext(), {})))
      if (PartitionOp partition = attn::passes::partitionOf(map, cast<SymbolRefAttr>(reference)))
        if (partition.getAxis() == attn::ir::Axis::Key)
          return partition;
  return nullptr;
}

} // namespace

/// Keeps the kernel maps of `part` that can apply to keys of `keyClass`, without that class, their
/// masks restricted to it. Maps after the first one left without classes can never match and go.
LogicalResult SplitPartitions::restrictTo(AttendOp part, PartitionOp partition, SymbolRefAttr keyClass) {
  auto inClass = attn::passes::classCondition(part, keyClass);
  if (failed(inClass))
    return failure();
  bool closed = false;
  for (auto map : llvm::make_early_inc_range(part.getMaps().getOps<KernelMapOp>())) {
    SmallVector<Attribute> others;
    bool applies = !closed;
    for (auto reference : map.getClasses().value_or(ArrayAttr::get(map.getContext(), {}))) {
      if (attn::passes::partitionOf(map, cast<SymbolRefAttr>(reference)) != partition)
        others.push_back(reference);
      else if (reference != keyClass)
        applies = false;
    }
    if (!applies) {
      map.erase();
      continue;
    }
    closed = others.empty();
    if (others.empty())
      map.removeClassesAttr();
    else
      map.setClassesAttr(ArrayAttr::get(map.getContext(), others));
    auto mask = attn::passes::regionToExpr(map.getMask());
    if (failed(mask))
      return failure();
    attn::passes::setExpression(map.getMask(), attn::passes::coordinateTypes(&getContext()),
                                attn::mask::canonicalize(*mask && *inClass), map.getLoc());
  }
  return success();
}

LogicalResult SplitPartitions::split(AttendOp attend) {
  PartitionOp partition = keyPartition(attend);
  if (!partition)
    return success();
  for (auto map : attend.getMaps().getOps<KernelMapOp>())
    if (!isa<attn::ir::SoftmaxAttr>(map.getWeight()))
      return map.emitError("key classes are joined by their log-sum-exp, which the weight ")
             << map.getWeight() << " does not have; expected #attn.softmax";
  OpBuilder builder(attend);
  auto outType = cast<RankedTensorType>(attend.getOut().getType());
  auto partType = RankedTensorType::get(outType.getShape(), builder.getF32Type());
  SmallVector<Value> outs, lses;
  for (auto entry : partition.getBody().getOps<attn::ir::ClassOp>()) {
    auto reference = SymbolRefAttr::get(partition.getSymNameAttr(), FlatSymbolRefAttr::get(entry.getSymNameAttr()));
    auto part = cast<AttendOp>(builder.clone(*attend));
    part.getOut().setType(partType);
    if (failed(restrictTo(part, partition, reference)))
      return failure();
    // A learned sink logit is folded in exactly once: by the first part.
    if (!outs.empty())
      for (auto map : part.getMaps().getOps<KernelMapOp>())
        map.setWeightAttr(attn::ir::SoftmaxAttr::get(&getContext(), {}));
    outs.push_back(part.getOut());
    lses.push_back(part.getLse());
  }
  auto merge = builder.create<attn::ir::MergeOp>(attend.getLoc(), attend.getOut().getType(), attend.getLse().getType(),
                                                 outs, lses);
  attend.replaceAllUsesWith(merge.getResults());
  attend.erase();
  if (keyPartition(cast<AttendOp>(outs[0].getDefiningOp())))
    for (Value out : outs)
      if (failed(split(cast<AttendOp>(out.getDefiningOp()))))
        return failure();
  return success();
}
