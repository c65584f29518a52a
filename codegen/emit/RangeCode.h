//===- RangeCode.h - Range programs in kernels ----------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_EMIT_RANGECODE_H
#define ATTN_CODEGEN_EMIT_RANGECODE_H

#include "codegen/emit/Expressions.h"
#include "dialect/mask/RangeProgram.h"

#include <functional>

namespace attn::codegen {

/// What the code of a range program reads, as i64 values of the current function.
struct RangeInputs {
  std::function<Value(llvm::StringRef name)> input;
  std::function<Value(llvm::StringRef tensor, ValueRange indices)> element;
  std::function<Value(llvm::StringRef tensor, int64_t dimension)> size;
  /// An expression as the mask computes it; h, q and k as given where it uses them.
  std::function<Value(const mask::Expr &expr, Value h, Value q, Value k)> evaluate;
};

/// Where a program runs: in the function of `kernel`, for its current task.
struct RangeScope {
  Emitter &e;
  tile::KernelOp kernel;
  const TaskCoordinates &task;
  const Surroundings &around; ///< of regions of the kernel
  Expressions &scalars;       ///< of the kernel function
};

/// The inputs of programs run for the current task; `given` has those that the coordinates do not say, null for others.
RangeInputs rangeInputs(const RangeScope &scope, std::function<Value(llvm::StringRef name)> given);

/// Emits `code` as scalar operations and returns its results (i1, i1, i64 for a range program).
Values emitRangeCode(Emitter &e, const mask::CodeBlock &code, const RangeInputs &inputs);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_RANGECODE_H
