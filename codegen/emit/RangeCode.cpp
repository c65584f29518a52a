//===- RangeCode.cpp - Interval programs in kernels ---------------------------===//
#include "codegen/emit/RangeCode.h"

#include "codegen/emit/Lanes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn::codegen;
using attn::mask::Code;
using attn::mask::CodeBlock;
using attn::mask::Instruction;

namespace {

class RangeCode {
public:
  RangeCode(Emitter &e, const RangeInputs &inputs) : e(e), inputs(inputs), arithmetic(e, 1) {}

  Values block(const CodeBlock &block) {
    for (const Instruction &instruction : block.body)
      emit(instruction);
    return all(block.results);
  }

private:
  Values all(const std::vector<int> &ids) {
    Values result;
    for (int id : ids)
      result.push_back(values.lookup(id));
    return result;
  }
  void emit(const Instruction &i) {
    if (i.code == Code::While || i.code == Code::If) {
      Values results = i.code == Code::While ? loop(i) : branch(i);
      for (auto [id, value] : llvm::zip_equal(i.results, results))
        values[id] = value;
      return;
    }
    values[i.results[0]] = single(i, all(i.args));
  }
  Values loop(const Instruction &i);
  Values branch(const Instruction &i);
  Value single(const Instruction &i, ValueRange args);
  Value evaluate(const Instruction &i, ValueRange args) {
    Value coordinates[3];
    for (auto [name, value] : llvm::zip(std::array{"h", "q", "k"}, coordinates))
      if (i.expr.uses(name)) {
        value = args.front();
        args = args.drop_front();
      }
    return inputs.evaluate(i.expr, coordinates[0], coordinates[1], coordinates[2]);
  }
  Value fold(ValueRange args, function_ref<Value(Value, Value)> f) {
    Value result = args[0];
    for (Value arg : args.drop_front())
      result = f(result, arg);
    return result;
  }

  Emitter &e;
  const RangeInputs &inputs;
  LaneArithmetic arithmetic;
  llvm::DenseMap<int, Value> values;
};

} // namespace

/// The type of a value of the code.
static SmallVector<Type> types(ValueRange values) { return SmallVector<Type>(values.getTypes()); }

Values RangeCode::loop(const Instruction &i) {
  Values inits = all(i.args);
  auto op = e.create<scf::WhileOp>(types(inits), inits);
  OpBuilder::InsertionGuard guard(e);
  auto enter = [&](Region &region, const CodeBlock &code) {
    Block *body = e.createBlock(&region, {}, types(inits), SmallVector<Location>(inits.size(), e.getLoc()));
    for (auto [id, value] : llvm::zip_equal(code.arguments, body->getArguments()))
      values[id] = value;
    return body;
  };
  Block *before = enter(op.getBefore(), i.blocks[0]);
  Values condition = block(i.blocks[0]);
  e.create<scf::ConditionOp>(condition[0], before->getArguments());
  enter(op.getAfter(), i.blocks[1]);
  e.create<scf::YieldOp>(block(i.blocks[1]));
  return Values(op.getResults());
}

Values RangeCode::branch(const Instruction &i) {
  // The result types are known once the blocks are emitted: they move to an operation that has them.
  Value condition = values.lookup(i.args[0]);
  auto draft = e.create<scf::IfOp>(condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e);
  draft.thenYield().erase();
  draft.elseYield().erase();
  e.setInsertionPointToEnd(draft.thenBlock());
  Values yes = block(i.blocks[0]);
  e.create<scf::YieldOp>(yes);
  e.setInsertionPointToEnd(draft.elseBlock());
  e.create<scf::YieldOp>(block(i.blocks[1]));
  e.setInsertionPoint(draft);
  auto op = e.create<scf::IfOp>(types(yes), condition, /*addThenBlock=*/false, /*addElseBlock=*/false);
  op.getThenRegion().takeBody(draft.getThenRegion());
  op.getElseRegion().takeBody(draft.getElseRegion());
  draft.erase();
  return Values(op.getResults());
}

