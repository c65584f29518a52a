//===- Kernel.cpp - Lowers one tile.kernel ---------------------------------===//
//
// Walks the operations in order, gathers tile operations into phases (Phase.h), and gives the tiles that outlive their
// phase a place in scratch memory. Loads happen when a phase needs the tile, in the layout it needs.
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Kernel.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/Phase.h"
#include "codegen/cpu/RangeCode.h"
#include "codegen/cpu/Scratch.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/analysis/MaskRegion.h"
#include "llvm/ADT/TypeSwitch.h"

#include "attn/KernelABI.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen::cpu;

namespace {

/// A tile value: the forms it exists in. Blocks of scratch memory belong to the value until it is dead.
struct Tile {
  Place lanes, rows;              ///< by lanes, by rows
  Value table;                    ///< row addresses in the element type of the view it was loaded from
  Operation *load = nullptr;      ///< tile.load or tile.load_keys
  std::optional<double> constant; ///< tile.fill
  SmallVector<int64_t> blocks;    ///< scratch offsets
};

class KernelLowering {
public:
  KernelLowering(Emitter &e, tile::KernelOp kernel)
      : e(e), kernel(kernel),
        around{task, [this](Value v) { return scalars.evaluate(v); }, [this](Value v) { return addresses.lookup(v); }},
        inner{task, {}, around.words}, scalars(e, inner, 1) {}
  LogicalResult run();

private:
  // Control flow.
  LogicalResult block(Block &block);
  LogicalResult operation(Operation &op);
  LogicalResult forKeys(tile::ForKeysOp op);
  LogicalResult forRows(tile::ForRowsOp op);
  LogicalResult keyTiles(tile::ForKeysOp op, Region &region, ArrayRef<Place> slots, Value from, Value to);
  LogicalResult body(Region &region, ArrayRef<Place> slots);
  LogicalResult store(tile::StoreOp op);
  SmallVector<Place> openSlots(Operation *loop, ValueRange inits, ValueRange results);
  void yield(Operation *terminator, ArrayRef<Place> slots);
  FailureOr<Values> rangeCode(tile::ForKeysOp op, Value k0);
  void bindArguments(func::FuncOp function);

  // Phases.
  LogicalResult compute(Operation *op);
  LogicalResult flush();
  LogicalResult placeOperands(Phase &phase);
  void placeResults(Phase &phase);
  bool outlives(Value value, const Phase &phase);
  LogicalResult computeSeen(tile::ForKeysOp loop);

  // Tiles.
  FailureOr<Place> lanesOf(Value value);
  FailureOr<Place> rowsOf(Value value);
  FailureOr<DotSource> rightOf(Value value);
  FailureOr<DotSource> formFor(OpOperand &operand);
  LogicalResult prepareForLoop(Operation *loop);
  LogicalResult loadTable(Value value);
  bool isDead(Value value);
  void releaseDead();
  Value address(int64_t offset);
  Place allocate(Value owner, int64_t lanesCount, int64_t columns);
  int64_t padded(int64_t rows) { return llvm::alignTo(rows, e.lanes); }

  Emitter &e;
  tile::KernelOp kernel;
  Task task;
  Surroundings around, inner;
  Expressions scalars;                    ///< of the kernel function
  llvm::DenseMap<Value, Value> addresses; ///< of the ABI words of views and buffers
  llvm::DenseMap<Value, Tile> tiles;
  llvm::DenseMap<int64_t, Value> scratchAddresses;
  Scratch scratch;
  Value everyKey; ///< bytes that say that every key is seen

  // The block being lowered.
  Block *current = nullptr;
  ArrayRef<Place> slots; ///< where its yielded tiles go
  llvm::DenseSet<Operation *> done;
  std::optional<Phase> phase;
  Value seen; ///< bytes per key, in a partial region that asks for them
  bool seenReady = false;
};

} // namespace

static ArrayRef<int64_t> shapeOf(Value tile) { return cast<tile::TileType>(tile.getType()).getShape(); }
static int64_t columnsOf(Value tile) { return shapeOf(tile).size() == 1 ? 1 : shapeOf(tile)[1]; }

