//===- WarpEmitter.h - Builds the code of GPU kernels ---------------*- C++ -*-===//
//
// The emitter of scalars and control flow, with what a thread of a block has besides: its indices, shared memory,
// shuffles, asynchronous copies and matrix instructions. Vectors have one lane: every value belongs to one thread.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_WARPEMITTER_H
#define ATTN_CODEGEN_PTX_WARPEMITTER_H

#include "codegen/emit/Emitter.h"

namespace attn::codegen::ptx {

/// Elementary functions by ex2.approx and lg2.approx.
extern const Functions functions;

class WarpEmitter : public Emitter {
public:
  WarpEmitter(mlir::ModuleOp module, const tile::Machine &machine);

  /// Starts the kernel `entry` and moves into it. Its argument is the address of the ABI words.
  mlir::func::FuncOp beginKernel(llvm::StringRef entry);

  Value thread, lane, warp; ///< i32, of the current kernel
  /// Reads the thread's indices again, so that what is computed from them is not kept in registers from before.
  void readThread();
  Value blockIndex(); ///< i32

  // 32-bit integers.
  Value i32(int64_t value) { return intOf(getI32Type(), value); }
  Value plus(Value a, int64_t b) { return b ? add(a, intOf(a.getType(), b)) : a; }
  Value times(Value a, int64_t b) { return b == 1 ? a : mul(a, intOf(a.getType(), b)); }
  Value both(Value a, Value b) { return createOrFold<mlir::arith::AndIOp>(a, b); }
  Value bits(Value a, int64_t mask) { return both(a, intOf(a.getType(), mask)); }
  Value shiftRight(Value a, int64_t n) { return createOrFold<mlir::arith::ShRUIOp>(a, intOf(a.getType(), n)); }
  Value wide(Value a) { return createOrFold<mlir::arith::ExtSIOp>(getI64Type(), a); }
  Value narrow(Value a) { return createOrFold<mlir::arith::TruncIOp>(getI32Type(), a); }

  // Shared memory.
  /// The address of byte `offset` of the block's dynamic shared memory.
  Value shared(int64_t offset);

  // Warps and the block.
  void sync(); ///< all threads of the block
  Value shuffleXor(Value x, int64_t mask);
  Value anyBit(Value x); ///< the i32 of all lanes, or-ed

  // Copies of 16 bytes from global to shared memory; where `bytes` is 0 they write zeros.
  void copyAsync(Value target, Value source, Value bytes);
  void commitCopies();
  void waitCopies(int64_t pending); ///< until at most `pending` committed groups are in flight

  // Matrices of 16-bit elements. `element` is f16 or bf16.
  /// Four 8x8 matrices, whose rows the lanes' addresses give.
  Values loadMatrices(Value address, bool transpose);
  /// c + a b of m16n8k16: 4 registers of a, 2 of b, 4 fp32 of c.
  Values multiply(Type element, ValueRange a, ValueRange b, ValueRange c);
  /// Two fp32 rounded to a register, `low` in its low half.
  Value pack(Type element, Value low, Value high);

private:
  Value call(llvm::StringRef intrinsic, Type result, ValueRange operands);
  Values callMany(llvm::StringRef intrinsic, Type element, int64_t count, ValueRange operands);
};

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_WARPEMITTER_H
