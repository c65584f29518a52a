//===- BindOperands.cpp - Tensors that expressions read ------------*- C++ -*-===//

#include "runtime/plan/Bind.h"

#include <cinttypes>
#include <cstring>

namespace attn::rt {
namespace {

/// Binds the operands of one call; keeps the size of `layers`, which the operands must agree on.
class OperandBinder {
public:
  OperandBinder(const std::vector<ParamValues> &params, const Call &call, const Device *device, Constants &constants)
      : params(params), call(call), device(device), constants(constants) {}

  Status bind(const Operand &operand, Words &words) {
    auto found = call.tensors.find(operand.name);
    bool given = found != call.tensors.end();
    if (!given && operand.values.empty())
      return error(ATTN_ERR_MISSING, "operand '%s' is missing", operand.name.c_str());
    const Tensor &tensor = given ? found->second : builtin(operand);
    if (tensor.dtype != operand.dtype)
      return error(ATTN_ERR_DTYPE, "operand '%s': dtype must be %s, got %s", operand.name.c_str(),
                   dtypeName(operand.dtype), dtypeName(tensor.dtype));
    if (tensor.shape.size() != operand.shape.size())
      return error(ATTN_ERR_SHAPE, "operand '%s': rank must be %zu, got %zu", operand.name.c_str(),
                   operand.shape.size(), tensor.shape.size());
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      if (Status s = checkSize(operand, i, tensor.shape[i]))
        return s;
    if (Status s = device && given ? checkDomainOnDevice(operand, tensor) : checkDomain(operand, tensor))
      return s;

    // Kernels clamp indices to the sizes, so there must be a first element.
    bool empty = tensor.empty();
    words = Words(1 + 2 * tensor.shape.size());
    if (empty)
      words.setConstant(0, 0);
    else if (given)
      words.values[0] = int64_t(tensor.data);
    else
      words.setConstant(0, constants.add(operand.values));
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      words.values[1 + i] = empty ? 1 : tensor.shape[i];
      words.values[1 + tensor.shape.size() + i] = empty ? 0 : tensor.strides[i];
    }
    return {};
  }

private:
  /// The values of the manifest as a tensor; the artifact outlives the plan.
  const Tensor &builtin(const Operand &operand) {
    own = Tensor();
    own.name = operand.name;
    own.data = const_cast<char *>(operand.values.data());
    own.dtype = operand.dtype;
    own.shape = operand.sizes;
    own.strides.resize(own.shape.size());
    int64_t next = attn_dtype_size(own.dtype);
    for (size_t i = own.shape.size(); i-- > 0; next *= own.shape[i])
      own.strides[i] = own.shape[i] > 1 ? next : 0;
    return own;
  }

  Status checkSize(const Operand &operand, size_t axis, int64_t got) {
    const Size &size = operand.shape[axis];
    int64_t want = 0;
    bool atLeast = false; // lengths: padded to the longest request or more
    switch (size.kind) {
    case Size::Literal: want = size.literal; break;
    case Size::Batch: want = call.batch; break;
    case Size::QHeads: want = call.qHeads; break;
    case Size::KvHeads: want = call.kvHeads; break;
    case Size::Layers:
      want = layers < 0 ? got : layers;
      layers = want;
      if (want <= call.layer)
        return error(ATTN_ERR_RANGE,
                     "layer must be below %" PRId64 ", the size of dimension %zu of "
                     "operand '%s', got %" PRId64,
                     want, axis, operand.name.c_str(), call.layer);
      break;
    case Size::QLen: want = call.longestQuery, atLeast = true; break;
    case Size::KvLen: want = call.longestKeys, atLeast = true; break;
    case Size::ParamValue:
      want = std::max<int64_t>(params[size_t(size.param)].largest(), 0);
      atLeast = params[size_t(size.param)].perRequest;
      break;
    }
    if (atLeast ? got >= want : got == want)
      return {};
    return error(ATTN_ERR_SHAPE, "operand '%s': dimension %zu (%s) must be %s%" PRId64 ", got %" PRId64,
                 operand.name.c_str(), axis, size.text.c_str(), atLeast ? "at least " : "", want, got);
  }

  /// The same of a tensor in the memory of the device, which a copy is made of.
  Status checkDomainOnDevice(const Operand &operand, const Tensor &tensor) {
    if (operand.domain == ATTN_DOMAIN_ANY && tensor.dtype != ATTN_BOOL)
      return {};
    Extent extent = tensor.extent();
    std::vector<char> copy(extent.size);
    if (!copy.empty())
      if (Status s = device->read(extent.data, copy.data(), copy.size(), nullptr))
        return s;
    Tensor here = tensor;
    here.data = copy.data() + (tensor.data - static_cast<const char *>(extent.data));
    return checkDomain(operand, here);
  }

