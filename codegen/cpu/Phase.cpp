//===- Phase.cpp - One sweep over a tile -----------------------------------===//
#include "codegen/cpu/Phase.h"

#include "codegen/cpu/Pairs.h"
#include "codegen/cpu/Views.h"
#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

static bool isVector(Value tile) { return shapeOf(tile).size() == 1; }

bool Phase::join(Operation *op) {
  Value result = op->getResult(0);
  auto map = dyn_cast<tile::MapOp>(op);
  bool keyRows = map && map.getKeyRows();
  bool vector = isVector(result), isReduce = isa<tile::ReduceOp>(op);
  // The extents that the operation needs; a reduction has those of the tile it reads.
  Value shaped = isReduce ? cast<tile::ReduceOp>(op).getTile() : result;
  bool flat = isVector(shaped);
  int64_t rows = shapeOf(shaped)[0], cols = flat ? 0 : shapeOf(shaped)[1];
  bool flip = keyRows && !flat;
  int64_t opLanes = flip ? cols : rows, opColumns = flip ? rows : cols;

  if (!ops.empty()) {
    if (isa<tile::DotOp>(op) || lanesCount != opLanes || byRows != flip)
      return false;
    if (opColumns && columns && opColumns != columns)
      return false;
    bool needsColumns = !vector || isReduce;
    if (needsColumns && llvm::any_of(op->getOperands(), [&](Value v) { return late.contains(v); }))
      return false;
  }
  lanesCount = opLanes;
  byRows = flip;
  if (opColumns)
    columns = opColumns;
  if (auto dotOp = dyn_cast<tile::DotOp>(op))
    dot = dotOp;
  if (isReduce || (vector && llvm::any_of(op->getOperands(), [&](Value v) { return late.contains(v); })))
    late.insert(result);
  ops.push_back(op);
  return true;
}

namespace attn::codegen::cpu {

class PhaseEmitter {
public:
  PhaseEmitter(Emitter &e, const Surroundings &around, Phase &phase)
      : e(e), around(around), task(static_cast<const Task &>(around.task)), phase(phase) {}
  LogicalResult emit();

private:
  /// Row vectors [m, m + vectors * lanes), m in elements.
  void rowBlock(Value m, int64_t vectors);
  /// Binds the coordinates of a region. With `firstKey` the lanes are keys, else k is bound per column.
  void bindCoordinates(Region &region, Value firstKey);
  /// `count` columns from column n: gives the reductions' next values.
  Values columnBlock(Value n, int64_t count, ValueRange reductions);
  SmallVector<Values> contract(Value n, int64_t count);
  Value combine(tile::ReduceOp reduce, Value sum, Value term);
  void column(Value n, int64_t j, SmallVector<Values> &contracted, Values &reductions);
  /// The map's first key position, a value of the kernel function.
  Value keyOf(tile::MapOp map) { return around.scalar(map.getK0()).scalar; }
  Operand vectorOperand(Value value);
  Operand tileOperand(Value value, Value n, int64_t j);
  void vectorMap(tile::MapOp map);

  Values loadVectors(const Place &place, Value n, int64_t j);
  void storeVectors(const Place &place, Value n, int64_t j, const Operand &x);
  void storePair(const Place &place, Value n, int64_t j, Value tile);
  Value blockAddress(const Place &place, Value n);

  std::pair<int64_t, int64_t> registerTile(int64_t vectors) const;

  Emitter &e;
  const Surroundings &around;
  const Task &task;
  Phase &phase;
  bool failed = false;

  // The block being emitted.
  Value m;
  int64_t vectors = 0;
  Expressions *x = nullptr;
  llvm::DenseMap<Value, Operand> known;    // row vectors
  llvm::DenseMap<Value, Operand> elements; // of the current column
  llvm::DenseMap<Value, Values> evens;     // of the column before, where pairs are stored
  llvm::DenseMap<std::pair<Value, Value>, Value> blockAddresses;
  SmallVector<tile::ReduceOp> reduces;
  int64_t chains = 1; ///< of every reduction: columns side by side must not wait for each other
};

} // namespace attn::codegen::cpu

