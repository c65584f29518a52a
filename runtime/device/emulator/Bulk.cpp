// cp.async.bulk and its tensor forms, createpolicy.
#include "runtime/device/emulator/AsyncCopy.h"
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>

namespace attn::emu {

bool Cta::completeLoad(size_t which) {
  BulkLoad load = std::move(loads[which]);
  loads.erase(loads.begin() + ptrdiff_t(which));
  Warp &w = warps[load.warp];
  if (!moveBulk(w, *load.instr, int(load.lane), load.copy, true))
    return false;
  shared.endAsyncWrite(load.copy.address, load.copy.size);
  auto found = mbarriers.find(load.barrier);
  if (found == mbarriers.end()) {
    w.fault(*load.instr, int(load.lane), FaultKind::Barrier,
            format("the mbarrier at %#x was gone before the copy was there", load.barrier));
    return false;
  }
  found->second.transactions -= load.copy.size;
  Races::join(found->second.clock, load.clock);
  return complete(found->second, load.barrier, w, *load.instr);
}

namespace {

constexpr uint32_t Load = 1, Tensor = 2, NarrowShared = 4, NarrowBarrier = 8;

uint64_t addressOf(Warp &w, uint32_t row, int64_t offset, bool narrow, unsigned l) {
  return narrow ? uint32_t(w.row<uint32_t>(row)[l] + uint32_t(offset)) : w.row<uint64_t>(row)[l] + uint64_t(offset);
}

/// Reads the tensor map at a generic address. False after a fault.
bool readMap(Warp &w, const Instr &i, unsigned l, uint64_t address, BulkCopy &copy) {
  Cta &cta = *w.cta;
  const uint8_t *map;
  auto fail = [&](FaultKind kind, std::string message) {
    w.fault(i, int(l), kind, std::move(message));
    return false;
  };
  if (address % 64)
    return fail(FaultKind::Misaligned, "the address of a tensor map is not a multiple of 64");
  if (address >= ParamWindow) {
    uint64_t offset = address - ParamWindow;
    if (offset > cta.params.size() || cta.params.size() - offset < 128)
      return fail(FaultKind::OutOfBounds, "the tensor map lies outside the parameters");
    map = cta.params.data() + offset;
  } else if (!(map = cta.global(w, i, int(l), address, 128, false))) {
    return false;
  }
  if (!decodeTensorMap(map, copy.map))
    return fail(FaultKind::TensorMap, "there is no tensor map at this address");
  auto rank = uint32_t(i.list.size());
  if (copy.map.rank != rank)
    return fail(FaultKind::TensorMap, format("a tensor map of rank %u, the instruction has %u", copy.map.rank, rank));
  copy.size = byteSize(copy.map.type);
  for (uint32_t k = 0; k < rank; ++k) {
    copy.size *= copy.map.box[k];
    copy.coordinates[k] = w.row<int32_t>(i.list[k])[l];
    if (copy.size > MaxShared)
      return fail(FaultKind::TensorMap, "the box is larger than shared memory");
  }
  return true;
}

/// r: shared address (imm), global address or map (imm2), mbarrier (target), size; list: coordinates
Step bulk(Warp &w, const Instr &i, Lanes lanes) {
  Cta &cta = *w.cta;
  SharedMemory &shared = cta.shared;
  bool isLoad = i.mode & Load, early = cta.options.completion == Completion::Early;
  for (; lanes; lanes &= lanes - 1) {
    unsigned l = __builtin_ctz(lanes);
    auto fail = [&](FaultKind kind, std::string message) { return w.fault(i, int(l), kind, std::move(message)); };
    BulkCopy copy;
    uint64_t address = addressOf(w, i.r[0], i.imm, i.mode & NarrowShared, l);
    uint64_t global = addressOf(w, i.r[1], i.imm2, false, l);
    if (i.mode & Tensor) {
      copy.tensor = true;
      if (!readMap(w, i, l, global, copy))
        return Step::Fault;
      if (address % 128)
        return fail(FaultKind::Misaligned,
                    format("shared address %#llx is not a multiple of 128", (unsigned long long)address));
    } else {
      copy.global = global;
      copy.size = w.row<uint32_t>(i.r[3])[l];
      if (copy.size % 16 || global % 16 || !copy.size)
        return fail(FaultKind::Misaligned, "size and addresses of a bulk copy must be multiples of 16");
      if (!cta.global(w, i, int(l), global, copy.size, !isLoad))
        return Step::Fault;
    }
    if (!(isLoad ? shared.beginAsyncWrite(w.lane(l), address, copy.size)
                 : shared.beginAsyncRead(w.lane(l), address, copy.size)))
      return fail(shared.violation.kind, shared.violation.message);
    copy.address = uint32_t(address);
    ++cta.events;
    if (!isLoad) {
      bool now = early || cta.maybe(2);
      if (now && !moveBulk(w, i, int(l), copy, false))
        return Step::Fault;
      w.stores.push_back({&i, l, w.storesCommitted[l], copy, now});
      continue;
    }
    auto barrier = uint32_t(addressOf(w, i.r[2], i.target, i.mode & NarrowBarrier, l));
    auto found = cta.mbarriers.find(barrier);
    if (found == cta.mbarriers.end())
      return fail(FaultKind::Barrier, format("there is no mbarrier at %#x", barrier));
    if (!found->second.fenced)
      return fail(FaultKind::MissingFence,
                  format("no fence.mbarrier_init or fence.proxy.async after the initialisation of "
                         "the mbarrier at %#x",
                         barrier));
    cta.loads.push_back({&i, w.index, l, barrier, copy, shared.races.snapshot(w.index)});
    if (early && !cta.completeLoad(cta.loads.size() - 1))
      return Step::Fault;
  }
  return Step::Next;
}

Step commit(Warp &w, const Instr &, Lanes lanes) {
  for (; lanes; lanes &= lanes - 1)
    ++w.storesCommitted[__builtin_ctz(lanes)];
  return Step::Next;
}

Step wait(Warp &w, const Instr &i, Lanes lanes) {
  for (BulkStore &s : w.stores) {
    if (!(lanes >> s.lane & 1) || s.group + i.imm >= w.storesCommitted[s.lane])
      continue;
    if (!s.done && !moveBulk(w, *s.instr, int(s.lane), s.copy, false))
      return Step::Fault;
    w.cta->shared.endAsyncRead(s.copy.address, s.copy.size);
    s.instr = nullptr;
  }
  w.stores.erase(std::remove_if(w.stores.begin(), w.stores.end(), [](const BulkStore &s) { return !s.instr; }),
                 w.stores.end());
  ++w.cta->events;
  return Step::Next;
}

bool decodeShared(Decoder &d, const Operand &operand) {
  Width width;
  if (!d.address(operand, d.i.r[0], width))
    return false;
  d.i.mode |= width == Width::B32 ? NarrowShared : 0;
  return true;
}
bool decodeMbarrier(Decoder &d, const Operand &operand) {
  Width width;
  int64_t offset = d.i.imm;
  if (!d.address(operand, d.i.r[2], width))
    return false;
  d.i.mode |= width == Width::B32 ? NarrowBarrier : 0;
  d.i.target = uint32_t(d.i.imm);
  d.i.imm = offset;
  return true;
}
/// [address] or [map, {coordinates}]; before decodeShared, because it uses Instr::imm.
bool decodeGlobal(Decoder &d, const Operand &operand, size_t rank) {
  Width width;
  if (!d.address(operand, d.i.r[1], width))
    return false;
  if (width != Width::B64 || operand.items.size() != (rank ? 2 : 1))
    return d.fail(rank ? "expected [map, {coordinates}]" : "expected a 64-bit address");
  d.i.imm2 = d.i.imm;
  return !rank || d.sources(operand.items[1], Width::B32, rank, d.i.list);
}

bool decodeBulkTensor(Decoder &d) {
  const auto &o = d.s.operands;
  int rank = d.acceptOne({"1d", "2d", "3d", "4d", "5d"}) + 1;
  if (!rank)
    return d.unknown();
  d.i.run = bulk;
  uint32_t policy;
  if (d.acceptOne({"shared::cluster", "shared::cta"}) >= 0) {
    d.i.mode = Load | Tensor;
    if (!d.accept("global"))
      return d.unknown();
    d.accept("tile");
    if (!d.accept("mbarrier::complete_tx::bytes"))
      return d.unknown();
    bool hint = d.accept("L2::cache_hint");
    return d.end() && d.operands(hint ? 4 : 3) && decodeGlobal(d, o[1], size_t(rank)) && decodeShared(d, o[0]) &&
           decodeMbarrier(d, o[2]) && (!hint || d.source(o[3], Width::B64, policy));
  }
  d.i.mode = Tensor;
  if (!d.accept("global") || !d.accept("shared::cta"))
    return d.unknown();
  d.accept("tile");
  if (!d.accept("bulk_group"))
    return d.unknown();
  bool hint = d.accept("L2::cache_hint");
  return d.end() && d.operands(hint ? 3 : 2) && decodeGlobal(d, o[0], size_t(rank)) && decodeShared(d, o[1]) &&
         (!hint || d.source(o[2], Width::B64, policy));
}

bool decodeBulk(Decoder &d) {
  const auto &o = d.s.operands;
  uint32_t policy;
  if (d.accept("tensor"))
    return decodeBulkTensor(d);
  if (d.accept("commit_group")) {
    d.i.run = commit;
    return d.end() && d.operands(0);
  }
  if (d.accept("wait_group")) {
    d.accept("read");
    d.i.run = wait;
    return d.end() && d.operands(1) && d.constant(o[0], d.i.imm) &&
           (d.i.imm >= 0 || d.fail("a number of groups must not be negative"));
  }
  d.i.run = bulk;
  if (d.acceptOne({"shared::cluster", "shared::cta"}) >= 0) {
    d.i.mode = Load;
    if (!d.accept("global") || !d.accept("mbarrier::complete_tx::bytes"))
      return d.unknown();
    bool hint = d.accept("L2::cache_hint");
    return d.end() && d.operands(hint ? 5 : 4) && decodeGlobal(d, o[1], 0) && decodeShared(d, o[0]) &&
           d.source(o[2], Width::B32, d.i.r[3]) && decodeMbarrier(d, o[3]) &&
           (!hint || d.source(o[4], Width::B64, policy));
  }
  d.i.mode = 0;
  if (!d.accept("global") || !d.accept("shared::cta") || !d.accept("bulk_group"))
    return d.unknown();
  bool hint = d.accept("L2::cache_hint");
  return d.end() && d.operands(hint ? 4 : 3) && decodeGlobal(d, o[0], 0) && decodeShared(d, o[1]) &&
         d.source(o[2], Width::B32, d.i.r[3]) && (!hint || d.source(o[3], Width::B64, policy));
}

bool decodeCp(Decoder &d) {
  if (!d.accept("async"))
    return d.unknown();
  return d.accept("bulk") ? decodeBulk(d) : decodeCpAsync(d);
}

/// Policies change nothing; the register gets a value.
Step createPolicy(Warp &w, const Instr &i, Lanes lanes) {
  for (; lanes; lanes &= lanes - 1)
    w.row<uint64_t>(i.r[0])[__builtin_ctz(lanes)] = 0;
  return Step::Next;
}

} // namespace

void addBulkForms(FormTable &t) {
  t.family("cp", decodeCp);
  for (const char *which : {"evict_last", "evict_normal", "evict_first", "evict_unchanged"}) {
    std::string name = std::string("createpolicy.fractional.L2::") + which + ".b64";
    t.add(name, "d=", createPolicy);
    t.add(name, "d=w", createPolicy);
  }
}

} // namespace attn::emu
