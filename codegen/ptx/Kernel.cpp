//===- Kernel.cpp - Lowers one tile.kernel ---------------------------------===//
#include "codegen/ptx/Kernel.h"

#include "attn/KernelABI.h"
#include "codegen/ptx/Loops.h"
#include "codegen/ptx/Rotation.h"
#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstddef>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

namespace {

/// Walks the operations of a kernel in order.
class KernelLowering {
public:
  KernelLowering(WarpEmitter &e, tile::KernelOp kernel, func::FuncOp function, const Layout &layout)
      : e(e), kernel(kernel), function(function), scope(e, kernel, layout), tiles(scope),
        loop(scope, tiles, [this](Block &b) { return block(b); }) {}
  LogicalResult run();

private:
  int64_t bindArguments();
  void bindScalars();
  Value emitTask();
  void emitRows();
  LogicalResult block(Block &block);
  LogicalResult operation(Operation &op);
  LogicalResult load(tile::LoadOp op);
  LogicalResult store(tile::StoreOp op);
  Value rowAddress(Rows &rows, Value request, int64_t r);
  LogicalResult unsupported(Operation *op, const Twine &what);

  WarpEmitter &e;
  tile::KernelOp kernel;
  func::FuncOp function;
  KernelScope scope;
  Tiles tiles;
  KeyLoop loop;
};

} // namespace

static int64_t columnsOf(Value tile) {
  auto shape = cast<tile::TileType>(tile.getType()).getShape();
  return shape.size() == 1 ? 0 : shape[1];
}

LogicalResult KernelLowering::unsupported(Operation *op, const Twine &what) {
  return op->emitError("'") << op->getName() << "' " << what << " is not supported by the " << e.machine.name
                            << " target";
}

//===----------------------------------------------------------------------===//
// The task
//===----------------------------------------------------------------------===//

/// Finds the words of every argument; returns how many there are in all.
int64_t KernelLowering::bindArguments() {
  Task &task = scope.task;
  task.words = function.getArgument(0);
  // First: what is emitted behind the address of an argument may use it.
  task.zeroRow = e.load(e.ptr(), e.gep(task.words, ATTN_WORD_ZEROS * 8), 8);
  int64_t word = ATTN_HEADER_WORDS;
  for (BlockArgument argument : kernel.getBody().getArguments().drop_front(tile::NumLeadingArguments)) {
    scope.addresses[argument] = e.gep(task.words, word * 8);
    word += wordCount(argument.getType());
  }
  return word;
}

/// Sets the coordinates of the block's task and returns whether it has a row.
Value KernelLowering::emitTask() {
  Task &task = scope.task;
  auto schedule = kernel.getSchedule();
  task.pack = schedule.getPack();
  task.rowTile = schedule.getRows();
  task.keyTile = schedule.getKeys();
  Value words = task.words;
  Value batch = e.word(words, ATTN_WORD_BATCH);
  task.qHeads = e.word(words, ATTN_WORD_Q_HEADS);
  task.kvHeads = e.word(words, ATTN_WORD_KV_HEADS);
  task.layer = e.word(words, ATTN_WORD_LAYER);
  task.group = e.max(e.createOrFold<arith::DivSIOp>(task.qHeads, e.max(task.kvHeads, e.i64(1))), e.i64(1));
  Value index = e.wide(e.blockIndex());
  Value lanes = e.mul(batch, task.pack ? task.kvHeads : task.qHeads);
  Value tile = e.createOrFold<arith::DivSIOp>(index, lanes);
  emitCoordinates(e, task, e.sub(index, e.mul(tile, lanes)));
  tile = e.sub(e.add(e.word(words, ATTN_WORD_ROW_TILES), -1), tile);
  task.row0 = e.mul(tile, task.rowTile);
  return e.lt(task.row0, task.rows);
}

