//===- Passes.td - Passes of the CPU target --------------------------*- tablegen -*-===//
#ifndef ATTN_CODEGEN_CPU_PASSES_TD
#define ATTN_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def TileToCPU : Pass<"attn-tile-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Lower tile kernels to vector code for a CPU";
  let description = [{
    Replaces every `tile.kernel` by an exported function with the calling convention of
    `runtime/include/attn/KernelABI.h`, in the func, scf, arith, math, vector and llvm dialects. The attribute
    `attn.scratch` of the function is the size in bytes of the scratch memory that it needs. Launch schedules
    (`tile.entry`), which are no code, are dropped.
  }];
  let options = [
    Option<"isa", "isa", "std::string", "\"host\"", "x86-64-v4-bf16, x86-64-v4, x86-64-v3, generic, or host">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

#endif // ATTN_CODEGEN_CPU_PASSES_TD
