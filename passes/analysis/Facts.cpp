//===- Facts.cpp - What is known of run-time values ---------------------------===//
#include "passes/analysis/Facts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;

std::set<std::string> passes::positiveParams(ir::PatternOp pattern) {
  std::set<std::string> names;
  pattern.walk([&](Operation *op) {
    if (!isa<arith::FloorDivSIOp, ir::ModOp>(op))
      return;
    auto scalar = op->getOperand(1).getDefiningOp<ir::ScalarOp>();
    if (scalar && pattern.lookupSymbol<ir::ParamOp>(scalar.getSymbol()))
      names.insert(scalar.getSymbol().str());
  });
  for (auto grid : pattern.getBody().getOps<ir::GridOp>())
    for (Attribute size : grid.getSizes())
      if (auto name = dyn_cast<StringAttr>(size))
        names.insert(name.str());
  return names;
}

std::set<std::string> passes::sortedOperands(ir::PatternOp pattern) {
  std::set<std::string> names;
  for (auto operand : pattern.getBody().getOps<ir::OperandOp>())
    if (operand.getDomain() == ir::Domain::Sorted)
      names.insert(operand.getSymName().str());
  return names;
}
