//===- Emitter.h - Builds the code of kernels ----------------------*- C++ -*-===//
//
// A builder for the few forms that kernels are made of: 64-bit integers and byte addresses, fp32 and i32 vectors of one
// width (`lanes`), loops, and outlined functions. Constants are made once per function, at its start.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_EMIT_EMITTER_H
#define ATTN_CODEGEN_EMIT_EMITTER_H

#include "dialect/tile/Machine.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace attn::codegen {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

class Emitter;

/// What a target computes in its own way, on fp32 scalars or vectors, without calls. All pass NaN through.
struct Functions {
  Value (*exp2)(Emitter &, Value);
  Value (*exp)(Emitter &, Value);
  Value (*log2)(Emitter &, Value);
  Value (*log)(Emitter &, Value);
  Value (*tanh)(Emitter &, Value);
  Value (*floor)(Emitter &, Value);
  /// Widens f16, bf16 or f32 to f32; `bits` has the storage type.
  Value (*toF32)(Emitter &, Value bits, Type element);
  /// The type that a value of `element` is loaded and stored as.
  Type (*storageType)(Emitter &, Type element);
};

class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  /// `memory`: the address space of the caller's memory.
  Emitter(mlir::ModuleOp module, const tile::Machine &machine, const Functions &functions, unsigned memory = 0);

  const tile::Machine &machine;
  const Functions &functions;
  int64_t lanes; ///< fp32 lanes of the vectors of the kernel being emitted; 1: scalars

  bool isAVX512() const { return machine.lanes == 16; }
  bool hasFMA() const { return machine.name != "generic"; }

  // Types.
  Type ptr();
  mlir::VectorType vec(Type element) { return mlir::VectorType::get({lanes}, element); }
  mlir::VectorType vecF32() { return vec(getF32Type()); }
  /// What holds `lanes` elements: a vector, or the scalar itself.
  Type lanesOf(Type element) { return lanes == 1 ? element : vec(element); }
  /// `element` in the shape of `like`: a vector of as many lanes, or the scalar itself.
  static Type typeLike(Value like, Type element);

  // Constants.
  Value constant(mlir::TypedAttr attr);
  Value i64(int64_t value) { return constant(getI64IntegerAttr(value)); }
  Value i1(bool value) { return constant(getBoolAttr(value)); }
  Value f32(double value) { return constant(getF32FloatAttr(static_cast<float>(value))); }
  /// A constant of `type` (scalar or vector, integer or float) with `value` in every lane.
  Value intOf(Type type, int64_t value);
  Value floatOf(Type type, double value);

  // 64-bit scalars.
  Value add(Value a, Value b) { return createOrFold<mlir::arith::AddIOp>(a, b); }
  Value sub(Value a, Value b) { return createOrFold<mlir::arith::SubIOp>(a, b); }
  Value mul(Value a, Value b) { return createOrFold<mlir::arith::MulIOp>(a, b); }
  Value add(Value a, int64_t b) { return b ? add(a, i64(b)) : a; }
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, i64(b)); }
  Value min(Value a, Value b) { return createOrFold<mlir::arith::MinSIOp>(a, b); }
  Value max(Value a, Value b) { return createOrFold<mlir::arith::MaxSIOp>(a, b); }
  Value select(Value c, Value a, Value b) { return createOrFold<mlir::arith::SelectOp>(c, a, b); }
  Value lt(Value a, Value b) { return cmp(mlir::arith::CmpIPredicate::slt, a, b); }
  Value eq(Value a, Value b) { return cmp(mlir::arith::CmpIPredicate::eq, a, b); }
  Value ne(Value a, Value b) { return cmp(mlir::arith::CmpIPredicate::ne, a, b); }
  Value cmp(mlir::arith::CmpIPredicate predicate, Value a, Value b) {
    return createOrFold<mlir::arith::CmpIOp>(predicate, a, b);
  }
  Value cmpf(mlir::arith::CmpFPredicate predicate, Value a, Value b) {
    return createOrFold<mlir::arith::CmpFOp>(predicate, a, b);
  }

  // fp32 scalars and vectors.
  Value fma(Value a, Value b, Value c);
  Value intrinsic(llvm::StringRef name, Type result, ValueRange operands);
  Value splat(Value scalar); ///< to `lanes` lanes; a vector is returned as it is

  // Memory: byte addresses.
  Value gep(Value base, Value bytes);
  Value gep(Value base, int64_t bytes);
  /// Without an alignment, that of the caller's memory: any on a CPU, that of its elements on a device.
  Value load(Type type, Value address, unsigned alignment = 0);
  void store(Value value, Value address, unsigned alignment = 0);
  /// The first `count` elements of a vector; the others are not touched (load: zero).
  Value loadPart(mlir::VectorType type, Value address, int64_t count);
  void storePart(Value vector, Value address, int64_t count);
  /// Asks for `bytes` bytes to be brought into the second-level cache.
  void prefetch(Value address, int64_t bytes);
  Value word(Value words, int64_t index) { return load(getI64Type(), gep(words, index * 8), 8); }

  // Control flow.
  using LoopBody = llvm::function_ref<Values(Value iv, ValueRange carried)>;
  Values loop(Value from, Value to, int64_t step, ValueRange inits, LoopBody body);
  void loop(Value from, Value to, int64_t step, llvm::function_ref<void(Value iv)> body);
  /// for (i = from; i < to; i = body(i))
  void whileBelow(Value from, Value to, llvm::function_ref<Value(Value iv)> body);
  void when(Value condition, llvm::function_ref<void()> body);
  void whenElse(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no);
  /// The value of `yes` or of `no`, of which only one runs.
  Value choose(Value condition, Type type, llvm::function_ref<Value()> yes, llvm::function_ref<Value()> no);

  // Functions. Every function is a frame; values of the frame around it come in as arguments through capture().
  /// Starts an exported function and moves into it.
  mlir::func::FuncOp beginKernel(llvm::StringRef symbol, llvm::ArrayRef<Type> arguments);
  void endKernel();
  /// Emits `body` as a private function that is not inlined, and a call of it here. A function equal to one emitted
  /// before is not emitted again.
  void outline(llvm::StringRef name, llvm::function_ref<void()> body);
  /// `value` as seen from the current function. Constants are made again.
  Value capture(Value value);
  /// A new argument of the current (outlined) function for `value`, constant or not, so that calls that differ in it
  /// share one function.
  Value parameter(Value value);
  /// Moves to the start of the current function, after its constants; for values computed once per function.
  void toFunctionStart();

private:
  struct Frame {
    mlir::func::FuncOp function;
    llvm::DenseMap<mlir::Attribute, Value> constants;
    mlir::Operation *lastConstant = nullptr;
    llvm::DenseMap<Value, Value> captured;
    Values captures;
  };
  unsigned alignmentOf(Type type, unsigned given) const;

  mlir::ModuleOp module;
  const unsigned memory;
  llvm::SmallVector<Frame> frames;
  llvm::SmallVector<mlir::func::FuncOp> outlined;
  llvm::StringMap<int> names;
};

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_EMITTER_H
