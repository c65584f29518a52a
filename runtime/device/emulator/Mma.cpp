// mma.sync: the matrix product of one warp.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Fragments.h"

namespace attn::emu {
namespace {

constexpr uint32_t Integer = 1 << 16, Saturate = 1 << 17;

ATTN_SIMD_BEGIN

/// mode: format of A, format of B << 8. list: 4 rows of D, 4 of A, 2 of B, 4 of C.
Step mma(Warp &w, const Instr &i, Lanes) {
  thread_local SpreadA a;
  thread_local SpreadB b;
  auto formatA = Format(i.mode & 0xff), formatB = Format(i.mode >> 8 & 0xff);
  const unsigned perRegister = 4 / byteSize(formatA), k = 8 * perRegister;
  const uint32_t *rows = i.list.data();
  float full[32 * 4];
  float left[16][MaxK];
  // Register j of A: rows 8 (j & 1) + lane / 4, columns from perRegister (lane % 4 + 4 (j / 2)).
  for (unsigned j = 0; j < 4; ++j) {
    convert(formatA, w.row<uint8_t>(rows[4 + j]), 32 * perRegister, 1, full);
    for (unsigned l = 0; l < 32; ++l)
      memcpy(&left[l / 4 + 8 * (j & 1)][perRegister * (l % 4 + 4 * (j / 2))], full + l * perRegister,
             perRegister * sizeof(float));
  }
  a.fill(k, [&](unsigned row, unsigned kk) { return left[row][kk]; });
  for (unsigned j = 0; j < 2; ++j) {
    convert(formatB, w.row<uint8_t>(rows[8 + j]), 32 * perRegister, 1, full);
    for (unsigned l = 0; l < 32; ++l)
      for (unsigned e = 0; e < perRegister; ++e)
        b.set(perRegister * (l % 4 + 4 * j) + e, l / 4, full[l * perRegister + e]);
  }
  alignas(32) float sums[4][32];
  float *d[4] = {sums[0], sums[1], sums[2], sums[3]};
  ++w.cta->mma;
  if (!(i.mode & Integer)) {
    for (unsigned j = 0; j < 4; ++j)
      memcpy(sums[j], w.row<float>(rows[10 + j]), sizeof sums[j]);
    multiply(a, b, k, 8, true, d);
    for (unsigned j = 0; j < 4; ++j)
      memcpy(w.row<float>(rows[j]), sums[j], sizeof sums[j]);
    return Step::Next;
  }
  multiply(a, b, k, 8, false, d); // exact: below 2^24
  int32_t result[4][32];
  for (unsigned j = 0; j < 4; ++j)
    for (unsigned l = 0; l < 32; ++l) {
      int64_t sum = int64_t(w.row<int32_t>(rows[10 + j])[l]) + int64_t(sums[j][l]);
      if (i.mode & Saturate)
        sum = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum;
      result[j][l] = int32_t(uint32_t(sum));
    }
  for (unsigned j = 0; j < 4; ++j)
    memcpy(w.row<int32_t>(rows[j]), result[j], sizeof result[j]);
  return Step::Next;
}

ATTN_SIMD_END

/// mma.sync.aligned.{m16n8k16|m16n8k32}.row.col{.satfinite}.D.A.B.C
bool decodeMma(Decoder &d) {
  if (!d.accept("sync") || !d.accept("aligned"))
    return d.unknown();
  int shape = d.acceptOne({"m16n8k16", "m16n8k32"});
  if (shape < 0 || !d.accept("row") || !d.accept("col"))
    return d.unknown();
  bool saturates = d.accept("satfinite"), integer = d.accept("s32");
  if (!integer && !d.accept("f32"))
    return d.unknown();
  Format format[2];
  for (Format &f : format) {
    int which = d.acceptOne({"f16", "bf16", "e4m3", "e5m2", "s8"});
    if (which < 0)
      return d.unknown();
    f = Format(which);
  }
  bool narrow = byteSize(format[0]) == 1;
  bool same = format[0] == format[1] || (narrow && format[1] != Format::S8 && byteSize(format[1]) == 1 && !integer);
  if (!same || narrow != (shape == 1) || integer != (format[0] == Format::S8) || (saturates && !integer) ||
      !d.accept(integer ? "s32" : "f32"))
    return d.unknown();
  d.i.run = mma;
  d.i.aligned = true;
  d.i.mode = uint32_t(format[0]) | uint32_t(format[1]) << 8 | (integer ? Integer : 0) | (saturates ? Saturate : 0);
  const auto &o = d.s.operands;
  return d.end() && d.operands(4) && d.destinations(o[0], Width::B32, 4, d.i.list) &&
         d.sources(o[1], Width::B32, 4, d.i.list) && d.sources(o[2], Width::B32, 2, d.i.list) &&
         d.sources(o[3], Width::B32, 4, d.i.list);
}

} // namespace

void addMmaForms(FormTable &t) { t.family("mma", decodeMma); }

} // namespace attn::emu
