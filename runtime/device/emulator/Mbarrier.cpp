// mbarrier objects: arrivals and transaction bytes of a phase.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

namespace attn::emu {

constexpr int64_t MaxTransactions = (1 << 20) - 1;
constexpr uint32_t MaxCount = (1 << 20) - 1;

/// Ends the phase if nothing is missing. False if the counts make no sense.
bool Cta::complete(Mbarrier &m, uint32_t address, Warp &w, const Instr &i) {
  auto fail = [&](FaultKind kind, std::string message) {
    w.fault(i, -1, kind, std::move(message));
    return false;
  };
  ++events;
  if (m.transactions > MaxTransactions || m.transactions < -MaxTransactions)
    return fail(FaultKind::TransactionCount,
                format("the mbarrier at %#x expects %lld bytes, beyond 2^20-1", address, (long long)m.transactions));
  if (m.pending)
    return true;
  if (m.transactions < 0)
    return fail(FaultKind::TransactionCount, format("%lld bytes more than expected have come to the mbarrier at %#x",
                                                    (long long)-m.transactions, address));
  if (m.transactions == 0) {
    ++m.phase;
    m.pending = m.count;
    m.released = m.clock;
  }
  return true;
}

namespace {

uint32_t addressOf(Warp &w, const Instr &i, uint32_t row, unsigned l) {
  constexpr uint32_t Narrow = 1;
  return i.mode & Narrow ? w.row<uint32_t>(row)[l] + uint32_t(i.imm)
                         : uint32_t(w.row<uint64_t>(row)[l] + uint64_t(i.imm));
}
bool decodeAddress(Decoder &d, const Operand &operand, uint32_t &row) {
  Width width;
  if (!d.address(operand, row, width))
    return false;
  d.i.mode |= width == Width::B32;
  return true;
}
bool acceptShared(Decoder &d) { return d.acceptOne({"shared::cta", "shared"}) >= 0; }

/// The mbarrier that lane `l` addresses; null after a fault.
Mbarrier *find(Warp &w, const Instr &i, unsigned l, uint32_t address) {
  auto found = w.cta->mbarriers.find(address);
  if (found != w.cta->mbarriers.end())
    return &found->second;
  w.fault(i, int(l), FaultKind::Barrier, format("there is no mbarrier at %#x", address));
  return nullptr;
}

/// r: address, count
Step init(Warp &w, const Instr &i, Lanes lanes) {
  Cta &cta = *w.cta;
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    uint32_t address = addressOf(w, i, i.r[0], l), count = w.row<uint32_t>(i.r[1])[l];
    if (!cta.shared.atomic(w.lane(l), address, 8, true))
      return w.fault(i, int(l), cta.shared.violation.kind, cta.shared.violation.message);
    if (!count || count > MaxCount)
      return w.fault(i, int(l), FaultKind::Barrier, format("an mbarrier for %u arrivals", count));
    auto [entry, isNew] = cta.mbarriers.try_emplace(address);
    if (!isNew)
      return w.fault(i, int(l), FaultKind::Barrier, format("there is an mbarrier at %#x already", address));
    entry->second.count = entry->second.pending = count;
    entry->second.initThread = w.lane(l).thread();
    cta.shared.setBarrier(address, true);
    cta.shared.races.release(w.index, entry->second.initClock);
  }
  ++cta.events;
  return Step::Next;
}

/// The initialisation must be ordered before any use by another warp.
bool ordered(Warp &w, const Instr &i, unsigned l, uint32_t address, const Mbarrier &m) {
  if (w.cta->shared.races.covers(w.index, m.initClock, m.initThread / 32))
    return true;
  w.fault(i, int(l), FaultKind::DataRace,
          format("uses the mbarrier at %#x, whose initialisation by warp %u is not ordered before it", address,
                 m.initThread / 32));
  return false;
}

Step inval(Warp &w, const Instr &i, Lanes lanes) {
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    uint32_t address = addressOf(w, i, i.r[0], l);
    const Mbarrier *m = find(w, i, l, address);
    if (!m)
      return Step::Fault;
    if (m->transactions)
      return w.fault(i, int(l), FaultKind::TransactionCount,
                     format("ends an mbarrier with %lld bytes missing", (long long)m->transactions));
    w.cta->mbarriers.erase(address);
    w.cta->shared.setBarrier(address, false);
  }
  return Step::Next;
}

constexpr uint32_t HasState = 2, HasCount = 4, ExpectsTx = 8, NoArrival = 16;

/// r: address, [count or bytes], [state]. One lane after the other.
Step arrive(Warp &w, const Instr &i, Lanes lanes) {
  Cta &cta = *w.cta;
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    uint32_t address = addressOf(w, i, i.r[0], l);
    Mbarrier *m = find(w, i, l, address);
    if (!m || !ordered(w, i, l, address, *m))
      return Step::Fault;
    uint32_t operand = i.mode & (HasCount | ExpectsTx) ? w.row<uint32_t>(i.r[1])[l] : 1;
    if (i.mode & ExpectsTx) {
      if (operand > MaxTransactions)
        return w.fault(i, int(l), FaultKind::TransactionCount, format("expects %u bytes, beyond 2^20-1", operand));
      m->transactions += operand;
    }
    uint32_t count = i.mode & NoArrival ? 0 : i.mode & ExpectsTx ? 1 : operand;
    if (count > m->pending)
      return w.fault(i, int(l), FaultKind::Barrier,
                     format("%u arrivals at the mbarrier at %#x, %u of %u are missing in this phase", count, address,
                            m->pending, m->count));
    m->pending -= count;
    if (i.mode & HasState)
      w.row<uint64_t>(i.r[2])[l] = m->phase;
    cta.shared.races.release(w.index, m->clock);
    if (!cta.complete(*m, address, w, i))
      return Step::Fault;
  }
  return Step::Next;
}

