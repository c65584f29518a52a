//===- Call.cpp - A call as the caller gave it ---------------------*- C++ -*-===//

#include "runtime/plan/Call.h"

#include "runtime/device/cpu/CpuInfo.h"

#include <cinttypes>
#include <cmath>
#include <cstring>

namespace attn::rt {

Extent Tensor::extent() const {
  if (empty())
    return {};
  int64_t low = 0, high = attn_dtype_size(dtype);
  for (size_t i = 0; i < shape.size(); ++i)
    (strides[i] < 0 ? low : high) += strides[i] * (shape[i] - 1);
  return {data + low, size_t(high - low), false};
}

Status readStruct(const void *given, const char *what, void *copy, size_t copySize) {
  if (!given)
    return error(ATTN_ERR_INVALID_ARGUMENT, "%s is null", what);
  uint32_t header[2];
  std::memcpy(header, given, sizeof(header));
  if (header[1] != ATTN_STRUCT_VERSION)
    return error(ATTN_ERR_INVALID_ARGUMENT, "%s: version must be %d, got %" PRIu32, what, ATTN_STRUCT_VERSION,
                 header[1]);
  size_t size = header[0];
  if (size < sizeof(header) || size > 4096)
    return error(ATTN_ERR_INVALID_ARGUMENT, "%s: struct_size must be %zu, got %zu", what, copySize, size);
  auto *bytes = static_cast<const char *>(given);
  for (size_t i = copySize; i < size; ++i)
    if (bytes[i])
      return error(ATTN_ERR_INVALID_ARGUMENT, "%s: byte %zu is set, but this library knows %zu bytes", what, i,
                   copySize);
  std::memset(copy, 0, copySize);
  std::memcpy(copy, given, size < copySize ? size : copySize);
  return {};
}

namespace {

Status checkRange(const char *what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high)
    return {};
  return error(ATTN_ERR_RANGE, "%s must be from %" PRId64 " to %" PRId64 ", got %" PRId64, what, low, high, value);
}

/// Checks values[b] of an array of the call.
Status checkItem(const char *array, int64_t b, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high)
    return {};
  return error(ATTN_ERR_RANGE, "%s[%" PRId64 "] must be from %" PRId64 " to %" PRId64 ", got %" PRId64, array, b, low,
               high, value);
}

Status readSizes(const attn_plan_desc &desc, Call &call) {
  if (Status s = checkRange("batch", desc.batch, 0, ATTN_MAX_BATCH))
    return s;
  if (Status s = checkRange("q_heads", desc.q_heads, 1, ATTN_MAX_HEADS))
    return s;
  if (Status s = checkRange("kv_heads", desc.kv_heads, 1, ATTN_MAX_HEADS))
    return s;
  if (desc.q_heads % desc.kv_heads)
    return error(ATTN_ERR_RANGE, "q_heads must be a multiple of kv_heads, got %" PRId64 " and %" PRId64, desc.q_heads,
                 desc.kv_heads);
  if (Status s = checkRange("layer", desc.layer, 0, ATTN_MAX_LENGTH))
    return s;
  if (Status s = checkRange("threads", desc.threads, 0, ATTN_MAX_THREADS))
    return s;
  if (Status s = checkRange("device", desc.device, ATTN_DEVICE_CPU, ATTN_DEVICE_EMULATOR))
    return s;
  if (Status s = checkRange("device_index", desc.device_index, 0, desc.device == ATTN_DEVICE_CUDA ? INT32_MAX : 0))
    return s;
  if (Status s = checkRange("emulator_completion", desc.emulator_completion, ATTN_COMPLETE_EARLY, ATTN_COMPLETE_RANDOM))
    return s;
  call.batch = desc.batch;
  call.qHeads = desc.q_heads;
  call.kvHeads = desc.kv_heads;
  call.layer = desc.layer;
  call.threads = desc.threads ? desc.threads : processorCount();
  call.parallelFor = desc.parallel_for;
  call.parallelUser = desc.parallel_user;
  call.isa = desc.isa ? desc.isa : "";
  call.device = desc.device;
  call.deviceIndex = desc.device_index;
  call.completion = desc.emulator_completion;
  call.seed = desc.emulator_seed;
  return {};
}

