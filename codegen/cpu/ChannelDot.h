//===- ChannelDot.h - Dots of a few rows ----------------------------*- C++ -*-===//
//
// The dots of decode tiles, with channels along the lanes. The rows of such a tile, the heads of one group, do not fill
// a vector, and a broadcast of every element of K and V costs the same for one row as for a vector of them. Here every
// vector of K and V is loaded once, converted in registers, and serves the rows that the tile has, rounded up to 1, 4
// or 8:
//   scores  S[key][row] = sum_c Q[row][c] * K[key][c]                  S by lanes, Q and K by rows
//   values  O[row][c] = O[row][c] * rescale[row] + sum_key P[key][row] * V[key][c]      P by lanes, V and O by rows
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_CHANNELDOT_H
#define ATTN_CODEGEN_CPU_CHANNELDOT_H

#include "codegen/cpu/Tiles.h"

namespace attn::codegen::cpu {

/// Emits `dot`, whose channelForm is not None, and binds its result. Failure comes with an error at an operation.
mlir::LogicalResult lowerChannelDot(KernelScope &scope, Tiles &tiles, tile::DotOp dot);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_CHANNELDOT_H
