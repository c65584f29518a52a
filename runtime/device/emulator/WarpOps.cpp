// Instructions in which the lanes of a warp exchange data.
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {
namespace {

/// Checks the member mask in row `row`: all live lanes of it must be here, and those here be members. A Step other than
/// Next is what the handler returns.
Step gather(Warp &w, const Instr &i, Lanes lanes, uint32_t row) {
  const Lanes *mask = w.row<Lanes>(row);
  Lanes members = mask[__builtin_ctz(lanes)];
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    if (mask[l] != members)
      return w.fault(i, int(l), FaultKind::Divergence, "the member mask differs between lanes");
    if (!(members >> l & 1))
      return w.fault(i, int(l), FaultKind::Divergence, "a lane that is not in the member mask");
  }
  if ((members & w.live) == lanes)
    return Step::Next;
  if (w.active == w.live)
    return w.fault(i, __builtin_ctz(members & w.live & ~lanes), FaultKind::Divergence,
                   "the guard excludes a lane of the member mask");
  w.wait = {Wait::Lanes};
  return Step::Block;
}

enum ShuffleKind { Up, Down, Butterfly, Index };
constexpr uint32_t WithPredicate = 4;

/// r: d, [p], a, b, c, mask
Step shuffle(Warp &w, const Instr &i, Lanes lanes) {
  const uint32_t *r = i.r + (i.mode & WithPredicate ? 2 : 1);
  if (Step step = gather(w, i, lanes, r[3]); step != Step::Next)
    return step;
  uint32_t from[32], to[32];
  memcpy(from, w.row<uint32_t>(r[0]), sizeof from);
  const uint32_t *b = w.row<uint32_t>(r[1]), *c = w.row<uint32_t>(r[2]);
  Lanes valid = 0;
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    uint32_t segment = c[l] >> 8 & 31, offset = b[l] & 31, clamp = c[l] & 31;
    uint32_t last = (l & segment) | (clamp & ~segment), first = l & segment;
    int source;
    bool inside;
    switch (ShuffleKind(i.mode & 3)) {
    case Up: source = int(l) - int(offset), inside = source >= int(last); break;
    case Down: source = int(l + offset), inside = source <= int(last); break;
    case Butterfly: source = int(l ^ offset), inside = source <= int(last); break;
    default: source = int(first | (offset & ~segment)), inside = source <= int(last); break;
    }
    if (!inside)
      source = int(l);
    if (!(lanes >> source & 1))
      return w.fault(i, int(l), FaultKind::Divergence, format("shuffles from lane %d, which takes no part", source));
    to[l] = from[source];
    valid |= Lanes(inside) << l;
  }
  uint32_t *d = w.row<uint32_t>(i.r[0]);
  for (Lanes rest = lanes; rest; rest &= rest - 1)
    d[__builtin_ctz(rest)] = to[__builtin_ctz(rest)];
  if (i.mode & WithPredicate) {
    Lanes *p = w.row<Lanes>(i.r[1]);
    *p = (*p & ~lanes) | valid;
  }
  return Step::Next;
}

enum VoteKind { All, Any, Uniform };

template <class Body> Step vote(Warp &w, const Instr &i, Lanes lanes, Body body) {
  if (Step step = gather(w, i, lanes, i.r[2]); step != Step::Next)
    return step;
  body(w.predicate(i.r[1]) & lanes);
  return Step::Next;
}
Step votePred(Warp &w, const Instr &i, Lanes lanes) {
  return vote(w, i, lanes, [&](Lanes yes) {
    bool result = i.mode == All ? yes == lanes : i.mode == Any ? yes != 0 : yes == 0 || yes == lanes;
    Lanes *p = w.row<Lanes>(i.r[0]);
    *p = (*p & ~lanes) | (result ? lanes : 0);
  });
}
Step ballot(Warp &w, const Instr &i, Lanes lanes) {
  return vote(w, i, lanes, [&](Lanes yes) {
    for (Lanes rest = lanes; rest; rest &= rest - 1)
      w.row<uint32_t>(i.r[0])[__builtin_ctz(rest)] = yes;
  });
}

