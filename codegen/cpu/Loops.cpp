//===- Loops.cpp - Loops over keys and rows --------------------------------===//
#include "codegen/cpu/Loops.h"

#include "codegen/cpu/Copies.h"
#include "codegen/emit/RangeCode.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

int64_t Loops::sizeOf(Value tile, bool byRows) {
  int64_t rows = scope.padded(shapeOf(tile)[0]), columns = columnsOf(tile);
  return rows * (byRows ? scope.padded(columns) : columns);
}

SmallVector<Slot> Loops::openSlots(Region &region, ValueRange inits, ValueRange results) {
  SmallVector<Slot> slots;
  for (auto [init, result, next] : llvm::zip_equal(inits, results, region.front().getTerminator()->getOperands())) {
    int64_t rows = shapeOf(init)[0], columns = columnsOf(init);
    auto dot = next.getDefiningOp<tile::DotOp>();
    bool byRows = dot && channelForm(scope.task, dot) == ChannelForm::Values;
    Place place = byRows ? tiles.allocate(result, columns, scope.padded(rows)) : tiles.allocate(result, rows, columns);
    tiles.bindPlace(result, place, byRows);
    if (auto constant = tiles.constantOf(init))
      emitFill(e, place.address, sizeOf(init, byRows), *constant);
    else if (auto source = byRows ? tiles.rowsOf(init) : tiles.lanesOf(init); succeeded(source))
      emitCopy(e, place.address, source->address, sizeOf(init, byRows));
    slots.push_back({place, byRows});
  }
  return slots;
}

/// Moves the yielded tiles to the slots they are not in yet. A tile that lies in another slot goes through a copy.
void Loops::yield(Operation *terminator, ArrayRef<Slot> slots) {
  struct Move {
    Place from, to;
    int64_t count;
  };
  SmallVector<Move> moves;
  SmallVector<int64_t> temporaries;
  for (auto [value, slot] : llvm::zip_equal(terminator->getOperands(), slots)) {
    int64_t count = sizeOf(value, slot.byRows);
    auto from = slot.byRows ? tiles.rowsOf(value) : tiles.lanesOf(value);
    if (failed(from) || from->address == slot.place.address)
      continue;
    Place source = *from;
    if (llvm::any_of(slots, [&](const Slot &s) { return s.place.address == source.address; })) {
      temporaries.push_back(scope.scratch.allocate(count * 4));
      source.address = scope.address(temporaries.back());
      emitCopy(e, source.address, from->address, count);
    }
    moves.push_back({source, slot.place, count});
  }
  for (const Move &move : moves)
    emitCopy(e, move.to.address, move.from.address, move.count);
  for (int64_t block : temporaries)
    scope.scratch.release(block);
}

/// Lowers a loop body, whose tile arguments live in `slots`.
LogicalResult Loops::body(Region &region, ArrayRef<Slot> slots) {
  for (auto [argument, slot] : llvm::zip_equal(region.getArguments().drop_front(), slots))
    tiles.bindPlace(argument, slot.place, slot.byRows);
  Tiles::Position outer = tiles.move({&region.front(), slots});
  LogicalResult result = lowerBlock(region.front());
  if (succeeded(result)) {
    yield(region.front().getTerminator(), slots);
    tiles.markDone(region.front().getTerminator());
    tiles.releaseDead();
  }
  tiles.move(outer);
  return result;
}

/// The tiles of a narrow mask are over before the rows of a task have come from memory: key tiles in turn ask for a
/// quarter of them. The next task is the next head, or the first head and the row tile before (KernelABI.h).
void Loops::prefetchRows(Value k0) {
  const Task &task = scope.task;
  constexpr int64_t shares = 4;
  int64_t count = llvm::divideCeil(task.rowTile, shares);
  Value share = e.createOrFold<arith::RemSIOp>(e.createOrFold<arith::DivSIOp>(k0, e.i64(task.keyTile)), e.i64(shares));
  Value offset = e.mul(share, count), first = boxes ? offset : e.add(row0, offset);
  auto prefetch = [&](Value tile, Value view, Value head, Value row) {
    auto type = cast<tile::ViewType>(view.getType());
    if (shapeOf(tile).size() == 2)
      emitPrefetchRows(e, task, scope.addresses.lookup(view), head, row, count,
                       type.getDim() * ((type.getElementType().getIntOrFloatBitWidth() + 7) / 8));
  };
  Block &kernel = scope.kernel.getBody().front();
  for (auto store : kernel.getOps<tile::StoreOp>())
    prefetch(store.getTile(), store.getView(), task.head, first);
  if (boxes) // the next one may be anywhere
    return;
  Value next = e.add(task.head, 1), isLast = e.eq(next, task.qHeads);
  for (auto load : kernel.getOps<tile::LoadOp>())
    prefetch(load.getTile(), load.getView(), e.select(isLast, e.i64(0), next),
             e.select(isLast, e.sub(first, e.i64(task.rowTile)), first));
}

