//===- Emitter.cpp - Builds the code of kernels ----------------------------===//
#include "codegen/emit/Emitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using namespace attn::codegen;

Emitter::Emitter(ModuleOp module, const tile::Machine &machine, const Functions &functions, unsigned memory)
    : ImplicitLocOpBuilder(module.getLoc(), module.getContext()), machine(machine), functions(functions),
      lanes(machine.lanes), module(module), memory(memory) {}

Type Emitter::ptr() { return LLVM::LLVMPointerType::get(getContext(), memory); }

Type Emitter::typeLike(Value like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return VectorType::get(vector.getShape(), element);
  return element;
}

Value Emitter::constant(TypedAttr attr) {
  Frame &frame = frames.back();
  Value &value = frame.constants[attr];
  if (!value) {
    InsertionGuard guard(*this);
    if (frame.lastConstant)
      setInsertionPointAfter(frame.lastConstant);
    else
      setInsertionPointToStart(&frame.function.front());
    value = create<arith::ConstantOp>(attr);
    frame.lastConstant = value.getDefiningOp();
  }
  return value;
}

Value Emitter::intOf(Type type, int64_t value) {
  IntegerAttr attr = getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return constant(DenseElementsAttr::get(vector, attr.getValue()));
  return constant(attr);
}

Value Emitter::floatOf(Type type, double value) {
  FloatAttr attr = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return constant(DenseElementsAttr::get(vector, attr.getValue()));
  return constant(attr);
}

Value Emitter::fma(Value a, Value b, Value c) {
  if (!hasFMA()) // a libcall there
    return create<arith::AddFOp>(create<arith::MulFOp>(a, b), c);
  return create<LLVM::FMAOp>(a.getType(), a, b, c);
}

Value Emitter::intrinsic(StringRef name, Type result, ValueRange operands) {
  return create<LLVM::CallIntrinsicOp>(result, name, operands)->getResult(0);
}

