#include "runtime/device/emulator/Cta.h"

#include "runtime/device/emulator/Text.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace attn::emu {
namespace {

constexpr uint64_t Quantum = 1 << 14;    ///< instructions of a warp before the next one's turn
constexpr uint64_t MaxIdleRounds = 1024; ///< rounds without an event before a deadlock is certain
constexpr uint32_t RegistersPerSm = 65536;

} // namespace

Cta::Cta(const Program &program, const Kernel &kernel, const GlobalMemory &memory, const Launch &launch)
    : program(program), kernel(kernel), memory(memory), launch(launch), options(launch.options) {
  uint32_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  warps.resize((threads + 31) / 32);
  groups.resize((warps.size() + 3) / 4);
  byOpcode.resize(program.opcodes.size());
  // Parameters lie where a 64-byte aligned tensor map can be read in place.
  params = launch.params;
  for (Warp &w : warps) {
    w.cta = this;
    w.index = uint32_t(&w - warps.data());
    w.storage.resize(size_t(kernel.rows) * 8 + 8);
    auto at = reinterpret_cast<uintptr_t>(w.storage.data());
    w.file = reinterpret_cast<uint8_t *>((at + 63) & ~uintptr_t(63));
  }
}

uint8_t *Cta::global(Warp &w, const Instr &i, int lane, uint64_t address, uint32_t size, bool write) {
  if (!lastRange.holds(address, size)) {
    const GlobalMemory::Range *range = memory.find(address, size);
    if (!range) {
      w.fault(i, lane, FaultKind::OutOfBounds, "global memory: " + memory.describe(address, size));
      return nullptr;
    }
    lastRange = *range;
  }
  if (write && !lastRange.writable) {
    w.fault(i, lane, FaultKind::OutOfBounds, "writes a read-only buffer: " + memory.describe(address, size));
    return nullptr;
  }
  return reinterpret_cast<uint8_t *>(address);
}

/// Constants and special registers of a warp.
void Cta::fillRows(Warp &w) {
  if (options.checks.registers)
    w.shadow.assign(kernel.rows, {0, 0});
  else
    w.shadow.assign(kernel.rows, {AllLanes, 0});
  w.busy.assign(kernel.rows, 0);
  memset(w.file, 0xcd, size_t(kernel.rows) * 64);
  for (const Constant &c : kernel.constants) {
    w.shadow[c.row].init = AllLanes;
    switch (c.width) {
    case syntax::Width::Pred: *w.row<Lanes>(c.row) = c.value & 1 ? AllLanes : 0; break;
    case syntax::Width::B16: std::fill_n(w.row<uint16_t>(c.row), 32, uint16_t(c.value)); break;
    case syntax::Width::B32: std::fill_n(w.row<uint32_t>(c.row), 32, uint32_t(c.value)); break;
    case syntax::Width::B64: std::fill_n(w.row<uint64_t>(c.row), 32, c.value); break;
    }
  }
  const auto &block = launch.block, &grid = launch.grid;
  for (const SpecialRow &special : kernel.specials) {
    w.shadow[special.row].init = AllLanes;
    uint32_t *row = w.row<uint32_t>(special.row);
    for (uint32_t l = 0; l < 32; ++l) {
      uint32_t thread = w.index * 32 + l;
      switch (special.which) {
      case Special::TidX: row[l] = thread % block[0]; break;
      case Special::TidY: row[l] = thread / block[0] % block[1]; break;
      case Special::TidZ: row[l] = thread / block[0] / block[1]; break;
      case Special::NTidX: row[l] = block[0]; break;
      case Special::NTidY: row[l] = block[1]; break;
      case Special::NTidZ: row[l] = block[2]; break;
      case Special::CtaIdX: row[l] = id[0]; break;
      case Special::CtaIdY: row[l] = id[1]; break;
      case Special::CtaIdZ: row[l] = id[2]; break;
      case Special::NCtaIdX: row[l] = grid[0]; break;
      case Special::NCtaIdY: row[l] = grid[1]; break;
      case Special::NCtaIdZ: row[l] = grid[2]; break;
      case Special::LaneId: row[l] = l; break;
      case Special::WarpId: row[l] = w.index; break;
      case Special::NWarpId: row[l] = uint32_t(warps.size()); break;
      case Special::LaneMaskEq: row[l] = 1u << l; break;
      case Special::LaneMaskLt: row[l] = (1u << l) - 1; break;
      case Special::LaneMaskLe: row[l] = (1u << l) - 1 + (1u << l); break;
      case Special::LaneMaskGt: row[l] = ~((1u << l) - 1 + (1u << l)); break;
      case Special::LaneMaskGe: row[l] = ~((1u << l) - 1); break;
      }
    }
  }
}

