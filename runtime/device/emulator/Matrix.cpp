// ldmatrix and stmatrix: 8 x 8 matrices of 16 bits, a row per lane in memory, pairs of columns in registers.
#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Lanes.h"

namespace attn::emu {
namespace {

constexpr uint32_t Transposed = 1, Narrow = 2;

/// The shared address of row `r` of matrix `m`; 0 after a fault.
uint32_t rowAddress(Warp &w, const Instr &i, unsigned lane, bool write) {
  SharedMemory &shared = w.cta->shared;
  uint64_t address = i.mode & Narrow ? w.row<uint32_t>(i.r[0])[lane] + uint32_t(i.imm)
                                     : w.row<uint64_t>(i.r[0])[lane] + uint64_t(i.imm);
  if (write ? shared.write(w.lane(lane), address, 16) : shared.read(w.lane(lane), address, 16))
    return uint32_t(address);
  w.fault(i, int(lane), shared.violation.kind, shared.violation.message);
  return 0;
}

// Element (row, column) of a matrix is half column % 2 of lane 4 row + column / 2, or with row and column exchanged.
Step load(Warp &w, const Instr &i, Lanes) {
  for (unsigned m = 0; m < i.list.size(); ++m) {
    uint16_t matrix[8][8];
    for (unsigned r = 0; r < 8; ++r) {
      uint32_t address = rowAddress(w, i, 8 * m + r, false);
      if (!address)
        return Step::Fault;
      memcpy(matrix[r], w.cta->shared.data(address), 16);
    }
    uint16_t *to = w.row<uint16_t>(i.list[m]);
    if (!(i.mode & Transposed))
      memcpy(to, matrix, sizeof matrix);
    else
      for (unsigned r = 0; r < 8; ++r)
        for (unsigned c = 0; c < 8; ++c)
          to[8 * c + r] = matrix[r][c];
  }
  return Step::Next;
}

Step store(Warp &w, const Instr &i, Lanes) {
  for (unsigned m = 0; m < i.list.size(); ++m) {
    const uint16_t *from = w.row<uint16_t>(i.list[m]);
    for (unsigned r = 0; r < 8; ++r) {
      uint32_t address = rowAddress(w, i, 8 * m + r, true);
      if (!address)
        return Step::Fault;
      uint16_t row[8];
      for (unsigned c = 0; c < 8; ++c)
        row[c] = from[i.mode & Transposed ? 8 * c + r : 8 * r + c];
      memcpy(w.cta->shared.data(address), row, 16);
    }
  }
  ++w.cta->events;
  return Step::Next;
}

/// {ld|st}matrix.sync.aligned.m8n8.{x1|x2|x4}{.trans}.shared{::cta}.b16
bool decodeMatrix(Decoder &d, bool isLoad) {
  if (!d.accept("sync") || !d.accept("aligned") || !d.accept("m8n8"))
    return d.unknown();
  int count = d.acceptOne({"x1", "x2", "x4"});
  bool transposed = d.accept("trans");
  if (count < 0 || d.acceptOne({"shared", "shared::cta"}) < 0 || !d.accept("b16"))
    return d.unknown();
  Width width;
  const auto &o = d.s.operands;
  d.i.run = isLoad ? load : store;
  d.i.aligned = true;
  if (!d.end() || !d.operands(2) || !d.address(o[isLoad ? 1 : 0], d.i.r[0], width))
    return false;
  d.i.mode = (transposed ? Transposed : 0) | (width == Width::B32 ? Narrow : 0);
  return isLoad ? d.destinations(o[0], Width::B32, size_t(1) << count, d.i.list)
                : d.sources(o[1], Width::B32, size_t(1) << count, d.i.list);
}
bool decodeLoad(Decoder &d) { return decodeMatrix(d, true); }
bool decodeStore(Decoder &d) { return decodeMatrix(d, false); }

} // namespace

void addMatrixForms(FormTable &t) {
  t.family("ldmatrix", decodeLoad);
  t.family("stmatrix", decodeStore);
}

} // namespace attn::emu