Value Emitter::splat(Value scalar) {
  if (lanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  if (auto constantOp = scalar.getDefiningOp<arith::ConstantOp>())
    return constant(DenseElementsAttr::get(vec(scalar.getType()), Attribute(constantOp.getValue())));
  return create<vector::SplatOp>(vec(scalar.getType()), scalar);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Emitter::gep(Value base, Value bytes) {
  if (auto constantOp = bytes.getDefiningOp<arith::ConstantOp>())
    return gep(base, cast<IntegerAttr>(constantOp.getValue()).getInt());
  return create<LLVM::GEPOp>(base.getType(), getI8Type(), base, ValueRange{bytes});
}

Value Emitter::gep(Value base, int64_t bytes) {
  if (bytes == 0)
    return base;
  return create<LLVM::GEPOp>(base.getType(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

unsigned Emitter::alignmentOf(Type type, unsigned given) const {
  if (given || memory == 0)
    return std::max(given, 1u);
  return isa<LLVM::LLVMPointerType>(type) ? 8 : getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
}

Value Emitter::load(Type type, Value address, unsigned alignment) {
  return create<LLVM::LoadOp>(type, address, alignmentOf(type, alignment));
}

void Emitter::store(Value value, Value address, unsigned alignment) {
  create<LLVM::StoreOp>(value, address, alignmentOf(value.getType(), alignment));
}

static DenseElementsAttr firstLanes(Emitter &e, int64_t lanes, int64_t count) {
  SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), count, true);
  return DenseElementsAttr::get(VectorType::get({lanes}, e.getI1Type()), ArrayRef<bool>(bits));
}

Value Emitter::loadPart(VectorType type, Value address, int64_t count) {
  int64_t size = type.getNumElements();
  if (count >= size)
    return load(type, address);
  Value zero = isa<FloatType>(type.getElementType()) ? floatOf(type, 0) : intOf(type, 0);
  return create<LLVM::MaskedLoadOp>(type, address, constant(firstLanes(*this, size, count)), ValueRange{zero}, 1);
}

void Emitter::storePart(Value vector, Value address, int64_t count) {
  int64_t size = cast<VectorType>(vector.getType()).getNumElements();
  if (count >= size)
    return store(vector, address);
  create<LLVM::MaskedStoreOp>(vector, address, constant(firstLanes(*this, size, count)), 1);
}

void Emitter::prefetch(Value address, int64_t bytes) {
  constexpr int64_t line = 64;
  auto one = [&](Value at) { create<LLVM::Prefetch>(at, /*rw=*/0, /*hint=*/2, /*cache=*/1); };
  if (bytes > 8 * line)
    return loop(i64(0), i64(bytes), line, [&](Value offset) { one(gep(address, offset)); });
  for (int64_t offset = 0; offset < bytes; offset += line)
    one(gep(address, offset));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

Values Emitter::loop(Value from, Value to, int64_t step, ValueRange inits, LoopBody body) {
  auto op = create<scf::ForOp>(from, to, intOf(from.getType(), step), inits);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  Values next = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!op.getBody()->mightHaveTerminator())
    create<scf::YieldOp>(next);
  return Values(op.getResults());
}

void Emitter::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, step, {}, [&](Value iv, ValueRange) {
    body(iv);
    return Values();
  });
}

void Emitter::whileBelow(Value from, Value to, function_ref<Value(Value)> body) {
  Type type = from.getType();
  auto op = create<scf::WhileOp>(TypeRange{type}, ValueRange{from});
  InsertionGuard guard(*this);
  Block *before = createBlock(&op.getBefore(), {}, {type}, {getLoc()});
  create<scf::ConditionOp>(lt(before->getArgument(0), to), before->getArguments());
  Block *after = createBlock(&op.getAfter(), {}, {type}, {getLoc()});
  create<scf::YieldOp>(ValueRange{body(after->getArgument(0))});
}

void Emitter::when(Value condition, function_ref<void()> body) {
  auto op = create<scf::IfOp>(condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

void Emitter::whenElse(Value condition, function_ref<void()> yes, function_ref<void()> no) {
  auto op = create<scf::IfOp>(condition, /*withElseRegion=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  yes();
  setInsertionPointToStart(op.elseBlock());
  no();
}

Value Emitter::choose(Value condition, Type type, function_ref<Value()> yes, function_ref<Value()> no) {
  auto op = create<scf::IfOp>(TypeRange{type}, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  create<scf::YieldOp>(ValueRange{yes()});
  setInsertionPointToStart(op.elseBlock());
  create<scf::YieldOp>(ValueRange{no()});
  return op.getResult(0);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp Emitter::beginKernel(StringRef symbol, ArrayRef<Type> arguments) {
  auto function = func::FuncOp::create(getLoc(), symbol, getFunctionType(arguments, {}));
  module.push_back(function);
  frames.emplace_back().function = function;
  setInsertionPointToEnd(function.addEntryBlock());
  return function;
}

void Emitter::endKernel() {
  create<func::ReturnOp>();
  frames.pop_back();
}

void Emitter::outline(StringRef name, function_ref<void()> body) {
  func::FuncOp function;
  Values captures;
  {
    InsertionGuard guard(*this);
    // Functions of one name are numbered; equal ones are found below.
    std::string symbol = (name + "." + Twine(names[name]++)).str();
    function = func::FuncOp::create(getLoc(), symbol, getFunctionType({}, {}));
    function.setPrivate();
    function->setAttr("passthrough", getStrArrayAttr({"noinline"}));
    function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(getContext(), LLVM::Linkage::Internal));
    module.push_back(function);
    frames.emplace_back().function = function;
    setInsertionPointToEnd(function.addEntryBlock());
    body();
    create<func::ReturnOp>();
    captures = std::move(frames.back().captures);
    frames.pop_back();
    function.setType(getFunctionType(function.front().getArgumentTypes(), {}));
  }
  for (func::FuncOp other : outlined) {
    if (other.getFunctionType() == function.getFunctionType() &&
        OperationEquivalence::isRegionEquivalentTo(&other.getBody(), &function.getBody(),
                                                   OperationEquivalence::IgnoreLocations)) {
      function.erase();
      function = other;
      names[name]--;
      break;
    }
  }
  if (outlined.empty() || !llvm::is_contained(outlined, function))
    outlined.push_back(function);
  // The captured values may themselves be of a frame further out. Addresses at a constant offset are computed again,
  // which is cheaper than keeping them in registers from the start of the function on.
  for (Value &value : captures) {
    if (!value.getDefiningOp<arith::ConstantOp>())
      value = capture(value);
    auto gepOp = value.getDefiningOp<LLVM::GEPOp>();
    if (gepOp && gepOp.getDynamicIndices().empty() && isa<BlockArgument>(gepOp.getBase()))
      value = clone(*gepOp)->getResult(0);
  }
  create<func::CallOp>(function, captures);
}

Value Emitter::capture(Value value) {
  if (auto constantOp = value.getDefiningOp<arith::ConstantOp>())
    return constant(constantOp.getValue());
  Frame &frame = frames.back();
  Operation *parent = value.getParentBlock()->getParentOp();
  if (!isa<func::FuncOp>(parent))
    parent = parent->getParentOfType<func::FuncOp>();
  if (parent == frame.function)
    return value;
  Value &inner = frame.captured[value];
  if (!inner)
    inner = parameter(value);
  return inner;
}

Value Emitter::parameter(Value value) {
  Frame &frame = frames.back();
  frame.captures.push_back(value);
  return frame.function.front().addArgument(value.getType(), getLoc());
}

void Emitter::toFunctionStart() {
  Frame &frame = frames.back();
  if (frame.lastConstant)
    setInsertionPointAfter(frame.lastConstant);
  else
    setInsertionPointToStart(&frame.function.front());
}
