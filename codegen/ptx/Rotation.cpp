//===- Rotation.cpp - RoPE on tiles in shared memory -----------------------===//
//
// A thread takes 8 channels and the 8 that they are paired with (interleaved: 8 channels, which are 4 pairs).
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Rotation.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

namespace {

struct Rotator {
  KernelScope &scope;
  const Operand16 &tile;
  const Rotation &rotation;
  WarpEmitter &e = scope.e;

  /// The 8 elements at `address`, as fp32.
  Values load(Value address) {
    Value all = e.load(VectorType::get({4}, e.getI32Type()), address, 16);
    Values elements;
    for (int64_t i = 0; i < 4; ++i) {
      Value pair = e.create<LLVM::ExtractElementOp>(all, e.i32(i));
      for (int64_t half = 0; half < 2; ++half) {
        Value bits = e.createOrFold<arith::TruncIOp>(e.getI16Type(), e.shiftRight(pair, 16 * half));
        Value x = e.create<LLVM::BitcastOp>(tile.element, bits);
        elements.push_back(e.create<arith::ExtFOp>(e.getF32Type(), x));
      }
    }
    return elements;
  }
  void store(ValueRange elements, Value address) {
    for (int64_t i = 0; i < 8; i += 2)
      e.store(e.pack(tile.element, elements[i], elements[i + 1]), e.gep(address, 2 * i), 4);
  }
  /// x cos - y sin, x sin + y cos
  std::pair<Value, Value> rotate(Value x, Value y, Value position, Value pair) {
    auto table = [&](Value buffer) {
      return scope.scalars
          .element(buffer, {Operand::ofScalar(position, Interval::position()),
                            Operand::ofScalar(e.wide(pair), Interval::size())})
          .scalar;
    };
    Value cos = table(rotation.cos), sin = table(rotation.sin);
    auto times = [&](Value a, Value b) { return e.create<arith::MulFOp>(a, b).getResult(); };
    return {e.create<arith::SubFOp>(times(x, cos), times(y, sin)),
            e.create<arith::AddFOp>(times(x, sin), times(y, cos))};
  }
};

} // namespace

void ptx::rotateRows(KernelScope &scope, const Operand16 &tile, const Rotation &rotation,
                     function_ref<Value(Value row)> position) {
  WarpEmitter &e = scope.e;
  Rotator rotator{scope, tile, rotation};
  SharedTile share = tile.tile; // pieces of which each falls to one thread
  if (!rotation.interleaved)
    share.columns /= 2;
  forEachPiece(e, scope.place.layout, share, /*unroll=*/false, [&](Value row, Value column) {
    Value at = position(row), address = pieceAddress(e, tile.tile, tile.address, row, column);
    if (rotation.interleaved) {
      Values x = rotator.load(address);
      for (int64_t i = 0; i < 8; i += 2)
        std::tie(x[i], x[i + 1]) = rotator.rotate(x[i], x[i + 1], at, e.plus(e.times(column, 4), i / 2));
      return rotator.store(x, address);
    }
    Value other = pieceAddress(e, tile.tile, tile.address, row, e.plus(column, share.columns / 8));
    Values x = rotator.load(address), y = rotator.load(other);
    for (int64_t i = 0; i < 8; ++i)
      std::tie(x[i], y[i]) = rotator.rotate(x[i], y[i], at, e.plus(e.times(column, 8), i));
    rotator.store(x, address);
    rotator.store(y, other);
  });
  e.sync();
}