void Cta::start(uint64_t index) {
  id = {uint32_t(index % launch.grid[0]), uint32_t(index / launch.grid[0] % launch.grid[1]),
        uint32_t(index / launch.grid[0] / launch.grid[1])};
  fault.reset();
  random.seed(options.seed * 0x9e3779b97f4a7c15 + index);
  shared.reset(program.staticShared + launch.dynamicShared, uint32_t(warps.size()), options.checks);
  barriers.fill({});
  mbarriers.clear();
  loads.clear();
  for (WarpGroup &g : groups)
    g = {};
  events = idleRounds = 0;
  uint32_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  // What ptxas gives a kernel that changes its registers: all of the register file, in steps of 8.
  uint32_t registers = std::min(255u, RegistersPerSm / (uint32_t(warps.size()) * 32)) / 8 * 8;
  freeRegisters = 0;
  for (Warp &w : warps) {
    uint32_t lanes = std::min(32u, threads - w.index * 32);
    w.live = w.active = lanes == 32 ? AllLanes : (1u << lanes) - 1;
    w.stuck = 0;
    w.converged = true;
    w.pc = 0;
    w.wait = {};
    w.timeout = false;
    w.gaveUpAt = ~0u;
    w.polling = false;
    w.fences = 1;
    w.issued = w.retired = w.busyRows = 0;
    w.wgmmaGroups.clear();
    w.copies.clear();
    w.copyCount = 0;
    w.arrivals.clear();
    w.stores.clear();
    memset(w.committed, 0, sizeof w.committed);
    memset(w.storesCommitted, 0, sizeof w.storesCommitted);
    w.registers = registers;
    w.registerChanges = 0;
    fillRows(w);
  }
}

bool Cta::run(uint64_t index) {
  start(index);
  uint64_t before = executed;
  while (std::any_of(warps.begin(), warps.end(), [](const Warp &w) { return !w.done(); })) {
    if (!turn())
      return false;
    if (executed - before > options.maxInstructions) {
      const Warp &w = *std::find_if(warps.begin(), warps.end(), [](const Warp &w) { return !w.done(); });
      warps[w.index].fault(kernel.code[w.pc], -1, FaultKind::EndlessLoop,
                           format("the CTA has run %llu instructions", (unsigned long long)(executed - before)));
      return false;
    }
  }
  return checkExit();
}

/// Gives every warp a turn. False on a fault.
bool Cta::turn() {
  uint32_t order[64];
  auto count = uint32_t(warps.size());
  std::iota(order, order + count, 0);
  if (options.seed)
    std::shuffle(order, order + count, random);
  uint64_t eventsBefore = events;
  bool progress = false;
  for (uint32_t k = 0; k < count; ++k) {
    Warp &w = warps[order[k]];
    if (w.done())
      continue;
    uint64_t budget = options.seed ? 1 + random() % (random() % 4 ? 64 : 2048) : Quantum;
    Step step = w.run(budget);
    if (step == Step::Fault || fault)
      return false;
    w.polling |= step == Step::Yield;
    progress |= step == Step::Next && !w.polling;
    if (maybe(4) && !loads.empty() && !completeLoad(random() % loads.size()))
      return false;
    if (maybe(4) && !w.arrivals.empty() && !completeArrival(w))
      return false;
    if (maybe(4)) {
      executeWgmma(*this, w.index / 4);
      if (fault)
        return false;
    }
  }
  if (progress || events != eventsBefore) {
    idleRounds = 0;
    for (Warp &w : warps)
      w.polling = false;
    return true;
  }
  return wakeSomething();
}

