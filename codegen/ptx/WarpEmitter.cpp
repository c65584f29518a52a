//===- WarpEmitter.cpp - Builds the code of GPU kernels --------------------===//
#include "codegen/ptx/WarpEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

static constexpr unsigned globalSpace = 1, sharedSpace = 3;
static constexpr const char *sharedName = "shared";

WarpEmitter::WarpEmitter(ModuleOp module, const tile::Machine &machine)
    : Emitter(module, machine, ptx::functions, globalSpace) {
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToEnd(module.getBody());
  create<LLVM::GlobalOp>(LLVM::LLVMArrayType::get(getI8Type(), 0), /*isConstant=*/false, LLVM::Linkage::External,
                         sharedName, Attribute(), /*alignment=*/16, sharedSpace);
}

func::FuncOp WarpEmitter::beginKernel(StringRef entry) {
  func::FuncOp function = Emitter::beginKernel(entry, {LLVM::LLVMPointerType::get(getContext())});
  readThread();
  return function;
}

void WarpEmitter::readThread() {
  // With side effects: equal intrinsics would be one value.
  thread = create<LLVM::InlineAsmOp>(getI32Type(), ValueRange(), "mov.u32 $0, %tid.x;", "=r", /*has_side_effects=*/true,
                                     /*is_align_stack=*/false, LLVM::AsmDialectAttr(), ArrayAttr())
               .getRes();
  lane = bits(thread, 31);
  warp = shiftRight(thread, 5);
}

Value WarpEmitter::blockIndex() { return call("llvm.nvvm.read.ptx.sreg.ctaid.x", getI32Type(), {}); }

Value WarpEmitter::call(StringRef intrinsic, Type result, ValueRange operands) {
  auto op = create<LLVM::CallIntrinsicOp>(result, getStringAttr(intrinsic), operands);
  return op->getNumResults() ? op->getResult(0) : Value();
}

Values WarpEmitter::callMany(StringRef intrinsic, Type element, int64_t count, ValueRange operands) {
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(count, element));
  Value all = call(intrinsic, type, operands);
  Values results;
  for (int64_t i = 0; i < count; ++i)
    results.push_back(create<LLVM::ExtractValueOp>(all, i));
  return results;
}

Value WarpEmitter::shared(int64_t offset) {
  Value base = create<LLVM::AddressOfOp>(LLVM::LLVMPointerType::get(getContext(), sharedSpace), sharedName);
  return gep(base, offset);
}

void WarpEmitter::sync() { call("llvm.nvvm.barrier0", {}, {}); }

Value WarpEmitter::shuffleXor(Value x, int64_t mask) {
  StringRef name = x.getType().isF32() ? "llvm.nvvm.shfl.sync.bfly.f32" : "llvm.nvvm.shfl.sync.bfly.i32";
  return call(name, x.getType(), {i32(-1), x, i32(mask), i32(31)});
}

Value WarpEmitter::anyBit(Value x) { return call("llvm.nvvm.redux.sync.or", getI32Type(), {x, i32(-1)}); }

void WarpEmitter::copyAsync(Value target, Value source, Value bytes) {
  call("llvm.nvvm.cp.async.cg.shared.global.16.s", {}, {target, source, bytes});
}
void WarpEmitter::commitCopies() { call("llvm.nvvm.cp.async.commit.group", {}, {}); }
void WarpEmitter::waitCopies(int64_t pending) { call("llvm.nvvm.cp.async.wait.group", {}, {i32(pending)}); }

Values WarpEmitter::loadMatrices(Value address, bool transpose) {
  StringRef name = transpose ? "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3"
                             : "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3";
  return callMany(name, getI32Type(), 4, address);
}

Values WarpEmitter::multiply(Type element, ValueRange a, ValueRange b, ValueRange c) {
  Values operands;
  bool isBf16 = element.isBF16();
  auto pair = VectorType::get({2}, getF16Type());
  for (ValueRange registers : {a, b})
    for (Value x : registers) // the f16 form takes pairs, the bf16 form integers
      operands.push_back(isBf16 ? x : create<LLVM::BitcastOp>(pair, x).getResult());
  operands.append(c.begin(), c.end());
  return callMany(isBf16 ? "llvm.nvvm.mma.m16n8k16.row.col.bf16" : "llvm.nvvm.mma.m16n8k16.row.col.f32.f32",
                  getF32Type(), 4, operands);
}

Value WarpEmitter::pack(Type element, Value low, Value high) {
  StringRef name = element.isBF16() ? "llvm.nvvm.ff2bf16x2.rn" : "llvm.nvvm.ff2f16x2.rn";
  return create<LLVM::BitcastOp>(getI32Type(), call(name, VectorType::get({2}, element), {high, low}));
}