LogicalResult attn::codegen::cpu::emitPhase(Emitter &e, const Surroundings &around, Phase &phase) {
  return PhaseEmitter(e, around, phase).emit();
}

/// Row vectors and columns of a register tile. Every broadcast should serve 3 vectors (load ports), and the
/// accumulators, one column of the left operand and a broadcast must fit the registers.
std::pair<int64_t, int64_t> PhaseEmitter::registerTile(int64_t total) const {
  int64_t rows = total % 3 == 0 ? 3 : total % 4 == 0 ? 4 : std::min<int64_t>(total, total % 2 == 0 ? 2 : 3);
  auto columns = [&](int64_t wanted) { // pairs are stored two columns at a time
    int64_t step = phase.pairs.empty() ? 1 : 2;
    return std::min(phase.columns, std::max(step, wanted / step * step));
  };
  if (!phase.dot)
    return {rows, columns(4 / rows)};
  int64_t accumulators = e.machine.registers == 32 ? 24 : 12;
  if (phase.visible) // partial tiles are few: half the code for a little speed
    accumulators /= 2;
  // More columns than 8 would need more address registers than there are, where every column is a row in memory.
  bool addressPerColumn = phase.b.table && phase.dot.getTransposeB();
  return {rows, columns(std::min<int64_t>(accumulators / rows, addressPerColumn ? 8 : 16))};
}

LogicalResult PhaseEmitter::emit() {
  for (Operation *op : phase.ops)
    if (auto reduce = dyn_cast<tile::ReduceOp>(op))
      reduces.push_back(reduce);
  StringRef name = phase.dot ? "dot" : phase.columns ? "sweep" : "vectors";
  e.outline(name, [&] {
    int64_t total = llvm::divideCeil(phase.lanesCount, e.lanes);
    int64_t rows = registerTile(total).first, whole = total / rows;
    if (whole > 1)
      e.loop(e.i64(0), e.i64(whole * rows * e.lanes), rows * e.lanes, [&](Value m) { rowBlock(m, rows); });
    else if (whole == 1)
      rowBlock(e.i64(0), rows);
    if (total > whole * rows)
      rowBlock(e.i64(whole * rows * e.lanes), total - whole * rows);
  });
  return success(!failed);
}

//===----------------------------------------------------------------------===//
// Blocks of row vectors
//===----------------------------------------------------------------------===//

void PhaseEmitter::bindCoordinates(Region &region, Value firstKey) {
  auto arguments = region.getArguments().take_back(ir::NumCoordinates);
  auto lanesAt = [&](Value array) {
    Values lanes;
    Value address = e.gep(e.capture(array), e.mul(m, 4));
    for (int64_t v = 0; v < vectors; ++v)
      lanes.push_back(e.load(e.vec(e.getI32Type()), e.gep(address, v * e.lanes * 4), 4));
    return lanes;
  };
  auto scalar = [&](Value value, Interval range) { return Operand::ofScalar(e.capture(value), range); };
  enum { B, H, G, L, Q, K };
  auto used = [&](unsigned i) { return !arguments[i].use_empty(); };
  if (used(B))
    x->bind(arguments[B], scalar(task.b, Interval::size()));
  if (used(G))
    x->bind(arguments[G], scalar(task.g, Interval::size()));
  if (used(L))
    x->bind(arguments[L], scalar(task.layer, Interval::size()));
  if (used(H))
    x->bind(arguments[H],
            task.pack ? Operand::ofLanes(lanesAt(task.heads), Interval::size()) : scalar(task.head, Interval::size()));
  if (used(Q))
    x->bind(arguments[Q], Operand::ofLanes(lanesAt(task.positions), Interval::position()));
  if (used(K) && firstKey && task.keyPositions) {
    x->bind(arguments[K], Operand::ofLanes(lanesAt(task.keyPositions), Interval::position()));
  } else if (used(K) && firstKey) {
    Values lanes;
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<int32_t> steps;
      for (int64_t j = 0; j < e.lanes; ++j)
        steps.push_back(v * e.lanes + j);
      lanes.push_back(e.constant(DenseElementsAttr::get(e.vec(e.getI32Type()), ArrayRef<int32_t>(steps))));
    }
    Operand key = Operand::ofLanes(std::move(lanes), Interval{0, 4095});
    key.scalar = e.add(e.capture(firstKey), m);
    key.scalarRange = Interval::size();
    x->bind(arguments[K], key);
  }
}

