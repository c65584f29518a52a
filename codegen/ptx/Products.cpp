//===- Products.cpp - Matrix products of tiles -----------------------------===//
//
// mma.m16n8k16. Where the lanes' addresses point, in rows and 16-byte pieces of a tile:
//   a, row major           row lane % 16                          piece lane / 16
//   b, keys (columns of a row are its k)   row lane % 8 + 8 (lane / 16)    piece lane / 8 % 2      two blocks of
//   columns b, values (rows are k), transposed     row lane % 16                   piece lane / 16         two blocks
//   of columns
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Products.h"

using namespace mlir;
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

} // namespace

Fragment ptx::multiplyTransposed(WarpEmitter &e, const Place &place, const Operand16 &a, const Operand16 &b) {
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

Fragment ptx::multiplyFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &b,
                               const Fragment &init) {
  auto left = [&](int64_t block, int64_t step) {
    Values registers;
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t r : {2 * block, 2 * block + 1})
        registers.push_back(e.pack(b.element, a.at(r, 4 * step + 2 * half), a.at(r, 4 * step + 2 * half + 1)));
    return registers;
  };
  return multiplyValues(e, place, left, b, init);
}

Fragment ptx::multiplyShared(WarpEmitter &e, const Place &place, const Operand16 &a, const Operand16 &b,
                             const Fragment &init) {
  Matrices rows(e, a, e.add(place.warpRow, e.bits(e.lane, 15)), e.shiftRight(e.lane, 4));
  return multiplyValues(e, place, [&](int64_t block, int64_t step) { return rows.at(16 * block, 16 * step); }, b, init);
}

void ptx::storeFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &target) {
  Place at = place;
  Value column = at.column(0, target.tile.columns);
  Value bytes = e.add(e.times(place.firstRow, target.tile.rowBytes()), e.times(column, 2));
  Value start = e.gep(target.address, e.wide(bytes));
  for (int64_t c = 0; c < a.columns(); c += 2)
    for (int64_t r = 0; r < a.rows; ++r) {
      int64_t row = 16 * (r / 2) + 8 * (r % 2);
      e.store(e.pack(target.element, a.at(r, c), a.at(r, c + 1)),
              e.gep(start, row * target.tile.rowBytes() + 2 * (8 * (c / 2))), 4);
    }
}
