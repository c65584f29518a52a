//===- PhaseBuilder.cpp - Gathers tile operations into phases --------------===//
#include "codegen/cpu/PhaseBuilder.h"

#include "codegen/cpu/ChannelDot.h"
#include "codegen/cpu/Pairs.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

LogicalResult PhaseBuilder::add(Operation *op) {
  if (auto dot = dyn_cast<tile::DotOp>(op); dot && channelForm(scope.task, dot) != ChannelForm::None)
    return failed(flush()) ? failure() : lowerChannelDot(scope, tiles, dot);
  if (phase && !phase->join(op) && failed(flush()))
    return failure();
  if (!phase) {
    phase.emplace();
    phase->join(op);
  }
  if (auto where = dyn_cast<tile::WhereOp>(op)) {
    auto loop = where->getParentOfType<tile::ForKeysOp>();
    phase->visible = &loop.getVisible();
    phase->k0 = scope.scalar(where->getParentRegion()->getArgument(0));
  }
  return success();
}

LogicalResult PhaseBuilder::flush() {
  if (!phase)
    return success();
  Phase p = std::move(*phase);
  phase.reset();
  for (Operation *op : p.ops)
    tiles.markDone(op);
  if (failed(placeOperands(p)))
    return failure();
  placeResults(p);
  if (p.visible)
    p.seen = tiles.claimSeen();
  LogicalResult result = emitPhase(scope.e, scope.around, p);
  tiles.releaseDead();
  return result;
}

LogicalResult PhaseBuilder::placeOperands(Phase &p) {
  for (Operation *op : p.ops) {
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      Operation *producer = value.getDefiningOp();
      if (!isa<tile::TileType>(value.getType()) || (producer && p.contains(producer)))
        continue;
      bool isLeft = op == p.dot && operand.getOperandNumber() == 0;
      bool isRight = op == p.dot && operand.getOperandNumber() == 1;
      if (auto constant = tiles.constantOf(value); constant && !isLeft && !isRight) {
        p.constants[value] = *constant;
        continue;
      }
      auto source = tiles.formFor(operand);
      if (failed(source))
        return failure();
      if (isLeft)
        p.a = *source;
      else if (isRight)
        p.b = *source;
      else
        p.places[value] = source->place;
    }
  }
  return success();
}

/// How the operations outside the phase read a result of it.
static std::pair<bool, bool> outsideReads(const Emitter &e, Value value, const Phase &p) {
  bool asLanes = false, asPairs = false;
  for (OpOperand &use : value.getUses()) {
    auto dot = dyn_cast<tile::DotOp>(use.getOwner());
    if (!p.contains(use.getOwner()))
      (dot && use.getOperandNumber() == 0 && isDotOfPairs(e, dot) ? asPairs : asLanes) = true;
  }
  return {asLanes, asPairs};
}

void PhaseBuilder::placeResults(Phase &p) {
  auto [block, slots] = tiles.position();
  Operation *terminator = block->getTerminator();
  llvm::DenseSet<Value> taken;
  // A result may replace `old` if the phase is the last to read it, element by element.
  auto replaceable = [&](Value old, Value result) {
    if (shapeOf(old) != shapeOf(result) || taken.contains(old) || !tiles.isDead(old))
      return false;
    return !p.dot || (old != p.dot.getA() && old != p.dot.getB());
  };
  auto takeOver = [&](Value result, bool byRows) -> Place {
    for (Operation *op : p.ops)
      for (Value old : op->getOperands())
        if (isa<tile::TileType>(old.getType()) && replaceable(old, result))
          if (Place place = tiles.takeOver(old, result, byRows)) {
            taken.insert(old);
            return place;
          }
    return {};
  };
  for (Operation *op : p.ops) {
    Value result = op->getResult(0);
    auto [asLanes, asPairs] = outsideReads(scope.e, result, p);
    bool byRows = p.byRows && shapeOf(result).size() == 2;
    Place place;
    for (auto [i, slot] : llvm::enumerate(slots)) {
      Value old = block->getArgument(i + 1);
      if (!byRows && asLanes && !slot.byRows && terminator->getOperand(i) == result && replaceable(old, result)) {
        place = slot.place;
        taken.insert(old);
        break;
      }
    }
    if (asLanes) {
      if (!place)
        place = takeOver(result, byRows);
      if (!place)
        place = byRows ? tiles.allocate(result, shapeOf(result)[1], shapeOf(result)[0])
                       : tiles.allocate(result, shapeOf(result)[0], columnsOf(result));
      tiles.bindPlace(result, place, byRows);
      p.places[result] = place;
    }
    if (asPairs) {
      place = takeOver(result, /*byRows=*/false);
      if (!place)
        place = tiles.allocate(result, shapeOf(result)[0], shapeOf(result)[1] / 2);
      place.pairs = true;
      tiles.bindPlace(result, place);
      p.pairs[result] = place;
    }
  }
}
