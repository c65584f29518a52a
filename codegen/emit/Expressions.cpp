//===- Expressions.cpp - Expression regions as code ------------------------===//
#include "codegen/emit/Expressions.h"

#include "attn/KernelABI.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

namespace {
/// x - y = 0 modulo n, or not. Computed as x mod n = y mod n: where x is of the rows and y of the column, no row is
/// divided per column.
struct Congruence {
  Value x, y, n;
  explicit operator bool() const { return static_cast<bool>(n); }

  explicit Congruence(Operation *op) {
    auto compare = dyn_cast<arith::CmpIOp>(op);
    if (!compare ||
        !(compare.getPredicate() == arith::CmpIPredicate::eq || compare.getPredicate() == arith::CmpIPredicate::ne) ||
        !matchPattern(compare.getRhs(), m_Zero()))
      return;
    auto mod = compare.getLhs().getDefiningOp<tile::ModOp>();
    auto difference = mod ? mod.getLhs().getDefiningOp<arith::SubIOp>() : arith::SubIOp();
    if (difference)
      x = difference.getLhs(), y = difference.getRhs(), n = mod.getRhs();
  }
};
} // namespace

/// value mod divisor.
Operand Expressions::residue(Value value, Value divisor) {
  if (auto it = residues.find({value, divisor}); it != residues.end())
    return it->second;
  return arithmetic.mod(evaluate(value), evaluate(divisor), [&](Value isZero) { onZeroDivisor(isZero); });
}

void Expressions::prepare(Region &region, ArrayRef<Value> later) {
  regions.insert(&region);
  llvm::DenseSet<Value> dependent(later.begin(), later.end());
  for (Operation &op : region.front().without_terminator()) {
    bool waits = llvm::any_of(op.getOperands(), [&](Value v) { return dependent.contains(v); });
    if (isa<tile::ElementOp, tile::MemberOp, tile::AncestorOp>(op))
      buffer(op.getOperand(0));
    if (Congruence c(&op); c && waits && !dependent.contains(c.n))
      for (Value side : {c.x, c.y})
        if (!dependent.contains(side))
          residues[{side, c.n}] = residue(side, c.n);
    for (Value result : op.getResults()) {
      if (waits)
        dependent.insert(result);
      else
        evaluate(result);
    }
  }
}

Operand Expressions::evaluate(Value value) {
  if (auto it = column.find(value); it != column.end())
    return it->second;
  if (auto it = values.find(value); it != values.end())
    return it->second;
  Operand result;
  Operation *op = value.getDefiningOp();
  if (op && (!around.scalar || regions.contains(op->getParentRegion()))) {
    result = operation(op);
  } else {
    result = around.scalar(value);
    result.scalar = e.capture(result.scalar);
  }
  (inColumn ? column : values)[value] = result;
  return result;
}

Operand Expressions::size(StringRef name) {
  const TaskCoordinates &task = around.task;
  Value value = llvm::StringSwitch<Value>(name)
                    .Case("q_heads", task.qHeads)
                    .Case("kv_heads", task.kvHeads)
                    .Case("q_len", task.qLen)
                    .Case("kv_len", task.kvLen)
                    .Case("sequence.kv_len", task.sequenceLen)
                    .Default(Value());
  Value result = value ? e.capture(value) : e.word(e.capture(task.words), ATTN_WORD_BATCH);
  return Operand::ofScalar(result, Interval::size());
}