//===----------------------------------------------------------------------===//
// The kernel function
//===----------------------------------------------------------------------===//

void KernelLowering::bindArguments(func::FuncOp function) {
  task.words = function.getArgument(0);
  task.scratch = function.getArgument(1);
  int64_t word = ATTN_HEADER_WORDS;
  for (BlockArgument argument : kernel.getBody().getArguments().drop_front(tile::NumLeadingArguments)) {
    addresses[argument] = e.gep(task.words, word * 8);
    word += wordCount(argument.getType());
  }
}

LogicalResult KernelLowering::run() {
  auto schedule = kernel.getSchedule();
  if (schedule.getSplits())
    return kernel.emitError("key splits are not supported by the cpu target");
  task.pack = schedule.getPack();
  task.rowTile = schedule.getRows();
  task.keyTile = schedule.getKeys();
  e.lanes = std::clamp<int64_t>(llvm::PowerOf2Ceil(task.rowTile), 4, e.machine.lanes);

  func::FuncOp function = e.beginKernel(kernel.getSymName());
  bindArguments(function);
  int64_t longest = 1;
  for (Type type : kernel.getBody().getArgumentTypes())
    if (auto view = dyn_cast<tile::ViewType>(type))
      longest = std::max(longest, view.getDim());
  int64_t rowBytes = padded(longest) * 4;
  task.positions = address(scratch.allocate(padded(task.rowTile) * 4));
  task.heads = address(scratch.allocate(padded(task.rowTile) * 4));
  task.zeroRow = address(scratch.allocate(rowBytes));
  task.dropRow = address(scratch.allocate(rowBytes));
  emitFill(e, task.zeroRow, padded(longest), 0);
  int64_t mostKeys = 1;
  kernel.walk([&](tile::LoadKeysOp load) { mostKeys = std::max(mostKeys, 2 * shapeOf(load.getTile())[0]); });
  int64_t bytes = llvm::alignTo(mostKeys, 4 * e.lanes);
  everyKey = address(scratch.allocate(bytes));
  emitFill(e, everyKey, bytes / 4, llvm::bit_cast<float>(0x01010101));

  Block &body = kernel.getBody().front();
  bool scan = !body.getOps<tile::ForRowsOp>().empty();
  LogicalResult result = success();
  emitTaskLoop(e, function, scan, task, [&](Value row0) {
    Value coordinates[] = {task.b, task.g, task.layer};
    for (auto [argument, value] : llvm::zip(body.getArguments(), coordinates))
      scalars.bind(argument, Operand::ofScalar(value, Interval::size()));
    scalars.bind(body.getArgument(tile::Row0), Operand::ofScalar(row0, Interval::size()));
    for (BlockArgument argument : body.getArguments().drop_front(tile::NumLeadingArguments)) {
      if (!isa<IntegerType, FloatType>(argument.getType()))
        continue;
      // A scalar: the address of request 0's value and the stride between requests.
      Value words = addresses.lookup(argument);
      Value value = e.gep(e.load(e.ptr(), words, 8), e.mul(task.b, e.word(words, 1)));
      scalars.bind(argument, Operand::ofScalar(e.load(argument.getType(), value), Interval::position()));
    }
    if (!scan)
      emitRowCoordinates(e, task, row0);
    result = block(body);
  });
  e.endKernel();
  function->setAttr("attn.scratch", e.getI64IntegerAttr(scratch.bytes()));
  return success(succeeded(result) && !scalars.failed());
}

LogicalResult KernelLowering::block(Block &block) {
  current = &block;
  for (Operation &op : block.without_terminator())
    if (failed(operation(op)))
      return failure();
  return flush();
}

