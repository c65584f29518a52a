//===- TileVerify.cpp - Verifiers of the tile dialect ----------------------===//
//
// Only verification. The labels C1.. are those of the descriptions in TileOps.td; each has a
// negative test in test/dialect/tile-invalid.mlir. A message is "rule: expected X, got Y".
//===----------------------------------------------------------------------===//
#include "dialect/tile/TileDialect.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::tile;

//===----------------------------------------------------------------------===//
// Shared rules
//===----------------------------------------------------------------------===//

static constexpr unsigned coordinateCount = 6; // b, h, g, l, q, k

static bool isF32(TileType tile) { return tile.getElementType().isF32(); }
static bool isFloat(TileType tile) { return isa<FloatType>(tile.getElementType()); }
static bool isVectorOf(TileType tile, int64_t rows) {
  return tile.getShape().size() == 1 && tile.getShape()[0] == rows;
}

/// `leading`, then the six coordinates.
static SmallVector<Type> withCoordinates(MLIRContext *context, ArrayRef<Type> leading) {
  SmallVector<Type> types(leading);
  types.append(coordinateCount, IntegerType::get(context, 64));
  return types;
}

/// One block that takes `arguments` and yields `results`.
static LogicalResult verifyRegion(Operation *op, StringRef name, Region &region, TypeRange arguments,
                                  TypeRange results) {
  if (!region.hasOneBlock())
    return op->emitOpError(name) << ": expected one block, got " << region.getBlocks().size();
  if (region.getArgumentTypes() != arguments)
    return op->emitOpError(name) << ": expected block arguments (" << arguments << "), got ("
                                 << region.getArgumentTypes() << ")";
  Block &block = region.front();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError(name) << ": expected tile.yield at the end";
  if (yield.getOperandTypes() != results)
    return op->emitOpError(name) << ": expected to yield (" << results << "), got (" << yield.getOperandTypes() << ")";
  return success();
}

/// The tile is what rows of `view` are: its dimension as columns, one element a row for a scalar
/// view.
static LogicalResult verifyRows(Operation *op, TileType tile, ViewType view, Type element) {
  ArrayRef<int64_t> shape = tile.getShape();
  int64_t columns = shape.size() == 2 ? shape[1] : 0; // 0 stands for a row vector, in views too
  if (columns == view.getDim() && tile.getElementType() == element)
    return success();
  auto diagnostic = op->emitOpError("tile: expected ");
  if (view.getDim())
    diagnostic << view.getDim() << " columns of ";
  else
    diagnostic << "a row vector of ";
  return diagnostic << element << ", got " << tile;
}

/// The innermost tile.for_keys whose partial region holds `op`, or null.
static ForKeysOp partialLoop(Operation *op) {
  for (Region *region = op->getParentRegion(); region; region = region->getParentRegion())
    if (auto loop = dyn_cast<ForKeysOp>(region->getParentOp()))
      return region == &loop.getPartial() ? loop : ForKeysOp();
  return {};
}

static LogicalResult verifySeen(Operation *op, bool seen) {
  if (seen && !partialLoop(op))
    return op->emitOpError("seen: expected the partial region of a tile.for_keys around the operation");
  return success();
}

