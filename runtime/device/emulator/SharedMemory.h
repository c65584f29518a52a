//===- SharedMemory.h - A CTA's shared memory and its shadow -------*- C++ -*-===//
//
// Bytes from SharedBase on. For each granule of 16 bytes the shadow says which bytes are initialised, which an
// unfinished copy writes, how many unfinished asynchronous reads there are, whether it holds an mbarrier, and for each
// word which thread wrote it last through the generic proxy and whether that thread has issued a proxy fence since.
// Access functions return false and fill `violation` when a rule is broken.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_SHAREDMEMORY_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_SHAREDMEMORY_H

#include "runtime/device/emulator/Program.h"
#include "runtime/device/emulator/Races.h"

namespace attn::emu {

/// Who accesses: a lane of a warp.
struct Accessor {
  uint32_t warp, lane;
  uint32_t thread() const { return warp * 32 + lane; }
};

class SharedMemory {
public:
  void reset(uint32_t bytes, uint32_t warps, const Checks &checks);

  uint8_t *data(uint32_t address) { return bytes.data() + (address - SharedBase); }
  bool contains(uint64_t address, uint64_t size) const {
    return address >= SharedBase && address <= end && size <= end - address;
  }

  // Generic proxy, 1 to 16 bytes, aligned to their size.
  bool read(Accessor who, uint64_t address, uint32_t size) {
    return inBounds(address, size, size) && (!checks.shared || checkRead(who, uint32_t(address), size));
  }
  bool write(Accessor who, uint64_t address, uint32_t size) {
    return inBounds(address, size, size) && (!checks.shared || checkWrite(who, uint32_t(address), size));
  }

  /// A volatile or atomic access: not checked for races.
  bool atomic(Accessor who, uint64_t address, uint32_t size, bool write);

  // cp.async: a write that is not there before its thread waits. At the wait it counts as that thread's write.
  bool beginCopy(Accessor who, uint64_t address, uint32_t size);
  void endCopy(Accessor who, uint32_t address, uint32_t size);

  // Asynchronous proxy; address and size are multiples of 16.
  bool beginAsyncRead(Accessor who, uint64_t address, uint32_t size);
  /// Another warp takes part in a read that has begun; 16 bytes.
  bool alsoReads(Accessor who, uint32_t address) {
    int other = races.read(who.warp, index(address), 15);
    return other < 0 || race(other, who, address, false);
  }
  void endAsyncRead(uint32_t address, uint32_t size);
  bool beginAsyncWrite(Accessor who, uint64_t address, uint32_t size);
  void endAsyncWrite(uint32_t address, uint32_t size);

  /// Makes the 8 bytes at `address` an mbarrier, or ordinary bytes again.
  void setBarrier(uint32_t address, bool on);

  /// fence.proxy.async by a thread.
  void proxyFence(uint32_t thread) { fences[thread]++; }

  struct Violation {
    FaultKind kind;
    std::string message;
  } violation;

  Races races;

private:
  struct Granule {
    uint16_t init, writing, barrier; ///< a bit per byte
    uint16_t reading;
    uint32_t dirty[4]; ///< per word: 0, or fences of the writer << 11 | thread + 1
  };
  static uint32_t bytesMask(uint32_t address, uint32_t size) { return ((1u << size) - 1) << (address & 15) & 0xffff; }
  static uint32_t wordsMask(uint32_t bytes) {
    return uint32_t((bytes & 0xf) != 0) | uint32_t((bytes & 0xf0) != 0) << 1 | uint32_t((bytes & 0xf00) != 0) << 2 |
           uint32_t((bytes & 0xf000) != 0) << 3;
  }
  static uint32_t index(uint32_t address) { return (address - SharedBase) >> 4; }
  Granule &granule(uint32_t address) { return shadow[index(address)]; }

  bool inBounds(uint64_t address, uint32_t size, uint32_t align);
  bool checkRead(Accessor who, uint32_t address, uint32_t size, bool ordered = true);
  bool checkWrite(Accessor who, uint32_t address, uint32_t size, bool ordered = true);
  bool conflict(const Granule &g, uint32_t address, uint32_t mask, bool write);
  bool race(int other, Accessor who, uint32_t address, bool write);
  bool checkProxy(const Granule &g, uint32_t address, const char *what);
  bool report(FaultKind kind, std::string message);
  void markDirty(Granule &g, Accessor who, uint32_t words);

  std::vector<uint8_t> bytes;
  std::vector<Granule> shadow;
  std::vector<uint32_t> fences; ///< per thread, counted modulo 2^21
  uint32_t end = SharedBase;
  Checks checks;
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_SHAREDMEMORY_H