template <class T, class Op> Step reduce(Warp &w, const Instr &i, Lanes lanes) {
  if (Step step = gather(w, i, lanes, i.r[2]); step != Step::Next)
    return step;
  const T *from = w.row<T>(i.r[1]);
  T result = from[__builtin_ctz(lanes)];
  for (Lanes rest = lanes & (lanes - 1); rest; rest &= rest - 1)
    result = Op::apply(result, from[__builtin_ctz(rest)]);
  for (Lanes rest = lanes; rest; rest &= rest - 1)
    w.row<T>(i.r[0])[__builtin_ctz(rest)] = result;
  return Step::Next;
}
struct Sum {
  template <class T> static T apply(T a, T b) { return T(uint32_t(a) + uint32_t(b)); }
};
struct Smaller {
  template <class T> static T apply(T a, T b) { return std::min(a, b); }
};
struct Larger {
  template <class T> static T apply(T a, T b) { return std::max(a, b); }
};
struct BitAnd {
  template <class T> static T apply(T a, T b) { return a & b; }
};
struct BitOr {
  template <class T> static T apply(T a, T b) { return a | b; }
};
struct BitXor {
  template <class T> static T apply(T a, T b) { return a ^ b; }
};

/// r: leader, predicate, mask. The leader is the lowest lane.
Step elect(Warp &w, const Instr &i, Lanes lanes) {
  if (Step step = gather(w, i, lanes, i.r[2]); step != Step::Next)
    return step;
  unsigned leader = __builtin_ctz(lanes);
  if (i.r[0] != NoRow)
    for (Lanes rest = lanes; rest; rest &= rest - 1)
      w.row<uint32_t>(i.r[0])[__builtin_ctz(rest)] = leader;
  Lanes *p = w.row<Lanes>(i.r[1]);
  *p = (*p & ~lanes) | (Lanes(1) << leader);
  return Step::Next;
}
bool decodeElect(Decoder &d) {
  if (!d.accept("sync"))
    return d.unknown();
  d.i.run = elect;
  if (!d.end() || !d.operands(2) || d.s.operands[0].kind != Operand::Pair)
    return d.fail("expected a register, a predicate and a mask");
  const auto &pair = d.s.operands[0].items;
  if (!d.destination(pair[0], Width::B32, d.i.r[0], true) || !d.destination(pair[1], Width::Pred, d.i.r[1]) ||
      !d.source(d.s.operands[1], Width::B32, d.i.r[2]))
    return false;
  return true;
}

Step activeMask(Warp &w, const Instr &i, Lanes lanes) {
  for (Lanes rest = lanes; rest; rest &= rest - 1)
    w.row<uint32_t>(i.r[0])[__builtin_ctz(rest)] = lanes;
  return Step::Next;
}

Step syncWarp(Warp &w, const Instr &i, Lanes lanes) { return gather(w, i, lanes, i.r[0]); }

} // namespace

void addWarpForms(FormTable &t) {
  const char *kinds[] = {"up", "down", "bfly", "idx"};
  for (uint32_t kind = Up; kind <= Index; ++kind) {
    std::string name = std::string("shfl.sync.") + kinds[kind] + ".b32";
    t.add(name, "w=wwww", shuffle, kind);
    t.add(name, "wp=wwww", shuffle, kind | WithPredicate);
  }
  t.add("vote.sync.all.pred", "p=pw", votePred, All);
  t.add("vote.sync.any.pred", "p=pw", votePred, Any);
  t.add("vote.sync.uni.pred", "p=pw", votePred, Uniform);
  t.add("vote.sync.ballot.b32", "w=pw", ballot);
  t.add("redux.sync.add.u32", "w=ww", reduce<uint32_t, Sum>);
  t.add("redux.sync.add.s32", "w=ww", reduce<int32_t, Sum>);
  t.add("redux.sync.min.u32", "w=ww", reduce<uint32_t, Smaller>);
  t.add("redux.sync.min.s32", "w=ww", reduce<int32_t, Smaller>);
  t.add("redux.sync.max.u32", "w=ww", reduce<uint32_t, Larger>);
  t.add("redux.sync.max.s32", "w=ww", reduce<int32_t, Larger>);
  t.add("redux.sync.and.b32", "w=ww", reduce<uint32_t, BitAnd>);
  t.add("redux.sync.or.b32", "w=ww", reduce<uint32_t, BitOr>);
  t.add("redux.sync.xor.b32", "w=ww", reduce<uint32_t, BitXor>);
  t.family("elect", decodeElect);
  t.add("activemask.b32", "w=", activeMask);
  t.add("bar.warp.sync", "=w", syncWarp);
}

} // namespace attn::emu
