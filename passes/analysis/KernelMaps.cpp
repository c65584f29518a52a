//===- KernelMaps.cpp - Conditions of classes and kernel maps ---------------===//
#include "passes/analysis/KernelMaps.h"

#include "dialect/attn/ExprToRegion.h"
#include "mlir/IR/Builders.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using attn::mask::Expr;

attn::ir::PartitionOp attn::passes::partitionOf(Operation *from, SymbolRefAttr reference) {
  auto pattern = from->getParentOfType<ir::PatternOp>();
  return pattern ? dyn_cast_or_null<ir::PartitionOp>(SymbolTable::lookupSymbolIn(pattern, reference.getRootReference()))
                 : nullptr;
}

FailureOr<Expr> attn::passes::classCondition(Operation *from, SymbolRefAttr reference) {
  ir::PartitionOp partition = partitionOf(from, reference);
  if (!partition)
    return from->emitError("no partition ") << reference.getRootReference() << " in this pattern";
  std::vector<Expr> terms; // not any earlier rule
  for (auto entry : partition.getBody().getOps<ir::ClassOp>()) {
    bool found = entry.getSymName() == reference.getLeafReference();
    if (entry.getRule().empty()) {
      if (!found)
        break;
      return terms.size() == 1 ? terms[0] : Expr::make(mask::Op::And, std::move(terms));
    }
    auto rule = regionToExpr(entry.getRule());
    if (failed(rule))
      return failure();
    terms.push_back(found ? *rule : !*rule);
    if (found)
      return terms.size() == 1 ? terms[0] : Expr::make(mask::Op::And, std::move(terms));
  }
  return from->emitError("no class ") << reference << " in this pattern";
}

FailureOr<Expr> attn::passes::mapCondition(ir::KernelMapOp map) {
  Expr condition;
  for (Attribute reference : map.getClasses().value_or(ArrayAttr::get(map.getContext(), {}))) {
    auto one = classCondition(map, cast<SymbolRefAttr>(reference));
    if (failed(one))
      return failure();
    condition = condition ? (condition && *one) : *one;
  }
  return condition ? condition : Expr::boolean(true);
}

/// The declaration of cache `index` of the attend; null if it has none.
static attn::ir::CacheOp cacheOf(attn::ir::AttendOp attend, int64_t index) {
  auto caches = attend.getCaches();
  auto pattern = attend->getParentOfType<attn::ir::PatternOp>();
  if (!caches || !pattern)
    return nullptr;
  auto reference = cast<SymbolRefAttr>((*caches)[index]);
  return dyn_cast_or_null<attn::ir::CacheOp>(SymbolTable::lookupSymbolIn(pattern, reference.getRootReference()));
}

FailureOr<Expr> attn::passes::residentPositions(ir::AttendOp attend, int64_t index) {
  ir::CacheOp cache = cacheOf(attend, index);
  if (attend.getCaches() && !cache)
    return attend.emitError("no cache ") << (*attend.getCaches())[index] << " in this pattern";
  if (!cache || cache.getLayout() != ir::Layout::SinkRing)
    return Expr::boolean(true);
  Expr k = Expr::symbol("k");
  return (k < Expr::symbol(cache.getSink()->str())) ||
         (Expr::symbol("kv_len") - Expr::symbol(cache.getRing()->str()) <= k);
}

bool attn::passes::hasSlots(ir::AttendOp attend) {
  ir::CacheOp cache = cacheOf(attend, 0);
  return cache && cache.getLayout() == ir::Layout::Slots;
}

llvm::SmallVector<Type> attn::passes::coordinateTypes(MLIRContext *context, ArrayRef<Type> before) {
  SmallVector<Type> types(before);
  types.append(ir::NumCoordinates, IntegerType::get(context, 64));
  return types;
}

void attn::passes::setExpression(Region &region, ArrayRef<Type> types, const Expr &value, Location loc) {
  region.getBlocks().clear();
  Block *block = new Block;
  region.push_back(block);
  for (Type type : types)
    block->addArgument(type, loc);
  OpBuilder builder = OpBuilder::atBlockEnd(block);
  ValueRange arguments = block->getArguments();
  ValueRange coordinates = arguments.take_back(ir::NumCoordinates);
  Value score = arguments.size() > ir::NumCoordinates ? arguments[0] : Value();
  Value result = ir::emitExpr(builder, loc, value, coordinates, score);
  builder.create<ir::YieldOp>(loc, result);
}
