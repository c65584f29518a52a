//===- Cta.h - One thread block ------------------------------------*- C++ -*-===//
//
// Holds what the warps of a CTA share and decides which of them runs. One host thread uses it, for one CTA after
// another.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_CTA_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_CTA_H

#include "runtime/device/emulator/GlobalMemory.h"
#include "runtime/device/emulator/Warp.h"
#include "runtime/device/emulator/Wgmma.h"

#include <random>

namespace attn::emu {

/// bar.sync and its relatives; counts are in threads.
struct Barrier {
  uint32_t expected = 0, arrived = 0, generation = 0;
  uint32_t waiting[32] = {}; ///< generation + 1 that a warp waits for, 0 for none
  uint32_t population = 0;   ///< of bar.red: how many predicates were true so far
  uint32_t result = 0;       ///< and in the generation before
  uint32_t threads = 0;      ///< that gave a predicate
  bool all = false;
  Clock clock, released;
};

struct Mbarrier {
  uint32_t count = 0, pending = 0, phase = 0;
  int64_t transactions = 0; ///< bytes expected and not yet there
  bool fenced = false;      ///< a fence made the initialisation visible to the async proxy
  uint32_t initThread = 0;
  Clock initClock, clock, released;
};

/// A bulk copy or tensor copy into shared memory.
struct BulkLoad {
  const Instr *instr;
  uint32_t warp, lane, barrier;
  BulkCopy copy;
  Clock clock;
};

class Cta {
public:
  Cta(const Program &program, const Kernel &kernel, const GlobalMemory &memory, const Launch &launch);

  /// Runs CTA number `index` of the grid from start to end. False if `fault` is set.
  bool run(uint64_t index);

  const Program &program;
  const Kernel &kernel;
  const GlobalMemory &memory;
  const Launch &launch;
  const Options &options;

  std::optional<Fault> fault;
  std::array<uint32_t, 3> id{};
  std::vector<Warp> warps;
  SharedMemory shared;
  std::array<Barrier, 16> barriers;
  std::map<uint32_t, Mbarrier> mbarriers; ///< by address
  std::vector<BulkLoad> loads;            ///< in flight
  std::vector<WarpGroup> groups;          ///< by four warps
  uint32_t freeRegisters = 0;
  std::mt19937_64 random;
  std::vector<uint8_t> params;

  /// Counts what other warps may wait for; a CTA whose count stands still is stuck.
  uint64_t events = 0;
  uint64_t executed = 0;
  std::vector<uint64_t> byOpcode;
  uint64_t wgmma = 0, mma = 0, bytesLoaded = 0, bytesStored = 0;

  /// A draw in the random mode, false in the others.
  bool maybe(unsigned oneIn) { return options.completion == Completion::Random && random() % oneIn == 0; }
  /// The host address of global memory. Null after reporting a fault.
  uint8_t *global(Warp &w, const Instr &i, int lane, uint64_t address, uint32_t size, bool write);

  /// Moves the data of a load and tells its mbarrier. False on a fault.
  bool completeLoad(size_t which);
  bool complete(Mbarrier &barrier, uint32_t address, Warp &w, const Instr &i);

private:
  void start(uint64_t index);
  void fillRows(Warp &w);
  bool turn();
  bool wakeSomething();
  bool checkExit();
  void deadlock();
  std::string describe(const Warp &w) const;

  uint64_t idleRounds = 0;
  GlobalMemory::Range lastRange;
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_CTA_H
