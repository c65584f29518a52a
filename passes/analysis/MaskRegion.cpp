//===- MaskRegion.cpp - Expression regions as mask::Expr -------------------===//
#include "passes/analysis/MaskRegion.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/attn/ExprToRegion.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using attn::mask::Expr;
using ExprOp = attn::mask::Op;

namespace {

class Converter {
public:
  FailureOr<Expr> convert(Value value);

private:
  FailureOr<Expr> argument(BlockArgument argument);
  FailureOr<Expr> operation(Operation *op);
  FailureOr<Expr> apply(Operation *op, ExprOp kind);
  FailureOr<Expr> compare(Operation *op, bool isFloat, int predicate);
  FailureOr<Expr> element(Operation *op, std::string name, ValueRange indices);
  FailureOr<Expr> search(Operation *op, std::string name, ValueRange values);
  FailureOr<std::vector<Expr>> all(ValueRange values);

  llvm::DenseMap<Value, Expr> known; // keeps shared subexpressions shared
};

} // namespace

static attn::mask::Type exprType(Type type) {
  if (isa<FloatType>(type))
    return attn::mask::Type::Float;
  return type.isInteger(1) ? attn::mask::Type::Bool : attn::mask::Type::Int;
}

FailureOr<Expr> Converter::convert(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  auto result = isa<BlockArgument>(value) ? argument(cast<BlockArgument>(value)) : operation(value.getDefiningOp());
  if (succeeded(result))
    known[value] = *result;
  return result;
}

/// The name of the kernel argument that `value` is, or nothing.
static std::optional<std::string> kernelArgumentName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto kernel = argument ? dyn_cast<attn::tile::KernelOp>(argument.getOwner()->getParentOp()) : nullptr;
  if (!kernel || argument.getArgNumber() < attn::tile::NumLeadingArguments)
    return std::nullopt;
  unsigned index = argument.getArgNumber() - attn::tile::NumLeadingArguments;
  if (index >= kernel.getArgs().size())
    return std::nullopt;
  return cast<StringAttr>(kernel.getArgs()[index]).str();
}

FailureOr<Expr> Converter::argument(BlockArgument argument) {
  static const char *coordinates[] = {"b", "h", "g", "l", "q", "k"};
  static const char *leading[] = {"b", "g", "l"};
  Operation *owner = argument.getOwner()->getParentOp();
  unsigned number = argument.getArgNumber();
  if (isa<attn::tile::KernelOp>(owner)) {
    if (number < attn::tile::Row0)
      return Expr::symbol(leading[number]);
    auto name = kernelArgumentName(argument);
    if (name && isa<IntegerType, FloatType>(argument.getType()))
      return Expr::symbol(*name, exprType(argument.getType()));
    owner->emitError("argument ") << number << " of the kernel is no part of an expression";
    return failure();
  }
  unsigned count = argument.getOwner()->getNumArguments();
  unsigned first = count - attn::ir::NumCoordinates;
  if (count >= attn::ir::NumCoordinates && number >= first)
    return Expr::symbol(coordinates[number - first]);
  if (count == attn::ir::NumCoordinates + 1)
    return Expr::symbol("s", attn::mask::Type::Float);
  owner->emitError("argument ") << number << " of the region is no part of an expression";
  return failure();
}

FailureOr<std::vector<Expr>> Converter::all(ValueRange values) {
  std::vector<Expr> result;
  for (Value value : values) {
    auto e = convert(value);
    if (failed(e))
      return failure();
    result.push_back(*e);
  }
  return result;
}

FailureOr<Expr> Converter::apply(Operation *op, ExprOp kind) {
  auto args = all(op->getOperands());
  if (failed(args))
    return failure();
  return Expr::make(kind, std::move(*args));
}

FailureOr<Expr> Converter::compare(Operation *op, bool isFloat, int predicate) {
  auto args = all(op->getOperands());
  if (failed(args))
    return failure();
  Expr a = (*args)[0], b = (*args)[1];
  if (isFloat) {
    switch (static_cast<arith::CmpFPredicate>(predicate)) {
    case arith::CmpFPredicate::OLT: return a < b;
    case arith::CmpFPredicate::OLE: return a <= b;
    case arith::CmpFPredicate::OGT: return b < a;
    case arith::CmpFPredicate::OGE: return b <= a;
    case arith::CmpFPredicate::OEQ: return Expr::make(ExprOp::Eq, {a, b});
    case arith::CmpFPredicate::UNE: return Expr::make(ExprOp::Ne, {a, b});
    default: break;
    }
  } else {
    switch (static_cast<arith::CmpIPredicate>(predicate)) {
    case arith::CmpIPredicate::slt: return a < b;
    case arith::CmpIPredicate::sle: return a <= b;
    case arith::CmpIPredicate::sgt: return b < a;
    case arith::CmpIPredicate::sge: return b <= a;
    case arith::CmpIPredicate::eq: return Expr::make(ExprOp::Eq, {a, b});
    case arith::CmpIPredicate::ne: return Expr::make(ExprOp::Ne, {a, b});
    default: break;
    }
  }
  op->emitError("comparison predicate is not supported in expressions");
  return failure();
}

