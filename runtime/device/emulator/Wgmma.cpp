#include "runtime/device/emulator/Wgmma.h"

#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Descriptor.h"
#include "runtime/device/emulator/Fragments.h"
#include "runtime/device/emulator/Text.h"

#include <cstdlib>

namespace attn::emu {
namespace {

// Instr::mode of wgmma.mma_async; Instr::list has the rows of D, then those of A where it is in registers.
constexpr uint32_t FormatB = 8; ///< shift
constexpr uint32_t ARegisters = 1 << 16, TransA = 1 << 17, TransB = 1 << 18, NegateA = 1 << 19, NegateB = 1 << 20;

size_t countD(const Instr &i) { return i.list.size() - (i.mode & ARegisters ? 4 : 0); }
unsigned columns(const Instr &i) { return unsigned(countD(i)) * 2; }
unsigned depth(const Instr &i) { return 32 / byteSize(Format(i.mode & 0xff)); }

ATTN_SIMD_BEGIN

/// Loads rows [0, rows) of a tile as f32, `to[row * k + kk]`.
void loadTile(Cta &cta, const Descriptor &from, Format format, bool mnMajor, uint32_t rows, float scale, float *to) {
  const unsigned perChunk = 16 / byteSize(format), k = 2 * perChunk;
  float chunk[16];
  if (!mnMajor) {
    for (uint32_t row = 0; row < rows; ++row)
      for (uint32_t c = 0; c < 2; ++c)
        convert(format, cta.shared.data(from.kMajor(row, c)), perChunk, scale, to + row * k + c * perChunk);
    return;
  }
  for (uint32_t eight = 0; eight < rows / 8; ++eight)
    for (uint32_t kk = 0; kk < k; ++kk) {
      convert(format, cta.shared.data(from.mnMajor(eight, kk)), 8, scale, chunk);
      for (unsigned e = 0; e < 8; ++e)
        to[(8 * eight + e) * k + kk] = chunk[e];
    }
}

/// The columns of B, spread out. MN-major chunks are 8 columns at one k, which is what a vector holds but for its
/// order.
void loadB(Cta &cta, const Descriptor &from, Format format, bool mnMajor, uint32_t n, float scale, SpreadB &b) {
  if (mnMajor) {
    alignas(32) float chunk[8];
    for (uint32_t c = 0; c < n / 8; ++c)
      for (uint32_t k = 0; k < 16; ++k) {
        convert(format, cta.shared.data(from.mnMajor(c, k)), 8, scale, chunk);
        __m256 x = _mm256_load_ps(chunk);
        __m256 low = _mm256_permute2f128_ps(x, x, 0x00), high = _mm256_permute2f128_ps(x, x, 0x11);
        _mm256_store_ps(b.value[k][c][0], _mm256_shuffle_ps(low, high, 0x88));
        _mm256_store_ps(b.value[k][c][1], _mm256_shuffle_ps(low, high, 0xdd));
      }
    return;
  }
  alignas(32) float tile[8 * MaxK];
  const unsigned perChunk = 16 / byteSize(format), depth = 2 * perChunk;
  for (uint32_t c = 0; c < n / 8; ++c) {
    for (uint32_t row = 0; row < 8; ++row)
      for (uint32_t half = 0; half < 2; ++half)
        convert(format, cta.shared.data(from.kMajor(8 * c + row, half)), perChunk, scale,
                tile + row * depth + half * perChunk);
    for (uint32_t p = 0; p < 2; ++p)
      for (uint32_t k = 0; k < depth; k += 4) { // a 4 x 4 transposition
        __m128 r0 = _mm_load_ps(tile + (0 + p) * depth + k), r1 = _mm_load_ps(tile + (2 + p) * depth + k);
        __m128 r2 = _mm_load_ps(tile + (4 + p) * depth + k), r3 = _mm_load_ps(tile + (6 + p) * depth + k);
        _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
        _mm256_store_ps(b.value[k + 0][c][p], _mm256_set_m128(r0, r0));
        _mm256_store_ps(b.value[k + 1][c][p], _mm256_set_m128(r1, r1));
        _mm256_store_ps(b.value[k + 2][c][p], _mm256_set_m128(r2, r2));
        _mm256_store_ps(b.value[k + 3][c][p], _mm256_set_m128(r3, r3));
      }
  }
}

/// 16 rows of A from registers: register j has rows 8 (j & 1) + lane / 4, k from perRegister (lane % 4 + 4 (j / 2)).
void loadRegisters(Warp &w, const uint32_t *rows, Format format, float scale, float *to) {
  const unsigned perRegister = 4 / byteSize(format), k = 8 * perRegister;
  float full[32 * 4];
  for (unsigned j = 0; j < 4; ++j) {
    convert(format, w.row<uint8_t>(rows[j]), 32 * perRegister, scale, full);
    for (unsigned l = 0; l < 32; ++l)
      memcpy(to + (l / 4 + 8 * (j & 1)) * k + perRegister * (l % 4 + 4 * (j / 2)), full + l * perRegister,
             perRegister * sizeof(float));
  }
}

void compute(Cta &cta, uint32_t g, const WgmmaOp &op) {
  thread_local SpreadA a;
  thread_local SpreadB b;
  alignas(32) thread_local float tile[64 * MaxK];
  const Instr &i = *op.instr;
  auto formatA = Format(i.mode & 0xff), formatB = Format(i.mode >> FormatB & 0xff);
  const unsigned n = columns(i), k = depth(i);
  float scaleA = i.mode & NegateA ? -1 : 1;
  loadB(cta, Descriptor(op.b), formatB, i.mode & TransB, n, i.mode & NegateB ? -1 : 1, b);
  if (!(i.mode & ARegisters))
    loadTile(cta, Descriptor(op.a), formatA, i.mode & TransA, 64, scaleA, tile);
  for (unsigned q = 0; q < 4; ++q) {
    Warp &w = cta.warps[4 * g + q];
    const float *mine = tile + 16 * q * k;
    if (i.mode & ARegisters) {
      loadRegisters(w, i.list.data() + countD(i), formatA, scaleA, tile);
      mine = tile;
    }
    a.fill(k, [&](unsigned row, unsigned kk) { return mine[row * k + kk]; });
    float *d[MaxN / 2];
    for (size_t r = 0; r < countD(i); ++r)
      d[r] = w.row<float>(i.list[r]);
    multiply(a, b, k, n, op.accumulate, d);
  }
}

ATTN_SIMD_END

/// Marks the registers of an operation as in flight; false if one is not ready for that.
bool beginRegisters(Warp &w, const Instr &i, bool accumulate) {
  auto fail = [&](FaultKind kind, std::string message) {
    w.fault(i, -1, kind, std::move(message));
    return false;
  };
  if (w.fences == 1)
    return fail(FaultKind::MissingFence, "no wgmma.fence before the first wgmma");
  for (size_t k = 0; k < i.list.size(); ++k) {
    uint32_t row = i.list[k], &busy = w.busy[row];
    bool isD = k < countD(i);
    const char *what = isD ? "accumulator" : "A";
    if (!(busy & 0xffff) && (!isD || accumulate) && w.shadow[row].init != AllLanes)
      return fail(FaultKind::Uninitialised, format("register %zu of %s is not initialised", k, what));
    if (w.shadow[row].stamp == w.fences)
      return fail(FaultKind::MissingFence,
                  format("register %zu of %s was accessed after the last wgmma.fence", k, what));
    if (isD ? busy >> 16 : busy & 0xffff)
      return fail(FaultKind::MissingWait, format("register %zu of %s is in use by a wgmma in flight", k, what));
  }
  for (size_t k = 0; k < i.list.size(); ++k) {
    uint32_t row = i.list[k];
    w.busyRows += !w.busy[row];
    w.busy[row] += k < countD(i) ? 1 : 1 << 16;
    if (k < countD(i))
      w.shadow[row].init = 0;
  }
  return true;
}

void endRegisters(Warp &w, const Instr &i) {
  for (size_t k = 0; k < i.list.size(); ++k) {
    uint32_t row = i.list[k];
    w.busy[row] -= k < countD(i) ? 1 : 1 << 16;
    w.busyRows -= !w.busy[row];
    if (k < countD(i) && !(w.busy[row] & 0xffff))
      w.shadow[row].init = AllLanes;
  }
}

/// The chunks that an operation reads: of B, for all warps, and of A, warp q its rows 16q to 16q + 15.
template <class Body> bool forChunksOfB(const WgmmaOp &op, Body body) {
  return Descriptor(op.b).forEachChunk(op.instr->mode & TransB, 0, columns(*op.instr), body);
}
template <class Body> bool forChunksOfA(const WgmmaOp &op, uint32_t q, Body body) {
  return op.instr->mode & ARegisters ||
         Descriptor(op.a).forEachChunk(op.instr->mode & TransA, 16 * q, 16 * q + 16, body);
}

/// Marks the shared memory as being read. False after a violation.
bool beginReads(Cta &cta, uint32_t g, const WgmmaOp &op) {
  SharedMemory &shared = cta.shared;
  for (uint32_t q = 0; q < 4; ++q) {
    Accessor who = cta.warps[4 * g + q].lane(0);
    if (!forChunksOfA(op, q, [&](uint32_t address) { return shared.beginAsyncRead(who, address, 16); }) ||
        !forChunksOfB(op, [&](uint32_t address) {
          return q ? shared.alsoReads(who, address) : shared.beginAsyncRead(who, address, 16);
        }))
      return false;
  }
  return true;
}

/// The same value in all lanes; false after a fault.
bool uniform(Warp &w, const Instr &i, uint32_t row, uint64_t &value) {
  const uint64_t *values = w.row<uint64_t>(row);
  value = values[0];
  for (unsigned l = 1; l < 32; ++l)
    if (values[l] != value) {
      w.fault(i, int(l), FaultKind::Descriptor, "the descriptor differs between lanes");
      return false;
    }
  if (value & Descriptor::Reserved) {
    w.fault(i, -1, FaultKind::Descriptor,
            format("unsupported bits in the descriptor %#llx", (unsigned long long)value));
    return false;
  }
  return true;
}

/// r: descriptor of A, descriptor of B, scale-d
Step mmaAsync(Warp &w, const Instr &i, Lanes) {
  Cta &cta = *w.cta;
  uint32_t g = w.index / 4, bit = 1u << w.index % 4;
  if (4 * g + 4 > cta.warps.size())
    return w.fault(i, -1, FaultKind::Divergence, "wgmma needs a warpgroup of four warps");
  WgmmaOp op{&i, 0, 0, false};
  if ((!(i.mode & ARegisters) && !uniform(w, i, i.r[0], op.a)) || !uniform(w, i, i.r[1], op.b))
    return Step::Fault;
  Lanes scale = w.predicate(i.r[2]);
  if (scale != 0 && scale != AllLanes)
    return w.fault(i, -1, FaultKind::Divergence, "scale-d differs between lanes");
  op.accumulate = scale;
  WarpGroup &group = cta.groups[g];
  if (w.issued - group.first == group.ops.size())
    group.ops.push_back(op);
  WgmmaOp &shared = group.ops[w.issued - group.first];
  if (shared.instr != &i || shared.a != op.a || shared.b != op.b || shared.accumulate != op.accumulate)
    return w.fault(i, -1, FaultKind::Divergence, "the warps of a warpgroup issue different wgmma");
  if (cta.options.checks.registers && !beginRegisters(w, i, op.accumulate))
    return Step::Fault;
  shared.issuedBy |= bit;
  ++w.issued;
  ++cta.events;
  if (shared.issuedBy != 15)
    return Step::Next;
  ++cta.wgmma;
  if (!beginReads(cta, g, shared))
    return w.fault(i, -1, cta.shared.violation.kind, cta.shared.violation.message);
  if (cta.options.completion == Completion::Early)
    executeWgmma(cta, g);
  return Step::Next;
}

Step fence(Warp &w, const Instr &, Lanes) {
  ++w.fences;
  return Step::Next;
}

Step commitGroup(Warp &w, const Instr &, Lanes) {
  w.wgmmaGroups.push_back(w.issued);
  return Step::Next;
}

Step waitGroup(Warp &w, const Instr &i, Lanes) {
  Cta &cta = *w.cta;
  uint32_t g = w.index / 4;
  while (w.wgmmaGroups.size() > size_t(i.imm)) {
    WarpGroup &group = cta.groups[g];
    uint32_t limit = w.wgmmaGroups.front();
    while (int32_t(limit - group.executed) > 0)
      if (!executeWgmma(cta, g)) {
        w.wait = {Wait::Wgmma};
        return Step::Block;
      }
    auto endRead = [&](uint32_t address) { return cta.shared.endAsyncRead(address, 16), true; };
    for (; w.retired != limit; ++w.retired) {
      WgmmaOp &op = group.ops[w.retired - group.first];
      if (cta.options.checks.registers)
        endRegisters(w, *op.instr);
      forChunksOfA(op, w.index % 4, endRead);
      op.waitedBy |= 1u << w.index % 4;
    }
    w.wgmmaGroups.pop_front();
    for (; !group.ops.empty() && group.ops.front().waitedBy == 15; ++group.first) {
      forChunksOfB(group.ops.front(), endRead);
      group.ops.pop_front();
    }
    ++cta.events;
  }
  return Step::Next;
}

/// wgmma.mma_async.sync.aligned.m64nNkK.f32.A.B
bool decodeMmaAsync(Decoder &d) {
  const auto &o = d.s.operands;
  if (d.s.words.size() != 8 || !d.accept("mma_async") || !d.accept("sync") || !d.accept("aligned"))
    return d.unknown();
  std::string shape(d.s.words[4]);
  int n = 0;
  if (shape.compare(0, 4, "m64n") == 0)
    n = atoi(shape.c_str() + 4);
  int a = formatOf(d.s.words[6]), b = formatOf(d.s.words[7]);
  bool narrow = a == 2 || a == 3, sameWidth = narrow ? b == 2 || b == 3 : a == b;
  if (n < 8 || n > 256 || n % 8 || d.s.words[5] != "f32" || a < 0 || a > 3 || !sameWidth ||
      shape != "m64n" + std::to_string(n) + (narrow ? "k32" : "k16"))
    return d.unknown();
  d.i.run = mmaAsync;
  d.i.mode = uint32_t(a) | uint32_t(b) << FormatB;
  if (o.size() < 6)
    return d.fail("wrong number of operands");
  bool registers = o[1].kind == Operand::Vector;
  size_t transposes = narrow ? 0 : registers ? 1 : 2;
  if (!d.operands(6 + transposes) || !d.destinations(o[0], Width::B32, size_t(n) / 2, d.i.list))
    return false;
  size_t plainReads = d.i.reads.size();
  if (registers && !d.sources(o[1], Width::B32, 4, d.i.list))
    return false;
  d.i.reads.resize(plainReads); // D and A are checked by the handler
  d.i.writes.clear();
  if ((!registers && !d.source(o[1], Width::B64, d.i.r[0])) || !d.source(o[2], Width::B64, d.i.r[1]) ||
      !d.source(o[3], Width::Pred, d.i.r[2]))
    return false;
  if (registers)
    d.i.mode |= ARegisters;
  for (size_t k = 4; k < o.size(); ++k) {
    int64_t value;
    if (!d.constant(o[k], value))
      return false;
    if (k < 6 ? value != 1 && value != -1 : value != 0 && value != 1)
      return d.fail(k < 6 ? "imm-scale must be 1 or -1" : "imm-trans must be 0 or 1");
    uint32_t flag = k == 4 ? NegateA : k == 5 ? NegateB : k + 1 == o.size() ? TransB : TransA;
    if (value == (k < 6 ? -1 : 1))
      d.i.mode |= flag;
  }
  return true;
}

bool decodeWgmma(Decoder &d) {
  d.i.aligned = true;
  if (d.is("mma_async"))
    return decodeMmaAsync(d);
  int which = d.acceptOne({"fence", "commit_group", "wait_group"});
  if (which < 0 || !d.accept("sync") || !d.accept("aligned"))
    return d.unknown();
  Handler handlers[] = {fence, commitGroup, waitGroup};
  d.i.run = handlers[which];
  if (which < 2)
    return d.end() && d.operands(0);
  return d.end() && d.operands(1) && d.constant(d.s.operands[0], d.i.imm) &&
         (d.i.imm >= 0 || d.fail("a number of groups must not be negative"));
}

} // namespace

bool executeWgmma(Cta &cta, uint32_t g) {
  WarpGroup &group = cta.groups[g];
  if (!group.issuedByAll(group.executed))
    return false;
  compute(cta, g, group.ops[group.executed - group.first]);
  ++group.executed;
  ++cta.events;
  return true;
}

void addWgmmaForms(FormTable &t) { t.family("wgmma", decodeWgmma); }

} // namespace attn::emu