/// Nothing can run: completes a copy, lets waits time out, or reports a deadlock.
bool Cta::wakeSomething() {
  if (!loads.empty())
    return completeLoad(options.seed ? random() % loads.size() : 0);
  for (Warp &w : warps)
    if (!w.arrivals.empty())
      return completeArrival(w);
  if (++idleRounds > MaxIdleRounds) {
    deadlock();
    return false;
  }
  for (Warp &w : warps)
    w.timeout = w.wait.kind == Wait::Mbarrier;
  return true;
}

std::string Cta::describe(const Warp &w) const {
  switch (w.wait.kind) {
  case Wait::Barrier: {
    const Barrier &b = barriers[w.wait.object];
    return format("barrier %u, %u of %u threads have arrived", w.wait.object, b.arrived, b.expected);
  }
  case Wait::Mbarrier: {
    auto found = mbarriers.find(w.wait.object);
    if (found == mbarriers.end())
      return "an mbarrier";
    const Mbarrier &m = found->second;
    return format(
        "mbarrier at %#x, the phase of parity %u to end: phase %u is on, %u of %u arrivals and %lld bytes missing",
        w.wait.object, w.wait.parity, m.phase, m.pending, m.count, (long long)m.transactions);
  }
  case Wait::Lanes: return "other lanes of the warp to reach this instruction";
  case Wait::Wgmma: return "the other warps of its warpgroup to issue the wgmma";
  case Wait::Registers: return format("setmaxnreg: %u registers to become free", w.wait.object);
  case Wait::Nothing: break;
  }
  return "polls";
}

void Cta::deadlock() {
  std::string text = "no warp can go on:";
  const Warp *first = nullptr;
  bool onlyLanes = true;
  for (const Warp &w : warps) {
    if (w.done())
      continue;
    uint32_t pc = w.pc;
    if (!first)
      first = &w;
    onlyLanes &= w.wait.kind == Wait::Lanes;
    text += format("\n  warp %u, line %u: waits for ", w.index, kernel.code[pc].line) + describe(w);
  }
  const Instr &i = kernel.code[first->pc];
  if (onlyLanes)
    warps[first->index].fault(
        i, -1, FaultKind::Divergence,
        "an instruction that all lanes of the warp must execute together is reached by some only");
  else
    warps[first->index].fault(i, -1, FaultKind::Deadlock, text);
}

/// What must be over when a CTA ends.
bool Cta::checkExit() {
  auto fail = [&](Warp &w, const Instr &i, FaultKind kind, std::string what) {
    w.fault(i, -1, kind, std::move(what));
    return false;
  };
  if (!loads.empty())
    return fail(warps[loads[0].warp], *loads[0].instr, FaultKind::IncompleteAtExit,
                "the CTA ends while this copy into its shared memory is in flight");
  for (Warp &w : warps)
    for (const BulkStore &store : w.stores)
      return fail(w, *store.instr, FaultKind::IncompleteAtExit,
                  store.group == w.storesCommitted[store.lane] ? "the CTA ends and this store was never committed"
                                                               : "the CTA ends without having waited for this store");
  for (const WarpGroup &g : groups)
    if (!g.ops.empty())
      return fail(warps[(&g - groups.data()) * 4], *g.ops[0].instr, FaultKind::MissingWait,
                  "the CTA ends without having waited for this wgmma");
  for (const auto &[address, m] : mbarriers)
    if (m.transactions)
      return fail(
          warps[0], kernel.code.back(), FaultKind::TransactionCount,
          format("the CTA ends with %lld bytes missing at the mbarrier at %#x", (long long)m.transactions, address));
  for (size_t k = 0; k < warps.size(); ++k)
    if (warps[k].registerChanges != warps[k / 4 * 4].registerChanges)
      return fail(warps[k], kernel.code.back(), FaultKind::SetMaxNReg,
                  "setmaxnreg was not executed by all warps of the warpgroup");
  return true;
}

} // namespace attn::emu