LogicalResult KernelLowering::operation(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<tile::LoadOp, tile::LoadKeysOp>([&](auto load) {
        tiles[load.getTile()].load = load;
        done.insert(load);
        return success();
      })
      .Case<tile::FillOp>([&](tile::FillOp fill) {
        tiles[fill.getResult()].constant = fill.getValue().convertToDouble();
        done.insert(fill);
        return success();
      })
      .Case<tile::DotOp, tile::MapOp, tile::ReduceOp, tile::WhereOp>([&](auto op) { return compute(op); })
      .Case<tile::StoreOp>([&](tile::StoreOp op) { return store(op); })
      .Case<tile::ForKeysOp>([&](tile::ForKeysOp op) { return forKeys(op); })
      .Case<tile::ForRowsOp>([&](tile::ForRowsOp op) { return forRows(op); })
      .Default([&](Operation *op) -> LogicalResult {
        if (op->getNumResults() != 1 || op->getNumRegions() != 0)
          return op->emitError("'") << op->getName() << "' is not supported by the cpu target";
        Value result = op->getResult(0);
        if (isa<tile::ViewType, tile::BufferType>(result.getType())) {
          auto select = dyn_cast<arith::SelectOp>(op);
          if (!select)
            return op->emitError("'") << op->getName() << "' of views is not supported by the cpu target";
          Value condition = scalars.evaluate(select.getCondition()).scalar;
          addresses[result] =
              e.select(condition, addresses.lookup(select.getTrueValue()), addresses.lookup(select.getFalseValue()));
          return success();
        }
        scalars.evaluate(result);
        return success(!scalars.failed());
      });
}

LogicalResult KernelLowering::store(tile::StoreOp op) {
  if (failed(flush()))
    return failure();
  auto lanes = lanesOf(op.getTile());
  if (failed(lanes))
    return failure();
  Value view = addresses.lookup(op.getView());
  Value row0 = scalars.evaluate(op.getRow0()).scalar;
  Type element = op.getView().getType().getElementType();
  int64_t rows = padded(shapeOf(op.getTile())[0]);
  int64_t block = scratch.allocate(rows * 8);
  Value table = address(block);
  Value base = e.word(view, ATTN_VIEW_BASE);
  e.when(e.ne(base, e.i64(0)), [&] {
    emitQueryRows(e, task, view, row0, shapeOf(op.getTile())[0], table, /*drop=*/true);
    if (shapeOf(op.getTile()).size() == 1)
      emitStoreVector(e, lanes->address, rows, table, element);
    else
      emitLanesToRows(e, lanes->address, lanes->ld, rows, columnsOf(op.getTile()), {table, {}, 0}, element);
  });
  scratch.release(block);
  done.insert(op);
  releaseDead();
  return success();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Place> KernelLowering::openSlots(Operation *loop, ValueRange inits, ValueRange results) {
  SmallVector<Place> places;
  for (auto [init, result] : llvm::zip_equal(inits, results)) {
    int64_t rows = shapeOf(init)[0], columns = columnsOf(init);
    Place place = allocate(result, rows, columns);
    tiles[result].lanes = place;
    if (auto constant = tiles[init].constant)
      emitFill(e, place.address, padded(rows) * columns, *constant);
    else if (auto source = lanesOf(init); succeeded(source))
      emitCopy(e, place.address, source->address, padded(rows) * columns);
    places.push_back(place);
  }
  return places;
}

/// Moves the yielded tiles to the slots they are not in yet. A tile that lies in another slot goes through a copy.
void KernelLowering::yield(Operation *terminator, ArrayRef<Place> slots) {
  struct Move {
    Place from, to;
    int64_t count;
  };
  SmallVector<Move> moves;
  SmallVector<int64_t> temporaries;
  for (auto [value, slot] : llvm::zip_equal(terminator->getOperands(), slots)) {
    int64_t count = padded(shapeOf(value)[0]) * columnsOf(value);
    auto from = lanesOf(value);
    if (failed(from) || from->address == slot.address)
      continue;
    Place source = *from;
    if (llvm::any_of(slots, [&](const Place &s) { return s.address == source.address; })) {
      temporaries.push_back(scratch.allocate(count * 4));
      source.address = address(temporaries.back());
      emitCopy(e, source.address, from->address, count);
    }
    moves.push_back({source, slot, count});
  }
  for (const Move &move : moves)
    emitCopy(e, move.to.address, move.from.address, move.count);
  for (int64_t block : temporaries)
    scratch.release(block);
}

/// Lowers a loop body, whose tile arguments live in `slots`.
LogicalResult KernelLowering::body(Region &region, ArrayRef<Place> places) {
  Block *outer = current;
  ArrayRef<Place> outerSlots = slots;
  for (auto [argument, place] : llvm::zip_equal(region.getArguments().drop_front(), places))
    tiles[argument].lanes = place;
  slots = places;
  LogicalResult result = block(region.front());
  if (succeeded(result)) {
    yield(region.front().getTerminator(), places);
    done.insert(region.front().getTerminator());
    releaseDead();
  }
  current = outer;
  slots = outerSlots;
  return result;
}

LogicalResult KernelLowering::keyTiles(tile::ForKeysOp op, Region &region, ArrayRef<Place> places, Value from,
                                       Value to) {
  bool wantsSeen = false;
  region.walk([&](tile::LoadKeysOp load) { wantsSeen |= load.getSeen(); });
  LogicalResult result = success();
  e.loop(from, to, task.keyTile, [&](Value k0) {
    scalars.bind(region.getArgument(0), Operand::ofScalar(k0, Interval::size()));
    int64_t block = 0, count = llvm::alignTo(2 * task.keyTile, 4 * e.lanes);
    if (wantsSeen) {
      block = scratch.allocate(count);
      seen = address(block);
      seenReady = false;
      emitFill(e, seen, count / 4, 0);
    }
    result = body(region, places);
    if (wantsSeen)
      scratch.release(block);
    seen = {};
  });
  return result;
}

LogicalResult KernelLowering::forKeys(tile::ForKeysOp op) {
  if (failed(flush()) || failed(prepareForLoop(op)))
    return failure();
  SmallVector<Place> places = openSlots(op, op.getInits(), op.getResults());
  LogicalResult result = success();
  Value kvLen = task.kvLen;
  Value whole = e.sub(kvLen, e.createOrFold<arith::RemSIOp>(kvLen, e.i64(task.keyTile)));
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
    if (failed(keyTiles(op, op.getFull(), places, k, fullEnd)) ||
        failed(keyTiles(op, op.getPartial(), places, fullEnd, end)))
      result = failure();
    return next;
  });
  done.insert(op);
  releaseDead();
  return result;
}

