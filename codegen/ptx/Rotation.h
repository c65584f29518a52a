//===- Rotation.h - RoPE on tiles in shared memory ------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_PTX_ROTATION_H
#define ATTN_CODEGEN_PTX_ROTATION_H

#include "codegen/ptx/Tiles.h"

namespace attn::codegen::ptx {

/// Tables of cosines and sines, [positions, columns / 2], and which channels are pairs: c and c + columns / 2, or,
/// interleaved, 2 c and 2 c + 1.
struct Rotation {
  Value cos, sin; ///< buffers of the kernel
  bool interleaved = false;
};

/// Rotates the pairs of every row by the row's position (i64, of a row given as i32), rounding to the tile's type. The
/// tile has arrived and the block is in step before and after.
void rotateRows(KernelScope &scope, const Operand16 &tile, const Rotation &rotation,
                llvm::function_ref<Value(Value row)> position);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_ROTATION_H
