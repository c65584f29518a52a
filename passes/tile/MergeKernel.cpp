//===- MergeKernel.cpp - Merges and gated sums of partial results -----------===//
//
// Merge: m = max lse_i;  lse = m + log sum exp(lse_i - m);  out = sum out_i * exp(lse_i - lse).  A row
// that is -inf everywhere stays out = 0, lse = -inf: m is bounded below, so that exp(-inf - m) = 0
// and never inf - inf.
//===----------------------------------------------------------------------===//
#include "passes/tile/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::passes;

void attn::passes::buildMergeKernel(KernelBuilder &kernel, int64_t dim, Type outType, ArrayRef<std::string> outs,
                                    ArrayRef<std::string> lses, StringRef out, StringRef lse) {
  OpBuilder &b = kernel.builder;
  Location loc = kernel.loc;
  int64_t rows = kernel.kernel().getSchedule().getRows();
  tile::TileType rowTile = kernel.tileType({rows}), outTile = kernel.tileType({rows, dim});
  Value row0 = kernel.leading(tile::Row0);
  auto load = [&](StringRef name, int64_t columns) -> Value {
    Value view = kernel.view(name, columns, b.getF32Type());
    return b.create<tile::LoadOp>(loc, columns ? outTile : rowTile, view, row0, Value(), ValueRange(), false);
  };

  SmallVector<Value> parts;
  for (const std::string &name : lses)
    parts.push_back(load(name, 0));
  Value total = kernel.map(parts, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
    Value m = kernel.real(initialMax);
    for (Value x : in)
      m = b.create<arith::MaximumFOp>(loc, m, x);
    Value sum = kernel.real(0.0);
    for (Value x : in)
      sum = b.create<arith::AddFOp>(loc, sum, b.create<math::ExpOp>(loc, b.create<arith::SubFOp>(loc, x, m)));
    Value isZero = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, sum, kernel.real(0.0));
    Value result = b.create<arith::AddFOp>(loc, m, b.create<math::LogOp>(loc, sum));
    return b.create<arith::SelectOp>(loc, isZero, kernel.real(-std::numeric_limits<double>::infinity()), result);
  });
  Value sum;
  for (auto [name, part] : llvm::zip(outs, parts)) {
    Value weight = kernel.map({part, total}, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
      // A part that saw no key weighs nothing, also where the total is -inf.
      Value minusInf = kernel.real(-std::numeric_limits<double>::infinity());
      Value unseen = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, in[0], minusInf);
      Value w = b.create<math::ExpOp>(loc, b.create<arith::SubFOp>(loc, in[0], in[1]));
      return b.create<arith::SelectOp>(loc, unseen, kernel.real(0.0), w);
    });
    SmallVector<Value> inputs{load(name, dim), weight};
    if (sum)
      inputs.push_back(sum);
    sum = kernel.map(inputs, outTile, {}, [&](ValueRange in, ValueRange) -> Value {
      Value product = b.create<arith::MulFOp>(loc, in[0], in[1]);
      return in.size() == 2 ? product : b.create<arith::AddFOp>(loc, product, in[2]);
    });
  }
  if (!out.empty())
    b.create<tile::StoreOp>(loc, sum ? sum : kernel.fill(0.0, outTile), kernel.view(out, dim, outType), row0);
  if (!lse.empty())
    b.create<tile::StoreOp>(loc, total, kernel.view(lse, 0, b.getF32Type()), row0);
  kernel.finish();
}

void attn::passes::buildGatedSumKernel(KernelBuilder &kernel, int64_t dim, Type outType, ArrayRef<std::string> outs,
                                       ArrayRef<mask::Expr> gates, StringRef out) {
  OpBuilder &b = kernel.builder;
  Location loc = kernel.loc;
  int64_t rows = kernel.kernel().getSchedule().getRows();
  tile::TileType rowTile = kernel.tileType({rows}), outTile = kernel.tileType({rows, dim});
  Value row0 = kernel.leading(tile::Row0), sum = kernel.fill(0.0, outTile);
  for (auto [name, gate] : llvm::zip_equal(outs, gates)) {
    const mask::Expr &expr = gate;
    Value weight = kernel.map({kernel.fill(0.0, rowTile)}, rowTile, {},
                              [&](ValueRange, ValueRange coordinates) { return kernel.emit(expr, coordinates); });
    Value view = kernel.view(name, dim, b.getF32Type());
    Value part = b.create<tile::LoadOp>(loc, outTile, view, row0, Value(), ValueRange(), false);
    sum = kernel.map({part, weight, sum}, outTile, {}, [&](ValueRange in, ValueRange) -> Value {
      return b.create<arith::AddFOp>(loc, b.create<arith::MulFOp>(loc, in[0], in[1]), in[2]);
    });
  }
  b.create<tile::StoreOp>(loc, sum, kernel.view(out, dim, outType), row0);
  kernel.finish();
}