LogicalResult Loops::keyTiles(Region &region, ArrayRef<Slot> slots, Value from, Value to) {
  bool wantsSeen = false;
  region.walk([&](tile::LoadKeysOp load) { wantsSeen |= load.getSeen(); });
  LogicalResult result = success();
  e.loop(from, to, scope.task.keyTile, [&](Value k0) {
    scope.scalars.bind(region.getArgument(0), Operand::ofScalar(k0, Interval::size()));
    if (boxes)
      boxes.emitKeys(k0);
    if (!scope.task.pack && row0)
      prefetchRows(k0);
    int64_t block = 0, count = llvm::alignTo(2 * scope.task.keyTile, 4 * e.lanes);
    if (wantsSeen) {
      block = scope.scratch.allocate(count);
      Value seen = scope.address(block);
      tiles.openSeen(seen);
      emitFill(e, seen, count / 4, 0);
    }
    result = body(region, slots);
    if (wantsSeen)
      scope.scratch.release(block);
    tiles.closeSeen();
  });
  return result;
}

LogicalResult Loops::forKeys(tile::ForKeysOp op) {
  if (failed(phases.flush()) || failed(tiles.prepareForLoop(op)))
    return failure();
  SmallVector<Slot> slots = openSlots(op.getFull(), op.getInits(), op.getResults());
  LogicalResult result = success();
  // Tiles up to `whole` have no key past the end; of boxes the program says so.
  Value limit = boxes ? boxes.keyEnd() : scope.task.kvLen;
  Value whole = boxes ? limit : e.sub(limit, e.createOrFold<arith::RemSIOp>(limit, e.i64(scope.task.keyTile)));
  e.whileBelow(e.i64(0), limit, [&](Value k) {
    auto code = rangeCode(op, k);
    if (failed(code)) {
      result = failure();
      return k;
    }
    Value any = (*code)[0], all = (*code)[1], next = (*code)[2];
    Value isFull = e.createOrFold<arith::AndIOp>(any, all);
    Value fullEnd = e.select(isFull, e.min(next, whole), k);
    Value end = e.select(any, next, k);
    if (failed(keyTiles(op.getFull(), slots, k, fullEnd)) || failed(keyTiles(op.getPartial(), slots, fullEnd, end)))
      result = failure();
    return next;
  });
  tiles.markDone(op);
  tiles.releaseDead();
  return result;
}

LogicalResult Loops::forRows(tile::ForRowsOp op) {
  if (failed(phases.flush()) || failed(tiles.prepareForLoop(op)))
    return failure();
  SmallVector<Slot> slots = openSlots(op.getBody(), op.getInits(), op.getResults());
  LogicalResult result = success();
  e.loop(e.i64(0), scope.task.rows, scope.task.rowTile, [&](Value row0) {
    scope.scalars.bind(op.getBody().getArgument(0), Operand::ofScalar(row0, Interval::size()));
    emitRowCoordinates(e, scope.task, row0);
    result = body(op.getBody(), slots);
  });
  tiles.markDone(op);
  tiles.releaseDead();
  return result;
}

FailureOr<Values> Loops::rangeCode(tile::ForKeysOp op, Value k0) {
  auto mask = passes::regionToExpr(op.getVisible());
  if (failed(mask))
    return failure();
  RangeInputs inputs = rangeInputs(scope, {{".k0", k0}, {".row0", row0}});
  if (boxes)
    return emitRangeCode(e, passes::boxProgram(scope.kernel, boxes.tokenGrid(), *mask).code(), inputs);
  return emitRangeCode(e, passes::rangeProgram(scope.kernel, *mask).code(), inputs);
}