LogicalResult KernelLowering::forRows(tile::ForRowsOp op) {
  if (failed(flush()) || failed(prepareForLoop(op)))
    return failure();
  SmallVector<Place> places = openSlots(op, op.getInits(), op.getResults());
  LogicalResult result = success();
  e.loop(e.i64(0), task.rows, task.rowTile, [&](Value row0) {
    scalars.bind(op.getBody().getArgument(0), Operand::ofScalar(row0, Interval::size()));
    emitRowCoordinates(e, task, row0);
    result = body(op.getBody(), places);
  });
  done.insert(op);
  releaseDead();
  return result;
}

FailureOr<Values> KernelLowering::rangeCode(tile::ForKeysOp op, Value k0) {
  auto mask = passes::regionToExpr(op.getVisible());
  if (failed(mask))
    return failure();
  auto argument = [&](StringRef name) -> Value {
    for (auto [i, attr] : llvm::enumerate(kernel.getArgs()))
      if (cast<StringAttr>(attr).getValue() == name)
        return kernel.getBody().getArgument(tile::NumLeadingArguments + i);
    return {};
  };
  auto program = passes::rangeProgram(kernel, *mask);

  // The box of positions and heads of the row tile.
  auto position = [&](int64_t row) {
    Value p = e.load(e.getI32Type(), e.gep(task.positions, row * 4), 4);
    return e.createOrFold<arith::ExtSIOp>(e.getI64Type(), p);
  };
  auto input = [&](StringRef name) -> Value {
    if (name == "q_first")
      return position(0);
    if (name == "q_last")
      return position(task.rowTile - 1);
    if (name == "h_first")
      return task.head;
    if (name == "h_last")
      return task.pack ? e.add(e.add(task.head, task.group), -1) : task.head;
    if (name == "k0")
      return k0;
    if (name == "tile")
      return e.i64(task.keyTile);
    if (name == "group")
      return task.group;
    if (name == "b")
      return task.b;
    if (name == "g")
      return task.g;
    if (name == "l")
      return task.layer;
    if (Value value = argument(name))
      return scalars.evaluate(value).scalar;
    return scalars.size(name).scalar;
  };
  RangeInputs inputs;
  inputs.input = input;
  inputs.element = [&](StringRef name, ValueRange indices) {
    SmallVector<Operand> operands;
    for (Value index : indices)
      operands.push_back(Operand::ofScalar(index));
    return scalars.element(argument(name), operands).scalar;
  };
  inputs.size = [&](StringRef name, int64_t dimension) { return scalars.bufferSize(argument(name), dimension); };
  return emitRangeCode(e, program.code(), inputs);
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

LogicalResult KernelLowering::compute(Operation *op) {
  if (phase && !phase->join(op) && failed(flush()))
    return failure();
  if (!phase) {
    phase.emplace();
    phase->join(op);
  }
  if (auto where = dyn_cast<tile::WhereOp>(op)) {
    auto loop = where->getParentOfType<tile::ForKeysOp>();
    phase->visible = &loop.getVisible();
    phase->k0 = scalars.evaluate(where->getParentRegion()->getArgument(0)).scalar;
  }
  return success();
}

LogicalResult KernelLowering::flush() {
  if (!phase)
    return success();
  Phase p = std::move(*phase);
  phase.reset();
  for (Operation *op : p.ops)
    done.insert(op);
  if (failed(placeOperands(p)))
    return failure();
  placeResults(p);
  if (p.visible && seen && !seenReady) {
    p.seen = seen;
    seenReady = true;
  }
  LogicalResult result = emitPhase(e, around, p);
  releaseDead();
  return result;
}

/// A sweep over all pairs of the tile only to find the keys that some row sees.
LogicalResult KernelLowering::computeSeen(tile::ForKeysOp loop) {
  Phase sweep;
  sweep.lanesCount = task.rowTile;
  sweep.columns = task.keyTile;
  sweep.visible = &loop.getVisible();
  sweep.k0 = scalars.evaluate(loop.getPartial().getArgument(0)).scalar;
  sweep.seen = seen;
  seenReady = true;
  return emitPhase(e, around, sweep);
}

LogicalResult KernelLowering::placeOperands(Phase &p) {
  for (Operation *op : p.ops) {
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      Operation *producer = value.getDefiningOp();
      if (!isa<tile::TileType>(value.getType()) || (producer && p.contains(producer)))
        continue;
      bool isLeft = op == p.dot && operand.getOperandNumber() == 0;
      bool isRight = op == p.dot && operand.getOperandNumber() == 1;
      if (tiles[value].constant && !isLeft && !isRight) {
        p.constants[value] = *tiles[value].constant;
        continue;
      }
      auto source = formFor(operand);
      if (failed(source))
        return failure();
      if (isLeft)
        p.a = *source;
      else if (isRight)
        p.b = *source;
      else
        p.places[value] = source->place;
    }
  }
  return success();
}

