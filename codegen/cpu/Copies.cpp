//===- Copies.cpp - Tiles between memory and their layouts -----------------===//
#include "codegen/cpu/Copies.h"

#include "codegen/cpu/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

static int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

static Value shuffle(Emitter &e, Value a, Value b, ArrayRef<int64_t> lanes) {
  return e.create<vector::ShuffleOp>(a, b, lanes);
}

/// Transposes 4 x 4 elements in registers: at step s rows i and i + s exchange the lanes that differ in bit s. (Blocks
/// of `lanes` would be no faster and an order of magnitude more code.)
static void transpose(Emitter &e, Values &rows) {
  for (int64_t s : {1, 2}) {
    SmallVector<int64_t> low, high;
    for (int64_t j = 0; j < 4; ++j) {
      low.push_back(j & s ? 4 + j - s : j);
      high.push_back(j & s ? 4 + j : j + s);
    }
    for (int64_t i = 0; i < 4; ++i) {
      if (i & s)
        continue;
      Value a = rows[i], b = rows[i + s];
      rows[i] = shuffle(e, a, b, low);
      rows[i + s] = shuffle(e, a, b, high);
    }
  }
}

/// Calls `body(column, count)` for chunks of `lanes` columns: a loop and, where they do not divide, a rest.
static void forColumns(Emitter &e, int64_t columns, function_ref<void(Value, int64_t)> body) {
  int64_t whole = columns / e.lanes * e.lanes;
  if (whole)
    e.loop(e.i64(0), e.i64(whole), e.lanes, [&](Value c) { body(c, e.lanes); });
  if (columns > whole)
    body(e.i64(whole), columns - whole);
}

static Value rowAddress(Emitter &e, const RowSource &source, Value row) {
  if (source.table)
    return e.load(e.ptr(), e.gep(source.table, e.mul(row, 8)), 8);
  return e.gep(source.block, e.mul(row, source.ld * 4));
}

static RowSource captureRows(Emitter &e, const RowSource &source) {
  RowSource inner = source;
  inner.table = source.table ? e.capture(source.table) : Value();
  inner.block = source.block ? e.capture(source.block) : Value();
  return inner;
}

//===----------------------------------------------------------------------===//
// Conversion and rotation
//===----------------------------------------------------------------------===//

namespace {

/// A row of a RoPE table: `lanes` cosines or sines from pair i on.
struct Table {
  Value row, stride;
  Type element;

  Table(Emitter &e, Value words, Value position, Type element) : element(element) {
    Value base = e.load(e.ptr(), words, 8);
    Value last = e.max(e.sub(e.word(words, 1), e.i64(1)), e.i64(0));
    Value index = e.max(e.min(position, last), e.i64(0));
    row = e.gep(base, e.mul(index, e.word(words, 3)));
    stride = e.word(words, 4);
  }
  Value load(Emitter &e, Value pair, int64_t count) {
    auto type = e.vec(storageType(e, element));
    Value address = e.gep(row, e.mul(pair, stride));
    Value loaded = e.choose(
        e.eq(stride, e.i64(bytesOf(element))), type, [&] { return e.loadPart(type, address, count); },
        [&] {
          Value lanes = isa<FloatType>(type.getElementType()) ? e.floatOf(type, 0) : e.intOf(type, 0);
          for (int64_t i = 0; i < count; ++i) {
            Value x = e.load(type.getElementType(), e.gep(address, e.mul(stride, i)));
            lanes = e.create<vector::InsertOp>(x, lanes, i);
          }
          return lanes;
        });
    return toF32(e, loaded, element);
  }
};

} // namespace