void PhaseEmitter::rowBlock(Value rowOffset, int64_t count) {
  m = rowOffset;
  vectors = count;
  known.clear();
  blockAddresses.clear();
  Expressions expressions(e, around, vectors);
  x = &expressions;

  // Row vectors that need no column, and what the columns' regions can have computed before them.
  SmallVector<tile::MapOp> lateMaps;
  for (Operation *op : phase.ops) {
    auto map = dyn_cast<tile::MapOp>(op);
    if (!map)
      continue;
    Region &region = map.getBody();
    bool vector = isVector(map.getResult());
    bindCoordinates(region, vector && map.getKeyRows() && map.getK0() ? keyOf(map) : Value());
    if (vector) {
      if (phase.late.contains(map.getResult()))
        lateMaps.push_back(map);
      else
        vectorMap(map);
      continue;
    }
    SmallVector<Value> later{region.getArguments().back()};
    for (auto [input, argument] : llvm::zip(map.getInputs(), region.getArguments())) {
      if (isVector(input) && !phase.byRows)
        expressions.bind(argument, vectorOperand(input));
      else
        later.push_back(argument);
    }
    expressions.prepare(region, later);
  }
  if (phase.visible) {
    bindCoordinates(*phase.visible, {});
    expressions.prepare(*phase.visible, {phase.visible->getArguments().back()});
  }

  if (phase.columns) {
    if (phase.dot && phase.dot.getRescale())
      vectorOperand(phase.dot.getRescale());
    int64_t step = registerTile(llvm::divideCeil(phase.lanesCount, e.lanes)).second;
    chains = phase.dot ? 1 : step;
    Values inits;
    for (tile::ReduceOp reduce : reduces)
      for (int64_t chain = 0; chain < chains; ++chain) {
        bool isZero = chain && reduce.getKind() == tile::ReduceKind::Sum;
        Operand init = isZero ? Operand::ofScalar(e.f32(0)) : vectorOperand(reduce.getInit());
        inits.append(expressions.lanes().vectorsOf(init, e.getF32Type()));
      }
    int64_t whole = phase.columns / step;
    Values results = inits;
    if (whole > 1)
      results = e.loop(e.i64(0), e.i64(whole * step), step, inits,
                       [&](Value n, ValueRange carried) { return columnBlock(n, step, carried); });
    else if (whole == 1)
      results = columnBlock(e.i64(0), step, inits);
    if (phase.columns > whole * step)
      results = columnBlock(e.i64(whole * step), phase.columns - whole * step, results);
    for (auto [i, reduce] : llvm::enumerate(reduces)) {
      Values sums(ArrayRef<Value>(results).slice(i * chains * vectors, vectors));
      for (int64_t more = vectors; more < chains * vectors; ++more)
        sums[more % vectors] = combine(reduce, sums[more % vectors], results[i * chains * vectors + more]);
      known[reduce.getResult()] = Operand::ofLanes(sums);
    }
  }
  for (tile::MapOp map : lateMaps)
    vectorMap(map);
  // Stores last, so that they may replace what was read.
  for (Operation *op : phase.ops)
    if (isVector(op->getResult(0)))
      if (Place place = phase.places.lookup(op->getResult(0)))
        storeVectors(place, {}, 0, known[op->getResult(0)]);
  failed |= expressions.failed();
}

void PhaseEmitter::vectorMap(tile::MapOp map) {
  Region &region = map.getBody();
  for (auto [input, argument] : llvm::zip(map.getInputs(), region.getArguments()))
    x->bind(argument, vectorOperand(input));
  x->prepare(region, {});
  known[map.getResult()] = x->evaluate(region.front().getTerminator()->getOperand(0));
}

