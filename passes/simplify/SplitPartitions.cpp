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
using attn::ir::MergeOp;
using attn::ir::PartitionOp;

namespace {

struct SplitPartitions : attn::passes::impl::SplitPartitionsBase<SplitPartitions> {
  void runOnOperation() override {
    SmallVector<AttendOp> attends;
    getOperation().walk([&](AttendOp attend) { attends.push_back(attend); });
    for (AttendOp attend : attends)
      if (failed(split(attend)))
        return signalPassFailure();
    getOperation().walk([&](MergeOp merge) { flatten(merge); });
  }

  LogicalResult split(AttendOp attend);
  LogicalResult collectParts(AttendOp attend, SmallVector<AttendOp> &parts);
  void keepValues(AttendOp part, bool zero);
  void flatten(MergeOp merge);
  LogicalResult restrictTo(AttendOp part, PartitionOp partition, SymbolRefAttr keyClass);

  SmallVector<AttendOp> erased; ///< those that have been split, to be erased with their last use
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

/// Hides the keys of the maps whose values are read, or of those whose values are zero.
void SplitPartitions::keepValues(AttendOp part, bool zero) {
  for (auto map : part.getMaps().getOps<KernelMapOp>()) {
    if (map.getZeroValue() != zero)
      attn::passes::setExpression(map.getMask(), attn::passes::coordinateTypes(&getContext()),
                                  attn::mask::Expr::boolean(false), map.getLoc());
    map.setZeroValue(zero);
  }
}

/// Appends the attends that `attend` consists of: each over one class of keys, with one kind of values. All but the
/// first are new; that one is `attend` itself where nothing is to be split.
LogicalResult SplitPartitions::collectParts(AttendOp attend, SmallVector<AttendOp> &parts) {
  auto maps = attend.getMaps().getOps<KernelMapOp>();
  PartitionOp partition = keyPartition(attend);
  bool someZero = llvm::any_of(maps, [](KernelMapOp map) { return map.getZeroValue(); });
  bool allZero = llvm::all_of(maps, [](KernelMapOp map) { return map.getZeroValue(); });
  if (!partition && someZero == allZero) {
    parts.push_back(attend);
    return success();
  }
  for (auto map : maps)
    if (!isa<attn::ir::SoftmaxAttr>(map.getWeight()))
      return map.emitError("key classes are joined by their log-sum-exp, which the weight ")
             << map.getWeight() << " does not have; expected #attn.softmax";
  OpBuilder builder(attend);
  auto partType =
      RankedTensorType::get(cast<RankedTensorType>(attend.getOut().getType()).getShape(), builder.getF32Type());
  bool isFirst = true;
  auto part = [&] {
    auto clone = cast<AttendOp>(builder.clone(*attend));
    clone.getOut().setType(partType);
    // A learned sink logit is folded in exactly once: by the first part.
    if (!std::exchange(isFirst, false))
      for (auto map : clone.getMaps().getOps<KernelMapOp>())
        map.setWeightAttr(attn::ir::SoftmaxAttr::get(&getContext(), {}));
    return clone;
  };
  if (partition) {
    for (auto entry : partition.getBody().getOps<attn::ir::ClassOp>()) {
      auto reference = SymbolRefAttr::get(partition.getSymNameAttr(), FlatSymbolRefAttr::get(entry.getSymNameAttr()));
      AttendOp ofClass = part();
      if (failed(restrictTo(ofClass, partition, reference)) || failed(collectParts(ofClass, parts)))
        return failure();
    }
  } else {
    for (bool zero : {false, true}) {
      parts.push_back(part());
      keepValues(parts.back(), zero);
    }
  }
  if (!llvm::is_contained(parts, attend))
    erased.push_back(attend);
  return success();
}

LogicalResult SplitPartitions::split(AttendOp attend) {
  SmallVector<AttendOp> parts;
  if (failed(collectParts(attend, parts)))
    return failure();
  auto isZero = [](AttendOp part) { return (*part.getMaps().getOps<KernelMapOp>().begin()).getZeroValue(); };
  if (parts.size() > 1 || isZero(parts[0])) {
    SmallVector<Value> outs, lses;
    for (bool zero : {false, true}) // a merge takes the lses without outs last
      for (AttendOp part : parts)
        if (isZero(part) == zero) {
          lses.push_back(part.getLse());
          if (!zero && !attend.getOut().use_empty())
            outs.push_back(part.getOut());
        }
    OpBuilder builder(attend);
    builder.setInsertionPointAfter(parts.back());
    auto merge =
        builder.create<MergeOp>(attend.getLoc(), attend.getOut().getType(), attend.getLse().getType(), outs, lses);
    attend.getOut().replaceAllUsesWith(merge.getOut());
    attend.getLse().replaceUsesWithIf(merge.getLse(), [&](OpOperand &use) { return use.getOwner() != merge; });
  }
  for (AttendOp whole : llvm::reverse(erased))
    whole.erase();
  erased.clear();
  return success();
}

/// Merges the inputs of the merges that `merge` alone uses in its place: one launch instead of two.
void SplitPartitions::flatten(MergeOp merge) {
  SmallVector<Value> outs, lses, lsesOfZero;
  SmallVector<MergeOp> absorbed;
  for (auto [index, lse] : llvm::enumerate(merge.getLses())) {
    bool isPart = index < merge.getOuts().size();
    auto inner = lse.getDefiningOp<MergeOp>();
    bool alone = isPart && inner && inner.getOut() == merge.getOuts()[index] && inner.getOut().hasOneUse() &&
                 inner.getLse().hasOneUse();
    if (alone) {
      absorbed.push_back(inner);
      llvm::append_range(outs, inner.getOuts());
      llvm::append_range(lses, inner.getLses().take_front(inner.getOuts().size()));
      llvm::append_range(lsesOfZero, inner.getLses().drop_front(inner.getOuts().size()));
    } else {
      if (isPart)
        outs.push_back(merge.getOuts()[index]);
      (isPart ? lses : lsesOfZero).push_back(lse);
    }
  }
  llvm::append_range(lses, lsesOfZero);
  merge.getOutsMutable().assign(outs);
  merge.getLsesMutable().assign(lses);
  for (MergeOp inner : absorbed)
    inner.erase();
}
