//===- Interpreter.cpp - fp64 interpreter of attn IR: entry points ---------===//
#include "codegen/reference/Interpreter.h"
#include "codegen/reference/Attend.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MathExtras.h"

#include <list>

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace attn::codegen::reference {

/// Lengths, sizes, positions and integer parameters stay below this, so that no arithmetic on them
/// overflows.
static constexpr int64_t kLimit = int64_t(1) << 31;

template <typename T> static Error checkArray(StringRef what, const std::string &name, const Array<T> &array) {
  int64_t size = 1;
  bool bad = false;
  for (int64_t extent : array.shape)
    bad |= extent < 0 || extent >= kLimit || llvm::MulOverflow(size, extent, size);
  if (bad || uint64_t(size) != array.values.size())
    return createStringError(what + " " + name + ": " + Twine(array.values.size()) + " values do not fill its shape");
  return Error::success();
}

/// Every name that is given must be declared as `OpT`, with the element type that `accepts` tells.
template <typename OpT, typename Map, typename Accepts>
static Error checkNames(ir::PatternOp pattern, StringRef what, const Map &given, Accepts accepts) {
  for (auto &[name, value] : given) {
    auto decl = dyn_cast_or_null<OpT>(SymbolTable::lookupSymbolIn(pattern, name));
    if (!decl || !accepts(decl.getType()))
      return createStringError("the pattern declares no such " + what + ": " + name);
  }
  return Error::success();
}

static Error checkArguments(ir::PatternOp pattern, const Arguments &args) {
  auto isInt = [](Type type) { return isa<IntegerType>(type); };
  auto isFloat = [](Type type) { return isa<FloatType>(type); };
  if (Error e = checkNames<ir::ParamOp>(pattern, "integer parameter", args.intParams, isInt))
    return e;
  if (Error e = checkNames<ir::ParamOp>(pattern, "float parameter", args.floatParams, isFloat))
    return e;
  if (Error e = checkNames<ir::OperandOp>(pattern, "integer operand", args.intOperands, isInt))
    return e;
  if (Error e = checkNames<ir::OperandOp>(pattern, "float operand", args.floatOperands, isFloat))
    return e;
  for (auto &[name, array] : args.intOperands)
    if (Error e = checkArray("operand", name, array))
      return e;
  for (auto &[name, array] : args.floatOperands)
    if (Error e = checkArray("operand", name, array))
      return e;
  for (auto &[name, values] : args.intParams)
    for (int64_t value : values)
      if (value <= -kLimit || value >= kLimit)
        return createStringError("parameter " + name + ": " + Twine(value) + " is not below 2^31 in magnitude");
  if (args.qLen.size() != args.kvLen.size())
    return createStringError("q_len and kv_len are given for different numbers of requests");
  for (const std::vector<int64_t> *lengths : {&args.qLen, &args.kvLen})
    for (int64_t length : *lengths)
      if (length < 0 || length >= kLimit)
        return createStringError("length " + Twine(length) + " is not in 0 .. 2^31 - 1");
  return Error::success();
}

/// The position of query row 0 of each request.
static Expected<std::vector<int64_t>> firstPositions(ir::PatternOp pattern, const Arguments &args) {
  auto rule = pattern.getPositions();
  size_t batch = args.qLen.size();
  if (rule == ir::Positions::Tensor) {
    if (args.qPos.size() != batch)
      return createStringError("positions(tensor) needs q_pos for each request");
    for (int64_t position : args.qPos)
      if (position <= -kLimit || position >= kLimit)
        return createStringError("q_pos " + Twine(position) + " is out of range");
    return args.qPos;
  }
  if (!args.qPos.empty())
    return createStringError("q_pos is given, but the pattern does not say positions(tensor)");
  std::vector<int64_t> result(batch, 0);
  for (size_t b = 0; b < batch; ++b) {
    if (rule == ir::Positions::BottomRight)
      result[b] = args.kvLen[b] - args.qLen[b];
    else if (!rule && args.qLen[b] != args.kvLen[b])
      return createStringError("the pattern has no position rule, so q_len must equal kv_len: " + Twine(args.qLen[b]) +
                               " and " + Twine(args.kvLen[b]));
  }
  return result;
}

/// Checks that `array` has the type's rank and static sizes, and one entry per request.
static Error checkTensor(const std::string &name, const Tensor &array, Type type, size_t batch) {
  if (Error error = checkArray("tensor", name, array))
    return error;
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() < 3 || size_t(tensor.getRank()) != array.shape.size())
    return createStringError("tensor " + name + ": expected the rank of " +
                             (tensor ? Twine(tensor.getRank()) : Twine("a tensor")));
  if (array.shape[0] != int64_t(batch))
    return createStringError("tensor " + name + ": expected a batch of " + Twine(batch) + ", got " +
                             Twine(array.shape[0]));
  for (auto [expected, actual] : llvm::zip_equal(tensor.getShape(), array.shape))
    if (!ShapedType::isDynamic(expected) && expected != actual)
      return createStringError("tensor " + name + ": expected a dimension of " + Twine(expected) + ", got " +
                               Twine(actual));
  return Error::success();
}