/// The form in which the owner of `operand` reads the tile; makes it if it does not exist yet.
FailureOr<DotSource> KernelLowering::formFor(OpOperand &operand) {
  Value value = operand.get();
  Operation *user = operand.getOwner();
  bool rows = false;
  if (auto dot = dyn_cast<tile::DotOp>(user)) {
    if (operand.getOperandNumber() == 1)
      return rightOf(value);
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
  return DotSource{*place, !rows, {}, 0};
}

/// Makes the forms that a loop reads of tiles from outside it, once and before it.
LogicalResult KernelLowering::prepareForLoop(Operation *loop) {
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

bool KernelLowering::outlives(Value value, const Phase &p) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) { return !p.contains(user); });
}

void KernelLowering::placeResults(Phase &p) {
  Operation *terminator = current->getTerminator();
  llvm::DenseSet<Value> taken;
  // A result may replace `old` if the phase is the last to read it, element by element.
  auto replaceable = [&](Value old, Value result) {
    if (shapeOf(old) != shapeOf(result) || taken.contains(old) || !isDead(old))
      return false;
    return !p.dot || (old != p.dot.getA() && old != p.dot.getB());
  };
  for (Operation *op : p.ops) {
    Value result = op->getResult(0);
    if (!outlives(result, p))
      continue;
    Tile &tile = tiles[result];
    bool byRows = p.byRows && shapeOf(result).size() == 2;
    Place place;
    if (!byRows) {
      for (auto [i, slot] : llvm::enumerate(slots)) {
        Value old = current->getArgument(i + 1);
        if (terminator->getOperand(i) == result && replaceable(old, result)) {
          place = slot;
          taken.insert(old);
          break;
        }
      }
    }
    if (!place) {
      for (Operation *other : p.ops) {
        for (Value old : other->getOperands()) {
          auto it = isa<tile::TileType>(old.getType()) ? tiles.find(old) : tiles.end();
          if (it == tiles.end() || it->second.blocks.size() != 1 || !(byRows ? it->second.rows : it->second.lanes) ||
              !replaceable(old, result) || old.getParentBlock() != current)
            continue;
          place = byRows ? it->second.rows : it->second.lanes;
          tile.blocks = std::move(it->second.blocks);
          it->second.blocks.clear();
          taken.insert(old);
          break;
        }
        if (place)
          break;
      }
    }
    if (!place)
      place = byRows ? allocate(result, shapeOf(result)[1], shapeOf(result)[0])
                     : allocate(result, shapeOf(result)[0], columnsOf(result));
    (byRows ? tiles[result].rows : tiles[result].lanes) = place;
    p.places[result] = place;
  }
}

