//===- ChannelDot.cpp - Dots of a few rows ---------------------------------===//
#include "codegen/cpu/ChannelDot.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/Math.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen::cpu;

namespace {

/// Emits one outlined function. Vectors have all lanes of the machine, whatever the row tile.
class ChannelEmitter {
public:
  ChannelEmitter(Emitter &e, const DotSource &stream, int64_t rows, int64_t keys, int64_t channels)
      : e(e), wide(e.lanes, e.machine.lanes), source(stream), rows(rows), keys(keys), channels(channels),
        lanes(e.machine.lanes), size(stream.element.getIntOrFloatBitWidth() / 8) {}

  void scores(Place query, Place result);
  void values(Place weights, Place rescale, Place result);

private:
  void enter();
  /// Has the pages of the next tile looked up, all at once: one after the other, as the loads come to them, costs more
  /// time than the data.
  void touchPages();
  /// The address of row `key` of K or V.
  Value rowAddress(Value key);
  /// Asks for what is read one tile and half a tile after `bytes` bytes of a row. The first request is dropped when too
  /// many are under way; the second one costs little. Rows of other places (the end, a ring that wraps) do no harm.
  void prefetch(Value row, int64_t bytes);
  Value load(Value address, int64_t count) {
    return toF32(e, e.loadPart(e.vec(storageType(e, source.element)), address, count), source.element);
  }
  /// Calls `body(channel, vectors, last)` for steps of at most `vectors` vectors, the last of which has `last` lanes.
  void forChannels(int64_t vectors, llvm::function_ref<void(Value, int64_t, int64_t)> body);
  Value sumLanes(Values vectors);
  void scoreBlock(Value key, int64_t count, Place query, Place result);
  void rescaleRows(Value factors, Value sums, int64_t ld);
  void valueBlock(Value channel, int64_t vectors, int64_t last, Place weights, Place result);

  Emitter &e;
  llvm::SaveAndRestore<int64_t> wide;
  DotSource source;
  int64_t rows, keys, channels, lanes, size;
  Value base;   ///< of the table or the block
  Value stride; ///< bytes between rows of the caller's memory
};

} // namespace

//===----------------------------------------------------------------------===//
// Rows of keys and values
//===----------------------------------------------------------------------===//

void ChannelEmitter::enter() {
  base = e.capture(source.table ? source.table : source.place.address);
  if (!source.table)
    return;
  stride = e.capture(source.stride);
  touchPages();
}

void ChannelEmitter::touchPages() {
  constexpr int64_t page = 4096;
  Value apart = e.max(e.max(stride, e.sub(e.i64(0), stride)), e.i64(1));
  Value step = e.max(e.createOrFold<arith::DivSIOp>(e.i64(page), apart), e.i64(1));
  Value first = rowAddress(e.i64(0)), end = e.i64(2 * keys);
  e.whileBelow(e.i64(keys), end, [&](Value key) {
    e.prefetch(e.gep(first, e.mul(key, stride)), 1);
    return e.add(key, step);
  });
}

Value ChannelEmitter::rowAddress(Value key) {
  return source.table ? e.load(e.ptr(), e.gep(base, e.mul(key, 8)), 8) : e.gep(base, e.mul(key, source.place.ld * 4));
}

void ChannelEmitter::prefetch(Value row, int64_t bytes) {
  if (source.table)
    for (int64_t ahead : {keys, keys / 2})
      e.prefetch(e.gep(row, e.mul(stride, ahead)), bytes);
}

