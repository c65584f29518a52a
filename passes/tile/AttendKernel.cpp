//===- AttendKernel.cpp - Attention over key tiles --------------------------===//
//
// Softmax (online, base 2):
//   s  = where(score(q . k) * log2(e))         m' = max(m, max s)      p = exp2(s - m')
//   l' = l * exp2(m - m') + sum p              acc' = acc * exp2(m - m') + p . v
//   out = acc / l, lse = (m + log2 l) * ln 2;  l = 0 (no visible key): out = 0, lse = -inf
// The scale and log2(e) multiply q, or where q stays as it is the scores, or (a constant c) both s and m later:
//   p = exp2(c s - c m'),  lse = (c m + log2 l) * ln 2
// Decayed linear, quadratic form: p = where(score(q . k) * decay^(q - k)), acc' = acc + p . v, out
// = acc.
//===----------------------------------------------------------------------===//
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/tile/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using attn::mask::Expr;

static const double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;

namespace {

/// One attend, while its kernel is written.
struct AttendWriter {
  KernelBuilder &kernel;
  ir::AttendOp attend;
  const AttendNames &names;
  ir::KernelMapOp map;
  Expr visible, score, decay, which;
  int64_t rows, keys, keyDim, valueDim;
  tile::TileType rowTile, scoreTile, outTile;
  Value query, keyView, valueView;
  SmallVector<Value> rope;
  bool interleaved = false;
  bool scaleScores;
  Value factor; ///< of scores, where scaleScores

  AttendWriter(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names, bool scaleScores);
  LogicalResult readExpressions();
  bool isLinear() { return isa<ir::LinearAttr>(map.getWeight()); }
  bool wantsOut() { return !names.out.empty(); }
  bool hasScore() { return score != Expr::symbol("s", mask::Type::Float); }
  Value scale();
  bool scalesLater();
  void load();
  SmallVector<Value> initialState();
  SmallVector<Value> step(Value k0, ValueRange state, bool partial);
  Value scoreMap(Value raw, Value k0);
  Value decayMap(Value score, Value k0);
  void finish(ValueRange state);

  template <typename OpT, typename... Args> Value create(Args &&...args) {
    return kernel.builder.create<OpT>(kernel.loc, std::forward<Args>(args)...).getResult();
  }
};

} // namespace

AttendWriter::AttendWriter(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names, bool scaleScores)
    : kernel(kernel), attend(attend), names(names), map(*attend.getMaps().getOps<ir::KernelMapOp>().begin()),
      scaleScores(scaleScores) {
  rows = kernel.kernel().getSchedule().getRows();
  keys = kernel.kernel().getSchedule().getKeys();
  keyDim = cast<RankedTensorType>(attend.getQuery().getType()).getShape().back();
  valueDim = cast<RankedTensorType>(attend.getOut().getType()).getShape().back();
  rowTile = kernel.tileType({rows});
  scoreTile = kernel.tileType({rows, keys});
  outTile = kernel.tileType({rows, valueDim});
}

LogicalResult AttendWriter::readExpressions() {
  // Where the keys are slots of a cache of their own, kv_len is not how many there are.
  bool slots = hasSlots(attend);
  auto read = [&](Region &region, Expr otherwise, Expr &result) -> LogicalResult {
    auto value = region.empty() ? FailureOr<Expr>(otherwise) : regionToExpr(region);
    if (succeeded(value))
      result = value->substitute([&](const std::string &name) {
        return slots && name == "kv_len" ? Expr::symbol("sequence.kv_len") : Expr();
      });
    return value;
  };
  return success(succeeded(read(map.getMask(), Expr::boolean(true), visible)) &&
                 succeeded(read(map.getScore(), Expr::symbol("s", mask::Type::Float), score)) &&
                 succeeded(read(map.getDecay(), Expr::real(1.0), decay)) &&
                 succeeded(read(map.getWhich(), Expr::integer(map.getCache()), which)));
}

/// What every element of q is multiplied by on load: the scale, and log2(e) where the score is used
/// as it is.
Value AttendWriter::scale() {
  double fold = !isLinear() && !hasScore() ? log2e : 1.0;
  if (auto param = attend.getScaleParam()) {
    Value value = kernel.argument(*param, kernel.builder.getF32Type());
    return fold == 1.0 ? value : create<arith::MulFOp>(value, kernel.real(fold));
  }
  double value = attend.getScale() ? attend.getScale()->convertToDouble() : 1.0 / std::sqrt(double(keyDim));
  return kernel.real(value * fold);
}

/// Whether p = exp2(c s - c m'): one fused operation a score in place of two. Hidden scores and the initial maximum are
/// multiplied too, and have to stay apart.
bool AttendWriter::scalesLater() {
  if (!scaleScores || isLinear() || hasScore() || attend.getScaleParam() ||
      cast<ir::SoftmaxAttr>(map.getWeight()).getSeed())
    return false;
  double value = attend.getScale() ? attend.getScale()->convertToDouble() : 1.0;
  return value > 1e-6 && value < 1e6;
}

