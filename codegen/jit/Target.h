//===- Target.h - What code is made for -----------------------------*- C++ -*-===//
//
// The one place where the compiler driver tells the CPU from GPUs. A target is an instruction set of the CPU or an
// architecture of NVIDIA GPUs; its machine is what passes and code generation see. Architectures without code of their
// own run that of an earlier one.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_TARGET_H
#define ATTN_CODEGEN_JIT_TARGET_H

#include "codegen/jit/Compiler.h"
#include "codegen/jit/Manifest.h"
#include "dialect/tile/Machine.h"
#include "dialect/tile/TileDialect.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace attn::codegen {

/// The machine of a target: "cpu" or "host" (this machine), an ISA of codegen/cpu, "sm_80" and later. Failure (without
/// a message) if there is none of this name.
mlir::FailureOr<tile::Machine> machineOf(llvm::StringRef target);

/// All names, for messages.
const char *targetNames();

/// Why `emit` makes no sense for a machine; empty if it does.
std::string refuseEmit(Emit emit, const tile::Machine &machine);

/// Called when a stage is done: "lower", in which errors are about what the target does not have, then "codegen".
using StageDone = llvm::function_ref<void(const char *stage)>;

/// Text (or bytes) of kernels in one module: Emit::LLVM, Asm, Obj or PTX.
mlir::FailureOr<std::string> emitKernels(llvm::ArrayRef<tile::KernelOp> kernels, const tile::Machine &machine,
                                         Emit emit, bool verify, StageDone done);

/// Compiles one kernel for an artifact; the code is empty on failure.
CompiledKernel compileKernel(tile::KernelOp kernel, const tile::Machine &machine, bool verify, StageDone done);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_TARGET_H
