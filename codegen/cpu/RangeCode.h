//===- RangeCode.h - Range programs in kernels ----------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_CPU_RANGECODE_H
#define ATTN_CODEGEN_CPU_RANGECODE_H

#include "codegen/cpu/Scope.h"
#include "dialect/mask/RangeProgram.h"

#include <functional>
#include <map>

namespace attn::codegen::cpu {

/// What the code of a range program reads, as i64 values of the current function.
struct RangeInputs {
  std::function<Value(llvm::StringRef name)> input;
  std::function<Value(llvm::StringRef tensor, ValueRange indices)> element;
  std::function<Value(llvm::StringRef tensor, int64_t dimension)> size;
  /// An expression as the mask computes it; h, q and k as given where it uses them.
  std::function<Value(const mask::Expr &expr, Value h, Value q, Value k)> evaluate;
};

/// The inputs of programs run for the current task of a kernel; `given` are those that the task does not say.
RangeInputs rangeInputs(KernelScope &scope, std::map<std::string, Value> given);

/// Lets `inputs` also give the terms of a range program that are computed with floats: they are values of the region
/// `visible`, the mask that the program was made from.
void addFloatTerms(RangeInputs &inputs, KernelScope &scope, mlir::Region &visible,
                   const std::vector<mask::FloatTerm> &terms);

/// Emits `code` as scalar operations and returns its results (i1, i1, i64 for a range program).
Values emitRangeCode(Emitter &e, const mask::CodeBlock &code, const RangeInputs &inputs);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_RANGECODE_H