/// The coordinates of this thread's rows.
void KernelLowering::emitRows() {
  Task &task = scope.task;
  auto position = [&](Value row) {
    return e.add(task.qPos, task.pack ? e.createOrFold<arith::DivSIOp>(row, task.group) : row);
  };
  task.firstQ = position(task.row0);
  task.lastQ = position(e.add(e.min(task.rows, e.add(task.row0, task.rowTile)), -1));
  task.exists.clear(), task.queries.clear(), task.positions.clear(), task.heads.clear();
  for (int64_t r = 0; r < scope.place.layout.threadRows(); ++r) {
    Value row = e.add(task.row0, e.wide(scope.place.row(r)));
    auto [query, head] = queryAndHead(e, task, row);
    task.exists.push_back(e.lt(row, task.rows));
    task.queries.push_back(query);
    task.positions.push_back(e.narrow(e.add(task.qPos, query)));
    task.heads.push_back(e.narrow(head));
  }
}

void KernelLowering::bindScalars() {
  const Task &task = scope.task;
  Block &body = kernel.getBody().front();
  Value coordinates[] = {task.b, task.g, task.layer, task.row0};
  for (auto [argument, value] : llvm::zip(body.getArguments(), coordinates))
    scope.scalars.bind(argument, Operand::ofScalar(value, Interval::size()));
  for (BlockArgument argument : body.getArguments().drop_front(tile::NumLeadingArguments)) {
    if (!isa<IntegerType, FloatType>(argument.getType()))
      continue;
    // A scalar: the address of request 0's value and the stride between requests.
    Value words = scope.addresses.lookup(argument);
    Value value = e.gep(e.load(e.ptr(), words, 8), e.mul(task.b, e.word(words, 1)));
    scope.scalars.bind(argument, Operand::ofScalar(e.load(argument.getType(), value), Interval::position()));
  }
}

LogicalResult KernelLowering::run() {
  auto schedule = kernel.getSchedule();
  if (schedule.getSplits() || schedule.getGrid())
    return kernel.emitError(schedule.getGrid() ? "tiles that are boxes of a grid are" : "key splits are")
           << " not supported by the " << e.machine.name << " target";
  int64_t words = bindArguments();
  LogicalResult result = success();
  e.when(emitTask(), [&] {
    bindScalars();
    emitRows();
    result = block(kernel.getBody().front());
  });
  e.endKernel();
  if (scope.sharedBytes > e.machine.sharedBytes)
    return kernel.emitError("needs ") << scope.sharedBytes << " bytes of shared memory for tiles of "
                                      << schedule.getRows() << " rows and " << schedule.getKeys() << " keys; "
                                      << e.machine.name << " has " << e.machine.sharedBytes;
  function->setAttr(symbolAttr, kernel.getSymNameAttr());
  function->setAttr(threadsAttr, e.getI64IntegerAttr(scope.place.layout.threads()));
  function->setAttr(sharedAttr, e.getI64IntegerAttr(scope.sharedBytes));
  function->setAttr(wordsAttr, e.getI64IntegerAttr(words));
  return success(succeeded(result) && !scope.scalars.failed());
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult KernelLowering::block(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(operation(op)))
      return failure();
  return success();
}

LogicalResult KernelLowering::operation(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](tile::LoadOp op) { return load(op); })
      .Case([&](tile::LoadKeysOp op) { return loop.load(op); })
      .Case([&](tile::FillOp op) {
        tiles.bind(op.getResult(), op.getValue().convertToDouble());
        return success();
      })
      .Case([&](tile::MapOp op) { return tiles.map(op); })
      .Case([&](tile::ReduceOp op) { return tiles.reduce(op); })
      .Case([&](tile::WhereOp op) { return tiles.where(op); })
      .Case([&](tile::DotOp op) { return tiles.dot(op); })
      .Case([&](tile::StoreOp op) { return store(op); })
      .Case([&](tile::ForKeysOp op) {
        LogicalResult result = loop.lower(op);
        e.readThread(); // registers are short in the loop, and what follows is done once
        scope.place = Place(e, scope.place.layout);
        emitRows();
        return result;
      })
      .Default([&](Operation *op) -> LogicalResult {
        if (op->getNumResults() != 1 || op->getNumRegions() != 0)
          return unsupported(op, "here");
        Value result = op->getResult(0);
        if (isa<tile::ViewType, tile::BufferType>(result.getType())) {
          auto select = dyn_cast<arith::SelectOp>(op);
          if (!select)
            return unsupported(op, "of views");
          scope.addresses[result] =
              e.select(scope.scalar(select.getCondition()), scope.addresses.lookup(select.getTrueValue()),
                       scope.addresses.lookup(select.getFalseValue()));
          return success();
        }
        scope.scalars.evaluate(result);
        return success(!scope.scalars.failed());
      });
}

