//===- FuseKernelMaps.cpp - One kernel map per attend -----------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Simplify.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"

namespace attn::passes {
#define GEN_PASS_DEF_FUSEKERNELMAPS
#include "passes/Passes.h.inc"
} // namespace attn::passes

using namespace mlir;
using attn::ir::AttendOp;
using attn::ir::KernelMapOp;
using attn::mask::Expr;

namespace {

/// One kernel map as expressions. `applies` already excludes the earlier maps.
struct MapExprs {
  Expr applies, mask, score, decay, which;
};

struct FuseKernelMaps : attn::passes::impl::FuseKernelMapsBase<FuseKernelMaps> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk(
        [&](AttendOp attend) { return failed(fuse(attend)) ? WalkResult::interrupt() : WalkResult::skip(); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
  LogicalResult fuse(AttendOp attend);
};

/// The value of the first map that applies, as a chain of selects; one expression if all maps
/// agree.
Expr firstMatch(ArrayRef<MapExprs> maps, Expr MapExprs::*member) {
  Expr result = maps.back().*member;
  for (const MapExprs &map : llvm::reverse(maps.drop_back()))
    if (map.*member != result)
      result = Expr::make(attn::mask::Op::Select, {map.applies, map.*member, result});
  return result;
}

FailureOr<SmallVector<MapExprs>> collect(AttendOp attend) {
  SmallVector<MapExprs> maps;
  Expr earlier = Expr::boolean(false);
  auto optional = [](Region &region, Expr otherwise) -> FailureOr<Expr> {
    return region.empty() ? FailureOr<Expr>(otherwise) : attn::passes::regionToExpr(region);
  };
  Expr rawScore = Expr::symbol("s", attn::mask::Type::Float);
  for (auto map : attend.getMaps().getOps<KernelMapOp>()) {
    auto condition = attn::passes::mapCondition(map);
    auto mask = attn::passes::regionToExpr(map.getMask());
    auto score = optional(map.getScore(), rawScore);
    auto decay = optional(map.getDecay(), Expr::real(1.0));
    auto which = optional(map.getWhich(), Expr::integer(map.getCache()));
    auto resident = attn::passes::residentPositions(attend, map.getCache());
    if (failed(condition) || failed(mask) || failed(score) || failed(decay) || failed(which) || failed(resident))
      return failure();
    maps.push_back({attn::mask::canonicalize(*condition && !earlier), *mask && *resident, *score, *decay, *which});
    earlier = earlier || *condition;
  }
  return maps;
}

} // namespace

LogicalResult FuseKernelMaps::fuse(AttendOp attend) {
  auto all = attend.getMaps().getOps<KernelMapOp>();
  KernelMapOp first = *all.begin();
  for (KernelMapOp map : all) {
    if (map.getWeight() != first.getWeight())
      return map.emitError("classes with different weights in one attend are not supported: ")
             << first.getWeight() << " and " << map.getWeight();
    if (map.getZeroValue() != first.getZeroValue())
      return map.emitError("classes with and without values in one attend; run --attn-split-partitions first");
    if (map.getRopeAttr() != first.getRopeAttr())
      return map.emitError("classes with different load transforms in one attend are not supported");
  }
  auto maps = collect(attend);
  if (failed(maps))
    return failure();
  Expr visible = Expr::boolean(false);
  for (const MapExprs &map : *maps)
    visible = visible || (map.applies && map.mask);
  visible = attn::mask::canonicalize(visible);
  Expr which = attn::mask::canonicalize(firstMatch(*maps, &MapExprs::which));
  for (const char *coordinate : {"h", "q", "k"})
    if (which.uses(coordinate))
      return attend.emitError("the cache may depend on b, g and l only; here it depends on ") << coordinate;
  Expr score = firstMatch(*maps, &MapExprs::score), decay = firstMatch(*maps, &MapExprs::decay);

  for (KernelMapOp map : llvm::make_early_inc_range(all))
    if (map != first)
      map.erase();
  first.removeClassesAttr();
  auto types = attn::passes::coordinateTypes(&getContext());
  attn::passes::setExpression(first.getMask(), types, visible, first.getLoc());
  if (score != Expr::symbol("s", attn::mask::Type::Float))
    attn::passes::setExpression(first.getScore(),
                                attn::passes::coordinateTypes(&getContext(), Float32Type::get(&getContext())), score,
                                first.getLoc());
  if (!first.getDecay().empty())
    attn::passes::setExpression(first.getDecay(), types, decay, first.getLoc());
  if (which.isConst())
    first.setCache(which.intValue());
  else
    attn::passes::setExpression(first.getWhich(), types, which, first.getLoc());
  return success();
}
