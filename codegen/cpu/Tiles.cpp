//===- Tiles.cpp - Where tile values live ----------------------------------===//
#include "codegen/cpu/Tiles.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/Pairs.h"

#include "attn/KernelABI.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

namespace {
/// The parts of tile.load and tile.load_keys that they share.
struct LoadParts {
  Type element;
  Value scale;
  ValueRange rope;
  bool interleaved;

  explicit LoadParts(Operation *op) {
    if (auto load = dyn_cast<tile::LoadOp>(op)) {
      element = load.getView().getType().getElementType();
      scale = load.getScale();
      rope = load.getRope();
      interleaved = load.getInterleaved();
    } else {
      auto keys = cast<tile::LoadKeysOp>(op);
      element = keys.getView().getType().getElementType();
      rope = keys.getRope();
      interleaved = keys.getInterleaved();
    }
  }
};
} // namespace

/// Whether the rows of a tile are so few that the accumulators of one vector of channels fit the registers.
static bool fewRows(const Task &task) { return task.pack && task.rowTile <= 8; }

ChannelForm attn::codegen::cpu::channelForm(const Task &task, tile::DotOp dot) {
  if (!fewRows(task) || dot.getTransposeA())
    return ChannelForm::None;
  if (!dot.getTransposeB())
    return ChannelForm::Values;
  return dot.getInit() ? ChannelForm::None : ChannelForm::Scores;
}

//===----------------------------------------------------------------------===//
// Memory and lifetimes
//===----------------------------------------------------------------------===//

Place Tiles::allocate(Value owner, int64_t lanesCount, int64_t columns) {
  Place place{{}, scope.padded(lanesCount)};
  int64_t block = scope.scratch.allocate(place.ld * columns * 4);
  place.address = scope.address(block);
  tiles[owner].blocks.push_back(block);
  return place;
}

Place Tiles::takeOver(Value old, Value result, bool byRows) {
  auto it = tiles.find(old);
  if (it == tiles.end() || it->second.blocks.size() != 1 || old.getParentBlock() != at.block)
    return {};
  Place place = byRows ? it->second.rows : it->second.lanes;
  if (place) {
    auto blocks = std::exchange(it->second.blocks, {});
    tiles[result].blocks = std::move(blocks);
  }
  return place;
}

bool Tiles::isDead(Value value) {
  if (value.getParentBlock() != at.block)
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    Operation *here = at.block->findAncestorOpInBlock(*user);
    return !here || done.contains(here);
  });
}

