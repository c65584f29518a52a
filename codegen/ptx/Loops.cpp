//===- Loops.cpp - The loop over key tiles ---------------------------------===//
#include "codegen/ptx/Loops.h"

#include "codegen/ptx/Rotation.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

static ArrayRef<int64_t> shapeOf(Value tile) { return cast<tile::TileType>(tile.getType()).getShape(); }

LogicalResult KeyLoop::openChannels(tile::ForKeysOp op) {
  for (auto load : op.getPartial().front().getOps<tile::LoadKeysOp>()) {
    if (load.getSeen())
      seenWords = scope.allocateShared(4 * llvm::divideCeil(scope.task.keyTile, 32) * scope.place.layout.warps());
    auto view = cast<tile::ViewType>(load.getView().getType());
    int64_t rows = shapeOf(load.getTile())[0];
    SharedTile buffer{0, rows, view.getDim()};
    channels.push_back(
        {load.getView(),
         KeyRows(e, scope.task, scope.place.layout, scope.addresses.lookup(load.getView()), rows, view.getDim()),
         buffer, view.getElementType()});
  }
  if (channels.empty())
    return op.emitError("expected a load of keys");
  // With one buffer a channel, the next channel's load flies while this one's tile is used.
  stages = channels.size() == 1 ? 2 : 1;
  for (Channel &channel : channels)
    channel.buffer.offset = scope.allocateShared(stages * channel.buffer.bytes());
  distance = static_cast<int64_t>(channels.size()) * stages - 1;
  return success();
}

//===----------------------------------------------------------------------===//
// The tiles to visit
//===----------------------------------------------------------------------===//

/// The first visited tile from `from` on; its k0 is at least `limit` if there is none.
KeyLoop::Step KeyLoop::seek(Value from) {
  Type i64 = e.getI64Type(), i1 = e.getI1Type();
  SmallVector<Type> types{i64, i1, i64, i1}; // k0, full, end, found
  auto op = e.create<scf::WhileOp>(types, ValueRange{from, e.i1(false), from, e.i1(false)});
  OpBuilder::InsertionGuard guard(e);
  SmallVector<Location> locations(types.size(), e.getLoc());
  Block *before = e.createBlock(&op.getBefore(), {}, types, locations);
  Value searching = e.create<arith::XOrIOp>(before->getArgument(3), e.i1(true));
  e.create<scf::ConditionOp>(e.both(searching, e.lt(before->getArgument(0), limit)), before->getArguments());
  Block *after = e.createBlock(&op.getAfter(), {}, types, locations);
  Value k = after->getArgument(0);
  auto q = [this](StringRef name) -> Value {
    return llvm::StringSwitch<Value>(name)
        .Case(".q_first", scope.task.firstQ)
        .Case(".q_last", scope.task.lastQ)
        .Default({});
  };
  RangeScope where{e, scope.kernel, scope.task, scope.around, scope.scalars};
  RangeInputs inputs = rangeInputs(where, [&](StringRef name) { return name == ".k0" ? k : q(name); });
  Values code = emitRangeCode(e, passes::rangeProgram(scope.kernel, visible).code(), inputs);
  Value any = code[0], end = code[2];
  e.create<scf::YieldOp>(ValueRange{e.select(any, k, end), e.both(any, code[1]), end, any});
  return {op.getResult(0), op.getResult(1), op.getResult(2)};
}

