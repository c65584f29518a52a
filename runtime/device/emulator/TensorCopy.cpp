// Moving the data of bulk and tensor copies.
#include "runtime/device/emulator/AsyncCopy.h"
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Swizzle.h"

#include <algorithm>
#include <cstring>

namespace attn::emu {
namespace {

/// What elements outside the tensor read as.
void fill(uint8_t *row, uint32_t bytes, const TensorMapDesc &map) {
  memset(row, 0, bytes);
  if (!map.fillNaN)
    return;
  uint64_t nan = map.type == ElementType::F64   ? 0x7fffffffffffffff
                 : map.type == ElementType::F32 ? 0x7fffffff7fffffff
                                                : 0x7fff7fff7fff7fff;
  for (uint32_t at = 0; at < bytes; at += 8)
    memcpy(row + at, &nan, std::min(8u, bytes - at));
}

bool moveTensor(Warp &w, const Instr &i, int lane, const BulkCopy &copy, bool toShared) {
  const TensorMapDesc &map = copy.map;
  Cta &cta = *w.cta;
  const uint32_t element = byteSize(map.type), rowBytes = map.box[0] * element;
  // The part of a row that lies inside the tensor, in elements of the box.
  int64_t x = copy.coordinates[0];
  int64_t begin = std::clamp<int64_t>(-x, 0, map.box[0]);
  int64_t end = std::clamp<int64_t>(int64_t(map.dims[0]) - x, begin, map.box[0]);
  uint32_t position[5] = {};
  uint8_t row[256 * 8];
  for (uint32_t address = copy.address; address < copy.address + copy.size; address += rowBytes) {
    bool inside = end > begin;
    uint64_t global = reinterpret_cast<uint64_t>(map.base) + uint64_t((x + begin) * int64_t(element));
    for (uint32_t k = 1; k < map.rank; ++k) {
      int64_t at = int64_t(copy.coordinates[k]) + position[k];
      inside &= at >= 0 && uint64_t(at) < map.dims[k];
      global += uint64_t(at) * map.strides[k];
    }
    uint8_t *host = nullptr;
    auto bytes = uint32_t(end - begin) * element;
    if (inside && !(host = cta.global(w, i, lane, global, bytes, !toShared)))
      return false;
    auto eachChunk = [&](auto body) {
      for (uint32_t at = 0; at < rowBytes; at += 16)
        body(cta.shared.data(swizzle(map.swizzle, address + at)), row + at, std::min(16u, rowBytes - at));
    };
    if (toShared) {
      if (!inside || bytes != rowBytes)
        fill(row, rowBytes, map);
      if (inside)
        memcpy(row + begin * element, host, bytes);
      eachChunk([](uint8_t *shared, uint8_t *chunk, uint32_t n) { memcpy(shared, chunk, n); });
      cta.bytesLoaded += inside ? bytes : 0;
    } else if (inside) {
      eachChunk([](uint8_t *shared, uint8_t *chunk, uint32_t n) { memcpy(chunk, shared, n); });
      memcpy(host, row + begin * element, bytes);
      cta.bytesStored += bytes;
    }
    for (uint32_t k = 1; k < map.rank && ++position[k] == map.box[k]; ++k)
      position[k] = 0;
  }
  return true;
}

} // namespace

bool moveBulk(Warp &w, const Instr &i, int lane, const BulkCopy &copy, bool toShared) {
  if (copy.tensor)
    return moveTensor(w, i, lane, copy, toShared);
  uint8_t *host = w.cta->global(w, i, lane, copy.global, copy.size, !toShared);
  if (!host)
    return false;
  uint8_t *shared = w.cta->shared.data(copy.address);
  memcpy(toShared ? shared : host, toShared ? host : shared, copy.size);
  (toShared ? w.cta->bytesLoaded : w.cta->bytesStored) += copy.size;
  return true;
}

} // namespace attn::emu
