// The sixteen barriers of a CTA, and setmaxnreg.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {
namespace {

enum Mode : uint32_t { Arrive = 1, HasCount = 2, Popc = 4, And = 8, Or = 16, Reduces = Popc | And | Or };

/// One value for the whole warp. False after a fault.
bool uniform(Warp &w, const Instr &i, Lanes lanes, uint32_t row, uint32_t &value) {
  const uint32_t *values = w.row<uint32_t>(row);
  value = values[__builtin_ctz(lanes)];
  for (Lanes rest = lanes; rest; rest &= rest - 1)
    if (values[__builtin_ctz(rest)] != value) {
      w.fault(i, int(__builtin_ctz(rest)), FaultKind::Barrier, "the operands of a barrier differ between lanes");
      return false;
    }
  return true;
}

/// All have arrived: the next generation begins.
void complete(Cta &cta, Barrier &b) {
  ++b.generation;
  b.arrived = 0;
  b.released.swap(b.clock);
  b.clock.clear();
  b.result = b.population;
  b.all = b.population == b.threads;
  b.population = b.threads = 0;
  ++cta.events;
}

/// After the barrier: what the others did before it is visible, and bar.red has its result.
Step pass(Warp &w, const Instr &i, Lanes lanes, Barrier &b) {
  b.waiting[w.index] = 0;
  w.cta->shared.races.acquire(w.index, b.released);
  if (i.mode & Popc) {
    for (Lanes rest = lanes; rest; rest &= rest - 1)
      w.row<uint32_t>(i.r[0])[__builtin_ctz(rest)] = b.result;
  } else if (i.mode & Reduces) {
    bool result = i.mode & And ? b.all : b.result != 0;
    *w.row<Lanes>(i.r[0]) = result ? lanes : 0;
  }
  return Step::Next;
}

/// r: [result], number, [count], [predicate]
Step barrier(Warp &w, const Instr &i, Lanes lanes) {
  Cta &cta = *w.cta;
  const uint32_t *r = i.r + (i.mode & Reduces ? 1 : 0);
  uint32_t number, count = uint32_t(cta.warps.size()) * 32;
  if (!uniform(w, i, lanes, r[0], number) || (i.mode & HasCount && !uniform(w, i, lanes, r[1], count)))
    return Step::Fault;
  if (number > 15)
    return w.fault(i, -1, FaultKind::Barrier, format("barrier %u, there are 16", number));
  if (!count || count % 32 || count > 1024)
    return w.fault(i, -1, FaultKind::Barrier, format("%u threads at a barrier, must be a multiple of 32", count));
  Barrier &b = cta.barriers[number];
  w.wait = {Wait::Barrier, number};
  if (uint32_t waiting = b.waiting[w.index]) {
    if (b.generation + 1 == waiting)
      return Step::Block;
    return pass(w, i, lanes, b);
  }
  if (b.arrived && b.expected != count)
    return w.fault(i, -1, FaultKind::Barrier,
                   format("barrier %u expects %u threads, here %u", number, b.expected, count));
  b.expected = count;
  b.arrived += 32;
  if (i.mode & Reduces) {
    b.population += uint32_t(__builtin_popcount(w.predicate(r[i.mode & HasCount ? 2 : 1]) & lanes));
    b.threads += uint32_t(__builtin_popcount(lanes));
  }
  ++cta.events;
  cta.shared.races.release(w.index, b.clock);
  bool last = b.arrived == b.expected;
  if (last)
    complete(cta, b);
  if (i.mode & Arrive)
    return Step::Next;
  if (last)
    return pass(w, i, lanes, b);
  b.waiting[w.index] = b.generation + 1;
  return Step::Block;
}

/// bar{.cta}.{sync|arrive|red}, barrier{.cta}.{...}{.aligned}. Without .aligned the lanes wait for each other first.
bool decodeBarrier(Decoder &d) {
  d.accept("cta");
  int kind = d.acceptOne({"sync", "arrive", "red"});
  uint32_t mode = kind == 1 ? Arrive : 0;
  if (kind == 2) {
    int op = d.acceptOne({"popc", "and", "or"});
    if (op < 0)
      return d.unknown();
    mode = Popc << op;
  }
  if (d.s.words[0] == "barrier")
    d.accept("aligned");
  if (kind < 0 || (kind == 2 && !d.accept(mode == Popc ? "u32" : "pred")))
    return d.unknown();
  const auto &o = d.s.operands;
  size_t reduces = kind == 2 ? 1 : 0, extra = reduces;
  if (!d.end() || !d.operands((kind == 1 ? 2 : 1) + 2 * reduces, 2 + 2 * reduces))
    return false;
  bool hasCount = o.size() == 2 + 2 * reduces;
  d.i.mode = mode | (hasCount ? HasCount : 0);
  d.i.aligned = true;
  d.i.run = barrier;
  return (!reduces || d.destination(o[0], mode == Popc ? Width::B32 : Width::Pred, d.i.r[0])) &&
         d.source(o[extra], Width::B32, d.i.r[extra]) &&
         (!hasCount || d.source(o[extra + 1], Width::B32, d.i.r[extra + 1])) &&
         (!reduces || d.source(o.back(), Width::Pred, d.i.r[extra + 1 + hasCount]));
}

/// The pool is what the CTA got at its launch.
Step setMaxNReg(Warp &w, const Instr &i, Lanes) {
  Cta &cta = *w.cta;
  auto count = uint32_t(i.imm);
  uint32_t kept = w.registers;
  bool increase = i.mode;
  if (!cta.kernel.maxThreads)
    return w.fault(i, -1, FaultKind::SetMaxNReg, "a kernel without .maxntid; ptxas ignores setmaxnreg there");
  if (increase ? count < kept : count > kept)
    return w.fault(i, -1, FaultKind::SetMaxNReg,
                   format("%s to %u registers, the warp has %u", increase ? "increases" : "decreases", count, kept));
  if (increase && (count - kept) * 32 > cta.freeRegisters) {
    w.wait = {Wait::Registers, (count - kept) * 32 - cta.freeRegisters};
    return Step::Block;
  }
  cta.freeRegisters += (kept - count) * 32;
  w.registers = count;
  ++w.registerChanges;
  for (uint32_t k = w.index / 4 * 4; k < std::min<size_t>(w.index / 4 * 4 + 4, cta.warps.size()); ++k)
    if (const Warp &other = cta.warps[k]; other.registerChanges == w.registerChanges && other.registers != count)
      return w.fault(i, -1, FaultKind::SetMaxNReg,
                     format("%u registers, but warp %u of the same warpgroup has %u", count, k, other.registers));
  ++cta.events;
  return Step::Next;
}
bool decodeSetMaxNReg(Decoder &d) {
  int direction = d.acceptOne({"inc", "dec"});
  if (direction < 0 || !d.accept("sync") || !d.accept("aligned") || !d.accept("u32"))
    return d.unknown();
  d.i.mode = direction == 0;
  d.i.aligned = true;
  d.i.run = setMaxNReg;
  if (!d.end() || !d.operands(1) || !d.constant(d.s.operands[0], d.i.imm))
    return false;
  return (d.i.imm >= 24 && d.i.imm <= 256 && d.i.imm % 8 == 0) ||
         d.fail("setmaxnreg takes a multiple of 8 from 24 to 256");
}

} // namespace

void addBarrierForms(FormTable &t) {
  t.family("bar", decodeBarrier);
  t.family("barrier", decodeBarrier);
  t.family("setmaxnreg", decodeSetMaxNReg);
}

} // namespace attn::emu