void AttendWriter::load() {
  Type element = cast<RankedTensorType>(attend.getQuery().getType()).getElementType();
  Value queryView = kernel.view(names.query, keyDim, element);
  if (auto attr = map.getRopeAttr()) {
    rope = {kernel.buffer(attr.getCos().getValue()), kernel.buffer(attr.getSin().getValue())};
    interleaved = attr.getInterleaved();
  }
  factor = scale();
  query = create<tile::LoadOp>(kernel.tileType({rows, keyDim}), queryView, kernel.leading(tile::Row0),
                               scaleScores ? Value() : factor, rope, interleaved);
  // The cache: one view, or a choice by a condition that is uniform for the task.
  auto viewOf = [&](int64_t index, bool isKey) {
    return kernel.view(isKey ? names.keys[index] : names.values[index], isKey ? keyDim : valueDim, element);
  };
  if (which.isConst()) {
    keyView = viewOf(which.intValue(), true);
    valueView = viewOf(which.intValue(), false);
    return;
  }
  // h, q and k do not occur in `which`; their places take any value.
  Value any = kernel.leading(tile::Batch);
  Value coordinates[] = {any, any, kernel.leading(tile::KVHead), kernel.leading(tile::Layer), any, any};
  Value index = kernel.emit(which, coordinates);
  for (int64_t i = 0, n = names.keys.size(); i < n; ++i) {
    Value key = viewOf(i, true), value = viewOf(i, false);
    if (i == 0) {
      keyView = key, valueView = value;
      continue;
    }
    Value number = create<arith::ConstantOp>(kernel.builder.getI64IntegerAttr(i));
    Value chosen = create<arith::CmpIOp>(arith::CmpIPredicate::eq, index, number);
    keyView = create<arith::SelectOp>(chosen, key, keyView);
    valueView = create<arith::SelectOp>(chosen, value, valueView);
  }
}

SmallVector<Value> AttendWriter::initialState() {
  if (isLinear())
    return {kernel.fill(0.0, outTile)};
  FlatSymbolRefAttr seed = cast<ir::SoftmaxAttr>(map.getWeight()).getSeed();
  Value m = kernel.fill(initialMax, rowTile), l = kernel.fill(0.0, rowTile);
  auto withAccumulator = [&](Value first, Value sum) -> SmallVector<Value> {
    return wantsOut() ? SmallVector<Value>{first, sum, kernel.fill(0.0, outTile)} : SmallVector<Value>{first, sum};
  };
  if (!seed)
    return withAccumulator(m, l);
  // A learned sink logit counts as one more key without a value.
  auto logit = [&](ValueRange coordinates) -> Value {
    Expr element = Expr::element(seed.getValue().str(), {Expr::symbol("h")}, mask::Type::Float);
    return create<arith::MulFOp>(kernel.emit(element, coordinates), kernel.real(log2e));
  };
  Value first = kernel.map({m}, rowTile, {}, [&](ValueRange in, ValueRange coordinates) -> Value {
    return create<arith::MaximumFOp>(logit(coordinates), in[0]);
  });
  Value sum = kernel.map({first}, rowTile, {}, [&](ValueRange in, ValueRange coordinates) -> Value {
    return create<math::Exp2Op>(create<arith::SubFOp>(logit(coordinates), in[0]));
  });
  return withAccumulator(first, sum);
}

Value AttendWriter::scoreMap(Value raw, Value k0) {
  if (!hasScore() && (!scaleScores || scalesLater()))
    return raw;
  return kernel.map({raw}, scoreTile, k0, [&](ValueRange in, ValueRange coordinates) -> Value {
    Value scaled = scaleScores ? create<arith::MulFOp>(in[0], factor) : in[0];
    if (!hasScore()) // log2(e) is part of the factor
      return scaled;
    Value value = kernel.emit(score, coordinates, scaled);
    return isLinear() ? value : create<arith::MulFOp>(value, kernel.real(log2e));
  });
}

Value AttendWriter::decayMap(Value score, Value k0) {
  return kernel.map({score}, scoreTile, k0, [&](ValueRange in, ValueRange coordinates) -> Value {
    Value distance = create<arith::SubIOp>(coordinates[ir::Query], coordinates[ir::Key]);
    Value rate = kernel.emitLog2(decay, coordinates);
    Value exponent = create<arith::MulFOp>(create<arith::SIToFPOp>(kernel.builder.getF32Type(), distance), rate);
    return create<arith::MulFOp>(in[0], create<math::Exp2Op>(exponent));
  });
}

