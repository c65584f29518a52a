//===- Descriptor.h - Matrices in shared memory for wgmma ----------*- C++ -*-===//
//
// A 64-bit descriptor names a tile of up to 256 rows (of A, or columns of B) by 32 bytes of k. It is read in chunks of
// 16 bytes. K-major: a chunk holds consecutive k of one row. MN-major: a chunk holds 8 rows at one k.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_DESCRIPTOR_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_DESCRIPTOR_H

#include "runtime/device/emulator/Swizzle.h"

namespace attn::emu {

struct Descriptor {
  uint32_t start, leading, stride; ///< bytes
  Swizzle mode;

  explicit Descriptor(uint64_t bits)
      : start(uint32_t(bits & 0x3fff) << 4), leading(uint32_t(bits >> 16 & 0x3fff) << 4),
        stride(uint32_t(bits >> 32 & 0x3fff) << 4) {
    constexpr Swizzle Modes[] = {Swizzle::None, Swizzle::B128, Swizzle::B64, Swizzle::B32};
    mode = Modes[bits >> 62];
  }

  /// Bits that must be zero; among them the base offset, which only tiles not aligned to their pattern would need.
  static constexpr uint64_t Reserved =
      ~(uint64_t(0x3fff) | uint64_t(0x3fff) << 16 | uint64_t(0x3fff) << 32 | uint64_t(3) << 62);

  uint32_t span() const { return 16u << unsigned(mode); }

  /// K-major: chunk 0 or 1 of a row.
  uint32_t kMajor(uint32_t row, uint32_t chunk) const {
    uint32_t group = start + row / 8 * stride;
    if (mode == Swizzle::None)
      return group + row % 8 * 16 + chunk * leading;
    return swizzle(mode, group + row % 8 * span() + chunk * 16);
  }
  /// MN-major: rows 8 `eight` to 8 `eight` + 7 at k.
  uint32_t mnMajor(uint32_t eight, uint32_t k) const {
    if (mode == Swizzle::None)
      return start + eight * stride + k / 8 * leading + k % 8 * 16;
    uint32_t per = span() / 16;
    return swizzle(mode, start + eight / per * leading + k / 8 * stride + k % 8 * span() + eight % per * 16);
  }

  /// Calls body(address) for every chunk of rows [begin, end) until it returns false; whether it never did.
  template <class Body> bool forEachChunk(bool isMnMajor, uint32_t begin, uint32_t end, Body body) const {
    for (uint32_t a = isMnMajor ? begin / 8 : begin; a < (isMnMajor ? end / 8 : end); ++a)
      for (uint32_t b = 0; b < (isMnMajor ? 16 : 2); ++b)
        if (!body(isMnMajor ? mnMajor(a, b) : kMajor(a, b)))
          return false;
    return true;
  }
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_DESCRIPTOR_H
