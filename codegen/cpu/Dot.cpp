//===- Dot.cpp - The contraction of a register tile ------------------------===//
#include "codegen/cpu/Dot.h"

#include "codegen/cpu/Pairs.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

static Value multiplyAdd(Emitter &e, Value a, Value b, Value sum) { return e.fma(a, b, sum); }

Values attn::codegen::cpu::emitContraction(Emitter &e, const DotTile &tile, Values accumulators) {
  tile::DotOp dot = tile.dot;
  Value m = tile.m, n = tile.n;
  int64_t vectors = tile.vectors, count = tile.columns;
  bool pairs = isDotOfPairs(e, dot);
  int64_t depth = shapeOf(dot.getA())[dot.getTransposeA() ? 0 : 1] / (pairs ? 2 : 1);
  const DotSource &a = tile.a, &b = tile.b;
  Value table = b.table ? e.capture(b.table) : Value();
  Values rows; // addresses of the rows of a transposed b, one per column
  Value block; // address of (k = 0, n) of b
  int64_t kStride = 4, nStride = 4;
  if (b.table && dot.getTransposeB()) {
    Value first = e.gep(table, e.mul(n, 8));
    for (int64_t j = 0; j < count; ++j)
      rows.push_back(e.load(e.ptr(), e.gep(first, j * 8), 8));
  } else if (!b.table) {
    // By rows, the row index (k, or n if b is transposed) has the leading dimension; by lanes the other one.
    (dot.getTransposeB() != b.byLanes ? nStride : kStride) = b.place.ld * 4;
    block = e.gep(e.capture(b.place.address), e.mul(n, nStride));
  }
  Value aBlock = a.table ? Value() : e.gep(e.capture(a.place.address), e.mul(m, 4));
  Value aTable = a.table ? e.capture(a.table) : Value();

  auto step = [&](Value k, ValueRange carried) {
    Value left = a.table ? e.gep(e.load(e.ptr(), e.gep(aTable, e.mul(k, 8)), 8), e.mul(m, 4))
                         : e.gep(aBlock, e.mul(k, a.place.ld * 4));
    Values leftLanes;
    for (int64_t v = 0; v < vectors; ++v)
      leftLanes.push_back(e.load(e.vecF32(), e.gep(left, v * e.lanes * 4), a.table ? 1 : 4));
    Value right;
    if (b.table && !dot.getTransposeB()) {
      Value entry = e.gep(table, e.mul(k, 8)), offset = e.mul(n, 4);
      right = e.gep(e.load(e.ptr(), entry, 8), offset);
      if (b.rows) // the same columns of the row that is read one tile later
        e.prefetch(e.gep(e.load(e.ptr(), e.gep(entry, b.rows * 8), 8), offset), 4);
    } else if (!b.table) {
      right = e.gep(block, e.mul(k, kStride));
    }
    Values next;
    for (int64_t j = 0; j < count; ++j) {
      Value address = rows.empty() ? e.gep(right, j * nStride) : e.gep(rows[j], e.mul(k, 4));
      Value scalar = e.splat(e.load(e.getF32Type(), address, b.table ? 1 : 4));
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back((pairs ? multiplyPairs : multiplyAdd)(e, scalar, leftLanes[v], carried[j * vectors + v]));
    }
    return next;
  };
  Values results = std::move(accumulators);
  constexpr int64_t line = 16; // elements of 4 bytes
  int64_t whole = rows.empty() || !b.rows ? 0 : depth / line * line;
  if (whole) {
    // A cache line of every row at a time, with a prefetch of the same line of the rows that are read one tile later.
    Value following = e.gep(table, e.mul(e.add(n, b.rows), 8));
    results = e.loop(e.i64(0), e.i64(whole), line, results, [&](Value k0, ValueRange carried) {
      for (int64_t j = 0; j < count; ++j)
        e.prefetch(e.gep(e.load(e.ptr(), e.gep(following, j * 8), 8), e.mul(k0, 4)), 4);
      return e.loop(k0, e.add(k0, line), 1, carried, step);
    });
  }
  if (depth > whole)
    results = e.loop(e.i64(whole), e.i64(depth), 1, results, step);
  if (a.scale) {
    Value scale = e.splat(e.capture(a.scale));
    for (Value &result : results)
      result = e.create<arith::MulFOp>(result, scale);
  }
  return results;
}