  Status checkDomain(const Operand &operand, const Tensor &tensor) {
    if (tensor.empty())
      return {};
    if (operand.domain == ATTN_DOMAIN_BOOLEAN || tensor.dtype == ATTN_BOOL)
      if (Status s = forEachRow(tensor, [&](const char *row, int64_t size, int64_t stride) {
            return checkBoolean(operand, tensor, row, size, stride);
          }))
        return s;
    if (operand.domain == ATTN_DOMAIN_SORTED)
      return forEachRow(tensor, [&](const char *row, int64_t size, int64_t stride) {
        return checkSorted(operand, tensor, row, size, stride);
      });
    return {};
  }

  /// Calls `check(first element, size, stride)` for each row along the last dimension.
  template <typename F> static Status forEachRow(const Tensor &tensor, F check) {
    size_t rank = tensor.shape.size();
    int64_t size = rank ? tensor.shape[rank - 1] : 1, stride = rank ? tensor.strides[rank - 1] : 0;
    std::vector<int64_t> index(rank ? rank - 1 : 0, 0);
    for (;;) {
      const char *row = tensor.data;
      for (size_t i = 0; i < index.size(); ++i)
        row += index[i] * tensor.strides[i];
      if (Status s = check(row, size, stride))
        return s;
      size_t axis = index.size();
      while (axis > 0 && ++index[axis - 1] == tensor.shape[axis - 1])
        index[--axis] = 0;
      if (axis == 0)
        return {};
    }
  }

  static double value(const Tensor &tensor, const char *at) {
    auto read = [&](auto item) {
      std::memcpy(&item, at, sizeof(item));
      return item;
    };
    switch (tensor.dtype) {
    case ATTN_F32: return read(float());
    case ATTN_F64: return read(double());
    case ATTN_BOOL: return read(uint8_t());
    case ATTN_I8: return read(int8_t());
    case ATTN_I32: return read(int32_t());
    case ATTN_I64: return double(read(int64_t()));
    case ATTN_BF16: {
      uint32_t bits = uint32_t(read(uint16_t())) << 16;
      float result;
      std::memcpy(&result, &bits, sizeof(result));
      return result;
    }
    default: return double(halfToFloat(read(uint16_t())));
    }
  }

  static float halfToFloat(uint16_t half) {
    uint32_t exponent = half >> 10 & 31, fraction = half & 1023;
    float magnitude = exponent == 31 ? (fraction ? __builtin_nanf("") : __builtin_inff())
                      : exponent     ? __builtin_ldexpf(float(1024 + fraction), int(exponent) - 25)
                                     : __builtin_ldexpf(float(fraction), -24);
    return half >> 15 ? -magnitude : magnitude;
  }

  Status checkBoolean(const Operand &operand, const Tensor &tensor, const char *row, int64_t size, int64_t stride) {
    for (int64_t i = 0; i < size; ++i) {
      double item = value(tensor, row + i * stride);
      if (item != 0 && item != 1)
        return error(ATTN_ERR_DOMAIN,
                     "operand '%s' must hold 0 and 1 only, got %.17g at index %" PRId64 " of the last dimension",
                     operand.name.c_str(), item, i);
    }
    return {};
  }

  Status checkSorted(const Operand &operand, const Tensor &tensor, const char *row, int64_t size, int64_t stride) {
    for (int64_t i = 1; i < size; ++i) {
      bool ordered;
      if (tensor.dtype == ATTN_I64) { // beyond 2^53 a double would not tell
        int64_t before, here;
        std::memcpy(&before, row + (i - 1) * stride, 8);
        std::memcpy(&here, row + i * stride, 8);
        ordered = before <= here;
      } else {
        ordered = value(tensor, row + (i - 1) * stride) <= value(tensor, row + i * stride);
      }
      if (!ordered)
        return error(ATTN_ERR_DOMAIN,
                     "operand '%s' must not decrease along its last dimension "
                     "(padding included), got %.17g after %.17g at index %" PRId64,
                     operand.name.c_str(), value(tensor, row + i * stride), value(tensor, row + (i - 1) * stride), i);
    }
    return {};
  }

  const std::vector<ParamValues> &params;
  const Call &call;
  const Device *device;
  Constants &constants;
  Tensor own; ///< of the operand that is bound
  int64_t layers = -1;
};

} // namespace

Status bindOperands(const Manifest &manifest, const Entry &entry, const std::vector<ParamValues> &params,
                    const Call &call, const Device *device, Constants &constants, std::vector<Words> &words) {
  OperandBinder binder(params, call, device, constants);
  words.assign(manifest.operands.size(), {});
  for (size_t i : entry.operands)
    if (Status s = binder.bind(manifest.operands[i], words[i]))
      return s;
  return {};
}

} // namespace attn::rt