constexpr uint32_t Test = 32, ByState = 64;

/// r: predicate, address, parity or state. try_wait blocks until the phase ends, nothing else can happen or it gives
/// up.
Step wait(Warp &w, const Instr &i, Lanes lanes) {
  Lanes done = 0;
  Wait missing;
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    uint32_t address = addressOf(w, i, i.r[1], l);
    Mbarrier *m = find(w, i, l, address);
    if (!m || !ordered(w, i, l, address, *m))
      return Step::Fault;
    uint32_t parity = i.mode & ByState ? uint32_t(w.row<uint64_t>(i.r[2])[l]) & 1 : w.row<uint32_t>(i.r[2])[l];
    if (parity > 1)
      return w.fault(i, int(l), FaultKind::Barrier, format("the parity of a phase cannot be %u", parity));
    if ((m->phase & 1) != parity) {
      done |= Lanes(1) << l;
      w.cta->shared.races.acquire(w.index, m->released);
    } else {
      missing = {Wait::Mbarrier, address, parity};
    }
  }
  bool all = done == lanes;
  // A device may give up at any time, so code must look at the predicate: the first attempt fails at once in the late
  // mode, and in the random mode now and then.
  const Completion mode = w.cta->options.completion;
  bool givesUp = w.timeout || (w.gaveUpAt != w.pc && (mode == Completion::Late || w.cta->maybe(2)));
  if (!all && !(i.mode & Test) && !givesUp) {
    w.wait = missing;
    return Step::Block;
  }
  w.gaveUpAt = all ? ~0u : w.pc;
  Lanes *p = w.row<Lanes>(i.r[0]);
  *p = (*p & ~lanes) | done;
  if (all) {
    w.polling = false;
    return Step::Next;
  }
  w.timeout = false;
  w.wait = missing;
  return Step::Yield;
}

/// {.sem}{.scope} that change nothing here: one CTA, and every access is in order.
bool acceptOrder(Decoder &d, std::initializer_list<std::string_view> semantics) {
  if (d.acceptOne(semantics) >= 0 && d.acceptOne({"cta", "cluster"}) < 0)
    return false;
  return true;
}

bool decodeArrive(Decoder &d) {
  const auto &o = d.s.operands;
  bool expects = d.accept("expect_tx");
  if (!acceptOrder(d, {"release", "relaxed"}) || !acceptShared(d) || !d.accept("b64"))
    return d.unknown();
  if (!d.end() || !d.operands(expects ? 3 : 2, 3))
    return false;
  d.i.run = arrive;
  d.i.mode = (expects ? ExpectsTx : o.size() == 3 ? HasCount : 0);
  if (!d.destination(o[0], Width::B64, d.i.r[2], true) || !decodeAddress(d, o[1], d.i.r[0]))
    return false;
  if (d.i.r[2] != NoRow)
    d.i.mode |= HasState;
  return o.size() < 3 || d.source(o[2], Width::B32, d.i.r[1]);
}

bool decodeWait(Decoder &d, bool test) {
  const auto &o = d.s.operands;
  bool parity = d.accept("parity");
  if (!acceptOrder(d, {"acquire", "relaxed"}) || !acceptShared(d) || !d.accept("b64"))
    return d.unknown();
  if (!d.end() || !d.operands(3, test ? 3 : 4)) // try_wait may have a time limit
    return false;
  d.i.run = wait;
  d.i.mode = (test ? Test : 0) | (parity ? 0 : ByState);
  uint32_t limit;
  return d.destination(o[0], Width::Pred, d.i.r[0]) && decodeAddress(d, o[1], d.i.r[1]) &&
         d.source(o[2], parity ? Width::B32 : Width::B64, d.i.r[2]) &&
         (o.size() < 4 || d.source(o[3], Width::B32, limit));
}

bool decodeMbarrier(Decoder &d) {
  const auto &o = d.s.operands;
  switch (d.acceptOne({"init", "inval", "arrive", "expect_tx", "test_wait", "try_wait"})) {
  case 0:
    d.i.run = init;
    if (!acceptShared(d) || !d.accept("b64"))
      return d.unknown();
    return d.end() && d.operands(2) && decodeAddress(d, o[0], d.i.r[0]) && d.source(o[1], Width::B32, d.i.r[1]);
  case 1:
    d.i.run = inval;
    if (!acceptShared(d) || !d.accept("b64"))
      return d.unknown();
    return d.end() && d.operands(1) && decodeAddress(d, o[0], d.i.r[0]);
  case 2: return decodeArrive(d);
  case 3:
    d.i.run = arrive;
    d.i.mode = ExpectsTx | NoArrival;
    if (!acceptOrder(d, {"relaxed"}) || !acceptShared(d) || !d.accept("b64"))
      return d.unknown();
    return d.end() && d.operands(2) && decodeAddress(d, o[0], d.i.r[0]) && d.source(o[1], Width::B32, d.i.r[1]);
  case 4: return decodeWait(d, true);
  case 5: return decodeWait(d, false);
  }
  return d.unknown();
}

} // namespace

void addMbarrierForms(FormTable &t) { t.family("mbarrier", decodeMbarrier); }

} // namespace attn::emu