Operand PhaseEmitter::vectorOperand(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  Operand result;
  if (auto it = phase.constants.find(value); it != phase.constants.end())
    result = Operand::ofScalar(e.f32(it->second));
  else
    result = Operand::ofLanes(loadVectors(phase.places.lookup(value), {}, 0));
  known[value] = result;
  return result;
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

/// The address of (row m, column n); n null: of row m.
Value PhaseEmitter::blockAddress(const Place &place, Value n) {
  Value &address = blockAddresses[{place.address, n}];
  if (!address) {
    address = e.gep(e.capture(place.address), e.mul(m, 4));
    if (n)
      address = e.gep(address, e.mul(n, place.ld * 4));
  }
  return address;
}

Values PhaseEmitter::loadVectors(const Place &place, Value n, int64_t j) {
  Values result;
  Value address = blockAddress(place, n);
  for (int64_t v = 0; v < vectors; ++v)
    result.push_back(e.load(e.vecF32(), e.gep(address, (j * place.ld + v * e.lanes) * 4), 4));
  return result;
}

void PhaseEmitter::storeVectors(const Place &place, Value n, int64_t j, const Operand &operand) {
  Value address = blockAddress(place, n);
  for (auto [v, lanes] : llvm::enumerate(x->lanes().vectorsOf(operand, e.getF32Type())))
    e.store(lanes, e.gep(address, (j * place.ld + static_cast<int64_t>(v) * e.lanes) * 4), 4);
}

/// Every second column stores it and the one before.
void PhaseEmitter::storePair(const Place &place, Value n, int64_t j, Value tile) {
  Values lanes = x->lanes().vectorsOf(elements[tile], e.getF32Type());
  if (j % 2 == 0) {
    evens[tile] = std::move(lanes);
    return;
  }
  Value address = e.gep(e.gep(e.capture(place.address), e.mul(m, 4)), e.mul(n, place.ld * 2));
  for (auto [v, even, odd] : llvm::enumerate(evens[tile], lanes))
    e.store(packPairs(e, even, odd), e.gep(address, (j / 2 * place.ld + int64_t(v) * e.lanes) * 4), 4);
}

Operand PhaseEmitter::tileOperand(Value value, Value n, int64_t j) {
  if (auto it = elements.find(value); it != elements.end())
    return it->second;
  Operand result;
  if (auto it = phase.constants.find(value); it != phase.constants.end()) {
    result = Operand::ofScalar(e.f32(it->second));
  } else if (isVector(value) && phase.byRows) { // one element per column
    Value address = e.gep(e.capture(phase.places.lookup(value).address), e.mul(e.add(n, j), 4));
    result = Operand::ofScalar(e.load(e.getF32Type(), address, 4));
  } else if (isVector(value)) {
    return vectorOperand(value);
  } else {
    result = Operand::ofLanes(loadVectors(phase.places.lookup(value), n, j));
  }
  elements[value] = result;
  return result;
}

Values PhaseEmitter::columnBlock(Value n, int64_t count, ValueRange carried) {
  auto outerAddresses = blockAddresses; // what is emitted here is not visible outside
  auto outerKnown = known;
  SmallVector<Values> contracted;
  if (phase.dot)
    contracted = contract(n, count);
  Values reductions(carried);
  for (int64_t j = 0; j < count; ++j)
    column(n, j, contracted, reductions);
  blockAddresses = std::move(outerAddresses);
  known = std::move(outerKnown);
  return reductions;
}

/// A sum or maximum with one more term, which in a maximum does not count if it is NaN.
Value PhaseEmitter::combine(tile::ReduceOp reduce, Value sum, Value term) {
  if (reduce.getKind() == tile::ReduceKind::Sum)
    return e.create<arith::AddFOp>(sum, term);
  return e.select(e.cmpf(arith::CmpFPredicate::OGT, term, sum), term, sum);
}

void PhaseEmitter::column(Value n, int64_t j, SmallVector<Values> &contracted, Values &reductions) {
  elements.clear();
  x->beginColumn();
  LaneArithmetic &lanes = x->lanes();
  // The key of this column, and whether there is one. Padding of a box counts as position 0 where it is not hidden.
  Value keyPositions = task.keyPositions, zero = e.i64(0);
  auto entry = [&] {
    Value address = e.gep(e.capture(keyPositions), e.mul(e.add(n, j), 4));
    return e.create<arith::ExtSIOp>(e.getI64Type(), e.load(e.getI32Type(), address, 4)).getResult();
  };
  auto keyAt = [&](Value first) { return keyPositions ? e.max(entry(), zero) : e.add(e.add(e.capture(first), n), j); };
  Operand visible;
  if (phase.visible) {
    Value key = keyAt(phase.k0);
    x->bindColumn(phase.visible->getArguments().back(), Operand::ofScalar(key, Interval::size()));
    Operand mask = x->evaluate(phase.visible->front().getTerminator()->getOperand(0));
    Value isKey = keyPositions ? e.cmp(arith::CmpIPredicate::sge, entry(), zero) : e.lt(key, e.capture(task.kvLen));
    Operand exists = Operand::ofScalar(isKey);
    visible = lanes.apply({mask, exists}, [&](ValueRange p) { return e.createOrFold<arith::AndIOp>(p[0], p[1]); });
    if (phase.seen) {
      Value address = e.gep(e.gep(e.capture(phase.seen), n), j);
      Value byte = e.create<arith::ExtUIOp>(e.getI8Type(), lanes.any(visible));
      e.store(e.create<arith::OrIOp>(e.load(e.getI8Type(), address), byte), address);
    }
  }
  for (Operation *op : phase.ops) {
    Value result = op->getResult(0);
    if (op == phase.dot) {
      elements[result] = Operand::ofLanes(contracted[j]);
    } else if (auto where = dyn_cast<tile::WhereOp>(op)) {
      Operand other = Operand::ofScalar(e.f32(where.getOther().convertToDouble()));
      elements[result] = lanes.select(visible, tileOperand(where.getTile(), n, j), other);
    } else if (auto map = dyn_cast<tile::MapOp>(op); map && !isVector(result)) {
      Region &region = map.getBody();
      for (auto [input, argument] : llvm::zip(map.getInputs(), region.getArguments()))
        if (!isVector(input) || phase.byRows)
          x->bindColumn(argument, tileOperand(input, n, j));
      Value key = region.getArguments().back();
      if (!key.use_empty())
        x->bindColumn(key, Operand::ofScalar(keyAt(keyOf(map)), Interval::size()));
      elements[result] = x->evaluate(region.front().getTerminator()->getOperand(0));
    } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      size_t first = llvm::find(reduces, reduce) - reduces.begin();
      Values terms = lanes.vectorsOf(tileOperand(reduce.getTile(), n, j), e.getF32Type());
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = reductions[(first * chains + j % chains) * vectors + v];
        sum = combine(reduce, sum, terms[v]);
      }
      continue;
    } else {
      continue; // a row vector
    }
    if (Place place = phase.places.lookup(result))
      storeVectors(place, n, j, elements[result]);
    if (Place place = phase.pairs.lookup(result))
      storePair(place, n, j, result);
  }
}

