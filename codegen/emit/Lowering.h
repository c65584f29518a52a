//===- Lowering.h - Kernels to the LLVM dialect ---------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_EMIT_LOWERING_H
#define ATTN_CODEGEN_EMIT_LOWERING_H

#include "mlir/IR/BuiltinOps.h"

namespace attn::codegen {

/// Turns the scf, cf, arith, math, vector and func operations of a module into the LLVM dialect.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_LOWERING_H