/// `error` with `prefix: ` before its message and the same code.
static Error prefixed(Error error, StringRef prefix) {
  return llvm::handleErrors(std::move(error), [&](const llvm::StringError &e) {
    return createStringError(e.convertToErrorCode(), prefix + ": " + e.getMessage());
  });
}

/// Runs the body of an entry point. Its results are in `names`' order.
static Expected<Results> runEntry(func::FuncOp entry, const std::vector<int64_t> &qPos, const Arguments &args) {
  TensorValues values;
  for (BlockArgument argument : entry.getArguments()) {
    auto name = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.name");
    auto it = name ? args.tensors.find(name.str()) : args.tensors.end();
    if (it == args.tensors.end())
      return createStringError("argument " + (name ? Twine(name.getValue()) : Twine(argument.getArgNumber())) +
                               " is not given");
    if (Error error = checkTensor(it->first, it->second, argument.getType(), args.qLen.size()))
      return std::move(error);
    values[argument] = &it->second;
  }

  std::list<Partial> computed; // addresses stay valid
  auto keep = [&](Operation *op, Expected<Partial> partial) -> Error {
    if (!partial)
      return prefixed(partial.takeError(), op->getName().getStringRef());
    computed.push_back(std::move(*partial));
    values[op->getResult(0)] = &computed.back().out;
    if (op->getNumResults() > 1)
      values[op->getResult(1)] = &computed.back().lse;
    return Error::success();
  };
  Results results;
  for (Operation &op : entry.getBody().front()) {
    if (auto attendOp = dyn_cast<ir::AttendOp>(op)) {
      if (Error error = keep(&op, attend(attendOp, values, qPos, args)))
        return std::move(error);
    } else if (auto mergeOp = dyn_cast<ir::MergeOp>(op)) {
      if (Error error = keep(&op, merge(mergeOp, values, Rounding(args.precision))))
        return std::move(error);
    } else if (auto sumOp = dyn_cast<ir::GatedSumOp>(op)) {
      if (Error error = keep(&op, gatedSum(sumOp, values, qPos, args)))
        return std::move(error);
    } else if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      for (auto [i, value] : llvm::enumerate(ret.getOperands()))
        if (auto name = entry.getResultAttrOfType<StringAttr>(i, "attn.name"))
          results[name.str()] = *values.lookup(value);
    } else {
      return createStringError(Twine(op.getName().getStringRef()) + ": is not supported by the reference");
    }
  }
  return std::move(results);
}

/// The values that are built into an operand, where the call has none.
static void addValues(ir::OperandOp operand, Arguments &args) {
  auto values = dyn_cast_or_null<DenseElementsAttr>(operand.getValues().value_or(ElementsAttr()));
  std::string name = operand.getSymName().str();
  if (!values || args.intOperands.count(name) || args.floatOperands.count(name))
    return;
  std::vector<int64_t> shape = values.getType().getShape().vec();
  if (isa<FloatType>(operand.getType())) {
    Tensor &array = args.floatOperands[name];
    array.shape = shape;
    for (APFloat value : values.getValues<APFloat>()) {
      bool inexact = false;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      array.values.push_back(value.convertToDouble());
    }
    return;
  }
  IntTensor &array = args.intOperands[name];
  array.shape = shape;
  for (const APInt &value : values.getValues<APInt>())
    array.values.push_back(operand.getType().isInteger(1) ? value.getZExtValue() : value.getSExtValue());
}

Expected<Results> run(ModuleOp module, StringRef entry, Arguments args) {
  auto patterns = module.getOps<ir::PatternOp>();
  if (!llvm::hasSingleElement(patterns))
    return createStringError("expected one attn.pattern in the module");
  ir::PatternOp pattern = *patterns.begin();
  auto function = dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(pattern, entry));
  if (!function || function.isExternal())
    return createStringError("the pattern has no entry point " + entry);
  for (auto operand : pattern.getBody().getOps<ir::OperandOp>())
    addValues(operand, args);
  if (Error error = checkArguments(pattern, args))
    return std::move(error);
  auto qPos = firstPositions(pattern, args);
  if (!qPos)
    return qPos.takeError();
  return runEntry(function, *qPos, args);
}

} // namespace attn::codegen::reference