//===----------------------------------------------------------------------===//
// Tiles in memory
//===----------------------------------------------------------------------===//

Value KernelLowering::address(int64_t offset) {
  Value &value = scratchAddresses[offset];
  if (!value) {
    OpBuilder::InsertionGuard guard(e);
    e.toFunctionStart();
    value = e.gep(task.scratch, offset);
  }
  return value;
}

Place KernelLowering::allocate(Value owner, int64_t lanesCount, int64_t columns) {
  Place place{{}, padded(lanesCount)};
  int64_t block = scratch.allocate(place.ld * columns * 4);
  place.address = address(block);
  tiles[owner].blocks.push_back(block);
  return place;
}

/// True if no operation that is still to be lowered reads `value`, a value of the current block.
bool KernelLowering::isDead(Value value) {
  if (value.getParentBlock() != current)
    return false;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    Operation *here = current->findAncestorOpInBlock(*user);
    return !here || done.contains(here);
  });
}

void KernelLowering::releaseDead() {
  for (auto &[value, tile] : tiles) {
    if (tile.blocks.empty() || !isDead(value))
      continue;
    for (int64_t block : tile.blocks)
      scratch.release(block);
    tile.blocks.clear();
  }
}

/// Fills the table of row addresses of a loaded tile.
LogicalResult KernelLowering::loadTable(Value value) {
  if (tiles[value].table)
    return success();
  Operation *load = tiles[value].load;
  bool isKeys = isa<tile::LoadKeysOp>(load);
  int64_t rows = padded(shapeOf(value)[0] * (isKeys ? 2 : 1)); // the rows that follow are prefetched
  int64_t block = scratch.allocate(rows * 8);
  tiles[value].blocks.push_back(block);
  Value table = address(block);
  tiles[value].table = table;
  if (auto op = dyn_cast<tile::LoadOp>(load)) {
    emitQueryRows(e, task, addresses.lookup(op.getView()), scalars.evaluate(op.getRow0()).scalar, shapeOf(value)[0],
                  table,
                  /*drop=*/false);
    return success();
  }
  auto op = cast<tile::LoadKeysOp>(load);
  Value flags = everyKey;
  if (op.getSeen()) {
    if (!seen)
      return op.emitError("`seen` outside the partial region of a tile.for_keys");
    if (!seenReady && failed(computeSeen(op->getParentOfType<tile::ForKeysOp>())))
      return failure();
    flags = seen;
  }
  emitKeyRows(e, task, addresses.lookup(op.getView()), scalars.evaluate(op.getK0()).scalar, rows, table, flags);
  return success();
}

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