Status readRequests(const attn_plan_desc &desc, Call &call) {
  call.raggedQueries = desc.q_rows != nullptr;
  call.raggedKeys = desc.kv_rows != nullptr;
  call.requests.resize(size_t(call.batch));
  int64_t queryEnd = 0;
  for (int64_t b = 0; b < call.batch; ++b) {
    attn_request &r = call.requests[size_t(b)];
    r.q_len = desc.q_lens ? desc.q_lens[b] : desc.q_len;
    r.kv_len = desc.kv_lens ? desc.kv_lens[b] : desc.kv_len;
    r.q_row = desc.q_rows ? desc.q_rows[b] : 0;
    r.kv_row = desc.kv_rows ? desc.kv_rows[b] : 0;
    r.q_pos = desc.q_pos ? desc.q_pos[b] : 0;
    r.sequence_kv_len = r.kv_len;
    if (Status s = desc.q_lens ? checkItem("q_lens", b, r.q_len, 0, ATTN_MAX_LENGTH)
                               : checkRange("q_len", r.q_len, 0, ATTN_MAX_LENGTH))
      return s;
    if (Status s = desc.kv_lens ? checkItem("kv_lens", b, r.kv_len, 0, ATTN_MAX_LENGTH)
                                : checkRange("kv_len", r.kv_len, 0, ATTN_MAX_LENGTH))
      return s;
    if (Status s = checkItem("q_rows", b, r.q_row, 0, INT64_MAX / 2))
      return s;
    if (Status s = checkItem("kv_rows", b, r.kv_row, 0, INT64_MAX / 2))
      return s;
    if (Status s = checkItem("q_pos", b, r.q_pos, -ATTN_MAX_LENGTH, ATTN_MAX_LENGTH))
      return s;
    if (call.raggedQueries && r.q_len > 0) {
      if (r.q_row < queryEnd)
        return error(ATTN_ERR_RANGE,
                     "q_rows[%" PRId64 "] must be at least %" PRId64 ", where the rows before it end, got %" PRId64, b,
                     queryEnd, r.q_row);
      queryEnd = r.q_row + r.q_len;
    }
    call.longestQuery = std::max(call.longestQuery, r.q_len);
    call.longestKeys = std::max(call.longestKeys, r.kv_len);
  }
  return {};
}

Status setPositions(const attn_plan_desc &desc, int32_t positions, Call &call) {
  bool byTensor = positions == ATTN_POSITIONS_TENSOR;
  if (byTensor && !desc.q_pos && call.batch > 0)
    return error(ATTN_ERR_POSITIONS, "q_pos is missing: the pattern takes positions from the call");
  if (!byTensor && desc.q_pos)
    return error(ATTN_ERR_POSITIONS, "q_pos is given, but the pattern's positions are %s",
                 positions == ATTN_POSITIONS_BOTTOM_RIGHT ? "bottom_right"
                 : positions == ATTN_POSITIONS_TOP_LEFT   ? "top_left"
                                                          : "not stated");
  for (int64_t b = 0; b < call.batch; ++b) {
    attn_request &r = call.requests[size_t(b)];
    if (positions == ATTN_POSITIONS_BOTTOM_RIGHT)
      r.q_pos = r.kv_len - r.q_len;
    if (positions == ATTN_POSITIONS_UNSTATED && r.q_len != r.kv_len)
      return error(ATTN_ERR_POSITIONS,
                   "request %" PRId64 " has q_len %" PRId64 " and kv_len %" PRId64
                   ": a pattern that does not state its positions (bottom_right or top_left) needs "
                   "them equal",
                   b, r.q_len, r.kv_len);
  }
  return {};
}

/// Strides of a tensor: the caller's, or those of C order. Sizes 0 and 1 get stride 0.
Status setStrides(const attn_tensor &given, Tensor &tensor) {
  tensor.strides.assign(tensor.shape.size(), 0);
  int64_t next = attn_dtype_size(tensor.dtype);
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    int64_t size = tensor.shape[i];
    tensor.strides[i] = size <= 1 ? 0 : given.strides ? given.strides[i] : next;
    if (!given.strides && size > 1 && __builtin_mul_overflow(next, size, &next))
      return error(ATTN_ERR_SHAPE, "argument '%s': the tensor is larger than the address space", tensor.name.c_str());
  }
  return {};
}

/// Checks that every element has an address, and that addresses are multiples of the element size.
Status checkAddresses(const Tensor &tensor) {
  if (tensor.empty())
    return {};
  const char *name = tensor.name.c_str();
  if (!tensor.data)
    return error(ATTN_ERR_POINTER, "argument '%s': data is null", name);
  int64_t item = attn_dtype_size(tensor.dtype);
  if (uint64_t(tensor.data) % uint64_t(item))
    return error(ATTN_ERR_POINTER, "argument '%s': data must be aligned to %" PRId64 " bytes, got address %p", name,
                 item, static_cast<void *>(tensor.data));
  int64_t low = int64_t(uint64_t(tensor.data)), high = low; // user addresses are below 2^63
  bool fits = !__builtin_add_overflow(high, item, &high) && low > 0;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    int64_t stride = tensor.strides[i], extent = 0;
    if (stride % item)
      return error(ATTN_ERR_STRIDE,
                   "argument '%s': stride of dimension %zu must be a multiple of %" PRId64 " bytes, got %" PRId64, name,
                   i, item, stride);
    int64_t &end = stride < 0 ? low : high;
    fits = fits && !__builtin_mul_overflow(stride, tensor.shape[i] - 1, &extent) &&
           !__builtin_add_overflow(end, extent, &end);
  }
  if (!fits || low < 0)
    return error(ATTN_ERR_STRIDE, "argument '%s': the strides lead outside the address space", name);
  return {};
}