FailureOr<Expr> Converter::element(Operation *op, std::string name, ValueRange indices) {
  auto args = all(indices);
  if (failed(args))
    return failure();
  return Expr::element(std::move(name), std::move(*args), exprType(op->getResult(0).getType()));
}

FailureOr<Expr> Converter::search(Operation *op, std::string name, ValueRange values) {
  auto args = all(values);
  if (failed(args))
    return failure();
  bool isMember = isa<attn::ir::MemberOp, attn::tile::MemberOp>(op);
  return Expr::search(isMember ? ExprOp::Member : ExprOp::Ancestor, std::move(name), std::move(*args));
}

FailureOr<Expr> Converter::operation(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return Expr::real(real.getValueAsDouble());
    auto integer = cast<IntegerAttr>(constant.getValue());
    if (integer.getType().isInteger(1))
      return Expr::boolean(integer.getValue().getBoolValue());
    return Expr::integer(integer.getInt());
  }
  if (auto scalar = dyn_cast<attn::ir::ScalarOp>(op))
    return Expr::symbol(scalar.getSymbol().str(), exprType(scalar.getType()));
  if (auto size = dyn_cast<attn::tile::SizeOp>(op))
    return Expr::symbol(size.getName().str());
  if (auto read = dyn_cast<attn::ir::ElementOp>(op))
    return element(op, read.getSymbol().str(), read.getIndices());
  if (isa<attn::ir::MemberOp, attn::ir::AncestorOp>(op))
    return search(op, op->getAttrOfType<FlatSymbolRefAttr>("symbol").getValue().str(), op->getOperands());
  if (isa<attn::tile::MemberOp, attn::tile::AncestorOp>(op)) {
    if (auto name = kernelArgumentName(op->getOperand(0)))
      return search(op, *name, op->getOperands().drop_front());
    op->emitError("the buffer is not an argument of the kernel");
    return failure();
  }
  if (auto read = dyn_cast<attn::tile::ElementOp>(op)) {
    if (auto name = kernelArgumentName(read.getBuffer()))
      return element(op, *name, read.getIndices());
    op->emitError("the buffer is not an argument of the kernel");
    return failure();
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return compare(op, false, static_cast<int>(cmp.getPredicate()));
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return compare(op, true, static_cast<int>(cmp.getPredicate()));
  // Unary forms that arith spells with a constant or a second operation.
  auto unary = [&](Value operand, ExprOp kind) -> FailureOr<Expr> {
    auto arg = convert(operand);
    return failed(arg) ? arg : FailureOr<Expr>(Expr::make(kind, {*arg}));
  };
  if (auto flip = dyn_cast<arith::XOrIOp>(op);
      flip && flip.getType().isInteger(1) && matchPattern(flip.getRhs(), m_One()))
    return unary(flip.getLhs(), ExprOp::Not);
  if (auto negate = dyn_cast<arith::SubIOp>(op); negate && matchPattern(negate.getLhs(), m_Zero()))
    return unary(negate.getRhs(), ExprOp::Neg);
  if (auto round = dyn_cast<arith::FPToSIOp>(op))
    if (auto floor = round.getIn().getDefiningOp<math::FloorOp>())
      return unary(floor.getOperand(), ExprOp::Floor);

  std::optional<ExprOp> kind =
      llvm::TypeSwitch<Operation *, std::optional<ExprOp>>(op)
          .Case<arith::AddIOp, arith::AddFOp>([](auto) { return ExprOp::Add; })
          .Case<arith::SubIOp, arith::SubFOp>([](auto) { return ExprOp::Sub; })
          .Case<arith::MulIOp, arith::MulFOp>([](auto) { return ExprOp::Mul; })
          .Case<arith::DivFOp>([](auto) { return ExprOp::Div; })
          .Case<arith::FloorDivSIOp>([](auto) { return ExprOp::FloorDiv; })
          .Case<attn::ir::ModOp, attn::tile::ModOp>([](auto) { return ExprOp::Mod; })
          .Case<arith::MinSIOp, arith::MinimumFOp, arith::MinNumFOp>([](auto) { return ExprOp::Min; })
          .Case<arith::MaxSIOp, arith::MaximumFOp, arith::MaxNumFOp>([](auto) { return ExprOp::Max; })
          .Case<arith::NegFOp>([](auto) { return ExprOp::Neg; })
          .Case<math::AbsIOp, math::AbsFOp>([](auto) { return ExprOp::Abs; })
          .Case<math::ExpOp>([](auto) { return ExprOp::Exp; })
          .Case<math::LogOp>([](auto) { return ExprOp::Log; })
          .Case<math::TanhOp>([](auto) { return ExprOp::Tanh; })
          .Case<math::SqrtOp>([](auto) { return ExprOp::Sqrt; })
          .Case<arith::SIToFPOp>([](auto) { return ExprOp::ToFloat; })
          .Case<arith::SelectOp>([](auto) { return ExprOp::Select; })
          .Case<attn::ir::IsPow2Op, attn::tile::IsPow2Op>([](auto) { return ExprOp::IsPow2; })
          .Default([](Operation *) { return std::nullopt; });
  if (op->getNumResults() == 1 && op->getResult(0).getType().isInteger(1)) {
    if (isa<arith::AndIOp>(op))
      kind = ExprOp::And;
    if (isa<arith::OrIOp>(op))
      kind = ExprOp::Or;
  }
  if (!kind) {
    op->emitError("'") << op->getName() << "' is not supported in expressions";
    return failure();
  }
  return apply(op, *kind);
}

