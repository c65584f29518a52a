// atom and red on global and shared memory.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {
namespace {

constexpr uint32_t SharedSpace = 1, Narrow = 2, NoResult = 4, GenericSpace = 8;

struct Add {
  template <class T> static T apply(T a, T b) { return a + b; }
};
struct Min {
  template <class T> static T apply(T a, T b) { return std::min(a, b); }
};
struct Max {
  template <class T> static T apply(T a, T b) { return std::max(a, b); }
};
struct And {
  template <class T> static T apply(T a, T b) { return a & b; }
};
struct Or {
  template <class T> static T apply(T a, T b) { return a | b; }
};
struct Xor {
  template <class T> static T apply(T a, T b) { return a ^ b; }
};
struct Exchange {
  template <class T> static T apply(T, T b) { return b; }
};
/// Wrap around at the operand.
struct Increment {
  template <class T> static T apply(T a, T b) { return a >= b ? 0 : a + 1; }
};
struct Decrement {
  template <class T> static T apply(T a, T b) { return a == 0 || a > b ? b : a - 1; }
};

uint8_t *resolve(Warp &w, const Instr &i, unsigned l, uint32_t size) {
  Cta &cta = *w.cta;
  uint64_t address = i.mode & Narrow ? uint32_t(w.row<uint32_t>(i.r[1])[l] + uint32_t(i.imm))
                                     : w.row<uint64_t>(i.r[1])[l] + uint64_t(i.imm);
  bool shared = i.mode & SharedSpace;
  if (i.mode & GenericSpace && address >= SharedWindow) {
    shared = true;
    address -= SharedWindow;
  }
  if (shared) {
    if (cta.shared.atomic(w.lane(l), address, size, false) && cta.shared.atomic(w.lane(l), address, size, true))
      return cta.shared.data(uint32_t(address));
    w.fault(i, int(l), cta.shared.violation.kind, cta.shared.violation.message);
    return nullptr;
  }
  if (address % size) {
    w.fault(i, int(l), FaultKind::Misaligned,
            format("address %#llx is not a multiple of %u", (unsigned long long)address, size));
    return nullptr;
  }
  return cta.global(w, i, int(l), address, size, true);
}

/// CTAs may run on several host threads, hence compare and swap. Lanes in order. r: result, address, operand(s).
template <class T, class Op> Step atomic(Warp &w, const Instr &i, Lanes lanes) {
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    auto *at = reinterpret_cast<Bits *>(resolve(w, i, l, sizeof(T)));
    if (!at)
      return Step::Fault;
    T operand = w.row<T>(i.r[2])[l];
    Bits before = __atomic_load_n(at, __ATOMIC_RELAXED), after;
    do {
      T result = Op::apply(fromBits<T>(before), operand);
      memcpy(&after, &result, sizeof after);
    } while (!__atomic_compare_exchange_n(at, &before, after, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (!(i.mode & NoResult))
      w.row<Bits>(i.r[0])[l] = before;
  }
  ++w.cta->events;
  return Step::Next;
}

template <class Bits> Step compareAndSwap(Warp &w, const Instr &i, Lanes lanes) {
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    auto *at = reinterpret_cast<Bits *>(resolve(w, i, l, sizeof(Bits)));
    if (!at)
      return Step::Fault;
    Bits expected = w.row<Bits>(i.r[2])[l];
    __atomic_compare_exchange_n(at, &expected, w.row<Bits>(i.r[3])[l], false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    w.row<Bits>(i.r[0])[l] = expected;
  }
  ++w.cta->events;
  return Step::Next;
}

struct Entry {
  std::string_view op, type;
  Handler handler;
};
const Entry Entries[] = {
    {"add", "u32", atomic<uint32_t, Add>},       {"add", "s32", atomic<uint32_t, Add>},
    {"add", "u64", atomic<uint64_t, Add>},       {"add", "f32", atomic<float, Add>},
    {"add", "f64", atomic<double, Add>},         {"min", "u32", atomic<uint32_t, Min>},
    {"min", "s32", atomic<int32_t, Min>},        {"min", "u64", atomic<uint64_t, Min>},
    {"min", "s64", atomic<int64_t, Min>},        {"max", "u32", atomic<uint32_t, Max>},
    {"max", "s32", atomic<int32_t, Max>},        {"max", "u64", atomic<uint64_t, Max>},
    {"max", "s64", atomic<int64_t, Max>},        {"and", "b32", atomic<uint32_t, And>},
    {"and", "b64", atomic<uint64_t, And>},       {"or", "b32", atomic<uint32_t, Or>},
    {"or", "b64", atomic<uint64_t, Or>},         {"xor", "b32", atomic<uint32_t, Xor>},
    {"xor", "b64", atomic<uint64_t, Xor>},       {"exch", "b32", atomic<uint32_t, Exchange>},
    {"exch", "b64", atomic<uint64_t, Exchange>}, {"inc", "u32", atomic<uint32_t, Increment>},
    {"dec", "u32", atomic<uint32_t, Decrement>}, {"cas", "b32", compareAndSwap<uint32_t>},
    {"cas", "b64", compareAndSwap<uint64_t>},
};

const Entry *find(std::string_view op, Decoder &d) {
  for (const Entry &entry : Entries)
    if (entry.op == op && d.accept(entry.type))
      return &entry;
  return nullptr;
}

/// {atom|red}{.sem}{.scope}{.space}.op.type
bool decodeAtomic(Decoder &d, bool hasResult) {
  static constexpr std::string_view Ops[] = {"add", "min", "max", "and", "or", "xor", "inc", "dec", "exch", "cas"};
  d.acceptOne({"relaxed", "acquire", "release", "acq_rel"});
  d.acceptOne({"cta", "cluster", "gpu", "sys"});
  d.i.mode = hasResult ? 0 : NoResult;
  if (d.acceptOne({"shared", "shared::cta"}) >= 0)
    d.i.mode |= SharedSpace;
  else if (!d.accept("global"))
    d.i.mode |= GenericSpace;
  const Entry *entry = nullptr;
  for (std::string_view op : Ops)
    if (d.accept(op)) {
      entry = find(op, d);
      break;
    }
  bool swaps = entry && entry->op == "cas";
  if (!entry || (!hasResult && (swaps || entry->op == "exch")))
    return d.unknown();
  const auto &o = d.s.operands;
  const size_t at = hasResult ? 1 : 0;
  Width width, value = entry->type[1] == '6' ? Width::B64 : Width::B32;
  d.i.run = entry->handler;
  if (!d.end() || !d.operands(at + (swaps ? 3 : 2)) || (hasResult && !d.destination(o[0], value, d.i.r[0])) ||
      !d.address(o[at], d.i.r[1], width))
    return false;
  if (width == Width::B32 && !(d.i.mode & SharedSpace))
    return d.fail("a global address must be 64 bits wide");
  d.i.mode |= width == Width::B32 ? Narrow : 0;
  return d.source(o[at + 1], value, d.i.r[2]) && (!swaps || d.source(o[at + 2], value, d.i.r[3]));
}
bool decodeAtom(Decoder &d) { return decodeAtomic(d, true); }
bool decodeRed(Decoder &d) { return decodeAtomic(d, false); }

} // namespace

void addAtomicForms(FormTable &t) {
  t.family("atom", decodeAtom);
  t.family("red", decodeRed);
}

} // namespace attn::emu
