//===- Tiles.cpp - Tile values and elementwise operations ------------------===//
#include "codegen/ptx/Tiles.h"

#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

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

/// The position of the key of a thread column (i32), a 32-bit sum widened, so that comparisons of it are narrow.
Value Tiles::keyOf(Value column) {
  int64_t keys = scope.kernel.getSchedule().getKeys();
  Value offset; // 8 (c / 2) + c % 2
  if (auto constant = column.getDefiningOp<arith::ConstantOp>())
    offset = scope.place.column(cast<IntegerAttr>(constant.getValue()).getInt(), keys);
  else
    offset = e.add(scope.place.column(0, keys), e.add(e.times(e.shiftRight(column, 1), 8), e.bits(column, 1)));
  return e.wide(e.add(e.narrow(current.k0), offset));
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
        x.bindColumn(key, Operand::ofScalar(keyOf(e.i32(c)), Interval::size()));
      result.values.append(x.lanes().vectorsOf(x.evaluate(yielded), e.getF32Type()));
    }
  }
  bind(op.getResult(), std::move(result));
  return success(!x.failed());
}

/// Whether the mask is worth a loop over the columns: its code is then there once, not once a column.
static bool isLong(Region &mask) {
  int64_t count = 0;
  for (Operation &op : mask.front()) {
    if (isa<tile::MemberOp, tile::AncestorOp>(op))
      return true;
    bool divides = isa<tile::ModOp, arith::FloorDivSIOp>(op);
    count += isa<arith::ConstantOp>(op) ? 0 : divides ? 8 : 1;
  }
  return count > 12;
}

/// Whether each of the thread's rows sees the key at `position`.
Values Tiles::visibleRows(Expressions &x, Value position) {
  Region &region = *current.visible;
  x.beginColumn();
  x.bindColumn(region.getArguments().back(), Operand::ofScalar(position, Interval::size()));
  Operand mask = x.evaluate(region.front().getTerminator()->getOperand(0));
  Operand exists = Operand::ofScalar(e.lt(position, scope.task.kvLen));
  auto both = [&](ValueRange p) { return e.createOrFold<arith::AndIOp>(p[0], p[1]); };
  return x.lanes().vectorsOf(x.lanes().apply({mask, exists}, both), e.getI1Type());
}

/// The same for all columns: [column][row].
SmallVector<Values> Tiles::visibleElements(Expressions &x, int64_t columns) {
  SmallVector<Values> visible;
  if (!isLong(*current.visible)) {
    for (int64_t c = 0; c < columns; ++c)
      visible.push_back(visibleRows(x, keyOf(e.i32(c))));
    return visible;
  }
  // A bit a column, in an integer a row.
  int64_t rows = scope.place.layout.threadRows();
  Type type = columns <= 32 ? e.getI32Type() : e.getI64Type();
  Values masks = e.loop(e.i32(0), e.i32(columns), 1, Values(rows, e.intOf(type, 0)), [&](Value c, ValueRange carried) {
    Values next, seen = visibleRows(x, keyOf(c));
    Value shift = columns <= 32 ? c : e.createOrFold<arith::ExtUIOp>(type, c);
    for (auto [mask, bit] : llvm::zip(carried, seen)) {
      Value placed = e.create<arith::ShLIOp>(e.create<arith::ExtUIOp>(type, bit), shift);
      next.push_back(e.create<arith::OrIOp>(mask, placed));
    }
    return next;
  });
  for (int64_t c = 0; c < columns; ++c) {
    Values column;
    for (Value mask : masks)
      column.push_back(e.ne(e.bits(mask, int64_t(1) << c), e.intOf(type, 0)));
    visible.push_back(std::move(column));
  }
  return visible;
}

LogicalResult Tiles::where(tile::WhereOp op) {
  Region &region = *current.visible;
  Fragment result = fragmentOf(op.getTile());
  auto choice = e.create<scf::IfOp>(ValueRange(result.values).getTypes(), current.isPartial, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(choice.elseBlock());
  e.create<scf::YieldOp>(result.values);
  e.setInsertionPointToStart(choice.thenBlock());
  Expressions x(e, scope.around, result.rows);
  bindRows(x, region);
  x.prepare(region, {region.getArguments().back()});
  SmallVector<Values> visible = visibleElements(x, result.columns());
  Value other = e.f32(op.getOther().convertToDouble());
  for (int64_t c = 0; c < result.columns(); ++c)
    for (int64_t r = 0; r < result.rows; ++r)
      result.at(r, c) = e.select(visible[c][r], result.at(r, c), other);
  if (current.noteSeen) {
    Values seen;
    for (const Values &column : visible)
      seen.push_back(x.lanes().any(Operand::ofLanes(column)));
    current.noteSeen(seen);
  }
  e.create<scf::YieldOp>(result.values);
  bind(op.getResult(), Fragment{result.rows, Values(choice.getResults())});
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