FailureOr<Expr> attn::passes::valueToExpr(Value value) { return Converter().convert(value); }

FailureOr<Expr> attn::passes::regionToExpr(Region &region) {
  return valueToExpr(region.front().getTerminator()->getOperand(0));
}

Value attn::passes::searchOp(OpBuilder &builder, Location loc, const Expr &e, Value buffer, ValueRange args) {
  Type i1 = builder.getI1Type();
  if (e.op() == ExprOp::Member)
    return builder.create<tile::MemberOp>(loc, i1, buffer, args[0], args[1], args[2], args.drop_front(3));
  return builder.create<tile::AncestorOp>(loc, i1, buffer, args[0], args[1], args.drop_front(2));
}

Value attn::passes::exprToValue(OpBuilder &builder, tile::KernelOp kernel, const Expr &expr, ValueRange coordinates) {
  Location loc = kernel.getLoc();
  auto argument = [&](const std::string &name) -> Value {
    for (auto [i, attr] : llvm::enumerate(kernel.getArgs()))
      if (cast<StringAttr>(attr).getValue() == name)
        return kernel.getBody().getArgument(tile::NumLeadingArguments + i);
    return {};
  };
  ir::ExprLeaves leaves;
  leaves.symbol = [&](const Expr &e) -> Value {
    Value value = argument(e.name());
    return value ? value : builder.create<tile::SizeOp>(loc, builder.getI64Type(), e.name());
  };
  leaves.element = [&](const Expr &e, ValueRange indices) -> Value {
    bool isFloat = e.type() == mask::Type::Float, isBool = e.type() == mask::Type::Bool;
    Type type = isFloat ? Type(builder.getF32Type()) : Type(builder.getI64Type());
    Value value = builder.create<tile::ElementOp>(loc, type, argument(e.name()), indices);
    if (!isBool)
      return value;
    Value zero = builder.create<arith::ConstantOp>(loc, builder.getI64IntegerAttr(0));
    return builder.create<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, value, zero);
  };
  leaves.mod = [&](Value a, Value b) -> Value { return builder.create<tile::ModOp>(loc, builder.getI64Type(), a, b); };
  leaves.isPow2 = [&](Value a) -> Value { return builder.create<tile::IsPow2Op>(loc, builder.getI1Type(), a); };
  leaves.search = [&](const Expr &e, ValueRange args) -> Value {
    return searchOp(builder, loc, e, argument(e.name()), args);
  };
  return ir::emitExpr(builder, loc, expr, coordinates, {}, leaves);
}

static std::set<std::string> namesIn(std::optional<ArrayAttr> list) {
  std::set<std::string> names;
  for (Attribute name : list ? list->getValue() : ArrayRef<Attribute>())
    names.insert(cast<StringAttr>(name).str());
  return names;
}

attn::mask::Facts attn::passes::factsOf(tile::KernelOp kernel) {
  return {namesIn(kernel.getSorted()), namesIn(kernel.getPositive())};
}

attn::mask::RangeProgram attn::passes::rangeProgram(tile::KernelOp kernel, const mask::Expr &mask) {
  std::map<std::string, mask::TensorFacts> facts;
  for (const std::string &name : namesIn(kernel.getSorted()))
    facts[name].sorted = true;
  return mask::RangeProgram::compile(mask, facts, namesIn(kernel.getPositive()));
}

std::optional<attn::mask::TokenGrid> attn::passes::tokenGrid(tile::KernelOp kernel) {
  tile::GridAttr attr = kernel.getSchedule().getGrid();
  if (!attr)
    return std::nullopt;
  auto value = [](Attribute a) {
    if (auto name = dyn_cast<StringAttr>(a))
      return Expr::symbol(name.str());
    return Expr::integer(cast<IntegerAttr>(a).getInt());
  };
  mask::TokenGrid grid;
  for (size_t i = 0; i < attr.getDilations().size(); ++i)
    grid.axes.push_back({i ? value(attr.getInner()[i - 1]) : Expr(), value(attr.getDilations()[i]),
                         cast<IntegerAttr>(attr.getRows()[i]).getInt(), cast<IntegerAttr>(attr.getKeys()[i]).getInt()});
  return grid;
}

attn::mask::BoxProgram attn::passes::boxProgram(tile::KernelOp kernel, const mask::TokenGrid &grid,
                                                const mask::Expr &mask) {
  return mask::BoxProgram::compile(mask, grid, namesIn(kernel.getPositive()));
}
