//===- Kernel.h - Lowers one tile.kernel ----------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_PTX_KERNEL_H
#define ATTN_CODEGEN_PTX_KERNEL_H

#include "codegen/ptx/PTX.h"
#include "codegen/ptx/WarpEmitter.h"

namespace attn::codegen::ptx {

/// Attributes of a lowered kernel: its tile.kernel, threads and shared memory of a block, words of its parameter.
constexpr const char *symbolAttr = "attn.symbol", *threadsAttr = "attn.threads", *sharedAttr = "attn.shared",
                     *wordsAttr = "attn.words";

mlir::LogicalResult lowerKernel(WarpEmitter &e, tile::KernelOp kernel);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_KERNEL_H
