//===- RangeCode.cpp - Interval programs in kernels ---------------------------===//
#include "codegen/cpu/RangeCode.h"

#include "codegen/cpu/Lanes.h"
#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn::codegen::cpu;
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

RangeInputs attn::codegen::cpu::rangeInputs(KernelScope &scope, std::map<std::string, Value> given) {
  Emitter &e = scope.e;
  auto argument = [&scope](StringRef name) -> Value {
    for (auto [i, attr] : llvm::enumerate(scope.kernel.getArgs()))
      if (cast<StringAttr>(attr).getValue() == name)
        return scope.kernel.getBody().getArgument(tile::NumLeadingArguments + i);
    return {};
  };
  // The positions and heads of the row tile.
  auto position = [&scope, &e](int64_t row) {
    Value p = e.load(e.getI32Type(), e.gep(scope.task.positions, row * 4), 4);
    return e.createOrFold<arith::ExtSIOp>(e.getI64Type(), p);
  };
  RangeInputs inputs;
  inputs.input = [&scope, &e, given = std::move(given), argument, position](StringRef name) -> Value {
    const Task &task = scope.task;
    if (auto it = given.find(name.str()); it != given.end())
      return it->second;
    if (name == "q_first")
      return position(0);
    if (name == "q_last")
      return position(task.rowTile - 1);
    if (name == "q_pos")
      return task.qPos;
    if (name == "h" || name == "h_first")
      return task.head;
    if (name == "h_last")
      return task.pack ? e.add(e.add(task.head, task.group), -1) : task.head;
    if (name == "tile")
      return e.i64(task.keyTile);
    if (name == "group")
      return task.group;
    if (name == "b")
      return task.b;
    if (name == "g")
      return task.g;
    if (name == "l")
      return task.layer;
    if (Value value = argument(name))
      return scope.scalar(value);
    return scope.scalars.size(name).scalar;
  };
  inputs.element = [&scope, argument](StringRef name, ValueRange indices) {
    SmallVector<Operand> operands;
    for (Value index : indices)
      operands.push_back(Operand::ofScalar(index));
    return scope.scalars.element(argument(name), operands).scalar;
  };
  inputs.size = [&scope, argument](StringRef name, int64_t dimension) {
    return scope.scalars.bufferSize(argument(name), dimension);
  };
  inputs.evaluate = [&scope, &e](const mask::Expr &expr, Value h, Value q, Value k) {
    Region region;
    Block &block = region.emplaceBlock();
    SmallVector<Value, 6> known = {scope.task.b, h, scope.task.g, scope.task.layer, q, k};
    for (size_t i = 0; i < known.size(); ++i)
      block.addArgument(e.getI64Type(), e.getLoc());
    OpBuilder builder(e.getContext());
    builder.setInsertionPointToEnd(&block);
    Value value = passes::exprToValue(builder, scope.kernel, expr, block.getArguments());
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

/// The value of `term` in `visible` for the task's request, group and layer, and for `head`.
static Value emitFloatTerm(KernelScope &scope, Region &visible, const attn::mask::FloatTerm &term, Value head) {
  Emitter &e = scope.e;
  Expressions expressions(e, scope.around, 1);
  SmallVector<Value> coordinates(visible.args_begin(), visible.args_end());
  expressions.prepare(visible, coordinates);
  std::pair<attn::ir::Coordinate, Value> known[] = {{attn::ir::Coordinate::Batch, scope.task.b},
                                                    {attn::ir::Coordinate::QHead, head},
                                                    {attn::ir::Coordinate::KVHead, scope.task.g},
                                                    {attn::ir::Coordinate::Layer, scope.task.layer}};
  for (auto [coordinate, value] : known)
    expressions.bind(coordinates[coordinate], Operand::ofScalar(value, Interval::size()));
  for (Operation &op : visible.front().without_terminator()) {
    bool mayBe = op.getNumResults() == 1 && !isa<FloatType>(op.getResult(0).getType()) &&
                 llvm::any_of(op.getOperandTypes(), [](Type type) { return isa<FloatType>(type); });
    auto expr = mayBe ? attn::passes::valueToExpr(op.getResult(0)) : FailureOr<attn::mask::Expr>();
    if (failed(expr) || *expr != term.term)
      continue;
    Value value = expressions.evaluate(op.getResult(0)).scalar;
    return value.getType().isInteger(1) ? e.createOrFold<arith::ExtUIOp>(e.getI64Type(), value) : value;
  }
  llvm_unreachable("the terms are values of the region");
}

void attn::codegen::cpu::addFloatTerms(RangeInputs &inputs, KernelScope &scope, Region &visible,
                                       const std::vector<mask::FloatTerm> &terms) {
  if (terms.empty())
    return;
  auto find = [terms](StringRef name) { // by value: the program may be gone when the inputs are read
    auto it = llvm::find_if(terms, [&](const mask::FloatTerm &term) { return term.name == name; });
    return it == terms.end() ? std::optional<mask::FloatTerm>() : *it;
  };
  inputs.input = [&scope, &visible, find, otherwise = inputs.input](StringRef name) {
    auto term = find(name);
    return term ? emitFloatTerm(scope, visible, *term, scope.task.head) : otherwise(name);
  };
  inputs.element = [&scope, &visible, find, otherwise = inputs.element](StringRef name, ValueRange indices) {
    auto term = find(name);
    return term ? emitFloatTerm(scope, visible, *term, indices[0]) : otherwise(name, indices);
  };
}

Values attn::codegen::cpu::emitRangeCode(Emitter &e, const CodeBlock &code, const RangeInputs &inputs) {
  return RangeCode(e, inputs).block(code);
}
