//===- AttnVerify.cpp - Verifiers of the attn dialect ----------------------===//
//
// Only verification. The labels C1.. are those of the descriptions in AttnOps.td; each has a
// negative test in test/dialect/attn-invalid.mlir. A message is "rule: expected X, got Y".
//===----------------------------------------------------------------------===//
#include "dialect/attn/AttnDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn::ir;

//===----------------------------------------------------------------------===//
// Shared rules
//===----------------------------------------------------------------------===//

static constexpr const char *coordinateNames[NumCoordinates] = {"b", "h", "g", "l", "q", "k"};

/// The sizes that expressions read; the shape of an operand may also say `layers`.
static bool isSize(StringRef name) {
  return llvm::is_contained({"batch", "q_heads", "kv_heads", "q_len", "kv_len"}, name);
}

/// The declaration `name` of the pattern around `op`, or null if there is none of that kind.
template <typename DeclT> static DeclT lookup(Operation *op, StringAttr name) {
  auto pattern = op->getParentOfType<PatternOp>();
  return pattern ? dyn_cast_or_null<DeclT>(SymbolTable::lookupSymbolIn(pattern, name)) : DeclT();
}

static LogicalResult verifyParam(Operation *op, StringRef role, StringAttr name, Type type) {
  auto param = lookup<ParamOp>(op, name);
  if (!param || param.getType() != type)
    return op->emitOpError() << role << ": expected an attn.param of type " << type << ", got '" << name.getValue()
                             << "'" << (param ? " of another type" : ", which is none");
  return success();
}

