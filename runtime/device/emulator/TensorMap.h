//===- TensorMap.h - The emulator's tensor maps --------------------*- C++ -*-===//
//
// A tensor map describes a tensor in global memory and the box of it that one TMA instruction moves. On a device it is
// an opaque 128-byte object that cuTensorMapEncodeTiled makes; here `encodeTensorMap` makes one for the emulator from
// the same description, with the same checks, so one TensorMapDesc serves both.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_TENSORMAP_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_TENSORMAP_H

#include <array>
#include <cstdint>
#include <string>

namespace attn::emu {

enum class ElementType : uint8_t { U8, U16, U32, S32, U64, S64, F16, F32, F64, BF16 };
enum class Swizzle : uint8_t { None, B32, B64, B128 };

unsigned byteSize(ElementType type);

struct TensorMapDesc {
  ElementType type = ElementType::BF16;
  uint32_t rank = 0; ///< 1 to 5; dimension 0 is the contiguous one
  const void *base = nullptr;
  std::array<uint64_t, 5> dims{};           ///< in elements
  std::array<uint64_t, 5> strides{};        ///< in bytes; strides[0] is not used
  std::array<uint32_t, 5> box{};            ///< in elements
  std::array<uint32_t, 5> elementStrides{}; ///< all 1
  Swizzle swizzle = Swizzle::None;
  bool fillNaN = false; ///< elements outside the tensor read as NaN, else zero
};

/// Writes a 128-byte map to `out`, which must be aligned to 64 bytes. Returns an empty string, or which rule of
/// cuTensorMapEncodeTiled the description breaks.
std::string encodeTensorMap(const TensorMapDesc &desc, void *out);

/// Reads a map written by encodeTensorMap; false if it is none.
bool decodeTensorMap(const void *map, TensorMapDesc &desc);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_TENSORMAP_H