KeyLoop::Step KeyLoop::after(const Step &step) {
  Value k = e.add(step.k0, scope.task.keyTile);
  Type i64 = e.getI64Type();
  auto op = e.create<scf::IfOp>(TypeRange{i64, e.getI1Type(), i64}, e.lt(k, step.end), /*addThenBlock=*/true,
                                /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(op.thenBlock());
  e.create<scf::YieldOp>(ValueRange{k, step.full, step.end});
  e.setInsertionPointToStart(op.elseBlock());
  Step found = seek(k);
  e.create<scf::YieldOp>(ValueRange{found.k0, found.full, found.end});
  return {op.getResult(0), op.getResult(1), op.getResult(2)};
}

/// The first `count` steps, found by a loop that has the code of `after` once.
SmallVector<KeyLoop::Step> KeyLoop::firstSteps(size_t count) {
  Step before{e.i64(-scope.task.keyTile), e.i1(false), e.i64(0)};
  Values inits{before.end};
  for (size_t i = 0; i < count; ++i)
    inits.append({before.k0, before.full});
  Values found = e.loop(e.i32(0), e.i32(count), 1, inits, [&](Value, ValueRange carried) {
    Step next = after({carried[carried.size() - 2], carried.back(), carried[0]});
    Values shifted{next.end};
    llvm::append_range(shifted, carried.drop_front(3));
    shifted.append({next.k0, next.full});
    return shifted;
  });
  SmallVector<Step> steps;
  for (size_t i = 0; i < count; ++i)
    steps.push_back({found[1 + 2 * i], found[2 + 2 * i], found[0]});
  return steps;
}

//===----------------------------------------------------------------------===//
// The ring
//===----------------------------------------------------------------------===//

/// The buffer of a channel for the tile `tile` places after the current one.
Value KeyLoop::bufferOf(const Channel &channel, size_t tile, Value parity) {
  Value base = e.shared(channel.buffer.offset);
  if (stages == 1)
    return base;
  Value stage = e.bits(e.plus(parity, tile), stages - 1);
  return e.gep(base, e.wide(e.times(stage, channel.buffer.bytes())));
}

/// Load `load` of the sequence, counted from the current tile's first.
void KeyLoop::issue(size_t load, ArrayRef<Value> starts, Value parity) {
  Channel &channel = channels[load % channels.size()];
  size_t tile = load / channels.size();
  channel.rows.copy(starts[tile], bufferOf(channel, tile, parity));
  e.commitCopies();
}

LogicalResult KeyLoop::load(tile::LoadKeysOp op) {
  Channel &channel = channels[next];
  e.waitCopies(distance - 1);
  e.sync();
  issue(next + distance, starts, parity);
  Operand16 tile{channel.element, channel.buffer, bufferOf(channel, 0, parity)};
  if (!op.getRope().empty()) {
    auto position = [&](Value row) { return e.add(tiles.current.k0, e.wide(row)); };
    rotateRows(scope, tile, {op.getRope()[0], op.getRope()[1], op.getInterleaved()}, position);
  }
  if (op.getSeen())
    e.when(tiles.current.isPartial, [&] { clearUnseen(tile); });
  tiles.bind(op.getTile(), tile);
  next = (next + 1) % channels.size();
  return success();
}

//===----------------------------------------------------------------------===//
// Keys that no row of the tile sees
//===----------------------------------------------------------------------===//

/// Each warp writes one bit a key: whether one of its rows sees it.
void KeyLoop::storeSeen(const Values &columns) {
  int64_t words = llvm::divideCeil(scope.task.keyTile, 32);
  Values masks(words, e.i32(0));
  const Layout &layout = scope.place.layout;
  Value shift = scope.place.firstColumn;
  if (layout.warpColumns > 1) // columns of a warp begin at a multiple of 16
    shift = e.add(shift, e.times(scope.place.warpColumn, scope.task.keyTile / layout.warpColumns));
  for (auto [c, seen] : llvm::enumerate(columns)) {
    Value bit = e.create<arith::ExtUIOp>(e.getI32Type(), seen);
    int64_t column = 8 * (c / 2) + c % 2;
    // The word is known only with one column of warps.
    if (layout.warpColumns == 1) {
      Value placed = e.create<arith::ShLIOp>(bit, e.plus(shift, column % 32));
      masks[column / 32] = e.create<arith::OrIOp>(masks[column / 32], placed);
      continue;
    }
    Value at = e.plus(shift, column), placed = e.create<arith::ShLIOp>(bit, e.bits(at, 31));
    for (int64_t w = 0; w < words; ++w) {
      Value here = e.select(e.eq(e.shiftRight(at, 5), e.i32(w)), placed, e.i32(0));
      masks[w] = e.create<arith::OrIOp>(masks[w], here);
    }
  }
  Value target = e.gep(e.shared(*seenWords), e.wide(e.times(e.warp, 4 * words)));
  for (Value &mask : masks)
    mask = e.anyBit(mask);
  e.when(e.eq(e.lane, e.i32(0)), [&] {
    for (auto [w, mask] : llvm::enumerate(masks))
      e.store(mask, e.gep(target, 4 * w), 4);
  });
}

/// Sets the rows of unseen keys to zero: 0 * NaN is not 0. All warps have stored their bits, and the block is in step.
void KeyLoop::clearUnseen(const Operand16 &values) {
  int64_t words = llvm::divideCeil(scope.task.keyTile, 32), warps = scope.place.layout.warps();
  Value source = e.shared(*seenWords);
  Values masks;
  for (int64_t w = 0; w < words; ++w) {
    Value mask = e.i32(0);
    for (int64_t warp = 0; warp < warps; ++warp)
      mask = e.create<arith::OrIOp>(mask, e.load(e.getI32Type(), e.gep(source, 4 * (warp * words + w)), 4));
    masks.push_back(mask);
  }
  Value everything = e.i1(true);
  for (int64_t w = 0; w < words; ++w) {
    int64_t bits = std::min<int64_t>(32, scope.task.keyTile - 32 * w);
    everything = e.both(everything, e.eq(masks[w], e.i32(bits == 32 ? -1 : (int64_t(1) << bits) - 1)));
  }
  Value some = e.create<arith::XOrIOp>(everything, e.i1(true));
  e.when(some, [&] {
    forEachPiece(e, scope.place.layout, values.tile, /*unroll=*/false, [&](Value row, Value column) {
      Value mask = masks[0];
      for (int64_t w = 1; w < words; ++w)
        mask = e.select(e.eq(e.shiftRight(row, 5), e.i32(w)), masks[w], mask);
      Value bit = e.bits(e.createOrFold<arith::ShRUIOp>(mask, e.bits(row, 31)), 1);
      e.when(e.eq(bit, e.i32(0)), [&] {
        Value zero = e.intOf(VectorType::get({4}, e.getI32Type()), 0);
        e.store(zero, pieceAddress(e, values.tile, values.address, row, column), 16);
      });
    });
    e.sync();
  });
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

Values KeyLoop::flatten(ValueRange fragments) {
  Values all;
  for (Value fragment : fragments)
    all.append(tiles.fragmentOf(fragment).values);
  return all;
}

void KeyLoop::bind(ValueRange fragments, ValueRange values) {
  const Layout &layout = scope.place.layout;
  for (Value fragment : fragments) {
    auto shape = shapeOf(fragment);
    int64_t count = layout.threadRows() * (shape.size() == 1 ? 1 : layout.threadColumns(shape[1]));
    tiles.bind(fragment, Fragment{layout.threadRows(), Values(values.take_front(count))});
    values = values.drop_front(count);
  }
}

LogicalResult KeyLoop::lower(tile::ForKeysOp op) {
  auto mask = passes::regionToExpr(op.getVisible());
  if (failed(mask) || failed(openChannels(op)))
    return failure();
  visible = *mask;
  limit = scope.task.kvLen;
  const int64_t keyTile = scope.task.keyTile;

  // Steps ahead: the tiles whose loads are issued within the current one.
  size_t ahead = llvm::divideCeil(distance, channels.size());
  SmallVector<Step> steps = firstSteps(ahead + 1);
  for (const Step &step : steps)
    starts.push_back(step.k0);
  parity = e.i32(0);
  for (int64_t load = 0; load < distance; ++load)
    issue(load, starts, parity);

  // Carried: k0 and full of each step, the end of the last one's run, the parity, the fragments.
  Values inits;
  for (const Step &step : steps)
    inits.append({step.k0, step.full});
  inits.append({steps.back().end, parity});
  inits.append(flatten(op.getInits()));
  SmallVector<Type> types(ValueRange(inits).getTypes());
  SmallVector<Location> locations(types.size(), e.getLoc());
  auto loop = e.create<scf::WhileOp>(types, inits);
  LogicalResult result = success();
  {
    OpBuilder::InsertionGuard guard(e);
    Block *before = e.createBlock(&loop.getBefore(), {}, types, locations);
    e.create<scf::ConditionOp>(e.lt(before->getArgument(0), limit), before->getArguments());
    Block *block = e.createBlock(&loop.getAfter(), {}, types, locations);
    ValueRange arguments = block->getArguments();
    starts.clear();
    for (size_t i = 0; i <= ahead; ++i)
      starts.push_back(arguments[2 * i]);
    Value end = arguments[2 * ahead + 2];
    parity = arguments[2 * ahead + 3];
    ValueRange fragments = arguments.drop_front(2 * ahead + 4);
    Step newest = after({starts.back(), arguments[2 * ahead + 1], end});
    Value isWhole = e.cmp(arith::CmpIPredicate::sle, e.add(starts[0], keyTile), scope.task.kvLen);
    Value isPartial = e.create<arith::XOrIOp>(e.both(arguments[1], isWhole), e.i1(true));
    tiles.current = {starts[0], isPartial, &op.getVisible(), {}};
    if (seenWords)
      tiles.current.noteSeen = [this](const Values &seen) { storeSeen(seen); };
    Region &body = op.getPartial();
    bind(body.getArguments().drop_front(), fragments);
    scope.scalars.bind(body.getArgument(0), Operand::ofScalar(starts[0], Interval::size()));
    next = 0;
    result = lowerBlock(body.front());
    Values results(arguments.slice(2, 2 * ahead));
    results.append({newest.k0, newest.full, newest.end});
    results.push_back(stages == 1 ? parity : e.bits(e.plus(parity, 1), stages - 1));
    results.append(flatten(body.front().getTerminator()->getOperands()));
    e.create<scf::YieldOp>(results);
  }
  e.waitCopies(0); // those of tiles past the end
  bind(op.getResults(), loop.getResults().drop_front(2 * ahead + 4));
  return result;
}
