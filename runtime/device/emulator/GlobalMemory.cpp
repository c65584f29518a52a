#include "runtime/device/emulator/GlobalMemory.h"

#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {

void Buffers::add(const void *data, size_t size, bool writable) {
  auto begin = reinterpret_cast<uint64_t>(data);
  ranges[begin] = {begin + size, writable};
}

void Buffers::remove(const void *data) { ranges.erase(reinterpret_cast<uint64_t>(data)); }

GlobalMemory::GlobalMemory(const Buffers &buffers, const Program &program) {
  for (const auto &[begin, range] : buffers.ranges)
    ranges.push_back({begin, range.end, range.writable});
  for (const Program::Range &variable : program.variables)
    ranges.push_back({variable.begin, variable.begin + variable.size, variable.writable});
  std::sort(ranges.begin(), ranges.end(), [](const Range &a, const Range &b) { return a.begin < b.begin; });
}

const GlobalMemory::Range *GlobalMemory::find(uint64_t address, uint64_t size) const {
  auto after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                [](uint64_t a, const Range &range) { return a < range.begin; });
  if (after == ranges.begin() || !std::prev(after)->holds(address, size))
    return nullptr;
  return &*std::prev(after);
}

std::string GlobalMemory::describe(uint64_t address, uint64_t size) const {
  std::string text = format("%llu bytes at %#llx", (unsigned long long)size, (unsigned long long)address);
  const Range *nearest = nullptr;
  for (const Range &range : ranges)
    if (range.begin <= address + size)
      nearest = &range;
  if (!nearest)
    return text + ", in no buffer";
  return text + format(", byte %lld of a buffer of %llu bytes", (long long)(address - nearest->begin),
                       (unsigned long long)(nearest->end - nearest->begin));
}

} // namespace attn::emu
