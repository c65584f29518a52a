//===- Loops.cpp - Loops over keys and rows --------------------------------===//
#include "codegen/cpu/Loops.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/RangeCode.h"
#include "dialect/attn/AttnDialect.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen::cpu;

SmallVector<Place> Loops::openSlots(ValueRange inits, ValueRange results) {
  SmallVector<Place> places;
  for (auto [init, result] : llvm::zip_equal(inits, results)) {
    int64_t rows = shapeOf(init)[0], columns = columnsOf(init);
    Place place = tiles.allocate(result, rows, columns);
    tiles.bindPlace(result, place);
    if (auto constant = tiles.constantOf(init))
      emitFill(e, place.address, scope.padded(rows) * columns, *constant);
    else if (auto source = tiles.lanesOf(init); succeeded(source))
      emitCopy(e, place.address, source->address, scope.padded(rows) * columns);
    places.push_back(place);
  }
  return places;
}

/// Moves the yielded tiles to the slots they are not in yet. A tile that lies in another slot goes through a copy.
void Loops::yield(Operation *terminator, ArrayRef<Place> slots) {
  struct Move {
    Place from, to;
    int64_t count;
  };
  SmallVector<Move> moves;
  SmallVector<int64_t> temporaries;
  for (auto [value, slot] : llvm::zip_equal(terminator->getOperands(), slots)) {
    int64_t count = scope.padded(shapeOf(value)[0]) * columnsOf(value);
    auto from = tiles.lanesOf(value);
    if (failed(from) || from->address == slot.address)
      continue;
    Place source = *from;
    if (llvm::any_of(slots, [&](const Place &s) { return s.address == source.address; })) {
      temporaries.push_back(scope.scratch.allocate(count * 4));
      source.address = scope.address(temporaries.back());
      emitCopy(e, source.address, from->address, count);
    }
    moves.push_back({source, slot, count});
  }
  for (const Move &move : moves)
    emitCopy(e, move.to.address, move.from.address, move.count);
  for (int64_t block : temporaries)
    scope.scratch.release(block);
}

/// Lowers a loop body, whose tile arguments live in `slots`.
LogicalResult Loops::body(Region &region, ArrayRef<Place> places) {
  for (auto [argument, place] : llvm::zip_equal(region.getArguments().drop_front(), places))
    tiles.bindPlace(argument, place);
  Tiles::Position outer = tiles.move({&region.front(), places});
  LogicalResult result = lowerBlock(region.front());
  if (succeeded(result)) {
    yield(region.front().getTerminator(), places);
    tiles.markDone(region.front().getTerminator());
    tiles.releaseDead();
  }
  tiles.move(outer);
  return result;
}

LogicalResult Loops::keyTiles(Region &region, ArrayRef<Place> places, Value from, Value to) {
  bool wantsSeen = false;
  region.walk([&](tile::LoadKeysOp load) { wantsSeen |= load.getSeen(); });
  LogicalResult result = success();
  e.loop(from, to, scope.task.keyTile, [&](Value k0) {
    scope.scalars.bind(region.getArgument(0), Operand::ofScalar(k0, Interval::size()));
    int64_t block = 0, count = llvm::alignTo(2 * scope.task.keyTile, 4 * e.lanes);
    if (wantsSeen) {
      block = scope.scratch.allocate(count);
      Value seen = scope.address(block);
      tiles.openSeen(seen);
      emitFill(e, seen, count / 4, 0);
    }
    result = body(region, places);
    if (wantsSeen)
      scope.scratch.release(block);
    tiles.closeSeen();
  });
  return result;
}

