//===- Hopper.cpp - Products by wgmma --------------------------------------===//
//
// A warpgroup, four warps, multiplies 64 rows. Its operands in shared memory are named by descriptors: the address and
// two strides, in units of 16 bytes. All are in the 128-byte swizzle:
//   queries, keys   a row has its k in order; 16 of them are 32 bytes within a panel
//   values          rows are k; the first stride is that of the panels; 16 rows are 2048 bytes
// The second stride, 1024 bytes, is that of blocks of eight rows. A product is one text of assembly, so that nothing
// comes between its steps, and its accumulators go through the text that waits for it: they have no value before.
//===----------------------------------------------------------------------===//
#include "codegen/ptx/Tiles.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

static constexpr int64_t groupRows = 64, maxColumns = 256;

namespace {

class Hopper : public MatrixUnit {
public:
  Arrangement arrangement() const override { return Arrangement::Swizzled; }
  Layout layout(tile::KernelOp kernel) const override {
    int64_t rows = kernel.getSchedule().getRows();
    return {rows, rows / 16, 1};
  }
  bool fillsMultiprocessor() const override { return true; }
  void publish(WarpEmitter &e) const override { e.assembly("fence.proxy.async.shared::cta;", {}, {}, {}); }
  Fragment multiplyTransposed(KernelScope &scope, const Operand16 &a, const Operand16 &b) const override;
  Fragment multiply(KernelScope &scope, const Fragment &a, const Operand16 &b, const Fragment &init) const override;
};

/// The text of one product and what it refers to.
class Product {
public:
  /// `columns` of the result; with `init`, they are added to it.
  Product(WarpEmitter &e, Type element, int64_t columns, const Fragment &init)
      : e(e), accumulates(!init.values.empty()) {
    std::string count = std::to_string(columns), type = element.isBF16() ? "bf16" : "f16";
    instruction = "wgmma.mma_async.sync.aligned.m64n" + count + "k16.f32." + type + "." + type + " ";
    results.assign(columns / 2, e.getF32Type());
    accumulators = list(0, results.size());
    first = results.size();
    for (size_t i = 0; i < results.size(); ++i)
      constraints.push_back("=f");
    for (size_t i = 0; i < results.size() && accumulates; ++i)
      add(init.values[position(i)], std::to_string(i));
  }

  /// An operand's number.
  size_t add(Value operand, StringRef constraint) {
    operands.push_back(operand);
    constraints.push_back(constraint.str());
    return first + operands.size() - 1;
  }
  /// A step: `a` is registers or a descriptor, `b` a descriptor; `flags` of scales and transpositions.
  void step(const std::string &setup, const std::string &a, StringRef flags) {
    bool adds = started || accumulates;
    text +=
        setup + instruction + accumulators + ", " + a + ", b, " + (adds ? "add" : "set") + ", " + flags.str() + ";\n";
    started = true;
  }
  Fragment finish();

  static std::string list(size_t from, size_t count) {
    std::string text = "{";
    for (size_t i = from; i < from + count; ++i)
      text += (i == from ? "$" : ", $") + std::to_string(i);
    return text + "}";
  }

private:
  /// Of accumulator i in the values of a fragment of two rows.
  static size_t position(size_t i) { return 2 * (2 * (i / 4) + i % 2) + i / 2 % 2; }

  WarpEmitter &e;
  const bool accumulates;
  std::string instruction, accumulators, text;
  SmallVector<Type> results;
  SmallVector<std::string> constraints;
  Values operands;
  size_t first = 0;
  bool started = false;
};

/// Issues the product and waits for it.
Fragment Product::finish() {
  std::string whole = "{\n.reg .b64 a, b;\n.reg .pred add, set;\nsetp.eq.b32 add, 0, 0;\nsetp.ne.b32 set, 0, 0;\n"
                      "wgmma.fence.sync.aligned;\n" +
                      text + "wgmma.commit_group.sync.aligned;\n}";
  Values sums = e.assembly(whole, results, constraints, operands);
  SmallVector<std::string> same(sums.size(), "=f");
  for (size_t i = 0; i < sums.size(); ++i)
    same.push_back(std::to_string(i));
  sums = e.assembly("wgmma.wait_group.sync.aligned 0;", results, same, sums);
  Fragment result{2, Values(sums.size())};
  for (size_t i = 0; i < sums.size(); ++i)
    result.values[position(i)] = sums[i];
  return result;
}

/// The descriptor of a tile, i64.
Value descriptor(WarpEmitter &e, const Operand16 &operand) {
  Value address = e.create<LLVM::PtrToIntOp>(e.getI64Type(), operand.address);
  int64_t strides = operand.tile.panelBytes() / 16 << 16 | int64_t(1024 / 16) << 32, swizzle = int64_t(1) << 62;
  return e.createOrFold<arith::OrIOp>(e.shiftRight(e.bits(address, 0x3ffff), 4), e.i64(strides | swizzle));
}

/// "add.s64 b, $7, 128;": the descriptor `bytes` bytes after operand number `base`.
std::string advance(StringRef to, size_t base, int64_t bytes) {
  return "add.s64 " + to.str() + ", $" + std::to_string(base) + ", " + std::to_string(bytes / 16) + ";\n";
}

/// Bytes before columns 16 `step` .. in a tile whose rows have their k in order.
int64_t alongRow(const SharedTile &tile, int64_t step) { return step / 4 * tile.panelBytes() + step % 4 * 32; }

} // namespace

std::unique_ptr<MatrixUnit> ptx::hopper() { return std::make_unique<Hopper>(); }

bool ptx::hopperTakes(tile::KernelOp kernel) {
  auto schedule = kernel.getSchedule();
  bool hasProducts = false, fits = schedule.getRows() % groupRows == 0;
  kernel.walk([&](tile::DotOp dot) {
    hasProducts = true;
    fits &= cast<tile::TileType>(dot.getResult().getType()).getShape()[1] <= maxColumns;
  });
  return hasProducts && fits;
}

Fragment Hopper::multiplyTransposed(KernelScope &scope, const Operand16 &a, const Operand16 &b) const {
  WarpEmitter &e = scope.e;
  Value group = e.ofFirstLane(e.shiftRight(e.warp, 2));
  Value rows = e.wide(e.times(group, groupRows * a.tile.rowBytes() / 16));
  Product product(e, b.element, b.tile.rows, Fragment{});
  size_t left = product.add(e.add(descriptor(e, a), rows), "l"), right = product.add(descriptor(e, b), "l");
  for (int64_t step = 0; step < a.tile.columns / 16; ++step)
    product.step(advance("a", left, alongRow(a.tile, step)) + advance("b", right, alongRow(b.tile, step)), "a",
                 "1, 1, 0, 0");
  return product.finish();
}

Fragment Hopper::multiply(KernelScope &scope, const Fragment &a, const Operand16 &b, const Fragment &init) const {
  WarpEmitter &e = scope.e;
  Product product(e, b.element, b.tile.columns, init);
  size_t right = product.add(descriptor(e, b), "l");
  for (int64_t step = 0; step < b.tile.rows / 16; ++step) {
    Values pairs = packLeft(e, b.element, a, 0, step);
    size_t left = product.add(pairs[0], "r");
    for (Value pair : llvm::drop_begin(pairs))
      product.add(pair, "r");
    product.step(advance("b", right, step * 16 * b.tile.rowBytes()), Product::list(left, pairs.size()), "1, 1, 1");
  }
  return product.finish();
}