/// One block over `leading` and the six coordinates that yields one value of type `result`.
static LogicalResult verifyExpression(Operation *op, StringRef name, Region &region, ArrayRef<Type> leading,
                                      Type result) {
  if (!region.hasOneBlock())
    return op->emitOpError() << name << ": expected one block, got " << region.getBlocks().size();
  SmallVector<Type> expected(leading);
  expected.append(NumCoordinates, IntegerType::get(op->getContext(), 64));
  if (region.getArgumentTypes() != TypeRange(expected))
    return op->emitOpError() << name << ": expected block arguments (" << expected << "), got ("
                             << region.getArgumentTypes() << ")";
  Block &block = region.front();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError() << name << ": expected attn.yield at the end";
  if (yield.getValue().getType() != result)
    return op->emitOpError() << name << ": expected to yield " << result << ", got " << yield.getValue().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

static LogicalResult verifySchedule(PatternOp op) {
  for (NamedAttribute form : op.getSchedule().value_or(DictionaryAttr::get(op.getContext()))) {
    auto sizes = dyn_cast<DictionaryAttr>(form.getValue());
    if (!sizes || (form.getName() != "prefill" && form.getName() != "decode"))
      return op.emitOpError("schedule: expected a dictionary prefill or decode, got ") << form.getName();
    for (NamedAttribute size : sizes) {
      auto value = dyn_cast<IntegerAttr>(size.getValue());
      if (!value || (size.getName() != "rows" && size.getName() != "keys"))
        return op.emitOpError("schedule: expected an integer rows or keys, got ") << size.getName();
      if (value.getInt() < 1 || value.getInt() > 1024)
        return op.emitOpError("schedule: expected ") << size.getName() << " from 1 to 1024, got " << value.getInt();
    }
  }
  return success();
}

LogicalResult PatternOp::verify() {
  // C3
  if (failed(verifySchedule(*this)))
    return failure();
  for (Operation &op : getBody().front()) {
    // C1
    if (!isa<ParamOp, OperandOp, GridOp, PartitionOp, CacheOp, func::FuncOp>(op))
      return op.emitError("in the body of attn.pattern: expected a declaration or func.func, got ") << op.getName();
    auto entry = dyn_cast<func::FuncOp>(op);
    if (!entry)
      continue;
    // C2
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (!entry.getArgAttrOfType<StringAttr>(i, "attn.name"))
        return entry.emitError("argument ") << i << " of an entry point: expected the attribute attn.name";
    for (unsigned i = 0; i < entry.getNumResults(); ++i)
      if (!entry.getResultAttrOfType<StringAttr>(i, "attn.name"))
        return entry.emitError("result ") << i << " of an entry point: expected the attribute attn.name";
  }
  return success();
}

LogicalResult ParamOp::verify() {
  // C1
  if (!getType().isInteger(64) && !getType().isF32())
    return emitOpError("type: expected i64 or f32, got ") << getType();
  if (getValue().getType() != getType())
    return emitOpError("type of the default: expected ") << getType() << ", got " << getValue().getType();
  // C2
  auto integer = dyn_cast<IntegerAttr>(getValue());
  if (integer && integer.getValue().abs().uge(uint64_t(1) << 31))
    return emitOpError("default: expected a magnitude below 2^31, got ") << integer.getInt();
  return success();
}

LogicalResult OperandOp::verify() {
  // C1
  if (getShape().empty() || getShape().size() > 4)
    return emitOpError("number of sizes: expected 1 to 4, got ") << getShape().size();
  for (Attribute size : getShape()) {
    auto number = dyn_cast<IntegerAttr>(size);
    if (!isa<StringAttr>(size) && !(number && number.getValue().isStrictlyPositive()))
      return emitOpError("size: expected a string or a positive integer, got ") << size;
  }
  // C2
  Type type = getType();
  if (!type.isInteger(1) && !type.isInteger(8) && !type.isInteger(32) && !type.isInteger(64) && !type.isF32() &&
      !type.isF16() && !type.isBF16())
    return emitOpError("element type: expected i1, i8, i32, i64, f32, f16 or bf16, got ") << type;
  // C4
  if (!getValues())
    return success();
  ShapedType values = getValues()->getShapedType();
  if (values.getElementType() != type || values.getRank() != int64_t(getShape().size()))
    return emitOpError("values: expected rank ") << getShape().size() << " of " << type << ", got " << values;
  for (auto [size, actual] : llvm::zip_equal(getShape(), values.getShape()))
    if (auto number = dyn_cast<IntegerAttr>(size); number && number.getInt() != actual)
      return emitOpError("values: expected the size ") << number.getInt() << ", got " << values;
  return success();
}

LogicalResult OperandOp::verifySymbolUses(SymbolTableCollection &) {
  // C3
  for (Attribute size : getShape())
    if (auto name = dyn_cast<StringAttr>(size); name && !isSize(name) && name != "layers")
      if (failed(verifyParam(*this, "size", name, IntegerType::get(getContext(), 64))))
        return failure();
  return success();
}

LogicalResult GridOp::verify() {
  // C1
  if (getAxes().empty() || getAxes().size() > 3 || getSizes().size() != getAxes().size())
    return emitOpError("axes and sizes: expected one to three, as many of both, got ")
           << getAxes().size() << " and " << getSizes().size();
  for (auto [i, axis] : llvm::enumerate(getAxes()))
    if (llvm::is_contained(getAxes().getValue().take_front(i), axis))
      return emitOpError("axes: expected distinct names, got ") << axis << " twice";
  // C2
  for (Attribute size : getSizes()) {
    auto number = dyn_cast<IntegerAttr>(size);
    if (!isa<StringAttr>(size) && !(number && number.getValue().isStrictlyPositive()))
      return emitOpError("size: expected a string or a positive integer, got ") << size;
  }
  // C3
  auto pattern = dyn_cast<PatternOp>((*this)->getParentOp());
  if (pattern && *pattern.getBody().getOps<GridOp>().begin() != *this)
    return emitOpError("expected one grid in a pattern, got another");
  return success();
}

LogicalResult GridOp::verifySymbolUses(SymbolTableCollection &) {
  // C2
  Type i64 = IntegerType::get(getContext(), 64);
  for (Attribute size : getSizes())
    if (auto name = dyn_cast<StringAttr>(size); name && failed(verifyParam(*this, "size", name, i64)))
      return failure();
  return success();
}

LogicalResult CacheOp::verify() {
  // C1
  bool ring = getLayout() == Layout::SinkRing;
  if (getSink().has_value() != ring || getRing().has_value() != ring)
    return emitOpError("layout ") << stringifyLayout(getLayout()) << ": expected " << (ring ? "both" : "neither")
                                  << " of sink and ring";
  return success();
}

LogicalResult CacheOp::verifySymbolUses(SymbolTableCollection &) {
  // C2
  Type i64 = IntegerType::get(getContext(), 64);
  if (getSinkAttr() && failed(verifyParam(*this, "sink", getSinkAttr().getAttr(), i64)))
    return failure();
  if (getRingAttr() && failed(verifyParam(*this, "ring", getRingAttr().getAttr(), i64)))
    return failure();
  return success();
}

/// The coordinates that a rule of a partition of `axis` may read: those of the axis, the request and the layer.
static SmallVector<unsigned> readable(Axis axis) {
  switch (axis) {
  case Axis::Batch: return {Coordinate::Batch, Coordinate::Layer};
  case Axis::QHead: return {Coordinate::QHead, Coordinate::KVHead, Coordinate::Batch, Coordinate::Layer};
  case Axis::KVHead: return {Coordinate::KVHead, Coordinate::Batch, Coordinate::Layer};
  case Axis::Query: return {Coordinate::Query, Coordinate::Batch, Coordinate::Layer};
  case Axis::Key: return {Coordinate::Key, Coordinate::Batch, Coordinate::Layer};
  case Axis::Layer: return {Coordinate::Layer};
  }
  llvm_unreachable("unknown axis");
}

LogicalResult PartitionOp::verify() {
  Block &body = getBody().front();
  // C1
  for (Operation &op : body)
    if (!isa<ClassOp>(op))
      return op.emitError("in the body of attn.partition: expected attn.class, got ") << op.getName();
  size_t count = llvm::range_size(body);
  if (count < 2)
    return emitOpError("number of classes: expected at least 2, got ") << count;
  for (ClassOp cls : body.getOps<ClassOp>()) {
    // C2
    bool last = cls == &body.back();
    if (cls.getRule().empty() != last)
      return cls.emitOpError(last ? "last class: expected 'otherwise', got a rule"
                                  : "class before the last: expected a rule, got 'otherwise'");
    // C3
    if (last || cls.getRule().getNumArguments() != NumCoordinates)
      continue;
    SmallVector<unsigned> allowed = readable(getAxis());
    for (BlockArgument argument : cls.getRule().getArguments())
      if (!argument.use_empty() && !llvm::is_contained(allowed, argument.getArgNumber()))
        return cls.emitOpError("rule on axis ") << stringifyAxis(getAxis()) << ": expected no use of '"
                                                << coordinateNames[argument.getArgNumber()] << "'";
  }
  return success();
}

LogicalResult ClassOp::verify() {
  // C1
  if (getRule().empty())
    return success();
  return verifyExpression(*this, "rule", getRule(), {}, IntegerType::get(getContext(), 1));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// C1 and C5 for one tensor of attn.attend.
static LogicalResult verifyTensor(AttendOp op, StringRef name, Type type, Type element) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t last = tensor.getRank() == 4 ? tensor.getDimSize(3) : ShapedType::kDynamic;
  if (last < 1 || last > 576) // kDynamic is negative
    return op.emitOpError(name) << ": expected rank 4 with a static last dimension of 1 to 576, got " << type;
  if (tensor.getElementType() != element)
    return op.emitOpError("element type of ")
           << name << ": expected " << element << " as of q, got " << tensor.getElementType();
  return success();
}

static int64_t lastDim(Type type) { return cast<RankedTensorType>(type).getShape().back(); }

LogicalResult AttendOp::verify() {
  // C5
  Type element = getElementTypeOrSelf(getQuery().getType());
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return emitOpError("element type of q: expected f32, f16 or bf16, got ") << element;
  auto lse = cast<RankedTensorType>(getLse().getType());
  if (!lse.getElementType().isF32() || lse.getRank() != 3)
    return emitOpError("lse: expected f32 of rank 3, got ") << lse;
  // C1
  Type outElement = getElementTypeOrSelf(getOut().getType());
  if (failed(verifyTensor(*this, "q", getQuery().getType(), element)) ||
      failed(verifyTensor(*this, "out", getOut().getType(), outElement)))
    return failure();
  if (outElement != element && !outElement.isF32())
    return emitOpError("element type of out: expected ") << element << " as of q, or 'f32', got " << outElement;
  for (Type type : getKeys().getTypes())
    if (failed(verifyTensor(*this, "keys", type, element)))
      return failure();
  for (Type type : getValues().getTypes())
    if (failed(verifyTensor(*this, "values", type, element)))
      return failure();
  // C2
  if (getKeys().empty() || getKeys().size() != getValues().size())
    return emitOpError("number of values: expected that of keys, at least 1, got ")
           << getKeys().size() << " keys and " << getValues().size() << " values";
  for (Type type : getKeys().getTypes())
    if (lastDim(type) != lastDim(getQuery().getType()))
      return emitOpError("last dimension of keys: expected ")
             << lastDim(getQuery().getType()) << " as of q, got " << lastDim(type);
  for (Type type : getValues().getTypes())
    if (lastDim(type) != lastDim(getOut().getType()))
      return emitOpError("last dimension of values: expected ")
             << lastDim(getOut().getType()) << " as of out, got " << lastDim(type);
  // C3
  Block &body = getMaps().front();
  for (Operation &op : body)
    if (!isa<KernelMapOp>(op))
      return op.emitError("in the body of attn.attend: expected attn.kernel_map, got ") << op.getName();
  if (body.empty())
    return emitOpError("number of kernel maps: expected at least 1, got 0");
  if (auto classes = cast<KernelMapOp>(body.back()).getClasses(); classes && !classes->empty())
    return emitOpError("last kernel map: expected no classes, got ") << *classes;
  // C4
  for (KernelMapOp map : body.getOps<KernelMapOp>())
    if (map.getCache() >= getKeys().size() && static_cast<int64_t>(map.getCache()) >= 0)
      return map.emitOpError("cache: expected an index below ") << getKeys().size() << ", got " << map.getCache();
  return success();
}

LogicalResult AttendOp::verifySymbolUses(SymbolTableCollection &) {
  // C6
  if (getScaleParamAttr() &&
      failed(verifyParam(*this, "scale_param", getScaleParamAttr().getAttr(), Float32Type::get(getContext()))))
    return failure();
  if (!getCachesAttr())
    return success();
  if (getCachesAttr().size() != getKeys().size())
    return emitOpError("number of caches: expected ")
           << getKeys().size() << " as of keys, got " << getCachesAttr().size();
  for (auto name : getCachesAttr().getAsRange<SymbolRefAttr>())
    if (!name.getNestedReferences().empty() || !lookup<CacheOp>(*this, name.getRootReference()))
      return emitOpError("caches: expected an attn.cache, got ") << name << ", which is none";
  // C7
  for (auto name : getCachesAttr().getAsRange<SymbolRefAttr>())
    if (lookup<CacheOp>(*this, name.getRootReference()).getLayout() == Layout::Slots && getKeys().size() > 1)
      return emitOpError("caches: expected ") << name << " of the layout slots alone, got " << getCachesAttr();
  return success();
}

LogicalResult KernelMapOp::verify() {
  Type f32 = Float32Type::get(getContext());
  // C1
  if (failed(verifyExpression(*this, "mask", getMask(), {}, IntegerType::get(getContext(), 1))))
    return failure();
  // C2
  if (!getScore().empty() && failed(verifyExpression(*this, "score", getScore(), {f32}, f32)))
    return failure();
  // C6
  auto linear = dyn_cast<LinearAttr>(getWeight());
  if (!linear && !isa<SoftmaxAttr>(getWeight()))
    return emitOpError("weight: expected #attn.softmax or #attn.linear, got ") << getWeight();
  if (linear && linear.getForm() != "quadratic" && linear.getForm() != "chunked")
    return emitOpError("form of #attn.linear: expected \"quadratic\" or \"chunked\", got ") << linear.getForm();
  // C3
  if (getDecay().empty() == bool(linear))
    return emitOpError("decay: expected ") << (linear ? "a region with" : "none without") << " #attn.linear";
  if (linear) {
    if (failed(verifyExpression(*this, "decay", getDecay(), {}, f32)))
      return failure();
    for (Coordinate coordinate : {Coordinate::Query, Coordinate::Key})
      if (!getDecay().getArgument(coordinate).use_empty())
        return emitOpError("decay: expected no use of '") << coordinateNames[coordinate] << "'";
  }
  // C9
  if (linear && getZeroValue())
    return emitOpError("zero_value: expected none with #attn.linear");
  // C4
  if (int64_t cache = getCache(); cache < 0)
    return emitOpError("cache: expected a number not below 0, got ") << cache;
  // C5
  if (getWhich().empty())
    return success();
  if (failed(verifyExpression(*this, "which", getWhich(), {}, IntegerType::get(getContext(), 64))))
    return failure();
  for (Coordinate coordinate : {Coordinate::QHead, Coordinate::Query, Coordinate::Key})
    if (!getWhich().getArgument(coordinate).use_empty())
      return emitOpError("which: expected no use of '") << coordinateNames[coordinate] << "'";
  return success();
}

/// C8: a float operand with the sizes that `fits` accepts.
static LogicalResult verifyTable(KernelMapOp op, StringRef role, FlatSymbolRefAttr name, StringRef expected,
                                 llvm::function_ref<bool(ArrayAttr)> fits) {
  auto operand = lookup<OperandOp>(op, name.getAttr());
  if (!operand || !isa<FloatType>(operand.getType()) || !fits(operand.getShape()))
    return op.emitOpError(role) << ": expected a float attn.operand " << expected << ", got " << name;
  return success();
}

LogicalResult KernelMapOp::verifySymbolUses(SymbolTableCollection &) {
  // C7
  llvm::SmallPtrSet<Attribute, 4> partitions;
  if (getClassesAttr())
    for (auto name : getClassesAttr().getAsRange<SymbolRefAttr>()) {
      auto partition = lookup<PartitionOp>(*this, name.getRootReference());
      if (!partition || name.getNestedReferences().size() != 1 ||
          !SymbolTable::lookupSymbolIn(partition, name.getLeafReference()))
        return emitOpError("classes: expected @partition::@class, got ") << name;
      if (!partitions.insert(name.getRootReference()).second)
        return emitOpError("classes: expected one class of a partition, got a second one, ") << name;
    }
  // C8
  auto softmax = dyn_cast<SoftmaxAttr>(getWeight());
  if (softmax && softmax.getSeed() &&
      failed(verifyTable(*this, "seed", softmax.getSeed(), "[\"q_heads\"]", [](ArrayAttr shape) {
        return shape.size() == 1 && shape[0] == StringAttr::get(shape.getContext(), "q_heads");
      })))
    return failure();
  auto rank2 = [](ArrayAttr shape) { return shape.size() == 2; };
  if (RopeAttr rope = getRopeAttr())
    for (FlatSymbolRefAttr table : {rope.getCos(), rope.getSin()})
      if (failed(verifyTable(*this, "rope", table, "of rank 2", rank2)))
        return failure();
  return success();
}

LogicalResult MergeOp::verify() {
  // C1
  if (getLses().empty() || getOuts().size() > getLses().size())
    return emitOpError("number of inputs: expected as many lses as outs or more, at least 1, got ")
           << getOuts().size() << " outs and " << getLses().size() << " lses";
  auto outType = cast<RankedTensorType>(getOut().getType());
  for (Type type : getOuts().getTypes()) {
    if (type != getOuts()[0].getType())
      return emitOpError("type of outs: expected ") << getOuts()[0].getType() << ", got " << type;
    if (cast<RankedTensorType>(type).getShape() != outType.getShape())
      return emitOpError("shape of out: expected that of ") << type << ", got " << outType;
  }
  for (Type type : getLses().getTypes())
    if (type != getLse().getType())
      return emitOpError("type of lses: expected ") << getLse().getType() << ", got " << type;
  return success();
}

LogicalResult GatedSumOp::verify() {
  // C1
  if (getOuts().size() < 2 || getOuts().size() != getGates().size())
    return emitOpError("number of outs: expected at least 2 and one gate each, got ")
           << getOuts().size() << " outs and " << getGates().size() << " gates";
  for (Type type : getOuts().getTypes())
    if (type != getOuts()[0].getType())
      return emitOpError("type of outs: expected ") << getOuts()[0].getType() << ", got " << type;
  if (cast<RankedTensorType>(getOut().getType()).getShape() !=
      cast<RankedTensorType>(getOuts()[0].getType()).getShape())
    return emitOpError("shape of out: expected that of ") << getOuts()[0].getType() << ", got " << getOut().getType();
  // C2
  for (Region &gate : getGates()) {
    if (failed(verifyExpression(*this, "gate", gate, {}, Float32Type::get(getContext()))))
      return failure();
    if (!gate.getArgument(Coordinate::Key).use_empty())
      return emitOpError("gate: expected no use of '") << coordinateNames[Coordinate::Key] << "'";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

LogicalResult ScalarOp::verifySymbolUses(SymbolTableCollection &) {
  // C1
  if (!isSize(getSymbol()))
    return verifyParam(*this, "symbol", getSymbolAttr().getAttr(), getType());
  if (!getType().isInteger(64))
    return emitOpError("type of the size '") << getSymbol() << "': expected i64, got " << getType();
  return success();
}

LogicalResult ElementOp::verifySymbolUses(SymbolTableCollection &) {
  // C1
  auto operand = lookup<OperandOp>(*this, getSymbolAttr().getAttr());
  if (!operand)
    return emitOpError("symbol: expected an attn.operand of the pattern, got '") << getSymbol() << "', which is none";
  if (operand.getShape().size() != getIndices().size())
    return emitOpError("number of indices: expected ")
           << operand.getShape().size() << " as of '" << getSymbol() << "', got " << getIndices().size();
  // C2
  if (isa<FloatType>(operand.getType()) != getType().isF32())
    return emitOpError("type: expected ") << (isa<FloatType>(operand.getType()) ? "f32" : "i64")
                                          << " for an operand of " << operand.getType() << ", got " << getType();
  return success();
}

/// What the searches share: C1.
static LogicalResult verifySearch(Operation *op, FlatSymbolRefAttr symbol, size_t indices) {
  auto operand = lookup<OperandOp>(op, symbol.getAttr());
  if (!operand || isa<FloatType>(operand.getType()))
    return op->emitOpError("symbol: expected an attn.operand of integers, got '") << symbol.getValue() << "'";
  if (operand.getShape().size() != indices + 1)
    return op->emitOpError("number of indices: expected ")
           << operand.getShape().size() - 1 << ", all dimensions but the last of '" << symbol.getValue() << "', got "
           << indices;
  return success();
}
LogicalResult MemberOp::verifySymbolUses(SymbolTableCollection &) {
  // C1
  return verifySearch(*this, getSymbolAttr(), getIndices().size());
}
LogicalResult AncestorOp::verifySymbolUses(SymbolTableCollection &) {
  // C1
  return verifySearch(*this, getSymbolAttr(), getIndices().size());
}