void ChannelEmitter::forChannels(int64_t vectors, function_ref<void(Value, int64_t, int64_t)> body) {
  int64_t step = vectors * lanes, whole = channels / step * step, rest = channels - whole;
  if (whole)
    e.loop(e.i64(0), e.i64(whole), step, [&](Value c) { body(c, vectors, lanes); });
  if (rest)
    body(e.i64(whole), llvm::divideCeil(rest, lanes), (rest - 1) % lanes + 1);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Lane i of the result is the sum of the lanes of vector i. At step s, vectors i and i + s become one, in which the
/// lanes with bit s belong to the second.
Value ChannelEmitter::sumLanes(Values vectors) {
  for (int64_t s = lanes / 2; s; s /= 2) {
    SmallVector<int64_t> keep, swap;
    for (int64_t l = 0; l < lanes; ++l) {
      keep.push_back(l & s ? l + lanes : l);
      swap.push_back((l ^ s) + (l & s ? lanes : 0));
    }
    for (int64_t i = 0; i < s; ++i) {
      Value a = vectors[i], b = vectors[i + s];
      vectors[i] = e.create<arith::AddFOp>(e.create<vector::ShuffleOp>(a, b, keep).getResult(),
                                           e.create<vector::ShuffleOp>(a, b, swap).getResult());
    }
  }
  return vectors[0];
}

/// As many keys at a time as make a vector of scores, [key][row].
void ChannelEmitter::scores(Place query, Place result) {
  e.outline("scores", [&] {
    enter();
    int64_t step = std::max<int64_t>(1, lanes / rows), whole = keys / step * step;
    if (whole)
      e.loop(e.i64(0), e.i64(whole), step, [&](Value k) { scoreBlock(k, step, query, result); });
    if (keys > whole)
      scoreBlock(e.i64(whole), keys - whole, query, result);
  });
}

void ChannelEmitter::scoreBlock(Value key, int64_t count, Place query, Place result) {
  Value q = e.capture(query.address);
  Values addresses;
  if (source.table)
    e.loop(key, e.add(key, count), 1, [&](Value k) { prefetch(rowAddress(k), channels * size); });
  for (int64_t j = 0; j < count; ++j)
    addresses.push_back(rowAddress(e.add(key, j)));
  auto step = [&](Value channel, int64_t width, ValueRange sums) {
    Values next(sums), columns;
    for (Value address : addresses)
      columns.push_back(load(e.gep(address, e.mul(channel, size)), width));
    Value left = e.gep(q, e.mul(channel, 4));
    for (int64_t r = 0; r < rows; ++r) {
      Value x = e.loadPart(e.vecF32(), e.gep(left, r * query.ld * 4), width);
      for (int64_t j = 0; j < count; ++j)
        next[j * rows + r] = e.fma(x, columns[j], sums[j * rows + r]);
    }
    return next;
  };
  int64_t whole = channels / lanes * lanes;
  Values sums(count * rows, e.floatOf(e.vecF32(), 0));
  if (whole)
    sums = e.loop(e.i64(0), e.i64(whole), lanes, sums, [&](Value c, ValueRange at) { return step(c, lanes, at); });
  if (channels > whole)
    sums = step(e.i64(whole), channels - whole, sums);

  while (sums.size() % lanes)
    sums.push_back(e.floatOf(e.vecF32(), 0));
  Value target = e.gep(e.capture(result.address), e.mul(key, result.ld * 4));
  for (int64_t first = 0; first < count * rows; first += lanes) {
    Value vector = sumLanes(Values(ArrayRef<Value>(sums).slice(first, lanes)));
    // Rows of one key that lie side by side in the vector.
    int64_t run = rows == result.ld ? std::min(lanes, count * rows - first) : std::min(rows, lanes);
    for (int64_t i = 0; i < lanes && first + i < count * rows; i += run) {
      int64_t j = (first + i) / rows, r = (first + i) % rows;
      Value part = run == lanes ? vector
                                : e.create<vector::ExtractStridedSliceOp>(vector, ArrayRef<int64_t>{i},
                                                                          ArrayRef<int64_t>{run}, ArrayRef<int64_t>{1});
      e.store(part, e.gep(target, (j * result.ld + r) * 4), 4);
    }
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void ChannelEmitter::values(Place weights, Place rescale, Place result) {
  int64_t accumulators = e.machine.registers == 32 ? 16 : 8;
  int64_t vectors = std::clamp<int64_t>(accumulators / rows, 1, 8);
  e.outline("values", [&] {
    enter();
    if (rescale)
      rescaleRows(e.capture(rescale.address), e.capture(result.address), result.ld);
    forChannels(vectors, [&](Value c, int64_t vectors, int64_t last) {
      valueBlock(c, vectors, last, weights, result);
    });
  });
}

/// Multiplies rows by their factors. These are mostly 1: the maximum of a long row seldom changes.
void ChannelEmitter::rescaleRows(Value factors, Value sums, int64_t ld) {
  e.loop(e.i64(0), e.i64(rows), 1, [&](Value r) {
    Value factor = e.load(e.getF32Type(), e.gep(factors, e.mul(r, 4)), 4);
    e.when(e.cmpf(arith::CmpFPredicate::UNE, factor, e.f32(1)), [&] {
      Value row = e.gep(sums, e.mul(r, ld * 4)), x = e.splat(factor);
      forChannels(1, [&](Value c, int64_t, int64_t width) {
        Value address = e.gep(row, e.mul(c, 4));
        e.storePart(e.create<arith::MulFOp>(e.loadPart(e.vecF32(), address, width), x), address, width);
      });
    });
  });
}

void ChannelEmitter::valueBlock(Value channel, int64_t vectors, int64_t last, Place weights, Place result) {
  auto width = [&](int64_t v) { return v + 1 < vectors ? lanes : last; };
  Value sums = e.gep(e.capture(result.address), e.mul(channel, 4)), p = e.capture(weights.address);
  auto sumAddress = [&](int64_t r, int64_t v) { return e.gep(sums, (r * result.ld + v * lanes) * 4); };
  Values accumulators;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      accumulators.push_back(e.loadPart(e.vecF32(), sumAddress(r, v), width(v)));
  accumulators = e.loop(e.i64(0), e.i64(keys), 1, accumulators, [&](Value k, ValueRange carried) {
    Value row = e.gep(rowAddress(k), e.mul(channel, size));
    prefetch(row, ((vectors - 1) * lanes + last) * size);
    Values next(carried), columns;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(load(e.gep(row, v * lanes * size), width(v)));
    Value left = e.gep(p, e.mul(k, weights.ld * 4));
    for (int64_t r = 0; r < rows; ++r) {
      Value x = e.splat(e.load(e.getF32Type(), e.gep(left, r * 4), 4));
      for (int64_t v = 0; v < vectors; ++v)
        next[r * vectors + v] = e.fma(x, columns[v], carried[r * vectors + v]);
    }
    return next;
  });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      e.storePart(accumulators[r * vectors + v], sumAddress(r, v), width(v));
}

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

/// The place of the sums: the accumulator's own where the dot is the last to read it.
static FailureOr<Place> sumsOf(KernelScope &scope, Tiles &tiles, tile::DotOp dot) {
  Value result = dot.getResult(), init = dot.getInit();
  int64_t rows = scope.padded(shapeOf(result)[0]), columns = columnsOf(result);
  Place place;
  if (init && tiles.isDead(init)) {
    auto [block, slots] = tiles.position();
    for (auto [i, slot] : llvm::enumerate(slots))
      if (slot.byRows && init == block->getArgument(i + 1) && block->getTerminator()->getOperand(i) == result)
        place = slot.place;
    if (!place)
      place = tiles.takeOver(init, result, /*byRows=*/true);
    if (place)
      return place;
  }
  place = tiles.allocate(result, columns, rows);
  auto constant = init ? tiles.constantOf(init) : 0.0;
  if (constant) {
    emitFill(scope.e, place.address, place.ld * rows, *constant);
    return place;
  }
  auto source = tiles.rowsOf(init);
  if (failed(source))
    return failure();
  emitCopy(scope.e, place.address, source->address, place.ld * rows);
  return place;
}

LogicalResult attn::codegen::cpu::lowerChannelDot(KernelScope &scope, Tiles &tiles, tile::DotOp dot) {
  Emitter &e = scope.e;
  bool isScores = channelForm(scope.task, dot) == ChannelForm::Scores;
  auto a = tiles.formFor(dot.getAMutable()), b = tiles.formFor(dot.getBMutable());
  if (failed(a) || failed(b))
    return failure();
  Value result = dot.getResult();
  int64_t tileRows = shapeOf(result)[0], keys = shapeOf(dot.getB())[0];
  Place place, rescale;
  if (dot.getRescale()) {
    auto factors = tiles.lanesOf(dot.getRescale());
    if (failed(factors))
      return failure();
    rescale = *factors;
  }
  tiles.markDone(dot);
  if (isScores) {
    place = tiles.allocate(result, tileRows, keys);
  } else {
    auto sums = sumsOf(scope, tiles, dot);
    if (failed(sums))
      return failure();
    place = *sums;
  }
  tiles.bindPlace(result, place, /*byRows=*/!isScores);
  int64_t fewer = 0;
  for (int64_t rows : {1, 4, 8}) {
    if (fewer >= tileRows)
      break;
    Value count = scope.task.rowCount, isMore = e.lt(e.i64(std::exchange(fewer, rows)), count);
    Value fits = e.cmp(arith::CmpIPredicate::sle, count, e.i64(rows));
    e.when(e.createOrFold<arith::AndIOp>(isMore, fits), [&] {
      ChannelEmitter emitter(e, *b, rows, keys, shapeOf(dot.getB())[1]);
      if (isScores)
        emitter.scores(a->place, place);
      else
        emitter.values(a->place, rescale, place);
    });
  }
  tiles.releaseDead();
  return success();
}
