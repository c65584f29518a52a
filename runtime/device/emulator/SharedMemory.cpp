#include "runtime/device/emulator/SharedMemory.h"

#include "runtime/device/emulator/Text.h"

namespace attn::emu {
namespace {

constexpr uint32_t ThreadBits = 11, FenceMask = (1u << (32 - ThreadBits)) - 1;
constexpr uint8_t Poison = 0xcd;

} // namespace

void SharedMemory::reset(uint32_t size, uint32_t warps, const Checks &which) {
  checks = which;
  end = SharedBase + size;
  uint32_t granules = (size + 15) / 16;
  bytes.assign(size_t(granules) * 16, Poison);
  shadow.assign(granules, Granule{});
  fences.assign(size_t(warps) * 32, 0);
  races.reset(checks.races && checks.shared ? warps : 0, granules);
}

bool SharedMemory::report(FaultKind kind, std::string message) {
  violation = {kind, std::move(message)};
  return false;
}

bool SharedMemory::inBounds(uint64_t address, uint32_t size, uint32_t align) {
  if (address % align == 0 && contains(address, size))
    return true;
  if (address % align)
    return report(FaultKind::Misaligned,
                  format("shared address %#llx is not a multiple of %u", (unsigned long long)address, align));
  return report(FaultKind::OutOfBounds,
                format("shared memory: %u bytes at %#llx, byte %lld of %u", size, (unsigned long long)address,
                       (long long)(address - SharedBase), end - SharedBase));
}

/// Copies and mbarriers that forbid a generic access.
bool SharedMemory::conflict(const Granule &g, uint32_t address, uint32_t mask, bool write) {
  const char *verb = write ? "writes" : "reads";
  if (g.writing & mask)
    return report(FaultKind::MissingWait,
                  format("%s shared memory at %#x while a copy into it is in flight", verb, address));
  if (g.barrier & mask)
    return report(FaultKind::Barrier, format("%s the mbarrier at %#x as data", verb, address & ~7u));
  return report(FaultKind::MissingWait,
                format("writes shared memory at %#x while an asynchronous read of it is in flight", address));
}

bool SharedMemory::race(int other, Accessor who, uint32_t address, bool write) {
  return report(FaultKind::DataRace,
                format("warp %u %s shared memory at %#x; an access of warp %d is not ordered before it", who.warp,
                       write ? "writes" : "reads", address, other));
}

bool SharedMemory::checkRead(Accessor who, uint32_t address, uint32_t size, bool ordered) {
  const Granule &g = granule(address);
  uint32_t mask = bytesMask(address, size);
  if ((g.writing | g.barrier) & mask)
    return conflict(g, address, mask, false);
  if ((g.init & mask) != mask)
    return report(FaultKind::Uninitialised, format("reads uninitialised shared memory at %#x", address));
  int other = ordered ? races.read(who.warp, index(address), wordsMask(mask)) : -1;
  return other < 0 || race(other, who, address, false);
}

void SharedMemory::markDirty(Granule &g, Accessor who, uint32_t words) {
  uint32_t stamp = (fences[who.thread()] & FenceMask) << ThreadBits | (who.thread() + 1);
  for (uint32_t word = 0; word < 4; ++word)
    if (words >> word & 1)
      g.dirty[word] = stamp;
}

bool SharedMemory::checkWrite(Accessor who, uint32_t address, uint32_t size, bool ordered) {
  Granule &g = granule(address);
  uint32_t mask = bytesMask(address, size);
  if (((g.writing | g.barrier) & mask) || g.reading)
    return conflict(g, address, mask, true);
  g.init |= mask;
  markDirty(g, who, wordsMask(mask));
  int other = ordered ? races.write(who.warp, index(address), wordsMask(mask)) : -1;
  return other < 0 || race(other, who, address, true);
}

bool SharedMemory::atomic(Accessor who, uint64_t address, uint32_t size, bool write) {
  if (!inBounds(address, size, size))
    return false;
  return !checks.shared ||
         (write ? checkWrite(who, uint32_t(address), size, false) : checkRead(who, uint32_t(address), size, false));
}

bool SharedMemory::beginCopy(Accessor who, uint64_t address, uint32_t size) {
  if (!inBounds(address, size, size))
    return false;
  if (!checks.shared)
    return true;
  auto at = uint32_t(address);
  Granule &g = granule(at);
  uint32_t mask = bytesMask(at, size);
  if (((g.writing | g.barrier) & mask) || g.reading)
    return conflict(g, at, mask, true);
  g.writing |= mask;
  int other = races.write(who.warp, index(at), wordsMask(mask));
  return other < 0 || race(other, who, at, true);
}

void SharedMemory::endCopy(Accessor who, uint32_t address, uint32_t size) {
  if (!checks.shared)
    return;
  Granule &g = granule(address);
  uint32_t mask = bytesMask(address, size);
  g.writing &= ~mask;
  g.init |= mask;
  markDirty(g, who, wordsMask(mask));
}

bool SharedMemory::checkProxy(const Granule &g, uint32_t address, const char *what) {
  for (uint32_t dirty : g.dirty) {
    if (!dirty)
      continue;
    uint32_t thread = (dirty & ((1u << ThreadBits) - 1)) - 1;
    if ((fences[thread] & FenceMask) == dirty >> ThreadBits)
      return report(FaultKind::MissingProxyFence,
                    format("%s shared memory at %#x through the async proxy; thread %u wrote it and issued no "
                           "fence.proxy.async since",
                           what, address, thread));
  }
  return true;
}

bool SharedMemory::beginAsyncRead(Accessor who, uint64_t address, uint32_t size) {
  if (!inBounds(address, size, 16))
    return false;
  if (!checks.shared)
    return true;
  for (auto at = uint32_t(address); at < address + size; at += 16) {
    Granule &g = granule(at);
    if (g.writing || g.barrier)
      return conflict(g, at, 0xffff, false);
    if (g.init != 0xffff)
      return report(FaultKind::Uninitialised, format("reads uninitialised shared memory at %#x", at));
    if (!checkProxy(g, at, "reads"))
      return false;
    ++g.reading;
    if (int other = races.read(who.warp, index(at), 15); other >= 0)
      return race(other, who, at, false);
  }
  return true;
}

void SharedMemory::endAsyncRead(uint32_t address, uint32_t size) {
  if (!checks.shared)
    return;
  for (uint32_t at = address; at < address + size; at += 16)
    --granule(at).reading;
}

bool SharedMemory::beginAsyncWrite(Accessor who, uint64_t address, uint32_t size) {
  if (!inBounds(address, size, 16))
    return false;
  if (!checks.shared)
    return true;
  for (auto at = uint32_t(address); at < address + size; at += 16) {
    Granule &g = granule(at);
    if (g.writing || g.barrier || g.reading)
      return conflict(g, at, 0xffff, true);
    if (!checkProxy(g, at, "writes"))
      return false;
    g.writing = 0xffff;
    if (int other = races.write(who.warp, index(at), 15); other >= 0)
      return race(other, who, at, true);
  }
  return true;
}

void SharedMemory::endAsyncWrite(uint32_t address, uint32_t size) {
  if (!checks.shared)
    return;
  for (uint32_t at = address; at < address + size; at += 16) {
    Granule &g = granule(at);
    g.writing = 0;
    g.init = 0xffff;
    for (uint32_t &dirty : g.dirty)
      dirty = 0;
  }
}

void SharedMemory::setBarrier(uint32_t address, bool on) {
  Granule &g = granule(address);
  uint32_t mask = bytesMask(address, 8);
  g.barrier = uint16_t(on ? g.barrier | mask : g.barrier & ~mask);
}

} // namespace attn::emu
