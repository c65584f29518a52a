//===- Kernel.h - Lowers one tile.kernel ----------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_CPU_KERNEL_H
#define ATTN_CODEGEN_CPU_KERNEL_H

#include "codegen/emit/Emitter.h"
#include "dialect/tile/TileDialect.h"

namespace attn::codegen::cpu {

/// Emits the function of `kernel` through `e` and marks it with `attn.scratch`. Failure comes with an error at an op.
mlir::LogicalResult lowerKernel(Emitter &e, tile::KernelOp kernel);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_KERNEL_H
