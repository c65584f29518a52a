//===- ScanKernel.cpp - Chunked scan of decayed linear attention -------------===//
//
// With chunk rows i at positions p0 + i, C rows, decay w per head and state S (d x dv, before the
// chunk, referred to position p0 - 1):
//   out_i = sum over j <= i of w^(i-j) (q_i . k_j) v_j  +  w^(i+1) q_i . S
//   S'    = w^C S + sum over j of w^(C-1-j) k_j v_j^T
// Source: the block form of lightning attention (arXiv 2401.04658) and of retention (arXiv
// 2307.08621). Self-attention only: row i of q and key i have the same position.
//===----------------------------------------------------------------------===//
#include "passes/analysis/MaskRegion.h"
#include "passes/tile/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using attn::mask::Expr;

LogicalResult attn::passes::buildScanKernel(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names) {
  ir::KernelMapOp map = *attend.getMaps().getOps<ir::KernelMapOp>().begin();
  OpBuilder &b = kernel.builder;
  Location loc = kernel.loc;
  auto visible = regionToExpr(map.getMask());
  auto decay = regionToExpr(map.getDecay());
  if (failed(visible) || failed(decay))
    return failure();
  Expr causal = Expr::symbol("k") <= Expr::symbol("q");
  if (*visible != causal)
    return map.emitError("the chunked form carries a state and takes the mask k <= q only, got ") << visible->str();
  if (!map.getScore().empty() || names.keys.size() != 1 || map.getRopeAttr() || attend.getScaleParam())
    return map.emitError("the chunked form takes a plain scaled dot product over one cache");

  int64_t rows = kernel.kernel().getSchedule().getRows();
  auto shape = [](Value v) { return cast<RankedTensorType>(v.getType()); };
  int64_t d = shape(attend.getQuery()).getShape().back(), dv = shape(attend.getOut()).getShape().back();
  Type element = shape(attend.getQuery()).getElementType();
  double scale = attend.getScale() ? attend.getScale()->convertToDouble() : 1.0 / std::sqrt(double(d));
  Value queryView = kernel.view(names.query, d, element), keyView = kernel.view(names.keys[0], d, element);
  Value valueView = kernel.view(names.values[0], dv, element);
  Value outView = kernel.view(names.out, dv, shape(attend.getOut()).getElementType());

  auto integer = [&](int64_t value) -> Value { return b.create<arith::ConstantOp>(loc, b.getI64IntegerAttr(value)); };
  // decay^exponent for the head at `coordinates`
  auto power = [&](Value exponent, ValueRange coordinates) -> Value {
    Value rate = kernel.emitLog2(*decay, coordinates);
    Value real = b.create<arith::SIToFPOp>(loc, b.getF32Type(), exponent);
    return b.create<math::Exp2Op>(loc, b.create<arith::MulFOp>(loc, real, rate));
  };
  auto times = [&](Value x, Value factor) -> Value { return b.create<arith::MulFOp>(loc, x, factor); };
  auto minus = [&](Value x, Value y) -> Value { return b.create<arith::SubIOp>(loc, x, y); };

  tile::TileType stateTile = kernel.tileType({d, dv}), outTile = kernel.tileType({rows, dv});
  tile::TileType inTile = kernel.tileType({rows, d}), squareTile = kernel.tileType({rows, rows});
  Value zero = kernel.fill(0.0, stateTile);
  auto loop = b.create<tile::ForRowsOp>(loc, TypeRange(stateTile), ValueRange(zero));
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&loop.getBody());
    Value row0 = body->addArgument(b.getI64Type(), loc), state = body->addArgument(stateTile, loc);
    Value q = b.create<tile::LoadOp>(loc, inTile, queryView, row0, kernel.real(scale), ValueRange(), false);
    Value k = b.create<tile::LoadKeysOp>(loc, inTile, keyView, row0, ValueRange(), false, false);
    Value v = b.create<tile::LoadKeysOp>(loc, outTile, valueView, row0, ValueRange(), false, false);
    Value s = b.create<tile::DotOp>(loc, squareTile, q, k, Value(), Value(), false, true);
    Value p = kernel.map({s}, squareTile, row0, [&](ValueRange in, ValueRange at) -> Value {
      Value distance = minus(at[ir::Query], at[ir::Key]);
      Value hidden = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, distance, integer(0));
      return b.create<arith::SelectOp>(loc, hidden, kernel.real(0.0), times(in[0], power(distance, at)));
    });
    Value reach = kernel.map({q}, inTile, Value(), [&](ValueRange in, ValueRange at) -> Value {
      return times(in[0], power(minus(at[ir::Query], minus(row0, integer(1))), at));
    });
    Value fromState = b.create<tile::DotOp>(loc, outTile, reach, state, Value(), Value(), false, false);
    Value out = b.create<tile::DotOp>(loc, outTile, p, v, fromState, Value(), false, false);
    b.create<tile::StoreOp>(loc, out, outView, row0);
    // Keys past the end read as zero and add nothing; the state after the last chunk is not used.
    Value last = b.create<arith::AddIOp>(loc, row0, integer(rows - 1));
    Value faded = kernel.map(
        {k}, inTile, row0,
        [&](ValueRange in, ValueRange at) -> Value { return times(in[0], power(minus(last, at[ir::Key]), at)); },
        /*keyRows=*/true);
    Value carried = kernel.map({state}, stateTile, Value(), [&](ValueRange in, ValueRange at) -> Value {
      return times(in[0], power(integer(rows), at));
    });
    Value next = b.create<tile::DotOp>(loc, stateTile, faded, v, carried, Value(), true, false);
    b.create<tile::YieldOp>(loc, next);
  }
  kernel.finish();
  return success();
}
