//===- Ampere.cpp - Products by mma.sync -----------------------------------===//
//
// mma.m16n8k16. Where the lanes' addresses point, in rows and 16-byte pieces of a tile:
//   a, row major           row lane % 16                          piece lane / 16
//   b, keys (columns of a row are its k)   row lane % 8 + 8 (lane / 16)    piece lane / 8 % 2      two blocks of
//   columns b, values (rows are k), transposed     row lane % 16                   piece lane / 16         two blocks
//   of columns
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Tiles.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

namespace {

/// A thread's address in a tile, from which all matrices are at constant distances.
struct Matrices {
  WarpEmitter &e;
  const Operand16 &from;
  Value start;
  bool transpose = false;

  Matrices(WarpEmitter &e, const Operand16 &from, Value row, Value piece, bool transpose = false)
      : e(e), from(from), transpose(transpose) {
    Value bytes = e.add(e.times(row, from.tile.rowBytes()), e.times(piece, 16));
    start = e.gep(from.address, e.wide(bytes));
  }
  Values at(int64_t row, int64_t column) const {
    return e.loadMatrices(e.gep(start, row * from.tile.rowBytes() + 2 * column), transpose);
  }
};

/// Registers of a for rows block `row` and 16 values of k from `k` on.
using LeftOperand = llvm::function_ref<Values(int64_t block, int64_t step)>;

Fragment zeros(WarpEmitter &e, const Place &place, int64_t columns) {
  int64_t rows = place.layout.threadRows();
  return {rows, Values(rows * place.layout.threadColumns(columns), e.f32(0))};
}

/// Adds the product of step `step`: `pairs` pairs of column blocks, whose b registers `right` gives.
void addStep(WarpEmitter &e, Type element, Fragment &sum, int64_t step, LeftOperand left,
             llvm::function_ref<Values(int64_t pair)> right) {
  int64_t blocks = sum.rows / 2;
  llvm::SmallVector<Values> a;
  for (int64_t block = 0; block < blocks; ++block)
    a.push_back(left(block, step));
  for (int64_t pair = 0; pair < sum.columns() / 4; ++pair) {
    Values b = right(pair);
    for (int64_t block = 0; block < blocks; ++block)
      for (int64_t half = 0; half < 2; ++half) {
        int64_t r = 2 * block, c = 4 * pair + 2 * half;
        Value c0 = sum.at(r, c), c1 = sum.at(r, c + 1), c2 = sum.at(r + 1, c), c3 = sum.at(r + 1, c + 1);
        Values d = e.multiply(element, a[block], {b[2 * half], b[2 * half + 1]}, {c0, c1, c2, c3});
        sum.at(r, c) = d[0], sum.at(r, c + 1) = d[1], sum.at(r + 1, c) = d[2], sum.at(r + 1, c + 1) = d[3];
      }
  }
}

/// init + a b with b a tile of values.
Fragment multiplyValues(WarpEmitter &e, const Place &place, LeftOperand left, const Operand16 &b,
                        const Fragment &init) {
  Fragment sum = init.values.empty() ? zeros(e, place, b.tile.columns) : init;
  Value piece = e.shiftRight(e.lane, 4);
  if (place.layout.warpColumns > 1)
    piece = e.add(piece, e.times(place.warpColumn, b.tile.columns / place.layout.warpColumns / 8));
  Matrices values(e, b, e.bits(e.lane, 15), piece, /*transpose=*/true);
  for (int64_t step = 0; step < b.tile.rows / 16; ++step)
    addStep(e, b.element, sum, step, left, [&](int64_t pair) { return values.at(16 * step, 16 * pair); });
  return sum;
}

class Ampere : public MatrixUnit {
public:
  Arrangement arrangement() const override { return Arrangement::Padded; }
  Layout layout(tile::KernelOp kernel) const override;
  bool fillsMultiprocessor() const override { return false; }
  Fragment multiplyTransposed(KernelScope &scope, const Operand16 &a, const Operand16 &b) const override;
  Fragment multiply(KernelScope &scope, const Fragment &a, const Operand16 &b, const Fragment &init) const override;
};

} // namespace

std::unique_ptr<MatrixUnit> ptx::ampere() { return std::make_unique<Ampere>(); }

/// By rows; where there are few, by columns.
Layout Ampere::layout(tile::KernelOp kernel) const {
  auto schedule = kernel.getSchedule();
  int64_t rows = schedule.getRows();
  Layout layout{rows, 1, 1};
  while (layout.warpRows < 4 && rows / 16 % (2 * layout.warpRows) == 0)
    layout.warpRows *= 2;
  // Columns of scores and outputs go to warps in multiples of 16.
  bool hasProducts = false;
  auto divides = [&](int64_t warps) {
    bool fits = schedule.getKeys() % (16 * warps) == 0;
    kernel.walk([&](tile::DotOp dot) {
      hasProducts = true;
      fits &= cast<tile::TileType>(dot.getResult().getType()).getShape()[1] % (16 * warps) == 0;
    });
    return fits && hasProducts;
  };
  while (layout.warps() < 4 && divides(2 * layout.warpColumns))
    layout.warpColumns *= 2;
  return layout;
}

Fragment Ampere::multiplyTransposed(KernelScope &scope, const Operand16 &a, const Operand16 &b) const {
  WarpEmitter &e = scope.e;
  const Place &place = scope.place;
  Matrices query(e, a, e.add(place.warpRow, e.bits(e.lane, 15)), e.shiftRight(e.lane, 4));
  Value row = e.add(e.bits(e.lane, 7), e.times(e.shiftRight(e.lane, 4), 8));
  if (place.layout.warpColumns > 1)
    row = e.add(row, e.times(place.warpColumn, b.tile.rows / place.layout.warpColumns));
  Matrices keys(e, b, row, e.bits(e.shiftRight(e.lane, 3), 1));
  Fragment sum = zeros(e, place, b.tile.rows);
  for (int64_t step = 0; step < a.tile.columns / 16; ++step)
    addStep(
        e, b.element, sum, step, [&](int64_t block, int64_t) { return query.at(16 * block, 16 * step); },
        [&](int64_t pair) { return keys.at(16 * pair, 16 * step); });
  return sum;
}

Fragment Ampere::multiply(KernelScope &scope, const Fragment &a, const Operand16 &b, const Fragment &init) const {
  WarpEmitter &e = scope.e;
  const Place &place = scope.place;
  if (place.layout.warpColumns == 1)
    return multiplyValues(
        e, place, [&](int64_t block, int64_t step) { return packLeft(e, b.element, a, block, step); }, b, init);
  // Every warp needs the columns that the others hold.
  SharedTile tile{Arrangement::Padded, 0, place.layout.rows, b.tile.rows};
  tile.offset = scope.allocateShared(tile.bytes(), tile.alignment());
  Operand16 shared{b.element, tile, e.shared(tile.offset)};
  storeFragment(e, place, a, shared);
  e.sync();
  Matrices rows(e, shared, e.add(place.warpRow, e.bits(e.lane, 15)), e.shiftRight(e.lane, 4));
  return multiplyValues(e, place, [&](int64_t block, int64_t step) { return rows.at(16 * block, 16 * step); }, b, init);
}
