// cp.async: copies from global to shared memory that a thread waits for by groups.
#include "runtime/device/emulator/AsyncCopy.h"
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {
namespace {

constexpr uint32_t NarrowTarget = 1, HasSize = 2, Ignores = 4;

/// Moves the data of the copies' lanes. False on a fault.
bool transfer(Warp &w, const Instr &i, const LaneCopy &copy, Lanes lanes) {
  Cta &cta = *w.cta;
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    uint8_t *to = cta.shared.data(copy.target[l]);
    memset(to, 0, copy.size);
    if (!copy.valid[l])
      continue;
    const uint8_t *from = cta.global(w, i, int(l), copy.source[l], copy.valid[l], false);
    if (!from)
      return false;
    memcpy(to, from, copy.valid[l]);
    cta.bytesLoaded += copy.valid[l];
  }
  return true;
}

/// r: target, source, [bytes to read or ignore-src]; mode: flags and size << 8
Step copy(Warp &w, const Instr &i, Lanes lanes) {
  Cta &cta = *w.cta;
  LaneCopy c;
  c.lanes = lanes;
  c.size = i.mode >> 8;
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    uint64_t target = i.mode & NarrowTarget ? w.row<uint32_t>(i.r[0])[l] + uint32_t(i.imm)
                                            : w.row<uint64_t>(i.r[0])[l] + uint64_t(i.imm);
    c.source[l] = w.row<uint64_t>(i.r[1])[l] + uint64_t(i.imm2);
    c.valid[l] = c.size;
    if (i.mode & Ignores)
      c.valid[l] = w.predicate(i.r[2]) >> l & 1 ? 0 : c.size;
    else if (i.mode & HasSize)
      c.valid[l] = w.row<uint32_t>(i.r[2])[l];
    c.group[l] = w.committed[l];
    if (c.valid[l] > c.size)
      return w.fault(i, int(l), FaultKind::OutOfBounds, format("reads %u of %u bytes", c.valid[l], c.size));
    if (c.valid[l] && c.source[l] % c.size)
      return w.fault(i, int(l), FaultKind::Misaligned,
                     format("global address %#llx is not a multiple of %u", (unsigned long long)c.source[l], c.size));
    // Bounds are checked here, whenever the data moves.
    if (c.valid[l] && !cta.global(w, i, int(l), c.source[l], c.valid[l], false))
      return Step::Fault;
    if (!cta.shared.beginCopy(w.lane(l), target, c.size))
      return w.fault(i, int(l), cta.shared.violation.kind, cta.shared.violation.message);
    c.target[l] = uint32_t(target);
  }
  c.number = w.copyCount++;
  c.done = cta.options.completion == Completion::Early || cta.maybe(2);
  if (c.done && !transfer(w, i, c, lanes))
    return Step::Fault;
  w.copies.push_back(c);
  ++cta.events;
  return Step::Next;
}

/// Completes those copies of the lanes for which `due(copy, lane)`.
template <class Due> Step finish(Warp &w, const Instr &i, Lanes lanes, Due isDue) {
  for (LaneCopy &c : w.copies) {
    Lanes due = 0;
    for (Lanes rest = c.lanes & lanes; rest; rest &= rest - 1)
      due |= Lanes(isDue(c, __builtin_ctz(rest))) << __builtin_ctz(rest);
    if (!c.done && !transfer(w, i, c, due))
      return Step::Fault;
    for (Lanes rest = due; rest; rest &= rest - 1) {
      unsigned l = __builtin_ctz(rest);
      w.cta->shared.endCopy(w.lane(l), c.target[l], c.size);
    }
    c.lanes &= ~due;
  }
  w.copies.erase(std::remove_if(w.copies.begin(), w.copies.end(), [](const LaneCopy &c) { return !c.lanes; }),
                 w.copies.end());
  ++w.cta->events;
  return Step::Next;
}

Step commit(Warp &w, const Instr &, Lanes lanes) {
  for (; lanes; lanes &= lanes - 1)
    ++w.committed[__builtin_ctz(lanes)];
  return Step::Next;
}
Step waitGroup(Warp &w, const Instr &i, Lanes lanes) {
  return finish(w, i, lanes, [&](const LaneCopy &c, unsigned l) { return c.group[l] + i.imm < w.committed[l]; });
}
Step waitAll(Warp &w, const Instr &i, Lanes lanes) {
  return finish(w, i, lanes, [](const LaneCopy &, unsigned) { return true; });
}

