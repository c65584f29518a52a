//===- GlobalMemory.h - What a kernel may touch --------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_GLOBALMEMORY_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_GLOBALMEMORY_H

#include "runtime/device/emulator/Program.h"

namespace attn::emu {

/// The buffers of a launch and the variables of its module. Immutable, so threads share it.
class GlobalMemory {
public:
  struct Range {
    uint64_t begin = 0, end = 0;
    bool writable = false;

    bool holds(uint64_t address, uint64_t size) const {
      return address >= begin && address < end && size <= end - address;
    }
  };

  GlobalMemory(const Buffers &buffers, const Program &program);

  /// The range that holds all of [address, address + size); null if none does.
  const Range *find(uint64_t address, uint64_t size) const;

  /// Where the bytes lie, for a message.
  std::string describe(uint64_t address, uint64_t size) const;

private:
  std::vector<Range> ranges; ///< sorted
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_GLOBALMEMORY_H
