//===- Machine.h - Machine facts that passes may use ---------------*- C++ -*-===//
//
// A value type filled by codegen; passes know nothing else about a target.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_TILE_MACHINE_H
#define ATTN_DIALECT_TILE_MACHINE_H

#include <cstdint>
#include <string>

namespace attn::tile {

struct Machine {
  std::string name;        ///< "x86-64-v4-bf16", "x86-64-v4", "x86-64-v3", "generic", "sm_80"
  int64_t lanes = 4;       ///< fp32 lanes of a vector register
  int64_t registers = 16;  ///< vector registers
  int64_t fmasPerCycle = 4; ///< fp32 fused multiply-adds per cycle and core (lanes included)
  bool bf16Dots = false;   ///< products of bf16 pairs with an fp32 sum, twice as many per cycle
  bool tensorCores = false; ///< a GPU: products of 16-bit tiles with an fp32 sum, tiles in the registers of warps
  int64_t sharedBytes = 0;  ///< shared memory of a thread block (GPU)
  int64_t l1Bytes = 32 << 10;
  int64_t l2Bytes = 1 << 20;
};

} // namespace attn::tile

#endif // ATTN_DIALECT_TILE_MACHINE_H
