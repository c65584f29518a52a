// Branches, the end of a thread, trap, nanosleep.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

namespace attn::emu {
namespace {

Step branchTo(Warp &w, const Instr &i, Lanes lanes) { return w.branch(lanes, i.target); }

Step branchUniform(Warp &w, const Instr &i, Lanes lanes) {
  if (lanes != w.active)
    return w.fault(i, -1, FaultKind::Divergence, "bra.uni is taken by some lanes only");
  return w.branch(lanes, i.target);
}

bool decodeBranch(Decoder &d) {
  d.i.run = d.accept("uni") ? branchUniform : branchTo;
  return d.end() && d.operands(1) && d.label(d.s.operands[0], d.i.target);
}

Step branchIndexed(Warp &w, const Instr &i, Lanes lanes) {
  const uint32_t *index = w.row<uint32_t>(i.r[0]);
  unsigned first = __builtin_ctz(lanes);
  Lanes same = 0;
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    if (index[l] >= i.list.size())
      return w.fault(i, int(l), FaultKind::OutOfBounds, format("branch target %u of %zu", index[l], i.list.size()));
    same |= Lanes(index[l] == index[first]) << l;
  }
  if (same == w.active)
    return w.branch(same, i.list[index[first]]);
  // Lanes that go elsewhere: each to its own place, those that the guard excludes to the next instruction.
  Lanes active = w.active;
  w.branch(0, 0);
  for (unsigned l = 0; l < 32; ++l)
    if (active >> l & 1)
      w.pcs[l] = lanes >> l & 1 ? i.list[index[l]] : w.pc + 1;
  return Step::Jump;
}

bool decodeBranchIndexed(Decoder &d) {
  if (!d.accept("idx"))
    return d.unknown();
  d.accept("uni");
  d.i.run = branchIndexed;
  return d.end() && d.operands(2) && d.source(d.s.operands[0], Width::B32, d.i.r[0]) &&
         d.targets(d.s.operands[1], d.i.list);
}

Step leave(Warp &w, const Instr &, Lanes lanes) {
  ++w.cta->events;
  w.branch(0, 0); // gives every active lane its own counter
  w.live &= ~lanes;
  w.converged = false;
  return Step::Jump;
}

Step trap(Warp &w, const Instr &i, Lanes lanes) { return w.fault(i, __builtin_ctz(lanes), FaultKind::Trap, "trap"); }

Step sleep(Warp &, const Instr &, Lanes) { return Step::Yield; }

} // namespace

void addControlForms(FormTable &t) {
  t.family("bra", decodeBranch);
  t.family("brx", decodeBranchIndexed);
  t.add("ret", "", leave);
  t.add("ret.uni", "", leave);
  t.add("exit", "", leave);
  t.add("trap", "", trap);
  t.add("nanosleep.u32", "=w", sleep);
}

} // namespace attn::emu
