//===- KernelBuilder.cpp - A tile.kernel under construction ------------------===//
#include "passes/tile/Kernels.h"

#include "dialect/attn/ExprToRegion.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/analysis/Facts.h"
#include "passes/analysis/MaskRegion.h"

#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::passes;

KernelBuilder::KernelBuilder(OpBuilder &builder, Location loc, std::string name, tile::ScheduleAttr schedule,
                             ir::PatternOp pattern)
    : builder(builder), loc(loc), pattern(pattern) {
  op = builder.create<tile::KernelOp>(loc, name, schedule, builder.getStrArrayAttr({}), ArrayAttr(), ArrayAttr());
  Block *body = builder.createBlock(&op.getBody());
  for (unsigned i = 0; i < tile::NumLeadingArguments; ++i)
    body->addArgument(builder.getI64Type(), loc);
  builder.setInsertionPointToEnd(body);
}

Value KernelBuilder::leading(tile::KernelArgument which) { return op.getBody().getArgument(which); }

Value KernelBuilder::argument(StringRef name, Type type) {
  for (auto [index, known] : llvm::enumerate(names))
    if (known == name)
      return op.getBody().getArgument(tile::NumLeadingArguments + index);
  names.push_back(name.str());
  return op.getBody().addArgument(type, loc);
}

Value KernelBuilder::buffer(StringRef operand) {
  auto declaration = pattern.lookupSymbol<ir::OperandOp>(operand);
  return argument(operand,
                  tile::BufferType::get(builder.getContext(), declaration.getShape().size(), declaration.getType()));
}

Value KernelBuilder::emit(const mask::Expr &expr, ValueRange coordinates, Value score) {
  static const std::set<std::string> sizes = {"batch", "q_heads", "kv_heads", "q_len", "kv_len", "sequence.kv_len"};
  auto typeOf = [&](const mask::Expr &e) -> Type {
    return e.type() == mask::Type::Float ? Type(builder.getF32Type()) : Type(builder.getI64Type());
  };
  ir::ExprLeaves leaves;
  leaves.symbol = [&](const mask::Expr &e) -> Value {
    if (sizes.count(e.name()))
      return builder.create<tile::SizeOp>(loc, builder.getI64Type(), e.name());
    return argument(e.name(), typeOf(e));
  };
  leaves.element = [&](const mask::Expr &e, ValueRange indices) -> Value {
    return builder.create<tile::ElementOp>(loc, typeOf(e), buffer(e.name()), indices);
  };
  leaves.mod = [&](Value a, Value b) -> Value { return builder.create<tile::ModOp>(loc, builder.getI64Type(), a, b); };
  leaves.isPow2 = [&](Value a) -> Value { return builder.create<tile::IsPow2Op>(loc, builder.getI1Type(), a); };
  leaves.search = [&](const mask::Expr &e, ValueRange args) -> Value {
    return searchOp(builder, loc, e, buffer(e.name()), args);
  };
  return ir::emitExpr(builder, loc, expr, coordinates, score, leaves);
}

Value KernelBuilder::emitLog2(const mask::Expr &expr, ValueRange coordinates) {
  if (expr.op() != mask::Op::Exp)
    return builder.create<math::Log2Op>(loc, emit(expr, coordinates));
  return builder.create<arith::MulFOp>(loc, emit(expr.args()[0], coordinates), real(1.4426950408889634));
}

Value KernelBuilder::map(ValueRange inputs, tile::TileType result, Value k0, MapBody body, bool keyRows) {
  auto op = builder.create<tile::MapOp>(loc, result, inputs, k0, keyRows);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&op.getBody());
  for (size_t i = 0; i < inputs.size(); ++i)
    block->addArgument(builder.getF32Type(), loc);
  for (unsigned i = 0; i < ir::NumCoordinates; ++i)
    block->addArgument(builder.getI64Type(), loc);
  ValueRange arguments = block->getArguments();
  Value value = body(arguments.drop_back(ir::NumCoordinates), arguments.take_back(ir::NumCoordinates));
  builder.create<tile::YieldOp>(loc, value);
  return op.getResult();
}

tile::TileType KernelBuilder::tileType(ArrayRef<int64_t> shape) {
  return tile::TileType::get(builder.getContext(), shape, builder.getF32Type());
}

Value KernelBuilder::fill(double value, tile::TileType type) {
  return builder.create<tile::FillOp>(loc, type, builder.getF32FloatAttr(value));
}

Value KernelBuilder::real(double value) {
  return builder.create<arith::ConstantOp>(loc, builder.getF32FloatAttr(value));
}

void KernelBuilder::finish() {
  if (tile::GridAttr grid = op.getSchedule().getGrid())
    for (ArrayAttr list : {grid.getInner(), grid.getDilations()})
      for (Attribute value : list)
        if (auto name = dyn_cast<StringAttr>(value))
          argument(name, builder.getI64Type());
  builder.create<tile::ReturnOp>(loc);
  SmallVector<StringRef> list(names.begin(), names.end());
  op.setArgsAttr(builder.getStrArrayAttr(list));
  auto among = [&](const std::set<std::string> &facts) -> ArrayAttr {
    SmallVector<StringRef> known;
    for (StringRef name : list)
      if (facts.count(name.str()))
        known.push_back(name);
    return known.empty() ? ArrayAttr() : builder.getStrArrayAttr(known);
  };
  if (ArrayAttr sorted = among(sortedOperands(pattern)))
    op.setSortedAttr(sorted);
  if (ArrayAttr positive = among(positiveParams(pattern)))
    op.setPositiveAttr(positive);
}
