//===- ReferenceCall.cpp - A call of the C ABI for the reference -----------===//
#include "codegen/jit/ReferenceCall.h"

#include "codegen/jit/Elements.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cinttypes>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using reference::Arguments;
using rt::Call;
using rt::error;
using rt::Status;

namespace {

/// A tensor of the call with rows of queries or of keys, addressed by request, head and row.
class RowTensor {
public:
  /// `dim` is 0 for a tensor without a last dimension.
  RowTensor(const rt::Tensor &tensor, const Call &call, bool keySide, int64_t dim, bool slots = false)
      : tensor(tensor), call(call), keySide(keySide), dim(dim), slots(slots),
        ragged(keySide ? call.raggedKeys && !slots : call.raggedQueries) {}

  Status check() const;
  /// Rows that the array for the interpreter has.
  int64_t rows() const {
    if (slots)
      return tensor.shape[2];
    int64_t longest = keySide ? call.longestKeys : call.longestQuery;
    return std::min(longest, tensor.shape[ragged ? 0 : 2]);
  }
  /// Address of element 0 of a row, or null where the tensor does not hold it. `head` is a KV head on the key side.
  char *row(int64_t b, int64_t head, int64_t row) const;

  const rt::Tensor &tensor;
  const Call &call;
  const bool keySide;
  const int64_t dim;
  const bool slots; ///< rows are keys of their own, as many as there are
  const bool ragged;
};

} // namespace

Status RowTensor::check() const {
  const char *name = tensor.name.c_str();
  size_t rank = (ragged ? 2 : 3) + (dim > 0);
  if (!isFloat(tensor.dtype))
    return error(ATTN_ERR_DTYPE, "argument '%s': dtype must be a float type", name);
  if (tensor.shape.size() != rank)
    return error(ATTN_ERR_SHAPE, "argument '%s': rank must be %zu, got %zu", name, rank, tensor.shape.size());
  if (!ragged && tensor.shape[0] != call.batch)
    return error(ATTN_ERR_SHAPE, "argument '%s': dimension 0 (batch) must be %" PRId64 ", got %" PRId64, name,
                 call.batch, tensor.shape[0]);
  if (dim && tensor.shape.back() != dim)
    return error(ATTN_ERR_SHAPE, "argument '%s': the head dimension must be %" PRId64 ", got %" PRId64, name, dim,
                 tensor.shape.back());
  int64_t heads = keySide ? call.kvHeads : call.qHeads;
  if (tensor.headMap ? !keySide : tensor.shape[1] != heads)
    return error(ATTN_ERR_SHAPE, "argument '%s': dimension 1 (heads) must be %" PRId64 ", got %" PRId64, name, heads,
                 tensor.shape[1]);
  for (const attn_request &r : call.requests)
    if (!keySide && r.q_len > 0 && (r.q_row > tensor.shape[ragged ? 0 : 2] - r.q_len))
      return error(ATTN_ERR_SHAPE, "argument '%s': %" PRId64 " rows from row %" PRId64 " are not in it", name, r.q_len,
                   r.q_row);
  return {};
}

char *RowTensor::row(int64_t b, int64_t head, int64_t row) const {
  if (tensor.headMap)
    head = tensor.headMap[head];
  if (ragged)
    row += keySide ? call.requests[b].kv_row : call.requests[b].q_row;
  if (head < 0 || head >= tensor.shape[1] || row >= tensor.shape[ragged ? 0 : 2])
    return nullptr;
  return tensor.data + (ragged ? 0 : b * tensor.strides[0]) + head * tensor.strides[1] +
         row * tensor.strides[ragged ? 0 : 2];
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

static Status readRows(const RowTensor &source, reference::Tensor &target) {
  const Call &call = source.call;
  int64_t heads = source.keySide ? call.kvHeads : call.qHeads, size = 1;
  bool tooLarge = false;
  target.shape = {call.batch, heads, source.rows(), source.dim};
  for (int64_t extent : target.shape)
    tooLarge |= llvm::MulOverflow(size, extent, size);
  if (tooLarge || size > (int64_t(1) << 40))
    return error(ATTN_ERR_OUT_OF_MEMORY, "argument '%s' is too large for the reference", source.tensor.name.c_str());
  target.values.reserve(size);
  int64_t step = source.tensor.strides.back(), dtype = source.tensor.dtype;
  for (int64_t b = 0; b < call.batch; ++b)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t i = 0; i < target.shape[2]; ++i) {
        const char *row = source.row(b, head, i);
        for (int64_t d = 0; d < source.dim; ++d)
          target.values.push_back(row ? readFloat(row + d * step, dtype) : std::numeric_limits<double>::quiet_NaN());
      }
  return {};
}

/// Calls `f` with the address of every element, in row-major order.
template <typename F> static void forEachElement(const rt::Tensor &tensor, F f) {
  if (tensor.empty())
    return;
  std::vector<int64_t> index(tensor.shape.size(), 0);
  for (;;) {
    const char *at = tensor.data;
    for (size_t i = 0; i < index.size(); ++i)
      at += index[i] * tensor.strides[i];
    f(at);
    size_t axis = index.size();
    while (axis > 0 && ++index[axis - 1] == tensor.shape[axis - 1])
      index[--axis] = 0;
    if (axis == 0)
      return;
  }
}

