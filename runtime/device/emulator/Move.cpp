// mov, also between a register and the parts of it, and cvta.
//
// A move copies "not initialised" along: compilers copy values that are never used.
#include "runtime/device/emulator/Lanes.h"

namespace attn::emu {
namespace {

/// What a move does to the shadow. False after a fault.
bool moveShadow(Warp &w, const Instr &i, const uint32_t *to, size_t toCount, const uint32_t *from, size_t fromCount,
                Lanes lanes) {
  Lanes init = AllLanes;
  for (size_t k = 0; k < fromCount; ++k) {
    Lanes known = w.shadow[from[k]].init;
    if (w.busy[from[k]] & 0xffff && !w.checkReads(i, from + k, 1, lanes))
      return false;
    w.shadow[from[k]].stamp = w.fences;
    init &= known;
  }
  if (w.busyRows && !w.checkWrites(i, to, toCount))
    return false;
  for (size_t k = 0; k < toCount; ++k) {
    Warp::Shadow &s = w.shadow[to[k]];
    s.init = (s.init & ~lanes) | (init & lanes);
    s.stamp = w.fences;
  }
  return true;
}

ATTN_SIMD_BEGIN

template <class T> struct Copy {
  static T apply(T t) { return t; }
};

/// Joins parts of type P to a W or splits it; r[0] is the whole, Instr::list the parts.
template <class W, class P> void join(Warp &w, const Instr &i, Lanes lanes) {
  W *whole = w.row<W>(i.r[0]);
  for (unsigned l = 0; l < 32; ++l) {
    W value = 0;
    for (size_t k = 0; k < i.list.size(); ++k)
      value |= W(w.row<P>(i.list[k])[l]) << (k * sizeof(P) * 8);
    whole[l] = lanes >> l & 1 ? value : whole[l];
  }
}
template <class W, class P> void split(Warp &w, const Instr &i, Lanes lanes) {
  W whole[32];
  memcpy(whole, w.row<W>(i.r[0]), sizeof whole);
  for (size_t k = 0; k < i.list.size(); ++k) {
    if (i.list[k] == NoRow)
      continue;
    P *part = w.row<P>(i.list[k]);
    for (unsigned l = 0; l < 32; ++l)
      part[l] = lanes >> l & 1 ? P(whole[l] >> (k * sizeof(P) * 8)) : part[l];
  }
}

ATTN_SIMD_END

template <class T> Step move(Warp &w, const Instr &i, Lanes lanes) {
  if (!moveShadow(w, i, i.r, 1, i.r + 1, 1, lanes))
    return Step::Fault;
  return lanewise<Copy<T>, T, T>(w, i, lanes);
}
Step movePred(Warp &w, const Instr &i, Lanes lanes) {
  if (!moveShadow(w, i, i.r, 1, i.r + 1, 1, lanes))
    return Step::Fault;
  Lanes *d = w.row<Lanes>(i.r[0]);
  *d = (*d & ~lanes) | (w.predicate(i.r[1]) & lanes);
  return Step::Next;
}
template <class W, class P> Step moveJoin(Warp &w, const Instr &i, Lanes lanes) {
  if (!moveShadow(w, i, i.r, 1, i.list.data(), i.list.size(), lanes))
    return Step::Fault;
  join<W, P>(w, i, lanes);
  return Step::Next;
}
template <class W, class P> Step moveSplit(Warp &w, const Instr &i, Lanes lanes) {
  for (uint32_t part : i.list)
    if (part != NoRow && !moveShadow(w, i, &part, 1, i.r, 1, lanes))
      return Step::Fault;
  split<W, P>(w, i, lanes);
  return Step::Next;
}

bool decodeMov(Decoder &d) {
  int type = d.acceptOne({"pred", "b16", "u16", "s16", "f16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"});
  if (type < 0)
    return d.unknown();
  if (!d.end() || !d.operands(2))
    return false;
  Width width = type == 0 ? Width::Pred : type < 5 ? Width::B16 : type < 9 ? Width::B32 : Width::B64;
  const Operand &to = d.s.operands[0], &from = d.s.operands[1];
  bool ok;
  if (to.kind == Operand::Vector || from.kind == Operand::Vector) {
    bool splits = to.kind == Operand::Vector;
    size_t count = (splits ? to : from).items.size();
    bool plain = type == 5 || type == 9; // b32, b64
    Width part = width == Width::B64 && count == 2 ? Width::B32 : Width::B16;
    if (!plain || (count != 2 && !(width == Width::B64 && count == 4)))
      return d.unknown();
    ok = splits ? d.destinations(to, part, count, d.i.list, true) && d.source(from, width, d.i.r[0])
                : d.destination(to, width, d.i.r[0]) && d.sources(from, part, count, d.i.list);
    d.i.run = width == Width::B32  ? (splits ? moveSplit<uint32_t, uint16_t> : moveJoin<uint32_t, uint16_t>)
              : part == Width::B32 ? (splits ? moveSplit<uint64_t, uint32_t> : moveJoin<uint64_t, uint32_t>)
                                   : (splits ? moveSplit<uint64_t, uint16_t> : moveJoin<uint64_t, uint16_t>);
  } else {
    ok = d.destination(to, width, d.i.r[0]) && d.source(from, width, d.i.r[1]);
    Handler handlers[] = {movePred, move<uint16_t>, move<uint32_t>, move<uint64_t>};
    d.i.run = handlers[width == Width::Pred ? 0 : width == Width::B16 ? 1 : width == Width::B32 ? 2 : 3];
  }
  d.i.reads.clear();
  d.i.writes.clear();
  return ok;
}

/// Adds the constant in Instr::imm: generic addresses of a space are its own plus a window.
Step addWindow(Warp &w, const Instr &i, Lanes lanes) {
  const uint64_t *from = w.row<uint64_t>(i.r[1]);
  uint64_t *to = w.row<uint64_t>(i.r[0]);
  for (unsigned l = 0; l < 32; ++l)
    if (lanes >> l & 1)
      to[l] = from[l] + uint64_t(i.imm);
  return Step::Next;
}

/// cvta[.to].space.u64; global and const addresses are generic ones.
bool decodeCvta(Decoder &d) {
  bool to = d.accept("to");
  int space = d.acceptOne({"global", "const", "shared", "shared::cta", "param"});
  if (space < 0 || !d.accept("u64"))
    return d.unknown();
  uint64_t window = space < 2 ? 0 : space < 4 ? SharedWindow : ParamWindow;
  d.i.imm = int64_t(to ? -window : window);
  d.i.run = addWindow;
  return d.end() && d.operands(2) && d.destination(d.s.operands[0], Width::B64, d.i.r[0]) &&
         d.source(d.s.operands[1], Width::B64, d.i.r[1]);
}

} // namespace

void addMoveForms(FormTable &t) {
  t.family("mov", decodeMov);
  t.family("cvta", decodeCvta);
}

} // namespace attn::emu
