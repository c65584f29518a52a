//===- Swizzle.h - Permuted addresses of shared memory -------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_SWIZZLE_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_SWIZZLE_H

#include "runtime/device/emulator/TensorMap.h"

namespace attn::emu {

/// Where the byte of linear address `a` lies: bits 4 and up xor bits 7 and up, three, two or one of them.
inline uint32_t swizzle(Swizzle mode, uint32_t a) {
  uint32_t bits = (1u << unsigned(mode)) - 1; // None 0, B32 1, B64 3, B128 7
  return a ^ ((a >> 7 & bits) << 4);
}

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_SWIZZLE_H
