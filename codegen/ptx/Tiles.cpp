//===- Tiles.cpp - Tile values and elementwise operations ------------------===//
#include "codegen/ptx/Tiles.h"

#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

static ArrayRef<int64_t> shapeOf(Value tile) { return cast<tile::TileType>(tile.getType()).getShape(); }
static bool isVector(Value tile) { return shapeOf(tile).size() == 1; }

Fragment Tiles::fragmentOf(Value tile) {
  auto &value = values[tile];
  if (auto *fragment = std::get_if<Fragment>(&value))
    return *fragment;
  const Layout &layout = scope.place.layout;
  int64_t rows = layout.threadRows();
  int64_t columns = isVector(tile) ? 1 : layout.threadColumns(shapeOf(tile)[1]);
  return {rows, Values(rows * columns, e.f32(std::get<double>(value)))};
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

/// Binds the coordinates that do not depend on the column.
void Tiles::bindRows(Expressions &x, Region &region) {
  const Task &task = scope.task;
  auto arguments = region.getArguments().take_back(ir::NumCoordinates);
  auto scalar = [](Value value) { return Operand::ofScalar(value, Interval::size()); };
  x.bind(arguments[ir::Batch], scalar(task.b));
  x.bind(arguments[ir::KVHead], scalar(task.g));
  x.bind(arguments[ir::Layer], scalar(task.layer));
  x.bind(arguments[ir::QHead], task.pack ? Operand::ofLanes(task.heads, Interval::size()) : scalar(task.head));
  x.bind(arguments[ir::Query], Operand::ofLanes(task.positions, Interval::position()));
}

/// The position of the key of a thread column, a 32-bit sum widened, so that comparisons of it are narrow.
Value Tiles::keyOf(int64_t column) {
  int64_t keys = scope.kernel.getSchedule().getKeys();
  return e.wide(e.add(e.narrow(k0), scope.place.column(column, keys)));
}

LogicalResult Tiles::map(tile::MapOp op) {
  if (op.getKeyRows())
    return op.emitError("a map over rows of keys is not supported by the ") << e.machine.name << " target";
  Region &region = op.getBody();
  Value key = region.getArguments().back();
  Value yielded = region.front().getTerminator()->getOperand(0);
  int64_t rows = scope.place.layout.threadRows();
  Expressions x(e, scope.around, rows);
  bindRows(x, region);
  SmallVector<Value> later{key};
  SmallVector<Fragment> inputs;
  for (auto [input, argument] : llvm::zip(op.getInputs(), region.getArguments())) {
    inputs.push_back(fragmentOf(input));
    if (isVector(input))
      x.bind(argument, Operand::ofLanes(inputs.back().values));
    else
      later.push_back(argument);
  }
  Fragment result{rows, {}};
  if (isVector(op.getResult())) {
    x.prepare(region, {});
    result.values = x.lanes().vectorsOf(x.evaluate(yielded), e.getF32Type());
  } else {
    x.prepare(region, later);
    int64_t columns = scope.place.layout.threadColumns(shapeOf(op.getResult())[1]);
    for (int64_t c = 0; c < columns; ++c) {
      x.beginColumn();
      for (auto [input, argument, fragment] : llvm::zip(op.getInputs(), region.getArguments(), inputs))
        if (!isVector(input))
          x.bindColumn(argument, Operand::ofLanes(Values(ArrayRef<Value>(fragment.values).slice(c * rows, rows))));
      if (!key.use_empty())
        x.bindColumn(key, Operand::ofScalar(keyOf(c), Interval::size()));
      result.values.append(x.lanes().vectorsOf(x.evaluate(yielded), e.getF32Type()));
    }
  }
  bind(op.getResult(), std::move(result));
  return success(!x.failed());
}

LogicalResult Tiles::where(tile::WhereOp op) {
  Region &region = *partial->visible;
  Value key = region.getArguments().back();
  Fragment result = fragmentOf(op.getTile());
  Expressions x(e, scope.around, result.rows);
  bindRows(x, region);
  x.prepare(region, {key});
  Operand other = Operand::ofScalar(e.f32(op.getOther().convertToDouble()));
  partial->seen.clear();
  for (int64_t c = 0; c < result.columns(); ++c) {
    x.beginColumn();
    Value position = keyOf(c);
    x.bindColumn(key, Operand::ofScalar(position, Interval::size()));
    Operand mask = x.evaluate(region.front().getTerminator()->getOperand(0));
    Operand exists = Operand::ofScalar(e.lt(position, scope.task.kvLen));
    Operand visible =
        x.lanes().apply({mask, exists}, [&](ValueRange p) { return e.createOrFold<arith::AndIOp>(p[0], p[1]); });
    partial->seen.push_back(x.lanes().any(visible));
    Operand column = Operand::ofLanes(Values(ArrayRef<Value>(result.values).slice(c * result.rows, result.rows)));
    Values chosen = x.lanes().vectorsOf(x.lanes().select(visible, column, other), e.getF32Type());
    llvm::copy(chosen, result.values.begin() + c * result.rows);
  }
  bind(op.getResult(), std::move(result));
  return success(!x.failed());
}

//===----------------------------------------------------------------------===//
// Reductions and products
//===----------------------------------------------------------------------===//

static Value combine(WarpEmitter &e, tile::ReduceKind kind, Value a, Value b) {
  if (kind == tile::ReduceKind::Sum)
    return e.create<arith::AddFOp>(a, b);
  return e.create<arith::MaxNumFOp>(a, b); // the other one, if one is NaN
}

LogicalResult Tiles::reduce(tile::ReduceOp op) {
  Fragment tile = fragmentOf(op.getTile()), init = fragmentOf(op.getInit());
  auto combine = [&](Value a, Value b) { return ::combine(e, op.getKind(), a, b); };
  Values rows;
  for (int64_t r = 0; r < tile.rows; ++r) {
    // Four chains: additions and maxima take several cycles.
    Values chains;
    for (int64_t c = 0; c < tile.columns(); ++c) {
      if (c < 4)
        chains.push_back(tile.at(r, c));
      else
        chains[c % 4] = combine(chains[c % 4], tile.at(r, c));
    }
    while (chains.size() > 1) {
      Value last = chains.pop_back_val();
      chains.back() = combine(chains.back(), last);
    }
    Value x = chains[0];
    for (int64_t mask : {1, 2}) // the four lanes that share a row
      x = combine(x, e.shuffleXor(x, mask));
    rows.push_back(x);
  }
  const Layout &layout = scope.place.layout;
  if (layout.warpColumns > 1) { // the warps that share a row, through shared memory
    int64_t bytes = 4 * layout.rows, area = scope.allocateShared(bytes * layout.warpColumns);
    Value row = e.times(scope.place.firstRow, 4);
    Value own = e.gep(e.shared(area), e.wide(e.add(row, e.times(scope.place.warpColumn, bytes))));
    auto offset = [](int64_t r) { return 4 * (16 * (r / 2) + 8 * (r % 2)); };
    e.when(e.eq(e.bits(e.lane, 3), e.i32(0)), [&] {
      for (auto [r, x] : llvm::enumerate(rows))
        e.store(x, e.gep(own, offset(r)), 4);
    });
    e.sync();
    Value first = e.gep(e.shared(area), e.wide(row));
    for (auto [r, x] : llvm::enumerate(rows)) {
      x = e.load(e.getF32Type(), e.gep(first, offset(r)), 4);
      for (int64_t w = 1; w < layout.warpColumns; ++w)
        x = combine(x, e.load(e.getF32Type(), e.gep(first, offset(r) + w * bytes), 4));
    }
  }
  for (auto [r, x] : llvm::enumerate(rows))
    x = combine(init.at(r, 0), x);
  bind(op.getResult(), Fragment{tile.rows, rows});
  return success();
}

LogicalResult Tiles::dot(tile::DotOp op) {
  auto unsupported = [&](const Twine &what) {
    return op.emitError("'tile.dot' ") << what << " is not supported by the " << e.machine.name << " target";
  };
  const Operand16 *b = sharedOf(op.getB());
  if (!b || op.getTransposeA())
    return unsupported("but of a row tile and keys or values");
  if (op.getTransposeB()) {
    const Operand16 *a = sharedOf(op.getA());
    if (!a || op.getInit())
      return unsupported("of scores with an addend");
    bind(op.getResult(), multiplyTransposed(e, scope.place, *a, *b));
    return success();
  }
  Fragment init = op.getInit() ? fragmentOf(op.getInit()) : Fragment{};
  if (op.getRescale()) {
    Fragment factor = fragmentOf(op.getRescale());
    for (int64_t c = 0; c < init.columns(); ++c)
      for (int64_t r = 0; r < init.rows; ++r)
        init.at(r, c) = e.create<arith::MulFOp>(init.at(r, c), factor.at(r, 0));
  }
  Fragment a = fragmentOf(op.getA());
  if (scope.place.layout.warpColumns == 1) {
    bind(op.getResult(), multiplyFragment(e, scope.place, a, *b, init));
    return success();
  }
  // Every warp needs the columns that the others hold.
  SharedTile tile{0, scope.place.layout.rows, shapeOf(op.getA())[1]};
  tile.offset = scope.allocateShared(tile.bytes());
  Operand16 shared{b->element, tile, e.shared(tile.offset)};
  storeFragment(e, scope.place, a, shared);
  e.sync();
  bind(op.getResult(), multiplyShared(e, scope.place, shared, *b, init));
  return success();
}