LogicalResult Loops::forKeys(tile::ForKeysOp op) {
  if (failed(phases.flush()) || failed(tiles.prepareForLoop(op)))
    return failure();
  SmallVector<Place> places = openSlots(op.getInits(), op.getResults());
  LogicalResult result = success();
  Value kvLen = scope.task.kvLen;
  Value whole = e.sub(kvLen, e.createOrFold<arith::RemSIOp>(kvLen, e.i64(scope.task.keyTile)));
  e.whileBelow(e.i64(0), kvLen, [&](Value k) {
    auto code = rangeCode(op, k);
    if (failed(code)) {
      result = failure();
      return k;
    }
    Value any = (*code)[0], all = (*code)[1], next = (*code)[2];
    Value isFull = e.createOrFold<arith::AndIOp>(any, all);
    Value fullEnd = e.select(isFull, e.min(next, whole), k);
    Value end = e.select(any, next, k);
    if (failed(keyTiles(op.getFull(), places, k, fullEnd)) || failed(keyTiles(op.getPartial(), places, fullEnd, end)))
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
  SmallVector<Place> places = openSlots(op.getInits(), op.getResults());
  LogicalResult result = success();
  e.loop(e.i64(0), scope.task.rows, scope.task.rowTile, [&](Value row0) {
    scope.scalars.bind(op.getBody().getArgument(0), Operand::ofScalar(row0, Interval::size()));
    emitRowCoordinates(e, scope.task, row0);
    result = body(op.getBody(), places);
  });
  tiles.markDone(op);
  tiles.releaseDead();
  return result;
}

FailureOr<Values> Loops::rangeCode(tile::ForKeysOp op, Value k0) {
  auto mask = passes::regionToExpr(op.getVisible());
  if (failed(mask))
    return failure();
  auto argument = [&](StringRef name) -> Value {
    for (auto [i, attr] : llvm::enumerate(scope.kernel.getArgs()))
      if (cast<StringAttr>(attr).getValue() == name)
        return scope.kernel.getBody().getArgument(tile::NumLeadingArguments + i);
    return {};
  };
  auto program = passes::rangeProgram(scope.kernel, *mask);

  // The box of positions and heads of the row tile.
  auto position = [&](int64_t row) {
    Value p = e.load(e.getI32Type(), e.gep(scope.task.positions, row * 4), 4);
    return e.createOrFold<arith::ExtSIOp>(e.getI64Type(), p);
  };
  // Terms that are computed with floats: the values of the mask's region that they are, for the task's request and
  // group.
  Region &visible = op.getVisible();
  auto floatTerm = [&](StringRef name, Value head) -> Value {
    auto term = llvm::find_if(program.floatTerms(), [&](const mask::FloatTerm &t) { return t.name == name; });
    if (term == program.floatTerms().end())
      return {};
    Expressions expressions(e, scope.around, 1);
    SmallVector<Value> coordinates(visible.args_begin(), visible.args_end());
    expressions.prepare(visible, coordinates);
    std::pair<ir::Coordinate, Value> known[] = {{ir::Coordinate::Batch, scope.task.b},
                                                {ir::Coordinate::QHead, head},
                                                {ir::Coordinate::KVHead, scope.task.g},
                                                {ir::Coordinate::Layer, scope.task.layer}};
    for (auto [coordinate, value] : known)
      expressions.bind(coordinates[coordinate], Operand::ofScalar(value, Interval::size()));
    for (Operation &inner : visible.front().without_terminator()) {
      bool mayBe = inner.getNumResults() == 1 && !isa<FloatType>(inner.getResult(0).getType()) &&
                   llvm::any_of(inner.getOperandTypes(), [](Type type) { return isa<FloatType>(type); });
      auto expr = mayBe ? passes::valueToExpr(inner.getResult(0)) : FailureOr<mask::Expr>();
      if (!mayBe || failed(expr) || *expr != term->term)
        continue;
      Value value = expressions.evaluate(inner.getResult(0)).scalar;
      return value.getType().isInteger(1) ? e.createOrFold<arith::ExtUIOp>(e.getI64Type(), value) : value;
    }
    llvm_unreachable("the terms are values of the region");
  };
  auto input = [&](StringRef name) -> Value {
    if (Value value = floatTerm(name, scope.task.head))
      return value;
    if (name == "q_first")
      return position(0);
    if (name == "q_last")
      return position(scope.task.rowTile - 1);
    if (name == "h_first")
      return scope.task.head;
    if (name == "h_last")
      return scope.task.pack ? e.add(e.add(scope.task.head, scope.task.group), -1) : scope.task.head;
    if (name == "k0")
      return k0;
    if (name == "tile")
      return e.i64(scope.task.keyTile);
    if (name == "group")
      return scope.task.group;
    if (name == "b")
      return scope.task.b;
    if (name == "g")
      return scope.task.g;
    if (name == "l")
      return scope.task.layer;
    if (Value value = argument(name))
      return scope.scalar(value);
    return scope.scalars.size(name).scalar;
  };
  RangeInputs inputs;
  inputs.input = input;
  inputs.element = [&](StringRef name, ValueRange indices) {
    if (Value value = floatTerm(name, indices[0]))
      return value;
    SmallVector<Operand> operands;
    for (Value index : indices)
      operands.push_back(Operand::ofScalar(index));
    return scope.scalars.element(argument(name), operands).scalar;
  };
  inputs.size = [&](StringRef name, int64_t dimension) { return scope.scalars.bufferSize(argument(name), dimension); };
  return emitRangeCode(e, program.code(), inputs);
}
