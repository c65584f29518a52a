//===- Races.h - Happens-before between warps ----------------------*- C++ -*-===//
//
// Vector clocks in the manner of FastTrack (Flanagan and Freund, PLDI 2009) for the shared memory of one CTA. A thread
// of the algorithm is a warp: lanes of one warp are not checked against each other. Barriers and mbarriers carry
// clocks; an asynchronous copy counts as an access of the warp that issues it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_RACES_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_RACES_H

#include <cstdint>
#include <vector>

namespace attn::emu {

/// For each warp, up to which of its clocks something has been seen.
using Clock = std::vector<uint32_t>;

class Races {
public:
  /// Without a reset to a number of warps above 0, everything is allowed and nothing recorded.
  void reset(uint32_t warps, uint32_t granules);
  bool enabled() const { return warps != 0; }

  /// `warp` accesses the words of a 16-byte granule (bit per 4-byte word). The warp whose earlier access is not ordered
  /// before this one, or -1.
  int read(uint32_t warp, uint32_t granule, uint32_t words) { return enabled() ? onRead(warp, granule, words) : -1; }
  int write(uint32_t warp, uint32_t granule, uint32_t words) { return enabled() ? onWrite(warp, granule, words) : -1; }

  /// What `warp` did so far becomes visible to those who acquire `clock`.
  void release(uint32_t warp, Clock &clock);
  void acquire(uint32_t warp, const Clock &clock);
  /// Whether what `other` released into `clock` is ordered before what `warp` does now.
  bool covers(uint32_t warp, const Clock &clock, uint32_t other) const {
    return !enabled() || warp == other || clock[other] <= seen(warp, other);
  }
  static void join(Clock &into, const Clock &from);

  /// The warp's clock, for a release that happens later on its behalf; starts a new epoch of the warp.
  Clock snapshot(uint32_t warp);

private:
  int onRead(uint32_t warp, uint32_t granule, uint32_t words);
  int onWrite(uint32_t warp, uint32_t granule, uint32_t words);
  uint32_t seen(uint32_t warp, uint32_t other) const { return clocks[warp * warps + other]; }

  uint32_t warps = 0, stride = 0;
  std::vector<uint32_t> clocks; ///< warps x warps
  /// Per granule: 4 words, the last write of each (clock << 5 | warp), then per warp its last read (clock << 4 |
  /// words).
  std::vector<uint32_t> history;
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_RACES_H
