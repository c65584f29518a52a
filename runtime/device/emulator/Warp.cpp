#include "runtime/device/emulator/Warp.h"

#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {

Step Warp::fault(const Instr &i, int lane, FaultKind kind, std::string message) {
  if (cta->fault)
    return Step::Fault;
  Fault f;
  f.kind = kind;
  f.message = std::move(message);
  f.kernel = cta->kernel.name;
  f.line = i.line;
  if (i.line - 1 < cta->program.lines.size())
    f.instruction = cta->program.lines[i.line - 1];
  f.cta = cta->id;
  f.warp = int(index);
  f.lane = lane;
  cta->fault = std::move(f);
  return Step::Fault;
}

bool Warp::checkReads(const Instr &i, const uint32_t *rows, size_t count, Lanes lanes) {
  Lanes missing = 0;
  for (size_t k = 0; k < count; ++k) {
    Shadow &s = shadow[rows[k]];
    missing |= lanes & ~s.init;
    s.stamp = fences;
  }
  if (!missing)
    return true;
  for (size_t k = 0; k < count; ++k) {
    Lanes bad = lanes & ~shadow[rows[k]].init;
    if (!bad)
      continue;
    bool unfinished = busy[rows[k]] & 0xffff;
    fault(i, __builtin_ctz(bad), unfinished ? FaultKind::MissingWait : FaultKind::Uninitialised,
          unfinished ? format("source register %zu is the result of a wgmma that has not been waited for", k + 1)
                     : format("source register %zu is not initialised", k + 1));
    return false;
  }
  return false;
}

bool Warp::checkWrites(const Instr &i, const uint32_t *rows, size_t count) {
  for (size_t k = 0; k < count; ++k) {
    if (!busy[rows[k]])
      continue;
    fault(i, -1, FaultKind::MissingWait, "writes a register that a wgmma in flight uses");
    return false;
  }
  return true;
}

Step Warp::branch(Lanes lanes, uint32_t target) {
  if (lanes == active) {
    pc = target;
    return Step::Jump;
  }
  for (unsigned l = 0; l < 32; ++l)
    if (active >> l & 1)
      pcs[l] = lanes >> l & 1 ? target : pc + 1;
  active = 0;
  converged = false;
  return Step::Jump;
}

/// Chooses the group that runs next. False if all lanes are stuck.
bool Warp::regroup() {
  for (unsigned l = 0; l < 32; ++l)
    if (active >> l & 1)
      pcs[l] = pc;
  active = 0;
  Lanes candidates = live & ~stuck;
  if (!candidates)
    return false;
  uint32_t lowest = ~0u;
  for (unsigned l = 0; l < 32; ++l)
    if (candidates >> l & 1)
      lowest = std::min(lowest, pcs[l]);
  pc = lowest;
  meet = ~0u;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(live >> l & 1))
      continue;
    if (pcs[l] == pc)
      active |= Lanes(1) << l;
    else if (pcs[l] > pc)
      meet = std::min(meet, pcs[l]);
  }
  stuck &= ~active;
  converged = active == live;
  return true;
}

Step Warp::run(uint64_t &budget) {
  const Instr *code = cta->kernel.code.data();
  const bool check = cta->options.checks.registers;
  stuck = 0;
  if (!converged && !regroup())
    return Step::Next;
  while (budget) {
    const Instr &i = code[pc];
    Lanes lanes = active;
    if (i.guard != NoRow) {
      if (check && !checkReads(i, &i.guard, 1, active))
        return Step::Fault;
      lanes &= i.guardNegated ? ~predicate(i.guard) : predicate(i.guard);
    }
    --budget;
    Step step = Step::Next;
    if (i.aligned && lanes && lanes != live) {
      if (active == live)
        return fault(i, -1, FaultKind::Divergence, "an .aligned instruction whose guard differs between lanes");
      wait = {Wait::Lanes};
      step = Step::Block;
    } else if (lanes) {
      if (check && (!checkReads(i, i.reads.data(), i.reads.size(), lanes) ||
                    (busyRows && !checkWrites(i, i.writes.data(), i.writes.size()))))
        return Step::Fault;
      step = i.run(*this, i, lanes);
    }
    if (step != Step::Block) {
      ++cta->executed;
      ++cta->byOpcode[i.opcode];
      if (lanes)
        for (uint32_t r : i.writes)
          wrote(r, lanes);
    }
    switch (step) {
    case Step::Next:
      ++pc;
      if (!converged && pc >= meet)
        regroup();
      break;
    case Step::Jump:
      if (!live)
        return Step::Next;
      if (!converged && !regroup())
        return Step::Block;
      break;
    case Step::Yield: ++pc; return step;
    case Step::Fault: return step;
    case Step::Block:
      stuck |= active;
      if (converged || !regroup())
        return step;
      break;
    }
  }
  return Step::Next;
}

} // namespace attn::emu
