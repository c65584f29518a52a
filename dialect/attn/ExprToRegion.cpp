//===- ExprToRegion.cpp - mask::Expr as operations --------------------------===//
#include "dialect/attn/ExprToRegion.h"

#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <map>

using namespace mlir;
using attn::mask::Expr;
using ExprOp = attn::mask::Op;

namespace {

struct Less {
  bool operator()(const Expr &a, const Expr &b) const { return Expr::compare(a, b) < 0; }
};

class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, ValueRange coordinates, Value score, const attn::ir::ExprLeaves &leaves)
      : builder(builder), loc(loc), leaves(leaves) {
    static const char *names[] = {"b", "h", "g", "l", "q", "k"};
    for (auto [name, value] : llvm::zip(names, coordinates))
      known[Expr::symbol(name)] = value;
    if (score)
      known[Expr::symbol("s", attn::mask::Type::Float)] = score;
  }

  Value emit(const Expr &e) {
    if (auto it = known.find(e); it != known.end())
      return it->second;
    Value value = build(e);
    known[e] = value;
    return value;
  }

private:
  Value build(const Expr &e);
  Value constant(const Expr &e);
  Value compare(const Expr &e, Value a, Value b);
  template <typename IntOp, typename FloatOp> Value fold(const Expr &e, ArrayRef<Value> args) {
    Value result = args[0];
    for (Value arg : args.drop_front())
      result = e.type() == attn::mask::Type::Float ? create<FloatOp>(result, arg) : create<IntOp>(result, arg);
    return result;
  }
  template <typename OpT, typename... Args> Value create(Args... args) {
    return builder.create<OpT>(loc, args...).getResult();
  }

  OpBuilder &builder;
  Location loc;
  const attn::ir::ExprLeaves &leaves;
  std::map<Expr, Value, Less> known;
};

} // namespace

Value Emitter::constant(const Expr &e) {
  if (e.op() == ExprOp::ConstFloat)
    return create<arith::ConstantOp>(builder.getF32FloatAttr(static_cast<float>(e.floatValue())));
  if (e.op() == ExprOp::ConstBool)
    return create<arith::ConstantOp>(builder.getBoolAttr(e.boolValue()));
  return create<arith::ConstantOp>(builder.getI64IntegerAttr(e.intValue()));
}

Value Emitter::compare(const Expr &e, Value a, Value b) {
  using I = arith::CmpIPredicate;
  using F = arith::CmpFPredicate;
  bool isFloat = isa<FloatType>(a.getType());
  I i = I::eq;
  F f = F::OEQ;
  switch (e.op()) {
  case ExprOp::Lt: i = I::slt, f = F::OLT; break;
  case ExprOp::Le: i = I::sle, f = F::OLE; break;
  case ExprOp::Ne: i = I::ne, f = F::UNE; break;
  default: break;
  }
  return isFloat ? create<arith::CmpFOp>(f, a, b) : create<arith::CmpIOp>(i, a, b);
}

Value Emitter::build(const Expr &e) {
  if (e.isConst())
    return constant(e);
  if (e.op() == ExprOp::Symbol)
    return leaves.symbol(e);
  SmallVector<Value> args;
  for (const Expr &arg : e.args())
    args.push_back(emit(arg));
  bool isFloat = e.type() == attn::mask::Type::Float;
  switch (e.op()) {
  case ExprOp::Element: return leaves.element(e, args);
  case ExprOp::Add: return fold<arith::AddIOp, arith::AddFOp>(e, args);
  case ExprOp::Sub: return fold<arith::SubIOp, arith::SubFOp>(e, args);
  case ExprOp::Mul: return fold<arith::MulIOp, arith::MulFOp>(e, args);
  case ExprOp::Min: return fold<arith::MinSIOp, arith::MinimumFOp>(e, args);
  case ExprOp::Max: return fold<arith::MaxSIOp, arith::MaximumFOp>(e, args);
  case ExprOp::And: return fold<arith::AndIOp, arith::AddFOp>(e, args);
  case ExprOp::Or: return fold<arith::OrIOp, arith::AddFOp>(e, args);
  case ExprOp::Div: return create<arith::DivFOp>(args[0], args[1]);
  case ExprOp::FloorDiv: return create<arith::FloorDivSIOp>(args[0], args[1]);
  case ExprOp::Mod: return leaves.mod(args[0], args[1]);
  case ExprOp::Neg:
    return isFloat ? create<arith::NegFOp>(args[0]) : create<arith::SubIOp>(emit(Expr::integer(0)), args[0]);
  case ExprOp::Abs: return isFloat ? create<math::AbsFOp>(args[0]) : create<math::AbsIOp>(args[0]);
  case ExprOp::Exp: return create<math::ExpOp>(args[0]);
  case ExprOp::Log: return create<math::LogOp>(args[0]);
  case ExprOp::Tanh: return create<math::TanhOp>(args[0]);
  case ExprOp::Sqrt: return create<math::SqrtOp>(args[0]);
  case ExprOp::ToFloat: return create<arith::SIToFPOp>(builder.getF32Type(), args[0]);
  case ExprOp::Floor: return create<arith::FPToSIOp>(builder.getI64Type(), create<math::FloorOp>(args[0]));
  case ExprOp::Not: return create<arith::XOrIOp>(args[0], emit(Expr::boolean(true)));
  case ExprOp::IsPow2: return leaves.isPow2(args[0]);
  case ExprOp::Member:
  case ExprOp::Ancestor: return leaves.search(e, args);
  case ExprOp::Select: return create<arith::SelectOp>(args[0], args[1], args[2]);
  default: return compare(e, args[0], args[1]);
  }
}

Value attn::ir::emitExpr(OpBuilder &builder, Location loc, const Expr &expr, ValueRange coordinates, Value score,
                         const ExprLeaves &leaves) {
  return Emitter(builder, loc, coordinates, score, leaves).emit(expr);
}

Value attn::ir::emitExpr(OpBuilder &builder, Location loc, const Expr &expr, ValueRange coordinates, Value score) {
  auto typeOf = [&](const Expr &e) -> Type {
    return e.type() == mask::Type::Float ? Type(builder.getF32Type()) : Type(builder.getI64Type());
  };
  ExprLeaves leaves;
  leaves.symbol = [&](const Expr &e) -> Value { return builder.create<ScalarOp>(loc, typeOf(e), e.name()); };
  leaves.element = [&](const Expr &e, ValueRange indices) -> Value {
    return builder.create<ElementOp>(loc, typeOf(e), e.name(), indices);
  };
  leaves.mod = [&](Value a, Value b) -> Value { return builder.create<ModOp>(loc, b.getType(), a, b); };
  leaves.isPow2 = [&](Value a) -> Value { return builder.create<IsPow2Op>(loc, builder.getI1Type(), a); };
  leaves.search = [&](const Expr &e, ValueRange args) -> Value {
    if (e.op() == ExprOp::Member)
      return builder.create<MemberOp>(loc, builder.getI1Type(), e.name(), args[0], args[1], args[2],
                                      args.drop_front(3));
    return builder.create<AncestorOp>(loc, builder.getI1Type(), e.name(), args[0], args[1], args.drop_front(2));
  };
  return emitExpr(builder, loc, expr, coordinates, score, leaves);
}
