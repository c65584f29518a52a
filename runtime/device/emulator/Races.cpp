#include "runtime/device/emulator/Races.h"

#include <algorithm>

namespace attn::emu {

void Races::reset(uint32_t count, uint32_t granules) {
  warps = count;
  stride = 4 + warps;
  history.assign(warps ? size_t(granules) * stride : 0, 0);
  clocks.assign(size_t(warps) * warps, 0);
  for (uint32_t w = 0; w < warps; ++w)
    clocks[w * warps + w] = 1;
}

int Races::onRead(uint32_t warp, uint32_t granule, uint32_t words) {
  uint32_t *entry = &history[size_t(granule) * stride];
  const bool same = entry[0] == entry[1] && entry[0] == entry[2] && entry[0] == entry[3]; // a copy wrote them
  for (uint32_t word = 0; word < (same ? 1 : 4); ++word) {
    uint32_t writer = entry[word] & 31;
    if ((same || words >> word & 1) && writer != warp && entry[word] >> 5 > seen(warp, writer))
      return int(writer);
  }
  uint32_t now = seen(warp, warp), &last = entry[4 + warp];
  // An older read of other words is forgotten: a race may be missed, none is invented.
  last = last >> 4 == now ? last | words : now << 4 | words;
  return -1;
}

int Races::onWrite(uint32_t warp, uint32_t granule, uint32_t words) {
  uint32_t *entry = &history[size_t(granule) * stride];
  for (uint32_t other = 0; other < warps; ++other)
    if (other != warp && entry[4 + other] & words && entry[4 + other] >> 4 > seen(warp, other))
      return int(other);
  uint32_t now = seen(warp, warp);
  for (uint32_t word = 0; word < 4; ++word) {
    if (!(words >> word & 1))
      continue;
    uint32_t writer = entry[word] & 31;
    if (writer != warp && entry[word] >> 5 > seen(warp, writer))
      return int(writer);
    entry[word] = now << 5 | warp;
  }
  return -1;
}

void Races::join(Clock &into, const Clock &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

Clock Races::snapshot(uint32_t warp) {
  if (!enabled())
    return {};
  auto begin = clocks.begin() + size_t(warp) * warps;
  Clock clock(begin, begin + warps);
  ++clocks[warp * warps + warp];
  return clock;
}

void Races::release(uint32_t warp, Clock &clock) {
  if (enabled())
    join(clock, snapshot(warp));
}

void Races::acquire(uint32_t warp, const Clock &clock) {
  if (!enabled())
    return;
  for (size_t i = 0; i < clock.size(); ++i)
    if (uint32_t &mine = clocks[size_t(warp) * warps + i]; clock[i] > mine)
      mine = clock[i];
}

} // namespace attn::emu