/// The address of thread row r of a query-side view.
Value KernelLowering::rowAddress(Rows &rows, Value request, int64_t r) {
  const Task &task = scope.task;
  Value base = rows.ofHead(request, task.pack ? e.wide(task.heads[r]) : task.head);
  return rows.address(base, rows.slot(task.queries[r]));
}

LogicalResult KernelLowering::load(tile::LoadOp op) {
  auto view = op.getView().getType();
  Type element = view.getElementType();
  const Layout &layout = scope.place.layout;
  int64_t columns = columnsOf(op.getTile());
  bool isFactor = llvm::any_of(op.getTile().getUsers(), [](Operation *user) { return isa<tile::DotOp>(user); });
  SharedTile shared{0, layout.rows, columns};
  if (isFactor)
    shared.offset = scope.allocateShared(shared.bytes());
  Value words = scope.addresses.lookup(op.getView());
  if (isFactor && !op.getScale()) {
    copyQueryRows(e, scope.task, layout, words, scope.task.row0, shared);
    e.commitCopies();
    Operand16 operand{element, shared, e.shared(shared.offset)};
    if (!op.getRope().empty()) {
      e.waitCopies(0);
      e.sync();
      rotateRows(scope, operand, {op.getRope()[0], op.getRope()[1], op.getInterleaved()}, [&](Value row) {
        Value query = queryAndHead(e, scope.task, e.add(scope.task.row0, e.wide(row))).first;
        return e.add(scope.task.qPos, query);
      });
    }
    tiles.bind(op.getTile(), operand);
    return success();
  }
  if (!op.getRope().empty())
    return unsupported(op, "with rope and a scale");
  // To registers, by pairs of columns.
  Rows rows(e, scope.task, words, offsetof(attn_request, q_row));
  Value request = rows.request(scope.task);
  Fragment fragment{layout.threadRows(), {}};
  Values addresses;
  for (int64_t r = 0; r < fragment.rows; ++r)
    addresses.push_back(rowAddress(rows, request, r));
  int64_t size = element.getIntOrFloatBitWidth() / 8;
  Value factor = op.getScale() ? scope.scalar(op.getScale()) : Value();
  for (int64_t c = 0; c < (columns ? layout.threadColumns(columns) : 1); ++c)
    for (int64_t r = 0; r < fragment.rows; ++r) {
      Value at = addresses[r];
      if (columns)
        at = e.gep(at, e.wide(e.times(scope.place.column(c, columns), size)));
      Value x = e.functions.toF32(e, e.load(element, at), element);
      fragment.values.push_back(factor ? e.create<arith::MulFOp>(x, factor).getResult() : x);
    }
  if (!isFactor) {
    tiles.bind(op.getTile(), std::move(fragment));
    return success();
  }
  Operand16 operand{element, shared, e.shared(shared.offset)};
  storeFragment(e, scope.place, fragment, operand);
  tiles.bind(op.getTile(), operand); // the loop over keys synchronises before it is read
  return success();
}

