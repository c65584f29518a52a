//===- Warp.h - 32 lanes ------------------------------------------*- C++ -*-===//
//
// Registers, control flow and what a warp has in flight. Lanes that diverge run in groups of equal program counter,
// lowest first, and join again when they meet; a group that must wait lets the others of its warp run.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_WARP_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_WARP_H

#include "runtime/device/emulator/AsyncCopy.h"
#include "runtime/device/emulator/SharedMemory.h"

#include <deque>

namespace attn::emu {

class Cta;

/// What a blocked warp waits for, to be able to say it.
struct Wait {
  enum Kind { Nothing, Barrier, Mbarrier, Lanes, Wgmma, Registers } kind = Nothing;
  uint32_t object = 0; ///< barrier number or mbarrier address
  uint32_t parity = 0;
};

/// One cp.async of a warp whose data has not been waited for.
struct LaneCopy {
  Lanes lanes;
  bool done; ///< the data has moved
  uint32_t size, number;
  uint32_t group[32]; ///< the commit group, by lane
  uint32_t target[32], valid[32];
  uint64_t source[32];
};

/// One cp.async.mbarrier.arrive that waits for the copies before it.
struct CopyArrival {
  const Instr *instr;
  uint32_t lane, address, copies;
};

/// One bulk copy or tensor copy from shared to global memory.
struct BulkStore {
  const Instr *instr;
  uint32_t lane, group;
  BulkCopy copy;
  bool done; ///< the data has moved
};

struct Warp {
  Cta *cta = nullptr;
  uint32_t index = 0;
  std::vector<uint64_t> storage;
  uint8_t *file = nullptr; ///< the register file, 64-byte aligned

  struct Shadow {
    Lanes init;
    uint32_t stamp; ///< `fences` at the last write
  };
  std::vector<Shadow> shadow; ///< by row

  // Control flow. The lanes of `active` are at `pc`, the other live ones at their `pcs`.
  Lanes live = AllLanes, active = AllLanes, stuck = 0;
  bool converged = true;
  uint32_t pc = 0, meet = 0; ///< meet: lowest pc above `pc` of the others
  uint32_t pcs[32] = {};
  Wait wait;
  bool timeout = false;    ///< a try_wait that blocks shall give up
  uint32_t gaveUpAt = ~0u; ///< where one did last
  bool polling = false;    ///< it has yielded and nothing has happened since

  // wgmma of this warp
  uint32_t fences = 1;              ///< wgmma.fence executed + 1
  std::vector<uint32_t> busy;       ///< per row, how many unfinished wgmma write (low half) or read it (high half)
  uint32_t issued = 0;              ///< wgmma issued
  std::deque<uint32_t> wgmmaGroups; ///< `issued` at each commit not yet waited for
  uint32_t retired = 0;             ///< wgmma waited for
  uint32_t busyRows = 0;

  // cp.async of this warp
  std::vector<LaneCopy> copies;
  uint32_t copyCount = 0; ///< ever issued
  std::vector<CopyArrival> arrivals;
  uint32_t committed[32] = {}; ///< groups, by lane

  // Bulk stores of this warp
  std::vector<BulkStore> stores;
  uint32_t storesCommitted[32] = {};

  // setmaxnreg
  uint32_t registers = 0, registerChanges = 0;

  template <class T> T *row(uint32_t r) { return reinterpret_cast<T *>(file + size_t(r) * 64); }
  Lanes predicate(uint32_t r) { return *row<Lanes>(r); }
  Accessor lane(unsigned l) const { return {index, l}; }
  bool done() const { return !live; }

  /// Marks a register as written by the lanes.
  void wrote(uint32_t r, Lanes lanes) {
    shadow[r].init |= lanes;
    shadow[r].stamp = fences;
  }
  /// Stops the CTA. lane -1: none in particular. Always Step::Fault.
  Step fault(const Instr &i, int lane, FaultKind kind, std::string message);
  /// The rows must be initialised for the lanes and not be written by an unfinished wgmma.
  bool checkReads(const Instr &i, const uint32_t *rows, size_t count, Lanes lanes);
  bool checkWrites(const Instr &i, const uint32_t *rows, size_t count);

  /// Sends the lanes to `target`, the rest of the active ones to the next instruction.
  Step branch(Lanes lanes, uint32_t target);

  /// Runs up to `budget` instructions. Returns Next when it is used up or the warp is done, else why it stopped.
  Step run(uint64_t &budget);

private:
  bool regroup();
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_WARP_H