Status readTensor(const attn_tensor &given, int64_t index, Tensor &tensor) {
  if (!given.name)
    return error(ATTN_ERR_INVALID_ARGUMENT, "tensors[%" PRId64 "]: name is null", index);
  tensor.name = given.name;
  const char *name = tensor.name.c_str();
  if (!attn_dtype_size(given.dtype))
    return error(ATTN_ERR_DTYPE, "argument '%s': unknown dtype %" PRId32, name, given.dtype);
  if (given.ndim < 0 || given.ndim > kMaxRank)
    return error(ATTN_ERR_SHAPE, "argument '%s': rank must be from 0 to %d, got %" PRId32, name, kMaxRank, given.ndim);
  if (given.ndim > 0 && !given.shape)
    return error(ATTN_ERR_INVALID_ARGUMENT, "argument '%s': shape is null", name);
  tensor.data = static_cast<char *>(given.data);
  tensor.dtype = given.dtype;
  tensor.headMap = given.head_map;
  tensor.shape.assign(given.shape, given.shape + given.ndim);
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    if (tensor.shape[i] < 0)
      return error(ATTN_ERR_SHAPE, "argument '%s': dimension %zu must not be negative, got %" PRId64, name, i,
                   tensor.shape[i]);
  if (Status s = setStrides(given, tensor))
    return s;
  return checkAddresses(tensor);
}

Status readScalar(const attn_scalar &given, int64_t index, int64_t batch, Scalar &scalar) {
  if (!given.name)
    return error(ATTN_ERR_INVALID_ARGUMENT, "scalars[%" PRId64 "]: name is null", index);
  if (given.count != 1 && given.count != batch)
    return error(ATTN_ERR_SHAPE, "scalar '%s': count must be 1 or batch (%" PRId64 "), got %" PRId64, given.name, batch,
                 given.count);
  if (!given.data && given.count)
    return error(ATTN_ERR_POINTER, "scalar '%s': data is null", given.name);
  bool isFloat = given.dtype == ATTN_F32 || given.dtype == ATTN_F64;
  if (!isFloat && given.dtype != ATTN_I32 && given.dtype != ATTN_I64)
    return error(ATTN_ERR_DTYPE, "scalar '%s': dtype must be i64, i32, f32 or f64, got %s", given.name,
                 dtypeName(given.dtype));
  for (int64_t i = 0; i < given.count; ++i) {
    auto *item = static_cast<const char *>(given.data) + i * attn_dtype_size(given.dtype);
    auto read = [&](auto value) {
      std::memcpy(&value, item, sizeof(value));
      return value;
    };
    if (isFloat)
      scalar.floats.push_back(given.dtype == ATTN_F32 ? double(read(float())) : read(double()));
    else
      scalar.ints.push_back(given.dtype == ATTN_I32 ? read(int32_t()) : read(int64_t()));
  }
  return {};
}

/// Calls `read(copy, index)` for each struct of an array whose items have the caller's size.
template <typename T, typename F> Status readArray(const T *items, int64_t count, const char *what, F read) {
  if (count < 0 || count > 4096 || (count && !items))
    return error(ATTN_ERR_INVALID_ARGUMENT, "%s: null or a wrong count (%" PRId64 ")", what, count);
  auto *bytes = reinterpret_cast<const char *>(items);
  uint32_t stride = count ? items->struct_size : 0;
  for (int64_t i = 0; i < count; ++i) {
    T copy;
    if (Status s = readStruct(bytes + i * stride, what, &copy, sizeof(T)))
      return s;
    if (copy.struct_size != stride)
      return error(ATTN_ERR_INVALID_ARGUMENT, "%s: struct_size differs between items", what);
    if (Status s = read(copy, i))
      return s;
  }
  return {};
}

} // namespace

Status readCall(const attn_plan_desc *given, int32_t positions, Call &call) {
  attn_plan_desc desc;
  if (Status s = readStruct(given, "attn_plan_desc", &desc, sizeof(desc)))
    return s;
  if (Status s = readSizes(desc, call))
    return s;
  if (Status s = readRequests(desc, call))
    return s;
  if (Status s = setPositions(desc, positions, call))
    return s;
  if (Status s =
          readArray(desc.tensors, desc.tensor_count, "attn_tensor", [&](const attn_tensor &item, int64_t i) -> Status {
            Tensor tensor;
            if (Status s = readTensor(item, i, tensor))
              return s;
            if (!call.tensors.emplace(tensor.name, tensor).second)
              return error(ATTN_ERR_UNKNOWN_NAME, "argument '%s' is given twice", item.name);
            return {};
          }))
    return s;
  return readArray(desc.scalars, desc.scalar_count, "attn_scalar", [&](const attn_scalar &item, int64_t i) -> Status {
    Scalar scalar;
    if (Status s = readScalar(item, i, call.batch, scalar))
      return s;
    if (!call.scalars.emplace(item.name, scalar).second)
      return error(ATTN_ERR_UNKNOWN_NAME, "scalar '%s' is given twice", item.name);
    return {};
  });
}

} // namespace attn::rt
