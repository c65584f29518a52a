#include "runtime/device/emulator/TensorMap.h"

#include <cstring>

namespace attn::emu {
namespace {

constexpr uint64_t Magic = 0x70616d6e74746141; // not what a driver writes

/// The 128 bytes. Plain members, so that it can be copied through a kernel's parameter block.
struct Encoded {
  uint64_t magic, base;
  uint64_t dims[5];
  uint64_t strides[4];
  uint16_t box[5];
  uint8_t rank, type, swizzle, fillNaN;
  uint8_t unused[6];
};
static_assert(sizeof(Encoded) <= 128);

std::string rule(const char *what, uint64_t got, int dim = -1) {
  std::string text = what;
  if (dim >= 0)
    text += " (dimension " + std::to_string(dim) + ")";
  return text + ": got " + std::to_string(got);
}

} // namespace

unsigned byteSize(ElementType type) {
  switch (type) {
  case ElementType::U8: return 1;
  case ElementType::U16:
  case ElementType::F16:
  case ElementType::BF16: return 2;
  case ElementType::U32:
  case ElementType::S32:
  case ElementType::F32: return 4;
  case ElementType::U64:
  case ElementType::S64:
  case ElementType::F64: return 8;
  }
  return 0;
}

std::string encodeTensorMap(const TensorMapDesc &d, void *out) {
  auto base = reinterpret_cast<uint64_t>(d.base);
  unsigned size = byteSize(d.type);
  if (reinterpret_cast<uint64_t>(out) % 64)
    return "the tensor map must be aligned to 64 bytes";
  if (d.rank < 1 || d.rank > 5)
    return rule("rank must be 1 to 5", d.rank);
  if (!size)
    return rule("unknown element type", uint64_t(d.type));
  if (!base || base % 16)
    return rule("base must be aligned to 16 bytes", base);
  if (d.swizzle > Swizzle::B128)
    return rule("unknown swizzle", uint64_t(d.swizzle));
  bool isFloat = d.type >= ElementType::F16;
  if (d.fillNaN && !isFloat)
    return "NaN fill needs a floating-point element type";
  for (uint32_t i = 0; i < d.rank; ++i) {
    if (d.dims[i] < 1 || d.dims[i] > uint64_t(1) << 32)
      return rule("dims must be 1 to 2^32", d.dims[i], i);
    if (d.box[i] < 1 || d.box[i] > 256)
      return rule("box must be 1 to 256", d.box[i], i);
    if (d.elementStrides[i] != 1)
      return rule("element strides other than 1 are not supported", d.elementStrides[i], i);
    if (i && (d.strides[i] % 16 || d.strides[i] >= uint64_t(1) << 40))
      return rule("strides must be multiples of 16 below 2^40", d.strides[i], i);
  }
  uint64_t inner = uint64_t(d.box[0]) * size;
  if (inner % 16)
    return rule("the inner box must be a multiple of 16 bytes", inner);
  uint64_t span = d.swizzle == Swizzle::None ? 0 : 16u << unsigned(d.swizzle);
  if (span && inner > span)
    return rule("the inner box must not exceed the swizzle span", inner);
  Encoded e{};
  e.magic = Magic;
  e.base = base;
  e.rank = uint8_t(d.rank);
  e.type = uint8_t(d.type);
  e.swizzle = uint8_t(d.swizzle);
  e.fillNaN = d.fillNaN;
  for (uint32_t i = 0; i < d.rank; ++i) {
    e.dims[i] = d.dims[i];
    e.box[i] = uint16_t(d.box[i]);
    if (i)
      e.strides[i - 1] = d.strides[i];
  }
  memset(out, 0, 128);
  memcpy(out, &e, sizeof e);
  return "";
}

bool decodeTensorMap(const void *map, TensorMapDesc &d) {
  Encoded e;
  memcpy(&e, map, sizeof e);
  if (e.magic != Magic || e.rank < 1 || e.rank > 5 || e.type > uint8_t(ElementType::BF16) ||
      e.swizzle > uint8_t(Swizzle::B128))
    return false;
  d = {};
  d.type = ElementType(e.type);
  d.rank = e.rank;
  d.base = reinterpret_cast<const void *>(e.base);
  d.swizzle = Swizzle(e.swizzle);
  d.fillNaN = e.fillNaN;
  uint64_t bytes = byteSize(d.type);
  for (uint32_t i = 0; i < d.rank; ++i) {
    d.dims[i] = e.dims[i];
    d.strides[i] = i ? e.strides[i - 1] : bytes;
    d.box[i] = e.box[i];
    d.elementStrides[i] = 1;
    if (d.box[i] < 1 || d.box[i] > 256)
      return false; // the bytes were overwritten after encoding
  }
  return true;
}

} // namespace attn::emu