LogicalResult KernelLowering::store(tile::StoreOp op) {
  Type element = op.getView().getType().getElementType();
  Value words = scope.addresses.lookup(op.getView());
  Fragment fragment = tiles.fragmentOf(op.getTile());
  int64_t columns = columnsOf(op.getTile());
  const Task &task = scope.task;
  Value isWanted = e.ne(e.word(words, ATTN_VIEW_BASE), e.i64(0));
  if (!columns) { // one of the threads that hold a row
    isWanted = e.both(isWanted, e.eq(scope.place.firstColumn, e.i32(0)));
    isWanted = e.both(isWanted, e.eq(scope.place.warpColumn, e.i32(0)));
  }
  e.when(isWanted, [&] {
    Rows rows(e, task, words, offsetof(attn_request, q_row));
    Value request = rows.request(task);
    for (int64_t r = 0; r < fragment.rows; ++r) {
      e.when(task.exists[r], [&] {
        Value address = rowAddress(rows, request, r);
        if (!columns)
          return e.store(fragment.at(r, 0), address);
        int64_t size = element.getIntOrFloatBitWidth() / 8;
        address = e.gep(address, e.wide(e.times(scope.place.column(0, columns), size)));
        for (int64_t c = 0; c < fragment.columns(); c += 2) {
          Value at = e.gep(address, 8 * (c / 2) * size);
          if (element.isF32()) {
            e.store(fragment.at(r, c), at);
            e.store(fragment.at(r, c + 1), e.gep(at, 4));
          } else {
            e.store(e.pack(element, fragment.at(r, c), fragment.at(r, c + 1)), at);
          }
        }
      });
    }
  });
  return success();
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

/// How the warps of a block share the tiles of a kernel: by rows; where there are few, by columns.
static FailureOr<Layout> layoutOf(tile::KernelOp kernel) {
  auto schedule = kernel.getSchedule();
  int64_t rows = schedule.getRows();
  if (rows % 16)
    return kernel.emitError("row tiles of ") << rows << " rows: expected a multiple of 16";
  Layout layout{rows, 1, 1};
  while (layout.warpRows < 4 && rows / 16 % (2 * layout.warpRows) == 0)
    layout.warpRows *= 2;
  // Columns of scores and outputs go to warps in multiples of 16.
  auto divides = [&](int64_t warps) {
    bool fits = schedule.getKeys() % (16 * warps) == 0;
    kernel.walk([&](tile::DotOp dot) { fits &= columnsOf(dot.getResult()) % (16 * warps) == 0; });
    return fits;
  };
  bool hasProducts = false;
  WalkResult walk = kernel.walk([&](tile::DotOp dot) {
    hasProducts = true;
    for (Value tile : {dot.getA(), dot.getB(), dot.getResult()})
      for (int64_t size : cast<tile::TileType>(tile.getType()).getShape())
        if (size % 16) {
          dot.emitError("a dimension of ") << size << ": expected a multiple of 16";
          return WalkResult::interrupt();
        }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  while (hasProducts && layout.warps() < 4 && divides(2 * layout.warpColumns))
    layout.warpColumns *= 2;
  return layout;
}

/// Matrix units take 16-bit elements.
static LogicalResult checkElements(tile::KernelOp kernel, const tile::Machine &machine) {
  WalkResult walk = kernel.walk([&](tile::LoadKeysOp load) {
    Type element = load.getView().getType().getElementType();
    if (element.isF16() || element.isBF16())
      return WalkResult::advance();
    load.emitError("'tile.load_keys' of ")
        << element << " is not supported by the " << machine.name << " target: expected f16 or bf16";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult ptx::lowerKernel(WarpEmitter &e, tile::KernelOp kernel) {
  if (failed(checkElements(kernel, e.machine)))
    return failure();
  FailureOr<Layout> layout = layoutOf(kernel);
  if (failed(layout))
    return failure();
  std::string entry = kernel.getSymName().str();
  std::replace(entry.begin(), entry.end(), '.', '$');
  func::FuncOp function = e.beginKernel(entry);
  return KernelLowering(e, kernel, function, *layout).run();
}
