//===- Kernels.h - Two small matrix products, as PTX text ----------*- C++ -*-===//
//
// C = A B^T for A and B of 64 rows by 64 Tiles columns of bf16, with the machinery of the attention kernels.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_RUNTIME_EMULATOR_KERNELS_H
#define ATTN_TEST_RUNTIME_EMULATOR_KERNELS_H

#include <string>

namespace attn::emu::test {

constexpr int Tiles = 5;

/// sm_90a: a producer warpgroup with TMA, a ring of two stages of mbarriers, a consumer warpgroup with wgmma, stmatrix
/// and a TMA store of bf16. 256 threads, 41 KiB. Parameters: maps of A, B, C (box 64 x 64, 128-byte swizzle).
std::string hopperKernel();

/// sm_80: cp.async in two stages, ldmatrix, mma.sync, f32 stored from registers. 128 threads, 32 KiB.
/// Parameters: pointers to A, B, C.
std::string ampereKernel();

} // namespace attn::emu::test

#endif // ATTN_TEST_RUNTIME_EMULATOR_KERNELS_H