static Status readOperand(ir::OperandOp decl, const rt::Tensor &tensor, Arguments &arguments) {
  bool real = isa<FloatType>(decl.getType());
  if (real != isFloat(tensor.dtype))
    return error(ATTN_ERR_DTYPE, "operand '%s': dtype must be %s", tensor.name.c_str(),
                 real ? "a float type" : "bool or an integer type");
  if (real) {
    reference::Tensor &array = arguments.floatOperands[tensor.name];
    array.shape = tensor.shape;
    forEachElement(tensor, [&](const char *at) { array.values.push_back(readFloat(at, tensor.dtype)); });
  } else {
    reference::IntTensor &array = arguments.intOperands[tensor.name];
    array.shape = tensor.shape;
    forEachElement(tensor, [&](const char *at) { array.values.push_back(readInteger(at, tensor.dtype)); });
  }
  return {};
}

static Status readScalar(ir::PatternOp pattern, const std::string &name, const rt::Scalar &scalar,
                         Arguments &arguments) {
  auto decl = dyn_cast_or_null<ir::ParamOp>(SymbolTable::lookupSymbolIn(pattern, name));
  if (!decl)
    return error(ATTN_ERR_UNKNOWN_NAME, "there is no scalar '%s'", name.c_str());
  if (scalar.ints.empty() && scalar.floats.empty())
    return {};
  if (isa<IntegerType>(decl.getType())) {
    if (!scalar.floats.empty())
      return error(ATTN_ERR_DTYPE, "scalar '%s' must be an integer", name.c_str());
    arguments.intParams[name] = scalar.ints;
    return {};
  }
  std::vector<double> &values = arguments.floatParams[name];
  values.assign(scalar.ints.begin(), scalar.ints.end());
  for (double value : scalar.floats)
    values.push_back(float(value));
  return {};
}

/// The name and the last dimension (0: none) of an argument or result of the entry.
static std::pair<std::string, int64_t> portOf(DictionaryAttr attributes, Type type) {
  auto name = attributes ? attributes.getAs<StringAttr>("attn.name") : StringAttr();
  auto tensor = cast<RankedTensorType>(type);
  return {name ? name.str() : "", tensor.getRank() == 4 ? tensor.getShape().back() : 0};
}

Status codegen::readArguments(ir::PatternOp pattern, func::FuncOp entry, const Call &call, Arguments &arguments) {
  arguments.layer = call.layer;
  for (const attn_request &r : call.requests) {
    arguments.qLen.push_back(r.q_len);
    arguments.kvLen.push_back(r.kv_len);
    if (pattern.getPositions() == ir::Positions::Tensor)
      arguments.qPos.push_back(r.q_pos);
  }
  std::set<std::string> known;
  for (BlockArgument argument : entry.getArguments()) {
    auto [name, dim] = portOf(entry.getArgAttrDict(argument.getArgNumber()), argument.getType());
    auto found = call.tensors.find(name);
    if (found == call.tensors.end())
      return error(ATTN_ERR_MISSING, "argument '%s' is missing", name.c_str());
    known.insert(name);
    auto role = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.role");
    auto cacheName = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.cache");
    auto cache =
        cacheName ? dyn_cast_or_null<ir::CacheOp>(SymbolTable::lookupSymbolIn(pattern, cacheName)) : ir::CacheOp();
    bool slots = cache && cache.getLayout() == ir::Layout::Slots;
    RowTensor source(found->second, call, /*keySide=*/!role || role != "query", dim, slots);
    if (Status s = source.check())
      return s;
    if (Status s = readRows(source, arguments.tensors[name]))
      return s;
  }
  for (auto operand : pattern.getBody().getOps<ir::OperandOp>()) {
    auto found = call.tensors.find(operand.getSymName().str());
    if (found == call.tensors.end())
      continue; // the interpreter asks for those that are read
    known.insert(found->first);
    if (Status s = readOperand(operand, found->second, arguments))
      return s;
  }
  for (unsigned i = 0; i < entry.getNumResults(); ++i)
    known.insert(portOf(entry.getResultAttrDict(i), entry.getResultTypes()[i]).first);
  for (auto &[name, tensor] : call.tensors)
    if (!known.count(name))
      return error(ATTN_ERR_UNKNOWN_NAME, "'%s' has no argument '%s'", entry.getName().str().c_str(), name.c_str());
  for (auto &[name, scalar] : call.scalars)
    if (Status s = readScalar(pattern, name, scalar, arguments))
      return s;
  return {};
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

/// Calls `f` with each output that the call has, as a RowTensor.
template <typename F> static Status forEachOutput(func::FuncOp entry, const Call &call, F f) {
  for (unsigned i = 0; i < entry.getNumResults(); ++i) {
    auto [name, dim] = portOf(entry.getResultAttrDict(i), entry.getResultTypes()[i]);
    auto found = call.tensors.find(name);
    if (found == call.tensors.end())
      continue;
    if (Status s = f(RowTensor(found->second, call, /*keySide=*/false, dim)))
      return s;
  }
  return {};
}

Status codegen::checkOutputs(func::FuncOp entry, const Call &call) {
  return forEachOutput(entry, call, [](const RowTensor &target) { return target.check(); });
}

void codegen::writeResults(func::FuncOp entry, const reference::Results &results, const Call &call) {
  (void)forEachOutput(entry, call, [&](const RowTensor &target) -> Status {
    const reference::Tensor &result = results.at(target.tensor.name);
    int64_t dim = std::max<int64_t>(target.dim, 1), step = target.dim ? target.tensor.strides.back() : 0;
    for (int64_t b = 0; b < call.batch; ++b)
      for (int64_t head = 0; head < call.qHeads; ++head)
        for (int64_t i = 0; i < call.requests[b].q_len; ++i) {
          char *row = target.row(b, head, i);
          const double *values = &result.values[((b * call.qHeads + head) * result.shape[2] + i) * dim];
          for (int64_t d = 0; d < dim; ++d)
            writeFloat(row + d * step, target.tensor.dtype, values[d]);
        }
    return {};
  });
}
