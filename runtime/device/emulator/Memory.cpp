// ld, st, prefetch.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

namespace attn::emu {
namespace {

enum Space : uint32_t { Generic, Global, Shared, ParamSpace };
constexpr uint32_t SpaceMask = 3, NarrowAddress = 4, Volatile = 8;

/// The host address of what lane `l` accesses; null after a fault.
uint8_t *resolve(Warp &w, const Instr &i, unsigned l, uint64_t address, uint32_t size, bool write) {
  Cta &cta = *w.cta;
  uint32_t space = i.mode & SpaceMask;
  if (space == Generic) {
    if (address >= ParamWindow && address - ParamWindow < SharedWindow) {
      space = ParamSpace;
      address -= ParamWindow;
    } else if (address >= SharedWindow && address - SharedWindow < SharedWindow) {
      space = Shared;
      address -= SharedWindow;
    } else {
      space = Global;
    }
  }
  if (space == Shared) {
    Accessor who = w.lane(l);
    bool ok = i.mode & Volatile ? cta.shared.atomic(who, address, size, write)
              : write           ? cta.shared.write(who, address, size)
                                : cta.shared.read(who, address, size);
    if (ok)
      return cta.shared.data(uint32_t(address));
    w.fault(i, int(l), cta.shared.violation.kind, cta.shared.violation.message);
    return nullptr;
  }
  if (address % size) {
    w.fault(i, int(l), FaultKind::Misaligned,
            format("address %#llx is not a multiple of %u", (unsigned long long)address, size));
    return nullptr;
  }
  if (space == Global) {
    (write ? cta.bytesStored : cta.bytesLoaded) += size;
    return cta.global(w, i, int(l), address, size, write);
  }
  if (!write && address <= cta.params.size() && size <= cta.params.size() - address)
    return cta.params.data() + address;
  w.fault(i, int(l), FaultKind::OutOfBounds,
          format("parameters: %u bytes at byte %lld of %zu", size, (long long)address, cta.params.size()));
  return nullptr;
}

uint64_t addressOf(Warp &w, const Instr &i, unsigned l) {
  if (i.mode & NarrowAddress)
    return uint32_t(w.row<uint32_t>(i.r[0])[l] + uint32_t(i.imm));
  return w.row<uint64_t>(i.r[0])[l] + uint64_t(i.imm);
}

/// M in memory, extended to R in the register.
template <class M, class R> Step load(Warp &w, const Instr &i, Lanes lanes) {
  const size_t count = i.list.size();
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    const uint8_t *from = resolve(w, i, l, addressOf(w, i, l), uint32_t(count * sizeof(M)), false);
    if (!from)
      return Step::Fault;
    for (size_t k = 0; k < count; ++k) {
      M value;
      memcpy(&value, from + k * sizeof(M), sizeof(M));
      if (i.list[k] != NoRow)
        w.row<R>(i.list[k])[l] = R(value);
    }
  }
  return Step::Next;
}

template <class M, class R> Step store(Warp &w, const Instr &i, Lanes lanes) {
  const size_t count = i.list.size();
  for (Lanes rest = lanes; rest; rest &= rest - 1) {
    unsigned l = __builtin_ctz(rest);
    uint8_t *to = resolve(w, i, l, addressOf(w, i, l), uint32_t(count * sizeof(M)), true);
    if (!to)
      return Step::Fault;
    for (size_t k = 0; k < count; ++k) {
      M value = M(w.row<R>(i.list[k])[l]);
      memcpy(to + k * sizeof(M), &value, sizeof(M));
    }
  }
  ++w.cta->events;
  return Step::Next;
}

/// {.weak | .volatile | .relaxed.scope | .acquire.scope or .release.scope}{.space}{.nc}{cache hints}
bool decodeQualifiers(Decoder &d, bool isLoad) {
  d.i.mode = 0;
  if (d.accept("volatile")) {
    d.i.mode = Volatile;
  } else if (d.accept("relaxed") || d.accept(isLoad ? "acquire" : "release")) {
    d.i.mode = Volatile;
    if (d.acceptOne({"cta", "cluster", "gpu", "sys"}) < 0)
      return d.unknown();
  } else {
    d.accept("weak");
  }
  bool readOnly = false;
  if (d.accept("global") || (isLoad && (readOnly = d.accept("const"))))
    d.i.mode |= Global;
  else if (d.accept("shared") || d.accept("shared::cta"))
    d.i.mode |= Shared;
  else if (isLoad && d.accept("param"))
    d.i.mode |= ParamSpace;
  if ((d.i.mode & SpaceMask) == Global && !readOnly) {
    if (isLoad)
      d.accept("nc");
    // Cache operators or eviction priorities, and prefetch sizes, change nothing that can be seen.
    if (d.acceptOne({"ca", "cg", "cs", "lu", "cv", "wb", "wt"}) < 0)
      d.acceptOne({"L1::no_allocate", "L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last"});
    d.acceptOne({"L2::64B", "L2::128B", "L2::256B"});
  }
  return true;
}

/// {.v2 | .v4}.type, the address and the value; fills Instr::list.
bool decodeAccess(Decoder &d, bool isLoad) {
  static constexpr std::string_view Types[] = {"b8",  "u8",  "s8",  "b16", "u16", "s16", "f16", "bf16",
                                               "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"};
  size_t count = d.accept("v2") ? 2 : d.accept("v4") ? 4 : 1;
  size_t type = 0;
  while (type < std::size(Types) && !d.accept(Types[type]))
    ++type;
  if (type == std::size(Types) || Types[type] == "f16" || Types[type] == "bf16")
    return d.unknown();
  unsigned size = type < 3 ? 1 : type < 8 ? 2 : type < 12 ? 4 : 8;
  bool isSigned = Types[type][0] == 's';
  if (size * count > 16)
    return d.unknown();
  if (!d.end() || !d.operands(2))
    return false;
  const Operand &address = d.s.operands[isLoad ? 1 : 0], &value = d.s.operands[isLoad ? 0 : 1];
  Width width;
  if (!d.address(address, d.i.r[0], width))
    return false;
  if (width == Width::B32)
    d.i.mode |= NarrowAddress;
  if (width == Width::B32 && (d.i.mode & SpaceMask) < Shared)
    return d.fail("a global address must be 64 bits wide");
  // Registers may be wider than the type.
  Width own = size <= 2 ? Width::B16 : size == 4 ? Width::B32 : Width::B64, actual = own;
  d.registerWidth(value, actual);
  for (const Operand &item : value.items) // of a vector; `_` has no width
    if (d.registerWidth(item, actual))
      break;
  unsigned actualSize = actual == Width::B16 ? 2 : actual == Width::B32 ? 4 : actual == Width::B64 ? 8 : 0;
  if (actualSize < size)
    return d.fail("a register that is narrower than the type");
  auto one = [&] {
    d.i.list.push_back(NoRow);
    return isLoad ? d.destination(value, actual, d.i.list[0]) : d.source(value, actual, d.i.list[0]);
  };
  bool ok = count == 1 ? one()
            : isLoad   ? d.destinations(value, actual, count, d.i.list, true)
                       : d.sources(value, actual, count, d.i.list);
  auto pick = [&](auto memory) -> Handler {
    using M = decltype(memory);
    if (actualSize == 2)
      if constexpr (sizeof(M) <= 2)
        return isLoad ? load<M, uint16_t> : store<M, uint16_t>;
    if (actualSize == 4)
      if constexpr (sizeof(M) <= 4)
        return isLoad ? load<M, uint32_t> : store<M, uint32_t>;
    return isLoad ? load<M, uint64_t> : store<M, uint64_t>;
  };
  switch (size) {
  case 1: d.i.run = isSigned ? pick(int8_t()) : pick(uint8_t()); break;
  case 2: d.i.run = isSigned ? pick(int16_t()) : pick(uint16_t()); break;
  case 4: d.i.run = isSigned ? pick(int32_t()) : pick(uint32_t()); break;
  default: d.i.run = pick(uint64_t()); break;
  }
  return ok;
}

bool decodeLoad(Decoder &d) { return decodeQualifiers(d, true) && decodeAccess(d, true); }
bool decodeStore(Decoder &d) { return decodeQualifiers(d, false) && decodeAccess(d, false); }

Step nothing(Warp &, const Instr &, Lanes) { return Step::Next; }

/// prefetch{.tensormap}, prefetchu, applypriority and discard would be hints; only the first two are known.
bool decodePrefetch(Decoder &d) {
  Width width;
  bool map = d.accept("param") || d.accept("const");
  if (!d.accept("tensormap")) {
    d.accept("global");
    if (map || d.acceptOne({"L1", "L2"}) < 0)
      return d.unknown();
  }
  d.i.run = nothing;
  return d.end() && d.operands(1) && d.address(d.s.operands[0], d.i.r[0], width);
}
bool decodePrefetchUniform(Decoder &d) {
  Width width;
  d.i.run = nothing;
  if (!d.accept("L1"))
    return d.unknown();
  return d.end() && d.operands(1) && d.address(d.s.operands[0], d.i.r[0], width);
}

} // namespace

void addMemoryForms(FormTable &t) {
  t.family("ld", decodeLoad);
  t.family("st", decodeStore);
  t.family("prefetch", decodePrefetch);
  t.family("prefetchu", decodePrefetchUniform);
}

} // namespace attn::emu
