//===- ChannelDot.cpp - Dots of a few rows ---------------------------------===//
#include "codegen/cpu/ChannelDot.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/Math.h"
#include "codegen/cpu/Pairs.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

namespace {

/// Emits one outlined function. Vectors have all lanes of the machine, whatever the row tile.
class ChannelEmitter {
public:
  ChannelEmitter(Emitter &e, const DotSource &source, int64_t rows, int64_t keys, int64_t channels, bool pairs)
      : e(e), wide(e.lanes, e.machine.lanes), source(source), rows(rows), keys(keys), channels(channels), pairs(pairs),
        lanes(e.machine.lanes), element(source.element ? source.element : e.getF32Type()),
        size(element.getIntOrFloatBitWidth() / 8) {}

  void scores(const DotSource &query, Place result);
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
    return toF32(e, e.loadPart(e.vec(storageType(e, element)), address, count), element);
  }
  Value multiply(Value a, Value b, Value sum) { return pairs ? multiplyPairs(e, a, b, sum) : e.fma(a, b, sum); }
  /// Calls `body(channel, count)` for steps of at most `step` channels.
  void forChannels(int64_t step, llvm::function_ref<void(Value, int64_t)> body);
  Value sumLanes(Values vectors);
  void scoreBlock(Value key, int64_t count, const DotSource &query, Place result);
  void rescaleRows(Value factors, Value sums, int64_t ld);
  void valueBlock(Value channel, int64_t count, Place weights, Place result);
  /// `count` channels of one row of V, or the pairs of two rows with the channels in the order of `interleave`.
  Values valueVectors(Value key, Value channel, int64_t count);
  Values interleave(Values vectors, bool back);

  Emitter &e;
  llvm::SaveAndRestore<int64_t> wide;
  DotSource source;
  int64_t rows, keys, channels;
  bool pairs; ///< multiplies pairs of bf16: of channels in scores, of keys in values
  int64_t lanes;
  Type element;
  int64_t size;
  Value base;   ///< of the table or the block
  Value stride; ///< bytes between rows that are to be prefetched, or null
};

} // namespace

//===----------------------------------------------------------------------===//
// Rows of keys and values
//===----------------------------------------------------------------------===//

void ChannelEmitter::enter() {
  base = e.capture(source.table ? source.table : source.place.address);
  if (!source.stride)
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
  if (stride)
    for (int64_t ahead : {keys, keys / 2})
      e.prefetch(e.gep(row, e.mul(stride, ahead)), bytes);
}

void ChannelEmitter::forChannels(int64_t step, function_ref<void(Value, int64_t)> body) {
  int64_t whole = channels / step * step;
  if (whole)
    e.loop(e.i64(0), e.i64(whole), step, [&](Value c) { body(c, step); });
  if (channels > whole)
    body(e.i64(whole), channels - whole);
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
void ChannelEmitter::scores(const DotSource &query, Place result) {
  e.outline("scores", [&] {
    enter();
    int64_t step = std::max<int64_t>(1, lanes / rows), whole = keys / step * step;
    if (whole)
      e.loop(e.i64(0), e.i64(whole), step, [&](Value k) { scoreBlock(k, step, query, result); });
    if (keys > whole)
      scoreBlock(e.i64(whole), keys - whole, query, result);
  });
}

void ChannelEmitter::scoreBlock(Value key, int64_t count, const DotSource &query, Place result) {
  // A row of bf16 is a row of pairs as it stands.
  int64_t columns = pairs ? channels / 2 : channels, columnSize = pairs ? 4 : size;
  Value q = e.capture(query.place.address);
  Values addresses;
  if (stride)
    e.loop(key, e.add(key, count), 1, [&](Value k) { prefetch(rowAddress(k), channels * size); });
  for (int64_t j = 0; j < count; ++j)
    addresses.push_back(rowAddress(e.add(key, j)));
  // Rows are read one after the other, as far as the registers go, so that they are few streams to the machine.
  int64_t span = std::clamp<int64_t>(e.machine.registers / 4 / rows, 1, 8) * lanes;
  auto step = [&](Value column, int64_t width, ValueRange sums) {
    Values next(sums), left;
    auto forVectors = [&](llvm::function_ref<void(int64_t, int64_t)> body) {
      for (int64_t c = 0; c < width; c += lanes)
        body(c, std::min(lanes, width - c));
    };
    Value leftAt = e.gep(q, e.mul(column, 4));
    forVectors([&](int64_t c, int64_t part) {
      for (int64_t r = 0; r < rows; ++r)
        left.push_back(e.loadPart(e.vecF32(), e.gep(leftAt, (r * query.place.ld + c) * 4), part));
    });
    for (int64_t j = 0; j < count; ++j) {
      Value rightAt = e.gep(addresses[j], e.mul(column, columnSize));
      forVectors([&](int64_t c, int64_t part) {
        Value at = e.gep(rightAt, c * columnSize), right = pairs ? e.loadPart(e.vecF32(), at, part) : load(at, part);
        for (int64_t r = 0; r < rows; ++r) {
          Value &sum = next[j * rows + r];
          sum = multiply(left[c / lanes * rows + r], right, sum);
        }
      });
    }
    return next;
  };
  int64_t whole = columns / span * span;
  Values sums(count * rows, e.floatOf(e.vecF32(), 0));
  if (whole > span)
    sums = e.loop(e.i64(0), e.i64(whole), span, sums, [&](Value c, ValueRange at) { return step(c, span, at); });
  else if (whole)
    sums = step(e.i64(0), span, sums);
  if (columns > whole)
    sums = step(e.i64(whole), columns - whole, sums);

  while (sums.size() % lanes)
    sums.push_back(e.floatOf(e.vecF32(), 0));
  Value target = e.gep(e.capture(result.address), e.mul(key, result.ld * 4));
  for (int64_t first = 0; first < count * rows; first += lanes) {
    Value vector = sumLanes(Values(ArrayRef<Value>(sums).slice(first, lanes)));
    if (query.scale)
      vector = e.create<arith::MulFOp>(vector, e.splat(e.capture(query.scale)));
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
    forChannels(vectors * lanes, [&](Value c, int64_t count) { valueBlock(c, count, weights, result); });
  });
}