void Tiles::releaseDead() {
  for (auto &[value, tile] : tiles) {
    if (tile.blocks.empty() || !isDead(value))
      continue;
    for (int64_t block : tile.blocks)
      scope.scratch.release(block);
    tile.blocks.clear();
  }
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

FailureOr<DotSource> Tiles::formFor(OpOperand &operand) {
  Value value = operand.get();
  Operation *user = operand.getOwner();
  bool rows = false;
  if (auto dot = dyn_cast<tile::DotOp>(user)) {
    ChannelForm form = channelForm(scope.task, dot);
    if (form != ChannelForm::None && operand.getOperandNumber() == 1)
      return streamOf(value);
    if (operand.getOperandNumber() < 2 && isDotOfPairs(e, dot))
      return pairsOf(dot, operand.getOperandNumber() == 0);
    if (operand.getOperandNumber() == 1)
      return rightOf(value);
    rows = form == ChannelForm::Scores ? operand.getOperandNumber() == 0
                                       : form == ChannelForm::Values && value == dot.getInit();
    if (operand.getOperandNumber() == 0 && dot.getTransposeA()) {
      // Vectors of the columns: read from the rows in place if they consist of whole vectors.
      rows = true;
      if (columnsOf(value) % e.lanes == 0 && !tiles[value].lanes)
        return rightOf(value);
    }
  } else if (auto map = dyn_cast<tile::MapOp>(user)) {
    rows = map.getKeyRows() && shapeOf(value).size() == 2;
  }
  auto place = rows ? rowsOf(value) : lanesOf(value);
  if (failed(place))
    return failure();
  return DotSource{*place, !rows, {}, 0, {}};
}

LogicalResult Tiles::prepareForLoop(Operation *loop) {
  WalkResult result = loop->walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (op == loop || !isa<tile::TileType>(value.getType()) ||
          loop->isAncestor(value.getParentRegion()->getParentOp()))
        continue;
      if (failed(formFor(operand)))
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// A sweep over all pairs of the tile only to find the keys that some row sees.
LogicalResult Tiles::computeSeen(tile::ForKeysOp loop) {
  Phase sweep;
  sweep.lanesCount = scope.task.rowTile;
  sweep.columns = scope.task.keyTile;
  sweep.visible = &loop.getVisible();
  sweep.k0 = scope.scalar(loop.getPartial().getArgument(0));
  sweep.seen = seen;
  seenReady = true;
  return emitPhase(e, scope.around, sweep);
}

/// The rows behind those of a loaded tile in its table, which are prefetched: the next interval of keys. Which box is
/// visited next is not known. Channel dots prefetch by the stride what they read in place.
int64_t Tiles::followingRows(Value value) {
  Operation *load = tiles[value].load;
  bool inPlace = fewRows(scope.task) && LoadParts(load).rope.empty();
  return isa<tile::LoadKeysOp>(load) && !scope.task.keyPositions && !inPlace ? shapeOf(value)[0] : 0;
}

/// Fills the table of row addresses of a loaded tile.
LogicalResult Tiles::loadTable(Value value) {
  if (tiles[value].table)
    return success();
  Operation *load = tiles[value].load;
  int64_t rows = scope.padded(shapeOf(value)[0] + followingRows(value));
  int64_t block = scope.scratch.allocate(rows * 8);
  tiles[value].blocks.push_back(block);
  Value table = scope.address(block);
  tiles[value].table = table;
  if (auto op = dyn_cast<tile::LoadOp>(load)) {
    emitQueryRows(e, scope.task, scope.addresses.lookup(op.getView()), scope.scalar(op.getRow0()), shapeOf(value)[0],
                  table,
                  /*drop=*/false);
    return success();
  }
  auto op = cast<tile::LoadKeysOp>(load);
  Value flags = scope.task.everyKey;
  if (op.getSeen()) {
    if (!seen)
      return op.emitError("`seen` outside the partial region of a tile.for_keys");
    if (!seenReady && failed(computeSeen(op->getParentOfType<tile::ForKeysOp>())))
      return failure();
    flags = seen;
  }
  emitKeyRows(e, scope.task, scope.addresses.lookup(op.getView()), scope.scalar(op.getK0()), rows, table, flags);
  return success();
}

FailureOr<Place> Tiles::rowsOf(Value value) {
  if (tiles[value].rows)
    return tiles[value].rows;
  int64_t rows = scope.padded(shapeOf(value)[0]), columns = columnsOf(value);
  if (Operation *load = tiles[value].load) {
    if (failed(loadTable(value)))
      return failure();
    LoadParts parts(load);
    Rotation rotation;
    if (!parts.rope.empty()) {
      if (parts.rope.size() != 2 || columns % 2 != 0) {
        load->emitError("rope needs two tables and an even dimension");
        return failure();
      }
      rotation.cos = scope.addresses.lookup(parts.rope[0]);
      rotation.sin = scope.addresses.lookup(parts.rope[1]);
      rotation.element = cast<tile::BufferType>(parts.rope[0].getType()).getElementType();
      rotation.interleaved = parts.interleaved;
      if (auto keys = dyn_cast<tile::LoadKeysOp>(load))
        (scope.task.keyPositions ? rotation.positions : rotation.first) =
            scope.task.keyPositions ? scope.task.keyPositions : scope.scalar(keys.getK0());
      else
        rotation.positions = scope.task.positions;
    }
    Place place = allocate(value, columns, rows);
    Value scale = parts.scale ? scope.scalar(parts.scale) : Value();
    int64_t next = followingRows(value);
    emitConvertRows(e, tiles[value].table, parts.element, rows, next, columns, place.address, place.ld,
                    parts.rope.empty() ? nullptr : &rotation, scale);
    tiles[value].rows = place;
    return place;
  }
  auto lanes = lanesOf(value);
  if (failed(lanes))
    return failure();
  Place place = allocate(value, columns, rows);
  emitLanesToRows(e, lanes->address, lanes->ld, rows, columns, {{}, place.address, place.ld}, e.getF32Type());
  tiles[value].rows = place;
  return place;
}

FailureOr<Place> Tiles::lanesOf(Value value) {
  if (tiles[value].lanes)
    return tiles[value].lanes;
  int64_t rows = shapeOf(value)[0], columns = columnsOf(value);
  Place place = allocate(value, rows, columns);
  tiles[value].lanes = place;
  if (auto constant = tiles[value].constant) {
    emitFill(e, place.address, scope.padded(rows) * columns, *constant);
    return place;
  }
  Operation *load = tiles[value].load;
  if (load && shapeOf(value).size() == 1) {
    if (failed(loadTable(value)))
      return failure();
    LoadParts parts(load);
    Value scale = parts.scale ? scope.scalar(parts.scale) : Value();
    emitLoadVector(e, tiles[value].table, parts.element, scope.padded(rows), place.address, scale);
    return place;
  }
  if (load && LoadParts(load).element.isF32() && LoadParts(load).rope.empty()) {
    if (failed(loadTable(value)))
      return failure();
    Value scale = LoadParts(load).scale;
    emitRowsToLanes(e, {tiles[value].table, {}, 0}, scope.padded(rows), columns, place.address, place.ld,
                    scale ? scope.scalar(scale) : Value());
    return place;
  }
  if (!load && !tiles[value].rows) {
    emitError(value.getLoc(), "the tile has no value here");
    return failure();
  }
  auto source = rowsOf(value);
  if (failed(source))
    return failure();
  emitRowsToLanes(e, {{}, source->address, source->ld}, scope.padded(rows), columns, place.address, place.ld, {});
  return place;
}

/// Keys or values that are read once, row by row: in the caller's memory if they can be.
FailureOr<DotSource> Tiles::streamOf(Value value) {
  if (auto load = dyn_cast_or_null<tile::LoadKeysOp>(tiles[value].load); load && load.getRope().empty()) {
    if (failed(loadTable(value)))
      return failure();
    DotSource source{{}, false, tiles[value].table, 0, {}, LoadParts(load).element};
    if (!scope.task.keyPositions)
      source.stride = e.word(scope.addresses.lookup(load.getView()), ATTN_VIEW_ROW_STRIDE);
    return source;
  }
  auto place = rowsOf(value);
  if (failed(place))
    return failure();
  return DotSource{*place, false, {}, 0, {}};
}

/// A tile whose elements are read one by one: in the caller's memory if it can be, else as it exists.
FailureOr<DotSource> Tiles::rightOf(Value value) {
  if (Operation *load = tiles[value].load; load && !tiles[value].lanes && !tiles[value].rows) {
    LoadParts parts(load);
    if (parts.element.isF32() && !parts.scale && parts.rope.empty()) {
      if (failed(loadTable(value)))
        return failure();
      return DotSource{{}, false, tiles[value].table, followingRows(value), {}};
    }
    auto place = rowsOf(value);
    if (failed(place))
      return failure();
    return DotSource{*place, false, {}, 0, {}};
  }
  if (tiles[value].rows)
    return DotSource{tiles[value].rows, false, {}, 0, {}};
  auto place = lanesOf(value);
  if (failed(place))
    return failure();
  return DotSource{*place, true, {}, 0, {}};
}

/// An operand of a dot of pairs (isDotOfPairs says what it can be).
FailureOr<DotSource> Tiles::pairsOf(tile::DotOp dot, bool isLeft) {
  Value value = isLeft ? dot.getA() : dot.getB();
  Operation *load = tiles[value].load;
  if (load && failed(loadTable(value)))
    return failure();
  Value table = tiles[value].table;
  int64_t rows = shapeOf(value)[0], columns = shapeOf(value)[1];
  if (!isLeft && dot.getTransposeB())
    return DotSource{{}, false, table, followingRows(value), {}};
  if (!tiles[value].pairs) { // a computed tile was stored so
    bool byRows = channelForm(scope.task, dot) != ChannelForm::None;
    Place place = !isLeft  ? allocate(value, columns, rows / 2)
                  : byRows ? allocate(value, columns / 2, scope.padded(rows))
                           : allocate(value, rows, columns / 2);
    place.pairs = true;
    tiles[value].pairs = place;
    if (isLeft && byRows)
      emitConvertRows(e, table, e.getF32Type(), scope.padded(rows), 0, columns / 2, place.address, place.ld, nullptr,
                      {});
    else if (isLeft)
      emitRowsToLanes(e, {table, {}, 0}, scope.padded(rows), columns / 2, place.address, place.ld, {});
    else
      emitPairRows(e, table, rows, followingRows(value), columns, place.address, place.ld);
  }
  DotSource source{tiles[value].pairs, isLeft, {}, 0, {}};
  // The scale multiplies the sums, so that the pairs are the elements as given.
  if (auto query = dyn_cast_or_null<tile::LoadOp>(load); query && query.getScale())
    source.scale = scope.scalar(query.getScale());
  return source;
}
