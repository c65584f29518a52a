//===- Scope.h - What the lowering of one kernel shares -------------*- C++ -*-===//
//
// The rooms of the lowering: Kernel.cpp walks the operations, Loops over keys and rows, PhaseBuilder gathers tile
// operations into phases, Tiles knows where tile values live. All values here belong to the kernel function.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_SCOPE_H
#define ATTN_CODEGEN_CPU_SCOPE_H

#include "codegen/cpu/Scratch.h"
#include "codegen/cpu/Views.h"
#include "codegen/emit/RangeCode.h"

namespace attn::codegen::cpu {

struct KernelScope {
  Emitter &e;
  tile::KernelOp kernel;
  Task task;
  llvm::DenseMap<Value, Value> addresses; ///< of the ABI words of views and buffers
  Scratch scratch;
  Surroundings around, inner; ///< of phases; of the kernel function itself
  Expressions scalars;        ///< of the kernel function

  KernelScope(Emitter &e, tile::KernelOp kernel)
      : e(e), kernel(kernel),
        around{task, [this](Value v) { return scalars.evaluate(v); }, [this](Value v) { return addresses.lookup(v); }},
        inner{task, {}, around.words}, scalars(e, inner, 1) {}
  KernelScope(const KernelScope &) = delete; // its members refer to each other

  Value scalar(Value value) { return scalars.evaluate(value).scalar; }
  int64_t padded(int64_t rows) const { return llvm::alignTo(rows, e.lanes); }

  /// The address of a block of scratch memory.
  Value address(int64_t offset) {
    Value &value = scratchAddresses[offset];
    if (!value) {
      mlir::OpBuilder::InsertionGuard guard(e);
      e.toFunctionStart();
      value = e.gep(task.scratch, offset);
    }
    return value;
  }

private:
  llvm::DenseMap<int64_t, Value> scratchAddresses;
};

/// The inputs of programs run for the current task; `given` has those that the task does not say.
RangeInputs rangeInputs(KernelScope &scope, std::map<std::string, Value> given);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_SCOPE_H