/// Multiplies rows by their factors. These are mostly 1: the maximum of a long row seldom changes.
void ChannelEmitter::rescaleRows(Value factors, Value sums, int64_t ld) {
  e.loop(e.i64(0), e.i64(rows), 1, [&](Value r) {
    Value factor = e.load(e.getF32Type(), e.gep(factors, e.mul(r, 4)), 4);
    e.when(e.cmpf(arith::CmpFPredicate::UNE, factor, e.f32(1)), [&] {
      Value row = e.gep(sums, e.mul(r, ld * 4)), x = e.splat(factor);
      forChannels(lanes, [&](Value c, int64_t width) {
        Value address = e.gep(row, e.mul(c, 4));
        e.storePart(e.create<arith::MulFOp>(e.loadPart(e.vecF32(), address, width), x), address, width);
      });
    });
  });
}

/// Every two vectors become the one with the even and the one with the odd blocks of 128 bits of both, or back: the
/// order in which two rows of 16-bit elements interleave to pairs with one instruction each.
Values ChannelEmitter::interleave(Values vectors, bool back) {
  constexpr int64_t block = 4;
  for (size_t v = 0; v < vectors.size(); v += 2) {
    Value both[] = {vectors[v], vectors[v + 1]};
    for (int64_t half : {0, 1}) {
      SmallVector<int64_t> from;
      for (int64_t l = 0; l < lanes; ++l) {
        int64_t i = half * lanes / block + l / block; // block of the result
        int64_t source = back ? (i % 2) * lanes / block + i / 2 : 2 * (l / block) + half;
        from.push_back(source * block + l % block);
      }
      vectors[v + half] = e.create<vector::ShuffleOp>(both[0], both[1], from);
    }
  }
  return vectors;
}

Values ChannelEmitter::valueVectors(Value key, Value channel, int64_t count) {
  auto address = [&](int64_t j) {
    Value row = e.gep(rowAddress(e.add(key, j)), e.mul(channel, size));
    prefetch(row, count * size);
    return row;
  };
  Values vectors;
  Value first = address(0);
  if (!pairs) {
    for (int64_t c = 0; c < count; c += lanes)
      vectors.push_back(load(e.gep(first, c * size), std::min(lanes, count - c)));
    return vectors;
  }
  Value second = address(1);
  auto type = VectorType::get({2 * lanes}, e.getI16Type());
  for (int64_t c = 0; c < count; c += 2 * lanes) {
    int64_t width = std::min(2 * lanes, count - c);
    Value a = e.loadPart(type, e.gep(first, c * size), width), b = e.loadPart(type, e.gep(second, c * size), width);
    for (int64_t half : {0, 4}) {
      SmallVector<int64_t> zip;
      for (int64_t l = 0; l < lanes; ++l) {
        int64_t element = l / 4 * 8 + half + l % 4;
        zip.append({element, 2 * lanes + element});
      }
      vectors.push_back(e.create<LLVM::BitcastOp>(e.vecF32(), e.create<vector::ShuffleOp>(a, b, zip)));
    }
  }
  return vectors;
}

void ChannelEmitter::valueBlock(Value channel, int64_t count, Place weights, Place result) {
  int64_t vectors = llvm::alignTo(llvm::divideCeil(count, lanes), pairs ? 2 : 1), step = pairs ? 2 : 1;
  auto width = [&](int64_t v) { return std::clamp<int64_t>(count - v * lanes, 0, lanes); };
  Value sums = e.gep(e.capture(result.address), e.mul(channel, 4)), p = e.capture(weights.address);
  auto sumAddress = [&](int64_t r, int64_t v) { return e.gep(sums, (r * result.ld + v * lanes) * 4); };
  Values accumulators;
  for (int64_t r = 0; r < rows; ++r) {
    Values row;
    for (int64_t v = 0; v < vectors; ++v)
      row.push_back(width(v) ? e.loadPart(e.vecF32(), sumAddress(r, v), width(v)) : e.floatOf(e.vecF32(), 0));
    accumulators.append(pairs ? interleave(row, /*back=*/false) : row);
  }
  accumulators = e.loop(e.i64(0), e.i64(keys), step, accumulators, [&](Value k, ValueRange carried) {
    Values next, right = valueVectors(k, channel, count);
    Value left = e.gep(p, e.mul(k, weights.ld * 4 / step));
    for (int64_t r = 0; r < rows; ++r) {
      Value x = e.splat(e.load(e.getF32Type(), e.gep(left, r * 4), 4));
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(multiply(x, right[v], carried[r * vectors + v]));
    }
    return next;
  });
  for (int64_t r = 0; r < rows; ++r) {
    Values row(ArrayRef<Value>(accumulators).slice(r * vectors, vectors));
    if (pairs)
      row = interleave(row, /*back=*/true);
    for (int64_t v = 0; v < vectors && width(v); ++v)
      e.storePart(row[v], sumAddress(r, v), width(v));
  }
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
      ChannelEmitter emitter(e, *b, rows, keys, shapeOf(dot.getB())[1], isDotOfPairs(e, dot));
      if (isScores)
        emitter.scores(*a, place);
      else
        emitter.values(a->place, rescale, place);
    });
  }
  tiles.releaseDead();
  return success();
}