void Expressions::onZeroDivisor(Value isZero) {
  e.when(isZero, [&] {
    Value address = e.load(e.ptr(), e.gep(e.capture(around.task.words), ATTN_WORD_STATUS * 8), 8);
    e.create<LLVM::AtomicRMWOp>(LLVM::AtomicBinOp::_or, address, e.i64(ATTN_KERNEL_ZERO_DIVISOR),
                                LLVM::AtomicOrdering::monotonic);
  });
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

const Expressions::Buffer &Expressions::buffer(Value value) {
  auto [it, inserted] = buffers.try_emplace(value);
  Buffer &b = it->second;
  if (!inserted)
    return b;
  int64_t rank = cast<tile::BufferType>(value.getType()).getRank();
  Value words = e.capture(around.words(value));
  OpBuilder::InsertionGuard guard(e);
  if (!around.scalar) // the kernel function: for all that follows, whatever loop this is in
    e.setInsertionPointAfterValue(words);
  // An empty buffer reads as zeros.
  Value empty = e.i1(false);
  for (int64_t i = 0; i < rank; ++i) {
    Value size = e.word(words, 1 + i);
    empty = e.createOrFold<arith::OrIOp>(empty, e.lt(size, e.i64(1)));
    b.sizes.push_back(e.max(size, e.i64(1)));
    b.strides.push_back(e.word(words, 1 + rank + i));
  }
  b.isEmpty = empty;
  b.base = e.select(empty, e.capture(around.task.zeroRow), e.load(e.ptr(), words, 8));
  for (Value &size : b.sizes)
    size = e.select(empty, e.i64(1), size);
  return b;
}

Operand Expressions::element(Value bufferValue, ArrayRef<Operand> indices) {
  Type element = cast<tile::BufferType>(bufferValue.getType()).getElementType();
  const Buffer &b = buffer(bufferValue);
  Operand offset = Operand::ofScalar(e.i64(0), Interval::of(0));
  for (auto [i, index] : llvm::enumerate(indices)) {
    Operand last = Operand::ofScalar(e.sub(b.sizes[i], e.i64(1)), Interval::size());
    Operand clamped = arithmetic.minmax(true, index, last);
    clamped = arithmetic.minmax(false, clamped, Operand::ofScalar(e.i64(0), Interval::of(0)));
    offset = arithmetic.add(offset, arithmetic.mul(clamped, Operand::ofScalar(b.strides[i])));
  }
  bool isBool = element.isInteger(1);
  Type stored = isBool ? e.getI8Type() : e.functions.storageType(e, element);
  Values loaded;
  if (offset.uniform()) {
    loaded.push_back(e.load(stored, e.gep(b.base, offset.scalar)));
  } else if (e.lanes == 1) {
    for (Value bytes : arithmetic.vectorsOf(offset, e.getI64Type()))
      loaded.push_back(e.load(stored, e.gep(b.base, bytes)));
  } else {
    auto addresses = LLVM::LLVMFixedVectorType::get(e.ptr(), e.lanes);
    Value all = e.constant(DenseElementsAttr::get(e.vec(e.getI1Type()), true));
    Value none = isa<FloatType>(stored) ? e.floatOf(e.vec(stored), 0) : e.intOf(e.vec(stored), 0);
    for (Value lanes : arithmetic.vectorsOf(offset, e.getI64Type())) {
      Value address = e.create<LLVM::GEPOp>(addresses, e.getI8Type(), b.base, ValueRange{lanes});
      loaded.push_back(e.create<LLVM::masked_gather>(e.vec(stored), address, all, ValueRange{none}, 1));
    }
  }
  for (Value &x : loaded) {
    if (isa<FloatType>(element)) {
      x = e.functions.toF32(e, x, element);
      continue;
    }
    if (isBool) {
      Value isSet = e.ne(x, e.intOf(x.getType(), 0));
      x = e.create<arith::ExtUIOp>(x.getType(), isSet);
    }
    if (offset.uniform())
      x = element.isInteger(64) ? x : e.createOrFold<arith::ExtSIOp>(e.getI64Type(), x);
    else if (getElementTypeOrSelf(x).getIntOrFloatBitWidth() < 32)
      x = e.create<arith::ExtSIOp>(e.lanesOf(e.getI32Type()), x);
  }
  Interval range = isBool                ? Interval{0, 1}
                   : element.isInteger() ? Interval::bits(element.getIntOrFloatBitWidth())
                                         : Interval();
  if (element.isInteger(64))
    range = {};
  return offset.uniform() ? Operand::ofScalar(loaded[0], range) : Operand::ofLanes(std::move(loaded), range);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Operand Expressions::operation(Operation *op) {
  auto arg = [&](unsigned i) { return evaluate(op->getOperand(i)); };
  auto unary = [&](Value (*f)(Emitter &, Value)) {
    return arithmetic.apply(arg(0), [&](ValueRange x) { return f(e, x[0]); });
  };
  auto zeroDivisor = [&](Value isZero) { onZeroDivisor(isZero); };
  bool isBool = op->getNumResults() == 1 && op->getResult(0).getType().isInteger(1);

  if (auto c = dyn_cast<arith::ConstantOp>(op)) {
    auto integer = dyn_cast<IntegerAttr>(c.getValue());
    Interval range = integer && !isBool ? Interval::of(integer.getInt()) : Interval();
    return Operand::ofScalar(e.constant(c.getValue()), range);
  }
  if (auto size = dyn_cast<tile::SizeOp>(op))
    return this->size(size.getName());
  if (auto read = dyn_cast<tile::ElementOp>(op)) {
    SmallVector<Operand> indices;
    for (Value index : read.getIndices())
      indices.push_back(evaluate(index));
    return element(read.getBuffer(), indices);
  }
  if (isa<tile::MemberOp, tile::AncestorOp>(op))
    return search(op);
  if (isa<tile::ModOp>(op))
    return arithmetic.mod(arg(0), arg(1), zeroDivisor);
  if (isa<tile::IsPow2Op>(op))
    return arithmetic.isPow2(arg(0));
  if (isa<arith::FloorDivSIOp>(op))
    return arithmetic.floorDiv(arg(0), arg(1), zeroDivisor);
  if (isa<arith::AddIOp>(op))
    return arithmetic.add(arg(0), arg(1));
  if (isa<arith::SubIOp>(op))
    return arithmetic.sub(arg(0), arg(1));
  if (isa<arith::MulIOp>(op))
    return arithmetic.mul(arg(0), arg(1));
  if (isa<arith::MinSIOp, arith::MaxSIOp>(op))
    return arithmetic.minmax(isa<arith::MinSIOp>(op), arg(0), arg(1));
  if (isa<math::AbsIOp>(op))
    return arithmetic.abs(arg(0));
  if (Congruence c(op); c && (evaluate(c.x).range() - evaluate(c.y).range()).lo != Interval().lo) // no wrap
    return arithmetic.compare(cast<arith::CmpIOp>(op).getPredicate(), residue(c.x, c.n), residue(c.y, c.n));
  if (auto compare = dyn_cast<arith::CmpIOp>(op); compare && !compare.getLhs().getType().isInteger(1))
    return arithmetic.compare(compare.getPredicate(), arg(0), arg(1));
  if (isa<arith::SelectOp>(op))
    return arithmetic.select(arg(0), arg(1), arg(2));
  if (isa<arith::SIToFPOp>(op))
    return arithmetic.toF32(arg(0));
  if (isa<arith::ExtUIOp>(op) && op->getOperand(0).getType().isInteger(1))
    return arithmetic.select(arg(0), Operand::ofScalar(e.i64(1), Interval::of(1)),
                             Operand::ofScalar(e.i64(0), Interval::of(0)));
  if (isa<arith::FPToSIOp>(op)) {
    // Out of range saturates and NaN gives 0, where arith leaves both undefined.
    return arithmetic.apply(arg(0), [&](ValueRange x) {
      return e.intrinsic("llvm.fptosi.sat", Emitter::typeLike(x[0], e.getI64Type()), x);
    });
  }
  if (isa<math::Exp2Op>(op))
    return unary(e.functions.exp2);
  if (isa<math::ExpOp>(op))
    return unary(e.functions.exp);
  if (isa<math::Log2Op>(op))
    return unary(e.functions.log2);
  if (isa<math::LogOp>(op))
    return unary(e.functions.log);
  if (isa<math::TanhOp>(op))
    return unary(e.functions.tanh);
  if (isa<math::FloorOp>(op))
    return unary(e.functions.floor);
  if (isa<math::FmaOp>(op))
    return arithmetic.apply({arg(0), arg(1), arg(2)}, [&](ValueRange x) { return e.fma(x[0], x[1], x[2]); });
  bool isPlain =
      isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp, arith::MaximumFOp,
          arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, arith::CmpFOp, math::AbsFOp, math::SqrtOp>(op) ||
      (isBool && isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::CmpIOp>(op));
  if (isPlain) {
    SmallVector<Operand> operands;
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      operands.push_back(arg(i));
    return arithmetic.apply(operands, [&](ValueRange x) {
      Type type = Emitter::typeLike(x[0], op->getResult(0).getType());
      OperationState state(e.getLoc(), op->getName(), x, type, op->getAttrs());
      return e.create(state)->getResult(0);
    });
  }
  op->emitError("'") << op->getName() << "' is not supported by the target in expressions";
  hasFailed = true;
  if (isa<FloatType>(op->getResult(0).getType()))
    return Operand::ofScalar(e.f32(0));
  return isBool ? Operand::ofScalar(e.i1(false)) : Operand::ofScalar(e.i64(0), Interval::of(0));
}
