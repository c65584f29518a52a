//===- Searches.cpp - Searches in buffers as code ---------------------------===//
#include "codegen/emit/Expressions.h"

#include "codegen/emit/RangeCode.h"
#include "dialect/mask/CodeBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using attn::mask::Expr;

/// Whether the kernel knows `buffer`, one of its arguments, to be sorted.
static bool isSorted(Value buffer) {
  auto argument = cast<BlockArgument>(buffer);
  auto kernel = cast<tile::KernelOp>(argument.getOwner()->getParentOp());
  Attribute name = kernel.getArgs()[argument.getArgNumber() - tile::NumLeadingArguments];
  return kernel.getSorted() && llvm::is_contained(*kernel.getSorted(), name);
}

/// The search as integer code over the inputs "0", "1", ...: the arguments.
static mask::CodeBlock searchCode(Operation *op) {
  mask::Facts facts;
  if (isSorted(op->getOperand(0)))
    facts.sorted.insert("buffer");
  std::vector<Expr> args;
  for (unsigned i = 1; i < op->getNumOperands(); ++i)
    args.push_back(Expr::symbol(std::to_string(i - 1)));
  mask::CodeBuilder code(facts);
  auto kind = isa<tile::MemberOp>(op) ? mask::Op::Member : mask::Op::Ancestor;
  int count, found = code.emit(Expr::search(kind, "buffer", std::move(args)), {});
  return code.finish({found}, count);
}

Operand Expressions::search(Operation *op) {
  SmallVector<Operand> args;
  for (Value value : op->getOperands().drop_front())
    args.push_back(evaluate(value));
  mask::CodeBlock code = searchCode(op);
  auto found = [&](ValueRange scalars) {
    RangeInputs inputs;
    inputs.input = [&](StringRef name) {
      unsigned index = 0;
      name.getAsInteger(10, index);
      return scalars[index];
    };
    inputs.element = [&](StringRef, ValueRange indices) {
      SmallVector<Operand> operands;
      for (Value index : indices)
        operands.push_back(Operand::ofScalar(index));
      return element(op->getOperand(0), operands).scalar;
    };
    inputs.size = [&](StringRef, int64_t dimension) { return bufferSize(op->getOperand(0), dimension); };
    return emitRangeCode(e, code, inputs)[0];
  };
  if (llvm::all_of(args, [](const Operand &arg) { return arg.uniform(); }))
    return Operand::ofScalar(found(llvm::map_to_vector(args, [](const Operand &arg) { return arg.scalar; })));

  if (e.lanes == 1) {
    Values lanes;
    for (int64_t v = 0; v < arithmetic.vectorCount(); ++v)
      lanes.push_back(found(
          llvm::map_to_vector(args, [&](const Operand &arg) { return arithmetic.vectorsOf(arg, e.getI64Type())[v]; })));
    return Operand::ofLanes(std::move(lanes));
  }

  // Row after row; neighbours often look for the same, and then the answer stands.
  buffer(op->getOperand(0)); // loaded here, not in the loop
  SmallVector<Values> vectors;
  for (const Operand &arg : args)
    vectors.push_back(arg.uniform() ? Values() : arithmetic.vectorsOf(arg, e.getI64Type()));
  Values carried, result; // the vector of answers, the last answer, the last arguments
  carried = {e.intOf(e.vec(e.getI32Type()), 0), e.i1(false)};
  carried.append(args.size(), e.i64(0));
  for (int64_t v = 0; v < arithmetic.vectorCount(); ++v) {
    carried[0] = e.intOf(e.vec(e.getI32Type()), 0);
    bool isFirst = v == 0;
    carried = e.loop(e.i64(0), e.i64(e.lanes), 1, carried, [&](Value lane, ValueRange last) {
      Value same = isFirst ? e.ne(lane, e.i64(0)) : e.i1(true);
      Values scalars;
      for (size_t i = 0; i < args.size(); ++i) {
        Value at = e.create<arith::IndexCastOp>(e.getIndexType(), lane);
        scalars.push_back(args[i].uniform() ? args[i].scalar
                                            : e.create<vector::ExtractElementOp>(vectors[i][v], at).getResult());
        same = e.createOrFold<arith::AndIOp>(same, e.eq(scalars[i], last[2 + i]));
      }
      auto choice = e.create<scf::IfOp>(TypeRange{e.getI1Type()}, same, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(e);
      e.setInsertionPointToEnd(choice.thenBlock());
      e.create<scf::YieldOp>(ValueRange{last[1]});
      e.setInsertionPointToEnd(choice.elseBlock());
      e.create<scf::YieldOp>(ValueRange{found(scalars)});
      e.setInsertionPointAfter(choice);
      Value answer = e.create<arith::ExtUIOp>(e.getI32Type(), choice.getResult(0));
      Value at = e.create<arith::IndexCastOp>(e.getIndexType(), lane);
      Values next = {e.create<vector::InsertElementOp>(answer, last[0], at), choice.getResult(0)};
      next.append(scalars);
      return next;
    });
    result.push_back(e.ne(carried[0], e.intOf(carried[0].getType(), 0)));
  }
  return Operand::ofLanes(std::move(result));
}
