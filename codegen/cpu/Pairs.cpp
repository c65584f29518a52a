//===- Pairs.cpp - Dots of bf16 pairs --------------------------------------===//
#include "codegen/cpu/Pairs.h"

#include "codegen/cpu/Dot.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

bool attn::codegen::cpu::isDotOfPairs(const Emitter &e, tile::DotOp dot) {
  auto inMemory = [](auto load) {
    return load && load.getRope().empty() && load.getView().getType().getElementType().isBF16();
  };
  int64_t depth = shapeOf(dot.getA())[1];
  if (!e.machine.bf16Dots || dot.getTransposeA() || depth % 2 != 0 ||
      !inMemory(dot.getB().getDefiningOp<tile::LoadKeysOp>()))
    return false;
  if (dot.getTransposeB())
    return inMemory(dot.getA().getDefiningOp<tile::LoadOp>()) && !dot.getInit();
  Operation *producer = dot.getA().getDefiningOp(); // stores pairs of columns
  auto map = dyn_cast_or_null<tile::MapOp>(producer);
  return dot.getRoundA() && (isa_and_nonnull<tile::WhereOp>(producer) || (map && !map.getKeyRows()));
}

/// The bf16 view of fp32 lanes.
static VectorType bf16Lanes(Emitter &e) { return VectorType::get({2 * e.lanes}, e.getBF16Type()); }
static Value asBf16(Emitter &e, Value pairs) { return e.create<LLVM::BitcastOp>(bf16Lanes(e), pairs); }

static std::string intrinsicName(Emitter &e, StringRef operation) {
  return ("llvm.x86.avx512bf16." + operation + "." + Twine(32 * e.lanes)).str();
}

Value attn::codegen::cpu::multiplyPairs(Emitter &e, Value a, Value b, Value sum) {
  return e.intrinsic(intrinsicName(e, "dpbf16ps"), e.vecF32(), {sum, asBf16(e, a), asBf16(e, b)});
}

Value attn::codegen::cpu::packPairs(Emitter &e, Value first, Value second) {
  Value halves = e.intrinsic(intrinsicName(e, "cvtne2ps2bf16"), bf16Lanes(e), {second, first}); // first: the low half
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < e.lanes; ++i)
    lanes.append({i, e.lanes + i});
  return e.create<LLVM::BitcastOp>(e.vecF32(), e.create<vector::ShuffleOp>(halves, halves, lanes));
}

void attn::codegen::cpu::emitPairRows(Emitter &e, Value tableAddress, int64_t rows, int64_t next, int64_t columns,
                                      Value block, int64_t ld) {
  e.outline("pair_rows", [&] {
    Value table = e.capture(tableAddress), target = e.capture(block);
    auto type = e.vec(e.getI16Type());
    Value half = e.intOf(e.vec(e.getI32Type()), 16);
    auto row = [&](Value r, int64_t offset) {
      return e.load(e.ptr(), e.gep(e.gep(table, e.mul(r, 8)), offset * 8), 8);
    };
    e.loop(e.i64(0), e.i64(rows), 2, [&](Value r) {
      Value even = row(r, 0), odd = row(r, 1), to = e.gep(target, e.mul(r, ld * 2));
      for (int64_t i = next; next && i < next + 2; ++i)
        e.prefetch(row(r, i), columns * 2);
      auto read = [&](Value from, Value column, int64_t count) -> Value {
        Value bits = e.loadPart(type, e.gep(from, e.mul(column, 2)), count);
        return e.create<arith::ExtUIOp>(e.vec(e.getI32Type()), bits);
      };
      auto chunk = [&](Value column, int64_t count) {
        Value high = e.create<arith::ShLIOp>(read(odd, column, count), half);
        Value pairs = e.create<arith::OrIOp>(read(even, column, count), high);
        e.storePart(pairs, e.gep(to, e.mul(column, 4)), count);
      };
      int64_t whole = columns / e.lanes * e.lanes;
      if (whole)
        e.loop(e.i64(0), e.i64(whole), e.lanes, [&](Value column) { chunk(column, e.lanes); });
      if (columns > whole)
        chunk(e.i64(whole), columns - whole);
    });
  });
}
