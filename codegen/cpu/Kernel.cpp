//===- Kernel.cpp - Lowers one tile.kernel ---------------------------------===//
#include "codegen/cpu/Kernel.h"

#include "codegen/cpu/Copies.h"
#include "codegen/cpu/Loops.h"
#include "llvm/ADT/TypeSwitch.h"

#include "attn/KernelABI.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

namespace {

/// Walks the operations of a kernel in order.
class KernelLowering {
public:
  KernelLowering(Emitter &e, tile::KernelOp kernel)
      : e(e), kernel(kernel), scope(e, kernel), boxes(scope), tiles(scope), phases(scope, tiles),
        loops(scope, tiles, phases, boxes, [this](Block &b) { return block(b); }) {}
  LogicalResult run();

private:
  void bindArguments(func::FuncOp function);
  void allocateRows();
  LogicalResult block(Block &block);
  LogicalResult operation(Operation &op);
  LogicalResult store(tile::StoreOp op);

  Emitter &e;
  tile::KernelOp kernel;
  KernelScope scope;
  Boxes boxes;
  Tiles tiles;
  PhaseBuilder phases;
  Loops loops;
};

} // namespace

void KernelLowering::bindArguments(func::FuncOp function) {
  scope.task.words = function.getArgument(0);
  scope.task.scratch = function.getArgument(1);
  int64_t word = ATTN_HEADER_WORDS;
  for (BlockArgument argument : kernel.getBody().getArguments().drop_front(tile::NumLeadingArguments)) {
    scope.addresses[argument] = e.gep(scope.task.words, word * 8);
    word += wordCount(argument.getType());
  }
}

/// The rows and bytes that every task of the kernel uses.
void KernelLowering::allocateRows() {
  Task &task = scope.task;
  int64_t longest = 1;
  for (Type type : kernel.getBody().getArgumentTypes())
    if (auto view = dyn_cast<tile::ViewType>(type))
      longest = std::max(longest, view.getDim());
  int64_t rowBytes = scope.padded(longest) * 4;
  task.positions = scope.address(scope.scratch.allocate(scope.padded(task.rowTile) * 4));
  task.heads = scope.address(scope.scratch.allocate(scope.padded(task.rowTile) * 4));
  task.zeroRow = scope.address(scope.scratch.allocate(rowBytes));
  task.dropRow = scope.address(scope.scratch.allocate(rowBytes));
  emitFill(e, task.zeroRow, scope.padded(longest), 0);
  int64_t mostKeys = 1;
  kernel.walk([&](tile::LoadKeysOp load) { mostKeys = std::max(mostKeys, 2 * shapeOf(load.getTile())[0]); });
  if (boxes) {
    task.stored = scope.address(scope.scratch.allocate(scope.padded(task.rowTile)));
    task.keyPositions = scope.address(scope.scratch.allocate(scope.padded(task.keyTile) * 4));
    emitFill(e, task.keyPositions, scope.padded(task.keyTile),
             llvm::bit_cast<float>(int32_t(boxPadding))); // what fills up stays padding
  }
  int64_t bytes = llvm::alignTo(mostKeys, 4 * e.lanes);
  task.everyKey = scope.address(scope.scratch.allocate(bytes));
  emitFill(e, task.everyKey, bytes / 4, llvm::bit_cast<float>(0x01010101));
}