/// No tables, or cos and sin.
static LogicalResult verifyRope(Operation *op, OperandRange tables) {
  auto isTable = [](Type type) {
    return cast<BufferType>(type).getRank() == 2 && isa<FloatType>(cast<BufferType>(type).getElementType());
  };
  if (tables.empty() || (tables.size() == 2 && llvm::all_of(tables.getTypes(), isTable)))
    return success();
  return op->emitOpError("rope: expected two float buffers of rank 2, got (") << tables.getTypes() << ")";
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

/// The product of positive integers, or nothing.
static std::optional<int64_t> productOf(ArrayAttr extents) {
  int64_t product = 1;
  for (Attribute extent : extents) {
    auto number = dyn_cast<IntegerAttr>(extent);
    if (!number || number.getInt() < 1 || product > std::numeric_limits<int32_t>::max() / number.getInt())
      return std::nullopt;
    product *= number.getInt();
  }
  return product;
}

static LogicalResult verifyGrid(KernelOp kernel, GridAttr grid) {
  // C6
  size_t rank = grid.getDilations().size();
  if (rank < 1 || rank > 3 || grid.getInner().size() + 1 != rank || grid.getRows().size() != rank ||
      grid.getKeys().size() != rank)
    return kernel.emitOpError("grid: expected one to three axes, got ") << grid;
  auto isScalar = [&](StringAttr name) {
    for (auto [i, argument] : llvm::enumerate(kernel.getArgs()))
      if (argument == name)
        return kernel.getBody().getArgument(NumLeadingArguments + i).getType().isInteger(64);
    return false;
  };
  for (ArrayAttr list : {grid.getInner(), grid.getDilations()}) {
    for (Attribute value : list) {
      auto number = dyn_cast<IntegerAttr>(value);
      auto name = dyn_cast<StringAttr>(value);
      if (!(number && number.getInt() > 0) && !(name && isScalar(name)))
        return kernel.emitOpError("grid: expected a positive integer or the name of an i64 argument, got ") << value;
    }
  }
  auto rows = productOf(grid.getRows()), keys = productOf(grid.getKeys());
  if (!rows || !keys)
    return kernel.emitOpError("grid: expected positive extents, got ") << grid;
  // C7
  auto schedule = kernel.getSchedule();
  if (*rows != schedule.getRows() || *keys != schedule.getKeys())
    return kernel.emitOpError("grid: expected boxes of ")
           << schedule.getRows() << " rows and " << schedule.getKeys() << " keys, got " << *rows << " and " << *keys;
  if (schedule.getPack() || !kernel.getBody().getOps<ForRowsOp>().empty())
    return kernel.emitOpError("grid: expected pack = false and no tile.for_rows");
  return success();
}

LogicalResult KernelOp::verify() {
  // C1
  TypeRange types = getBody().getArgumentTypes();
  if (types.size() != NumLeadingArguments + getArgs().size() ||
      !llvm::all_of(types.take_front(NumLeadingArguments), [](Type type) { return type.isInteger(64); }))
    return emitOpError("block arguments: expected four i64, then ")
           << getArgs().size() << " as of args, got (" << types << ")";
  // C2
  for (auto [type, name] : llvm::zip(types.drop_front(NumLeadingArguments), getArgs().getAsValueRange<StringAttr>()))
    if (!isa<ViewType, BufferType>(type) && !type.isInteger(64) && !type.isF32())
      return emitOpError("type of argument '") << name << "': expected a view, a buffer, i64 or f32, got " << type;
  // C3
  llvm::StringSet<> names;
  for (StringRef name : getArgs().getAsValueRange<StringAttr>())
    if (!names.insert(name).second)
      return emitOpError("args: expected distinct names, got '") << name << "' twice";
  // C4
  if (getSchedule().getRows() < 1 || getSchedule().getKeys() < 1)
    return emitOpError("schedule: expected positive rows and keys, got ")
           << getSchedule().getRows() << " and " << getSchedule().getKeys();
  // C5
  for (auto facts : {getSorted(), getPositive()})
    for (StringRef name : facts.value_or(ArrayAttr::get(getContext(), {})).getAsValueRange<StringAttr>())
      if (!names.contains(name))
        return emitOpError("sorted and positive: expected names among args, got '") << name << "'";
  if (GridAttr grid = getSchedule().getGrid())
    return verifyGrid(*this, grid);
  return success();
}

LogicalResult EntryOp::verify() {
  // C1
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp>(op))
      return op.emitError("in the body of tile.entry: expected tile.launch, got ") << op.getName();
  // C2
  auto verifyTensor = [&](Attribute attr, ArrayRef<StringRef> roles) -> LogicalResult {
    auto tensor = dyn_cast<DictionaryAttr>(attr);
    auto role = tensor ? tensor.getAs<StringAttr>("role") : StringAttr();
    if (!tensor || !tensor.getAs<StringAttr>("name") || (role && !llvm::is_contained(roles, role.getValue())))
      return emitOpError("tensor: expected a name, and a role of ") << roles << ", got " << attr;
    return success();
  };
  for (Attribute input : getInputs())
    if (failed(verifyTensor(input, {"query", "key", "value"})))
      return failure();
  for (Attribute output : getOutputs())
    if (failed(verifyTensor(output, {"out", "lse"})))
      return failure();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1
  if (getForms().empty())
    return emitOpError("number of forms: expected at least 1, got 0");
  for (auto form : getForms().getAsRange<SymbolRefAttr>())
    if (!symbols.lookupNearestSymbolFrom<KernelOp>(*this, form))
      return emitOpError("form: expected a tile.kernel, got ") << form;
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

LogicalResult LoadOp::verify() {
  // C1
  if (failed(verifyRows(*this, getTile().getType(), getView().getType(), Float32Type::get(getContext()))))
    return failure();
  return verifyRope(*this, getRope()); // C2
}

LogicalResult LoadKeysOp::verify() {
  // C1
  if (failed(verifyRows(*this, getTile().getType(), getView().getType(), Float32Type::get(getContext()))))
    return failure();
  // C2
  if (failed(verifySeen(*this, getSeen())))
    return failure();
  return verifyRope(*this, getRope()); // C3
}

LogicalResult StoreOp::verify() {
  return verifyRows(*this, getTile().getType(), getView().getType(),
                    Float32Type::get(getContext())); // C1
}

//===----------------------------------------------------------------------===//
// Compute
//===----------------------------------------------------------------------===//

LogicalResult ConvertOp::verify() {
  // C1
  TileType from = getTile().getType(), to = getResult().getType();
  if (from.getShape() != to.getShape() || !isFloat(from) || !isFloat(to))
    return emitOpError("result: expected the shape of the tile and float elements on both sides, got ")
           << from << " and " << to;
  return success();
}

LogicalResult DotOp::verify() {
  // C1
  TileType a = getA().getType(), b = getB().getType(), result = getResult().getType();
  for (TileType tile : {a, b, result})
    if (tile.getShape().size() != 2)
      return emitOpError("rank: expected 2, got ") << tile;
  auto [m, k] = std::pair(a.getShape()[getTransposeA()], a.getShape()[!getTransposeA()]);
  auto [k2, n] = std::pair(b.getShape()[getTransposeB()], b.getShape()[!getTransposeB()]);
  if (k != k2)
    return emitOpError("inner sizes: expected ") << k << " as of a, got " << k2;
  if (!isFloat(a) || !isFloat(b))
    return emitOpError("elements of a and b: expected floats, got ") << a << " and " << b;
  auto expected = TileType::get(getContext(), {m, n}, Float32Type::get(getContext()));
  if (result != expected)
    return emitOpError("result: expected ") << expected << ", got " << result;
  if (getInit() && getInit().getType() != expected)
    return emitOpError("init: expected ") << expected << ", got " << getInit().getType();
  // C2
  auto rescale = getRescale() ? cast<TileType>(getRescale().getType()) : TileType();
  if (rescale && (!isVectorOf(rescale, m) || !isF32(rescale)))
    return emitOpError("rescale: expected a row vector of ") << m << " f32, got " << rescale;
  return success();
}

LogicalResult MapOp::verify() {
  // C1
  SmallVector<Type> elements(getInputs().size(), Float32Type::get(getContext()));
  if (failed(verifyRegion(*this, "body", getBody(), withCoordinates(getContext(), elements),
                          Type(Float32Type::get(getContext())))))
    return failure();
  // C2
  ArrayRef<int64_t> shape = getResult().getType().getShape();
  for (Type type : getInputs().getTypes()) {
    auto input = cast<TileType>(type);
    if (!isVectorOf(input, shape[0]) && input.getShape() != shape)
      return emitOpError("input: expected the rows or the shape of ") << getResult().getType() << ", got " << input;
  }
  // C3
  auto coordinates = getBody().getArguments().take_back(coordinateCount); // b, h, g, l, q, k
  if (!getK0() && !coordinates[5].use_empty())
    return emitOpError("keys: expected the position of the first key, since the body reads k");
  // C4
  auto kernel = (*this)->getParentOfType<KernelOp>();
  bool oneHead = kernel && !kernel.getSchedule().getPack();
  if (getKeyRows() && (!coordinates[4].use_empty() || (!oneHead && !coordinates[1].use_empty())))
    return emitOpError("key_rows: expected no use of q, nor of h with pack = true");
  return success();
}

LogicalResult ReduceOp::verify() {
  // C1
  for (TileType vector : {getInit().getType(), getResult().getType()})
    if (!isVectorOf(vector, getTile().getType().getShape()[0]))
      return emitOpError("init and result: expected row vectors of ")
             << getTile().getType().getShape()[0] << " rows, got " << vector;
  return success();
}

LogicalResult WhereOp::verify() {
  // C1
  if (!partialLoop(*this))
    return emitOpError("expected the partial region of a tile.for_keys around the operation");
  ArrayRef<int64_t> shape = getTile().getType().getShape();
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (kernel && (shape.size() != 2 || shape[1] != kernel.getSchedule().getKeys()))
    return emitOpError("columns: expected the ")
           << kernel.getSchedule().getKeys() << " keys of the schedule, got " << getTile().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// An i64 (k0 or row0), then the carried types.
static SmallVector<Type> loopArguments(MLIRContext *context, TypeRange carried) {
  SmallVector<Type> types{IntegerType::get(context, 64)};
  types.append(carried.begin(), carried.end());
  return types;
}

LogicalResult ForKeysOp::verify() {
  // C1
  if (failed(verifyRegion(*this, "visible", getVisible(), withCoordinates(getContext(), {}),
                          Type(IntegerType::get(getContext(), 1)))))
    return failure();
  // C2
  TypeRange carried = getInits().getTypes();
  SmallVector<Type> arguments = loopArguments(getContext(), carried);
  if (failed(verifyRegion(*this, "full", getFull(), arguments, carried)) ||
      failed(verifyRegion(*this, "partial", getPartial(), arguments, carried)))
    return failure();
  // C3
  if (getResultTypes() != carried)
    return emitOpError("results: expected the types of inits (") << carried << "), got (" << getResultTypes() << ")";
  return success();
}

LogicalResult ForRowsOp::verify() {
  // C1
  TypeRange carried = getInits().getTypes();
  if (failed(verifyRegion(*this, "body", getBody(), loopArguments(getContext(), carried), carried)))
    return failure();
  // C2
  if (getResultTypes() != carried)
    return emitOpError("results: expected the types of inits (") << carried << "), got (" << getResultTypes() << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

LogicalResult SizeOp::verify() {
  // C1
  if (!llvm::is_contained({"batch", "q_heads", "kv_heads", "q_len", "kv_len", "sequence.kv_len"}, getName()))
    return emitOpError("name: expected batch, q_heads, kv_heads, q_len, kv_len or sequence.kv_len, got '")
           << getName() << "'";
  return success();
}

LogicalResult ElementOp::verify() {
  // C1
  BufferType buffer = getBuffer().getType();
  if (static_cast<int64_t>(getIndices().size()) != buffer.getRank())
    return emitOpError("number of indices: expected ") << buffer.getRank() << ", got " << getIndices().size();
  // C2
  bool isFloatBuffer = isa<FloatType>(buffer.getElementType());
  if (getType().isF32() != isFloatBuffer)
    return emitOpError("result: expected ")
           << (isFloatBuffer ? "f32" : "i64") << " for " << buffer << ", got " << getType();
  return success();
}

static LogicalResult verifySearch(Operation *op, BufferType buffer, size_t indices) {
  if (isa<FloatType>(buffer.getElementType()) || buffer.getRank() != static_cast<int64_t>(indices) + 1)
    return op->emitOpError("buffer: expected integers in ") << indices + 1 << " dimensions, got " << buffer;
  return success();
}
LogicalResult MemberOp::verify() {
  // C1
  return verifySearch(*this, getBuffer().getType(), getIndices().size());
}
LogicalResult AncestorOp::verify() {
  // C1
  return verifySearch(*this, getBuffer().getType(), getIndices().size());
}

//===----------------------------------------------------------------------===//
// Asynchronous stages
//===----------------------------------------------------------------------===//

LogicalResult PushOp::verify() {
  // C1
  ViewType view = getView().getType();
  return verifyRows(*this, getChannel().getType().getTile(), view, view.getElementType());
}

LogicalResult PopOp::verify() {
  // C1
  if (getTile().getType() != getChannel().getType().getTile())
    return emitOpError("result: expected ") << getChannel().getType().getTile() << ", got " << getTile().getType();
  return verifySeen(*this, getSeen()); // C2
}

/// The only tile.for_keys at the top of a role's region, or null.
static ForKeysOp onlyLoop(Region &region) {
  auto loops = region.getOps<ForKeysOp>();
  return llvm::hasSingleElement(loops) ? *loops.begin() : ForKeysOp();
}

LogicalResult RolesOp::verify() {
  // C1
  int64_t consumers = getConsumers();
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (consumers < 1 || (kernel && kernel.getSchedule().getRows() % consumers != 0))
    return emitOpError("consumers: expected a positive divisor of the schedule's rows, got ") << consumers;
  // C2
  auto forbid = [](Region &region, StringRef role, auto isForbidden) {
    return region.walk([&](Operation *op) {
      if (!isForbidden(op))
        return WalkResult::advance();
      op->emitOpError("in the ") << role << " of tile.roles: expected only in the other role";
      return WalkResult::interrupt();
    });
  };
  if (forbid(getProducer(), "producer", [](Operation *op) { return isa<PopOp, ReleaseOp>(op); }).wasInterrupted() ||
      forbid(getConsumer(), "consumer", [](Operation *op) { return isa<PushOp>(op); }).wasInterrupted())
    return failure();
  // C3
  if (failed(verifyRegion(*this, "producer", getProducer(), {}, {})) ||
      failed(verifyRegion(*this, "consumer", getConsumer(), Type(IntegerType::get(getContext(), 64)), {})))
    return failure();
  // C4
  ForKeysOp produce = onlyLoop(getProducer()), consume = onlyLoop(getConsumer());
  if (!produce || !consume)
    return emitOpError("expected one tile.for_keys in each role");
  if (produce.getKeys() != consume.getKeys() ||
      !OperationEquivalence::isRegionEquivalentTo(&produce.getVisible(), &consume.getVisible(),
                                                  OperationEquivalence::IgnoreLocations))
    return emitOpError("expected the loops of both roles to have the same view and equal visible regions");
  return success();
}