Value RangeCode::single(const Instruction &i, ValueRange args) {
  auto divisor = [](Value) {}; // the code guards its divisors
  auto integer = [](Value v) {
    IntegerAttr constant;
    if (auto op = v.getDefiningOp<arith::ConstantOp>())
      constant = cast<IntegerAttr>(op.getValue());
    return Operand::ofScalar(v, constant ? Interval::of(constant.getInt()) : Interval());
  };
  switch (i.code) {
  case Code::Const: return e.i64(i.imm);
  case Code::True:
  case Code::False: return e.i1(i.code == Code::True);
  case Code::Input: return inputs.input(i.name);
  case Code::Element: return inputs.element(i.name, args);
  case Code::TensorSize: return inputs.size(i.name, i.imm);
  case Code::Add: return e.add(args[0], args[1]);
  case Code::Sub: return e.sub(args[0], args[1]);
  case Code::Mul: return e.mul(args[0], args[1]);
  case Code::FloorDiv: return arithmetic.floorDiv(integer(args[0]), integer(args[1]), divisor).scalar;
  case Code::Mod: return arithmetic.mod(integer(args[0]), integer(args[1]), divisor).scalar;
  case Code::Min: return fold(args, [&](Value a, Value b) { return e.min(a, b); });
  case Code::Max: return fold(args, [&](Value a, Value b) { return e.max(a, b); });
  case Code::Lt: return e.lt(args[0], args[1]);
  case Code::Le: return e.cmp(arith::CmpIPredicate::sle, args[0], args[1]);
  case Code::Eq: return e.eq(args[0], args[1]);
  case Code::IsPow2: return arithmetic.isPow2(integer(args[0])).scalar;
  case Code::Evaluate: return evaluate(i, args);
  case Code::And: return fold(args, [&](Value a, Value b) { return e.createOrFold<arith::AndIOp>(a, b); });
  case Code::Or: return fold(args, [&](Value a, Value b) { return e.createOrFold<arith::OrIOp>(a, b); });
  case Code::Not: return e.createOrFold<arith::XOrIOp>(args[0], e.i1(true));
  case Code::SelectI:
  case Code::SelectB: return e.select(args[0], args[1], args[2]);
  case Code::While:
  case Code::If: break;
  }
  llvm_unreachable("handled by emit");
}

RangeInputs attn::codegen::rangeInputs(const RangeScope &scope, std::function<Value(StringRef)> given) {
  Emitter &e = scope.e;
  auto argument = [op = tile::KernelOp(scope.kernel).getOperation()](StringRef name) -> Value {
    auto kernel = cast<tile::KernelOp>(op);
    for (auto [i, attr] : llvm::enumerate(kernel.getArgs()))
      if (cast<StringAttr>(attr).getValue() == name)
        return kernel.getBody().getArgument(tile::NumLeadingArguments + i);
    return {};
  };
  RangeInputs inputs;
  inputs.input = [scope, &e, given = std::move(given), argument](StringRef name) -> Value {
    const TaskCoordinates &task = scope.task;
    if (Value value = given(name))
      return value;
    if (name == ".q_pos")
      return task.qPos;
    if (name == "h" || name == ".h_first")
      return task.head;
    if (name == ".h_last")
      return task.pack ? e.add(e.add(task.head, task.group), -1) : task.head;
    if (name == ".tile")
      return e.i64(task.keyTile);
    if (name == "b")
      return task.b;
    if (name == "g")
      return task.g;
    if (name == "l")
      return task.layer;
    if (Value value = argument(name))
      return scope.scalars.evaluate(value).scalar;
    return scope.scalars.size(name).scalar;
  };
  inputs.element = [scope, argument](StringRef name, ValueRange indices) {
    SmallVector<Operand> operands;
    for (Value index : indices)
      operands.push_back(Operand::ofScalar(index));
    return scope.scalars.element(argument(name), operands).scalar;
  };
  inputs.size = [scope, argument](StringRef name, int64_t dimension) {
    return scope.scalars.bufferSize(argument(name), dimension);
  };
  inputs.evaluate = [scope, &e](const mask::Expr &expr, Value h, Value q, Value k) {
    Region region;
    Block &block = region.emplaceBlock();
    SmallVector<Value, 6> known = {scope.task.b, h, scope.task.g, scope.task.layer, q, k};
    for (size_t i = 0; i < known.size(); ++i)
      block.addArgument(e.getI64Type(), e.getLoc());
    OpBuilder builder(e.getContext());
    builder.setInsertionPointToEnd(&block);
    Value value = passes::exprToValue(builder, tile::KernelOp(scope.kernel), expr, block.getArguments());
    builder.create<tile::YieldOp>(e.getLoc(), value);
    Expressions expressions(e, scope.around, 1);
    for (auto [argument, coordinate] : llvm::zip(block.getArguments(), known))
      if (coordinate)
        expressions.bind(argument, Operand::ofScalar(coordinate));
    expressions.prepare(region, {});
    return expressions.evaluate(value).scalar;
  };
  return inputs;
}

Values attn::codegen::emitRangeCode(Emitter &e, const CodeBlock &code, const RangeInputs &inputs) {
  return RangeCode(e, inputs).block(code);
}