LogicalResult KernelLowering::run() {
  Task &task = scope.task;
  Expressions &scalars = scope.scalars;
  auto schedule = kernel.getSchedule();
  if (schedule.getSplits())
    return kernel.emitError("key splits are not supported by the cpu target");
  task.pack = schedule.getPack();
  task.rowTile = schedule.getRows();
  task.keyTile = schedule.getKeys();
  e.lanes = std::clamp<int64_t>(llvm::PowerOf2Ceil(task.rowTile), 4, e.machine.lanes);

  func::FuncOp function = e.beginKernel(kernel.getSymName(), {e.ptr(), e.ptr(), e.getI64Type(), e.getI64Type()});
  bindArguments(function);
  allocateRows();

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
      Value words = scope.addresses.lookup(argument);
      Value value = e.gep(e.load(e.ptr(), words, 8), e.mul(task.b, e.word(words, 1)));
      scalars.bind(argument, Operand::ofScalar(e.load(argument.getType(), value), Interval::position()));
    }
    tiles.move({&body, {}});
    loops.setRow0(row0);
    if (boxes) {
      task.rowCount = e.i64(task.rowTile);
      e.when(boxes.emitRows(row0), [&] { result = block(body); });
      return;
    }
    if (!scan) {
      emitRowCoordinates(e, task, row0);
      task.rowCount = e.min(e.sub(task.rows, row0), e.i64(task.rowTile));
    }
    result = block(body);
  });
  e.endKernel();
  function->setAttr("attn.scratch", e.getI64IntegerAttr(scope.scratch.bytes()));
  return success(succeeded(result) && !scalars.failed());
}

LogicalResult KernelLowering::block(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(operation(op)))
      return failure();
  return phases.flush();
}

LogicalResult KernelLowering::operation(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<tile::LoadOp, tile::LoadKeysOp>([&](auto load) {
        tiles.bindLoad(load.getTile(), load);
        tiles.markDone(load);
        return success();
      })
      .Case<tile::FillOp>([&](tile::FillOp fill) {
        tiles.bindConstant(fill.getResult(), fill.getValue().convertToDouble());
        tiles.markDone(fill);
        return success();
      })
      .Case<tile::DotOp, tile::MapOp, tile::ReduceOp, tile::WhereOp>([&](auto op) { return phases.add(op); })
      .Case<tile::StoreOp>([&](tile::StoreOp op) { return store(op); })
      .Case<tile::ForKeysOp>([&](tile::ForKeysOp op) { return loops.forKeys(op); })
      .Case<tile::ForRowsOp>([&](tile::ForRowsOp op) { return loops.forRows(op); })
      .Default([&](Operation *op) -> LogicalResult {
        if (op->getNumResults() != 1 || op->getNumRegions() != 0)
          return op->emitError("'") << op->getName() << "' is not supported by the cpu target";
        Value result = op->getResult(0);
        if (isa<tile::ViewType, tile::BufferType>(result.getType())) {
          auto select = dyn_cast<arith::SelectOp>(op);
          if (!select)
            return op->emitError("'") << op->getName() << "' of views is not supported by the cpu target";
          Value condition = scope.scalar(select.getCondition());
          scope.addresses[result] = e.select(condition, scope.addresses.lookup(select.getTrueValue()),
                                             scope.addresses.lookup(select.getFalseValue()));
          return success();
        }
        scope.scalars.evaluate(result);
        return success(!scope.scalars.failed());
      });
}

LogicalResult KernelLowering::store(tile::StoreOp op) {
  if (failed(phases.flush()))
    return failure();
  auto lanes = tiles.lanesOf(op.getTile());
  if (failed(lanes))
    return failure();
  Value view = scope.addresses.lookup(op.getView());
  Value row0 = scope.scalar(op.getRow0());
  Type element = op.getView().getType().getElementType();
  int64_t rows = scope.padded(shapeOf(op.getTile())[0]);
  int64_t block = scope.scratch.allocate(rows * 8);
  Value table = scope.address(block);
  Value base = e.word(view, ATTN_VIEW_BASE);
  e.when(e.ne(base, e.i64(0)), [&] {
    emitQueryRows(e, scope.task, view, row0, shapeOf(op.getTile())[0], table, /*drop=*/true);
    if (shapeOf(op.getTile()).size() == 1)
      emitStoreVector(e, lanes->address, rows, table, element);
    else
      emitLanesToRows(e, lanes->address, lanes->ld, rows, columnsOf(op.getTile()), {table, {}, 0}, element);
  });
  scope.scratch.release(block);
  tiles.markDone(op);
  tiles.releaseDead();
  return success();
}

LogicalResult attn::codegen::cpu::lowerKernel(Emitter &e, tile::KernelOp kernel) {
  return KernelLowering(e, kernel).run();
}