/// cp.async.mbarrier.arrive: an arrival when all earlier copies of the lane are there. Without .noinc the phase expects
/// one arrival more, so that the arrival itself changes nothing.
constexpr uint32_t NoInc = 2;
Step arriveLater(Warp &w, const Instr &i, Lanes lanes) {
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    uint32_t address = i.mode & NarrowTarget ? w.row<uint32_t>(i.r[0])[l] + uint32_t(i.imm)
                                             : uint32_t(w.row<uint64_t>(i.r[0])[l] + uint64_t(i.imm));
    auto found = w.cta->mbarriers.find(address);
    if (found == w.cta->mbarriers.end())
      return w.fault(i, int(l), FaultKind::Barrier, format("there is no mbarrier at %#x", address));
    if (!(i.mode & NoInc))
      ++found->second.pending;
    w.arrivals.push_back({&i, l, address, w.copyCount});
  }
  ++w.cta->events;
  if (w.cta->options.completion == Completion::Early)
    while (!w.arrivals.empty())
      if (!completeArrival(w))
        return Step::Fault;
  return Step::Next;
}

} // namespace

bool completeArrival(Warp &w) {
  CopyArrival a = w.arrivals.front();
  w.arrivals.erase(w.arrivals.begin());
  Step step = finish(w, *a.instr, Lanes(1) << a.lane, [&](const LaneCopy &c, unsigned) { return c.number < a.copies; });
  if (step == Step::Fault)
    return false;
  auto found = w.cta->mbarriers.find(a.address);
  if (found == w.cta->mbarriers.end() || !found->second.pending) {
    w.fault(*a.instr, int(a.lane), FaultKind::Barrier, format("an arrival too many at the mbarrier at %#x", a.address));
    return false;
  }
  --found->second.pending;
  w.cta->shared.races.release(w.index, found->second.clock);
  return w.cta->complete(found->second, a.address, w, *a.instr);
}

bool decodeCpAsync(Decoder &d) {
  const auto &o = d.s.operands;
  if (d.accept("mbarrier")) {
    if (!d.accept("arrive"))
      return d.unknown();
    uint32_t mode = d.accept("noinc") ? NoInc : 0;
    Width width;
    d.i.run = arriveLater;
    if (d.acceptOne({"shared", "shared::cta"}) < 0 || !d.accept("b64"))
      return d.unknown();
    if (!d.end() || !d.operands(1) || !d.address(o[0], d.i.r[0], width))
      return false;
    d.i.mode = mode | (width == Width::B32 ? NarrowTarget : 0);
    return true;
  }
  switch (d.acceptOne({"commit_group", "wait_group", "wait_all"})) {
  case 0: d.i.run = commit; return d.end() && d.operands(0);
  case 1:
    d.i.run = waitGroup;
    return d.end() && d.operands(1) && d.constant(o[0], d.i.imm) &&
           (d.i.imm >= 0 && d.i.imm < 1 << 20 ? true : d.fail("a number of groups must not be negative"));
  case 2: d.i.run = waitAll; return d.end() && d.operands(0);
  }
  int cache = d.acceptOne({"ca", "cg"});
  if (cache < 0 || d.acceptOne({"shared", "shared::cta"}) < 0 || !d.accept("global"))
    return d.unknown();
  d.acceptOne({"L2::64B", "L2::128B", "L2::256B"});
  int64_t size;
  if (!d.end() || !d.operands(3, 4) || !d.constant(o[2], size))
    return false;
  if (size != 16 && (cache == 1 || (size != 4 && size != 8)))
    return d.fail("cp.async copies 4, 8 or 16 bytes, .cg only 16");
  Width target, source;
  d.i.run = copy;
  if (!d.address(o[1], d.i.r[1], source))
    return false;
  if (source != Width::B64)
    return d.fail("a global address must be 64 bits wide");
  d.i.imm2 = d.i.imm;
  if (!d.address(o[0], d.i.r[0], target))
    return false;
  d.i.mode = uint32_t(size) << 8 | (target == Width::B32 ? NarrowTarget : 0);
  if (o.size() == 3)
    return true;
  Width kind = Width::B32;
  d.registerWidth(o[3], kind);
  d.i.mode |= kind == Width::Pred ? Ignores : HasSize;
  return d.source(o[3], kind, d.i.r[2]);
}

} // namespace attn::emu