FailureOr<Place> KernelLowering::rowsOf(Value value) {
  if (tiles[value].rows)
    return tiles[value].rows;
  int64_t rows = padded(shapeOf(value)[0]), columns = columnsOf(value);
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
      rotation.cos = addresses.lookup(parts.rope[0]);
      rotation.sin = addresses.lookup(parts.rope[1]);
      rotation.element = cast<tile::BufferType>(parts.rope[0].getType()).getElementType();
      rotation.interleaved = parts.interleaved;
      if (auto keys = dyn_cast<tile::LoadKeysOp>(load))
        rotation.first = scalars.evaluate(keys.getK0()).scalar;
      else
        rotation.positions = task.positions;
    }
    Place place = allocate(value, columns, rows);
    Value scale = parts.scale ? scalars.evaluate(parts.scale).scalar : Value();
    int64_t next = isa<tile::LoadKeysOp>(load) ? shapeOf(value)[0] : 0;
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

FailureOr<Place> KernelLowering::lanesOf(Value value) {
  if (tiles[value].lanes)
    return tiles[value].lanes;
  int64_t rows = shapeOf(value)[0], columns = columnsOf(value);
  Place place = allocate(value, rows, columns);
  tiles[value].lanes = place;
  if (auto constant = tiles[value].constant) {
    emitFill(e, place.address, padded(rows) * columns, *constant);
    return place;
  }
  Operation *load = tiles[value].load;
  if (load && shapeOf(value).size() == 1) {
    if (failed(loadTable(value)))
      return failure();
    LoadParts parts(load);
    Value scale = parts.scale ? scalars.evaluate(parts.scale).scalar : Value();
    emitLoadVector(e, tiles[value].table, parts.element, padded(rows), place.address, scale);
    return place;
  }
  if (load && LoadParts(load).element.isF32() && LoadParts(load).rope.empty()) {
    if (failed(loadTable(value)))
      return failure();
    Value scale = LoadParts(load).scale;
    emitRowsToLanes(e, {tiles[value].table, {}, 0}, padded(rows), columns, place.address, place.ld,
                    scale ? scalars.evaluate(scale).scalar : Value());
    return place;
  }
  if (!load && !tiles[value].rows) {
    emitError(value.getLoc(), "the tile has no value here");
    return failure();
  }
  auto source = rowsOf(value);
  if (failed(source))
    return failure();
  emitRowsToLanes(e, {{}, source->address, source->ld}, padded(rows), columns, place.address, place.ld, {});
  return place;
}

/// A tile whose elements are read one by one: in the caller's memory if it can be, else as it exists.
FailureOr<DotSource> KernelLowering::rightOf(Value value) {
  if (Operation *load = tiles[value].load; load && !tiles[value].lanes && !tiles[value].rows) {
    LoadParts parts(load);
    if (parts.element.isF32() && !parts.scale && parts.rope.empty()) {
      if (failed(loadTable(value)))
        return failure();
      int64_t next = isa<tile::LoadKeysOp>(load) ? shapeOf(value)[0] : 0;
      return DotSource{{}, false, tiles[value].table, next};
    }
    auto place = rowsOf(value);
    if (failed(place))
      return failure();
    return DotSource{*place, false, {}, 0};
  }
  if (tiles[value].rows)
    return DotSource{tiles[value].rows, false, {}, 0};
  auto place = lanesOf(value);
  if (failed(place))
    return failure();
  return DotSource{*place, true, {}, 0};
}

LogicalResult attn::codegen::cpu::lowerKernel(Emitter &e, tile::KernelOp kernel) {
  return KernelLowering(e, kernel).run();
}