SmallVector<Value> AttendWriter::step(Value k0, ValueRange state, bool partial) {
  OpBuilder &b = kernel.builder;
  auto where = [&](Value tile, double other) {
    return partial ? create<tile::WhereOp>(tile.getType(), tile, b.getF32FloatAttr(other)) : tile;
  };
  Value keyTile = create<tile::LoadKeysOp>(kernel.tileType({keys, keyDim}), keyView, k0, rope, interleaved, false);
  Value s = create<tile::DotOp>(scoreTile, query, keyTile, Value(), Value(), false, true);
  s = scoreMap(s, k0);
  auto values = [&] {
    return create<tile::LoadKeysOp>(kernel.tileType({keys, valueDim}), valueView, k0, ValueRange(), false, partial);
  };
  if (isLinear()) {
    Value p = where(decayMap(s, k0), 0.0);
    return {create<tile::DotOp>(outTile, p, values(), state[0], Value(), false, false)};
  }
  Value m = state[0], l = state[1];
  s = where(s, hiddenScore);
  Value newM = create<tile::ReduceOp>(rowTile, tile::ReduceKind::Max, s, m);
  auto exp2Difference = [&](ValueRange in, ValueRange) -> Value {
    return create<math::Exp2Op>(create<arith::SubFOp>(in[0], in[1]));
  };
  Value alpha, p;
  if (scalesLater()) {
    alpha = kernel.map({m, newM}, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
      return create<math::Exp2Op>(create<arith::MulFOp>(create<arith::SubFOp>(in[0], in[1]), factor));
    });
    Value shift = kernel.map({newM}, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
      return create<arith::NegFOp>(create<arith::MulFOp>(in[0], factor));
    });
    p = kernel.map({s, shift}, scoreTile, {}, [&](ValueRange in, ValueRange) -> Value {
      return create<math::Exp2Op>(create<math::FmaOp>(in[0], factor, in[1]));
    });
  } else {
    alpha = kernel.map({m, newM}, rowTile, {}, exp2Difference);
    p = kernel.map({s, newM}, scoreTile, {}, exp2Difference);
  }
  Value scaledL = kernel.map({l, alpha}, rowTile, {},
                             [&](ValueRange in, ValueRange) -> Value { return create<arith::MulFOp>(in[0], in[1]); });
  Value newL = create<tile::ReduceOp>(rowTile, tile::ReduceKind::Sum, p, scaledL);
  if (!wantsOut())
    return {newM, newL};
  bool round = !cast<tile::ViewType>(valueView.getType()).getElementType().isF32();
  Value newAcc = create<tile::DotOp>(outTile, p, values(), state[2], alpha, false, false, round);
  return {newM, newL, newAcc};
}

void AttendWriter::finish(ValueRange state) {
  OpBuilder &b = kernel.builder;
  Value row0 = kernel.leading(tile::Row0);
  auto storeOut = [&](Value tile) {
    Type element = cast<RankedTensorType>(attend.getOut().getType()).getElementType();
    b.create<tile::StoreOp>(kernel.loc, tile, kernel.view(names.out, valueDim, element), row0);
  };
  if (isLinear())
    return storeOut(state[0]);
  Value m = state[0], l = state[1];
  auto isZero = [&](Value x) { return create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, x, kernel.real(0.0)); };
  if (wantsOut()) {
    Value inverse = kernel.map({l}, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
      Value quotient = create<arith::DivFOp>(kernel.real(1.0), in[0]);
      return create<arith::SelectOp>(isZero(in[0]), kernel.real(0.0), quotient);
    });
    storeOut(kernel.map({state[2], inverse}, outTile, {},
                        [&](ValueRange in, ValueRange) -> Value { return create<arith::MulFOp>(in[0], in[1]); }));
  }
  if (names.lse.empty())
    return;
  Value lse = kernel.map({m, l}, rowTile, {}, [&](ValueRange in, ValueRange) -> Value {
    Value most = scalesLater() ? create<arith::MulFOp>(in[0], factor) : in[0];
    Value sum = create<arith::AddFOp>(most, create<math::Log2Op>(in[1]));
    Value natural = create<arith::MulFOp>(sum, kernel.real(ln2));
    return create<arith::SelectOp>(isZero(in[1]), kernel.real(-std::numeric_limits<double>::infinity()), natural);
  });
  b.create<tile::StoreOp>(kernel.loc, lse, kernel.view(names.lse, 0, b.getF32Type()), row0);
}

LogicalResult attn::passes::buildAttendKernel(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names,
                                              bool scaleScores) {
  AttendWriter writer(kernel, attend, names, scaleScores);
  if (failed(writer.readExpressions()))
    return failure();
  OpBuilder &b = kernel.builder;
  writer.load();
  SmallVector<Value> init = writer.initialState();
  auto types = ValueRange(init).getTypes();
  auto loop = b.create<tile::ForKeysOp>(kernel.loc, types, writer.keyView, init);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *block = b.createBlock(&loop.getVisible());
    for (unsigned i = 0; i < ir::NumCoordinates; ++i)
      block->addArgument(b.getI64Type(), kernel.loc);
    Value visible = kernel.emit(writer.visible, block->getArguments());
    b.create<tile::YieldOp>(kernel.loc, visible);
    for (Region *region : {&loop.getFull(), &loop.getPartial()}) {
      Block *body = b.createBlock(region);
      Value k0 = body->addArgument(b.getI64Type(), kernel.loc);
      for (Type type : types)
        body->addArgument(type, kernel.loc);
      auto next = writer.step(k0, body->getArguments().drop_front(), region == &loop.getPartial());
      b.create<tile::YieldOp>(kernel.loc, next);
    }
  }
  writer.finish(loop.getResults());
  kernel.finish();
  return success();
}