/// The register tile of the dot: `count` columns of `vectors` vectors.
SmallVector<Values> PhaseEmitter::contract(Value n, int64_t count) {
  tile::DotOp dot = phase.dot;
  Values accumulators;
  for (int64_t j = 0; j < count; ++j) {
    Operand init = dot.getInit() ? (phase.constants.count(dot.getInit())
                                        ? Operand::ofScalar(e.f32(phase.constants.lookup(dot.getInit())))
                                        : Operand::ofLanes(loadVectors(phase.places.lookup(dot.getInit()), n, j)))
                                 : Operand::ofScalar(e.f32(0));
    if (dot.getRescale())
      init = x->lanes().apply({init, vectorOperand(dot.getRescale())},
                              [&](ValueRange p) -> Value { return e.create<arith::MulFOp>(p[0], p[1]); });
    for (Value lanes : x->lanes().vectorsOf(init, e.getF32Type()))
      accumulators.push_back(lanes);
  }

  DotTile tile{dot, phase.a, phase.b, m, n, vectors, count};
  Values results = emitContraction(e, tile, std::move(accumulators));
  SmallVector<Values> columns;
  for (int64_t j = 0; j < count; ++j)
    columns.push_back(Values(ArrayRef<Value>(results).slice(j * vectors, vectors)));
  return columns;
}