void attn::codegen::cpu::emitConvertRows(Emitter &e, Value tableAddress, Type element, int64_t rows, int64_t next,
                                         int64_t columns, Value block, int64_t ld, const Rotation *rotation,
                                         Value scale) {
  e.outline("convert_rows", [&] {
    RowSource source{e.capture(tableAddress), {}, 0};
    Value target = e.capture(block);
    Value factor = scale ? e.splat(e.capture(scale)) : Value();
    int64_t size = bytesOf(element);
    auto type = e.vec(storageType(e, element));
    auto scaled = [&](Value x) -> Value { return factor ? e.create<arith::MulFOp>(x, factor) : x; };

    e.loop(e.i64(0), e.i64(rows), 1, [&](Value r) {
      Value from = rowAddress(e, source, r), to = e.gep(target, e.mul(r, ld * 4));
      if (next)
        e.prefetch(rowAddress(e, source, e.add(r, next)), columns * size);
      auto read = [&](Value column, int64_t count) {
        return scaled(toF32(e, e.loadPart(type, e.gep(from, e.mul(column, size)), count), element));
      };
      auto write = [&](Value x, Value column, int64_t count) { e.storePart(x, e.gep(to, e.mul(column, 4)), count); };
      if (!rotation) {
        forColumns(e, columns, [&](Value c, int64_t count) { write(read(c, count), c, count); });
        return;
      }
      Value position;
      if (rotation->positions) {
        Value p = e.load(e.getI32Type(), e.gep(e.capture(rotation->positions), e.mul(r, 4)), 4);
        position = e.create<arith::ExtSIOp>(e.getI64Type(), p);
      } else {
        position = e.add(e.capture(rotation->first), r);
      }
      Table cos(e, e.capture(rotation->cos), position, rotation->element);
      Table sin(e, e.capture(rotation->sin), position, rotation->element);
      int64_t half = columns / 2;
      forColumns(e, half, [&](Value i, int64_t count) {
        // The pair (x, y) is (i, half + i), or (2i, 2i + 1) if interleaved.
        Value c = cos.load(e, i, count), s = sin.load(e, i, count), x, y;
        Value twice = e.mul(i, 2), second = e.add(twice, e.lanes);
        int64_t low = std::min(2 * count, e.lanes), high = 2 * count - low;
        SmallVector<int64_t> even, odd, zipLow, zipHigh;
        for (int64_t j = 0; j < e.lanes; ++j) {
          even.push_back(2 * j);
          odd.push_back(2 * j + 1);
          zipLow.push_back(j / 2 + (j % 2) * e.lanes);
          zipHigh.push_back(e.lanes / 2 + j / 2 + (j % 2) * e.lanes);
        }
        if (rotation->interleaved) {
          Value a = read(twice, low), b = high ? read(second, high) : e.floatOf(e.vecF32(), 0);
          x = shuffle(e, a, b, even);
          y = shuffle(e, a, b, odd);
        } else {
          x = read(i, count);
          y = read(e.add(i, half), count);
        }
        Value minusY = e.create<arith::NegFOp>(y);
        Value u = e.fma(minusY, s, e.create<arith::MulFOp>(x, c));
        Value w = e.fma(x, s, e.create<arith::MulFOp>(y, c));
        if (rotation->interleaved) {
          write(shuffle(e, u, w, zipLow), twice, low);
          if (high)
            write(shuffle(e, u, w, zipHigh), second, high);
        } else {
          write(u, i, count);
          write(w, e.add(i, half), count);
        }
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Transposition
//===----------------------------------------------------------------------===//

// The sizes that differ between the forms of one kernel are parameters, so that the forms share the code.

/// Calls `body` with the first of every 4 rows and the addresses of these rows.
static void forRowsBy4(Emitter &e, const RowSource &rows, Value count, function_ref<void(Value, ValueRange)> body) {
  e.loop(e.i64(0), count, 4, [&](Value r0) {
    Values addresses;
    for (int64_t i = 0; i < 4; ++i)
      addresses.push_back(rowAddress(e, rows, e.add(r0, i)));
    body(r0, addresses);
  });
}

void attn::codegen::cpu::emitRowsToLanes(Emitter &e, RowSource source, int64_t rows, int64_t columns, Value tile,
                                         int64_t ld, Value scale) {
  Value count = e.i64(rows), step = e.i64(ld * 4);
  e.outline("rows_to_lanes", [&] {
    Value to = e.capture(tile), stride = e.parameter(step), factor = scale ? e.parameter(scale) : Value();
    int64_t whole = columns / 4 * 4;
    auto type = VectorType::get({4}, e.getF32Type());
    Value factors = factor ? e.create<vector::SplatOp>(type, factor) : Value();
    auto scaled = [&](Value x, Value by) -> Value { return by ? e.create<arith::MulFOp>(x, by) : x; };
    forRowsBy4(e, captureRows(e, source), e.parameter(count), [&](Value r0, ValueRange addresses) {
      Value target = e.gep(to, e.mul(r0, 4));
      e.loop(e.i64(0), e.i64(whole), 4, [&](Value c) {
        Values block;
        for (Value address : addresses)
          block.push_back(e.load(type, e.gep(address, e.mul(c, 4))));
        transpose(e, block);
        for (int64_t j = 0; j < 4; ++j)
          e.store(scaled(block[j], factors), e.gep(target, e.mul(e.add(c, j), stride)), 4);
      });
      for (int64_t c = whole; c < columns; ++c) {
        Value column = e.gep(target, e.mul(stride, c));
        for (int64_t i = 0; i < 4; ++i) {
          Value x = e.load(e.getF32Type(), e.gep(addresses[i], c * 4));
          e.store(scaled(x, factor), e.gep(column, i * 4), 4);
        }
      }
    });
  });
}

void attn::codegen::cpu::emitLanesToRows(Emitter &e, Value tile, int64_t ld, int64_t rows, int64_t columns,
                                         RowSource target, Type element) {
  Value count = e.i64(rows), step = e.i64(ld * 4);
  e.outline("lanes_to_rows", [&] {
    Value from = e.capture(tile), stride = e.parameter(step);
    int64_t size = bytesOf(element), whole = columns / 4 * 4;
    auto type = VectorType::get({4}, e.getF32Type());
    forRowsBy4(e, captureRows(e, target), e.parameter(count), [&](Value r0, ValueRange addresses) {
      Value source = e.gep(from, e.mul(r0, 4));
      e.loop(e.i64(0), e.i64(whole), 4, [&](Value c) {
        Values block;
        for (int64_t j = 0; j < 4; ++j)
          block.push_back(e.load(type, e.gep(source, e.mul(e.add(c, j), stride)), 4));
        transpose(e, block);
        for (auto [row, address] : llvm::zip_equal(block, addresses))
          e.store(fromF32(e, row, element), e.gep(address, e.mul(c, size)));
      });
      for (int64_t c = whole; c < columns; ++c) {
        Value column = e.gep(source, e.mul(stride, c));
        for (int64_t i = 0; i < 4; ++i) {
          Value x = e.load(e.getF32Type(), e.gep(column, i * 4), 4);
          e.store(fromF32(e, x, element), e.gep(addresses[i], c * size));
        }
      }
    });
  });
}

//===----------------------------------------------------------------------===//
// Vectors and whole tiles
//===----------------------------------------------------------------------===//

void attn::codegen::cpu::emitLoadVector(Emitter &e, Value table, Type element, int64_t rows, Value vector,
                                        Value scale) {
  Value count = e.i64(rows);
  e.outline("load_vector", [&] {
    RowSource from{e.capture(table), {}, 0};
    Value to = e.capture(vector);
    e.loop(e.i64(0), e.parameter(count), 1, [&](Value r) {
      Value x = toF32(e, e.load(storageType(e, element), rowAddress(e, from, r)), element);
      if (scale)
        x = e.create<arith::MulFOp>(x, e.capture(scale));
      e.store(x, e.gep(to, e.mul(r, 4)), 4);
    });
  });
}

void attn::codegen::cpu::emitStoreVector(Emitter &e, Value vector, int64_t rows, Value table, Type element) {
  Value count = e.i64(rows);
  e.outline("store_vector", [&] {
    RowSource to{e.capture(table), {}, 0};
    Value from = e.capture(vector);
    e.loop(e.i64(0), e.parameter(count), 1, [&](Value r) {
      Value x = e.load(e.getF32Type(), e.gep(from, e.mul(r, 4)), 4);
      e.store(fromF32(e, x, element), rowAddress(e, to, r));
    });
  });
}

void attn::codegen::cpu::emitFill(Emitter &e, Value target, int64_t count, double value) {
  Value end = e.i64(count), scalar = e.f32(value);
  e.outline("fill", [&] {
    Value to = e.capture(target);
    Value x = e.create<vector::SplatOp>(VectorType::get({4}, e.getF32Type()), e.parameter(scalar));
    e.loop(e.i64(0), e.parameter(end), 4, [&](Value i) { e.store(x, e.gep(to, e.mul(i, 4)), 4); });
  });
}

void attn::codegen::cpu::emitCopy(Emitter &e, Value target, Value source, int64_t count) {
  Value end = e.i64(count);
  e.outline("copy", [&] {
    Value to = e.capture(target), from = e.capture(source);
    e.loop(e.i64(0), e.parameter(end), 4, [&](Value i) {
      Value offset = e.mul(i, 4);
      auto type = VectorType::get({4}, e.getF32Type());
      e.store(e.load(type, e.gep(from, offset), 4), e.gep(to, offset), 4);
    });
  });
}
