//===- BindViews.cpp - Inputs, outputs and temporaries -------------*- C++ -*-===//

#include "runtime/plan/Bind.h"

#include <algorithm>
#include <cinttypes>

namespace attn::rt {
namespace {

/// Binds one tensor to one port.
class ViewBinder {
public:
  ViewBinder(const Port &port, const Temporary &expected, const Manifest &manifest,
             const std::vector<ParamValues> &params, const Call &call, const Tensor &tensor, Constants &constants,
             Words &words)
      : port(port), expected(expected), manifest(manifest), params(params), call(call), tensor(tensor),
        constants(constants), words(words) {}

  Status run() {
    words = Words(ATTN_VIEW_WORDS);
    if (Status s = checkType())
      return s;
    if (Status s = bindRing())
      return s;
    if (Status s = checkRows())
      return s;
    if (Status s = bindHeads())
      return s;
    if (isOutput())
      if (Status s = checkDisjoint())
        return s;
    if (tensor.empty()) { // Nothing is stored here; a kernel that computes an address stays inside the row of zeros.
      if (!isOutput())
        words.setConstant(ATTN_VIEW_BASE, 0);
      return {};
    }
    words.values[ATTN_VIEW_BASE] = int64_t(tensor.data);
    words.values[ATTN_VIEW_BATCH_STRIDE] = ragged() ? 0 : tensor.strides[0];
    words.values[ATTN_VIEW_ROW_STRIDE] = tensor.strides[rowAxis()];
    words.values[ATTN_VIEW_HEAD_STRIDE] = tensor.strides[headAxis()];
    return {};
  }

private:
  bool isOutput() const { return port.role == ATTN_ROLE_OUT || port.role == ATTN_ROLE_LSE; }
  bool isKeySide() const { return port.role == ATTN_ROLE_KEY || port.role == ATTN_ROLE_VALUE; }
  bool isSlots() const { return port.cache >= 0 && manifest.caches[size_t(port.cache)].isSlots; }
  bool ragged() const { return isKeySide() ? call.raggedKeys && !isSlots() : call.raggedQueries; }
  size_t rowAxis() const { return ragged() ? 0 : 2; }
  size_t headAxis() const { return 1; }
  size_t rank() const { return (ragged() ? 2 : 3) + (expected.dim > 0); }
  const char *name() const { return port.name.c_str(); }

  std::string layout() const {
    std::string heads = isKeySide() ? "kv_heads" : "q_heads";
    std::string text = ragged() ? "[total rows, " + heads : "[batch, " + heads + ", rows";
    return text + (expected.dim ? ", " + std::to_string(expected.dim) + "]" : "]");
  }

  Status checkSize(size_t axis, const char *what, int64_t size) {
    if (tensor.shape[axis] == size)
      return {};
    return error(ATTN_ERR_SHAPE, "argument '%s': dimension %zu (%s) must be %" PRId64 ", got %" PRId64, name(), axis,
                 what, size, tensor.shape[axis]);
  }

  Status checkType() {
    if (tensor.dtype != expected.dtype)
      return error(ATTN_ERR_DTYPE, "argument '%s': dtype must be %s, got %s", name(), dtypeName(expected.dtype),
                   dtypeName(tensor.dtype));
    if (tensor.shape.size() != rank())
      return error(ATTN_ERR_SHAPE, "argument '%s': rank must be %zu (%s), got %zu", name(), rank(), layout().c_str(),
                   tensor.shape.size());
    if (!ragged())
      if (Status s = checkSize(0, "batch", call.batch))
        return s;
    if (!expected.dim)
      return {};
    if (Status s = checkSize(rank() - 1, "head dimension", expected.dim))
      return s;
    int64_t stride = tensor.strides.back(), item = attn_dtype_size(tensor.dtype);
    if (expected.dim > 1 && stride != item && !tensor.empty())
      return error(ATTN_ERR_STRIDE,
                   "argument '%s': the last dimension must be contiguous (stride %" PRId64 " bytes), got %" PRId64,
                   name(), item, stride);
    return {};
  }

  Status bindRing() {
    if (port.cache < 0 || !manifest.caches[size_t(port.cache)].isRing)
      return {};
    const Cache &cache = manifest.caches[size_t(port.cache)];
    for (int param : {cache.sink, cache.ring}) {
      const std::string &paramName = manifest.params[size_t(param)].name;
      const ParamValues &values = params[size_t(param)];
      if (values.perRequest)
        return error(ATTN_ERR_RANGE,
                     "scalar '%s' sizes the ring of cache '%s' and must be one value "
                     "for all requests",
                     paramName.c_str(), cache.name.c_str());
      int64_t low = param == cache.ring ? 1 : 0;
      if (values.ints[0] < low)
        return error(ATTN_ERR_RANGE, "scalar '%s' (%s of cache '%s') must be at least %" PRId64 ", got %" PRId64,
                     paramName.c_str(), low ? "ring" : "sink", cache.name.c_str(), low, values.ints[0]);
    }
    words.values[ATTN_VIEW_SINK] = params[size_t(cache.sink)].ints[0];
    words.values[ATTN_VIEW_RING] = params[size_t(cache.ring)].ints[0];
    return {};
  }

  /// Rows that request `r` uses.
  int64_t rowsOf(const attn_request &r) const {
    if (!isKeySide())
      return r.q_len;
    int64_t ring = words.values[ATTN_VIEW_RING];
    return ring ? std::min(r.kv_len, words.values[ATTN_VIEW_SINK] + ring) : r.kv_len;
  }

  Status checkRows() {
    if (isSlots())
      return {}; // all there are
    if (isKeySide() && call.kvHeads > 0 && tensor.shape[headAxis()] == 0 && tensor.headMap)
      return {}; // Holds no head at all; bindHeads sees to it that the map agrees.
    int64_t rows = tensor.shape[rowAxis()];
    for (size_t b = 0; b < call.requests.size(); ++b) {
      const attn_request &r = call.requests[b];
      int64_t first = isKeySide() ? r.kv_row : r.q_row; // 0 unless ragged
      int64_t used = rowsOf(r);
      if (used > 0 && (first > rows || used > rows - first))
        return error(ATTN_ERR_SHAPE,
                     "argument '%s': dimension %zu (rows) must be at least %" PRId64 " for request %zu, got %" PRId64,
                     name(), rowAxis(), first + used, b, rows);
    }
    return {};
  }

  Status bindHeads() {
    int64_t held = tensor.shape[headAxis()];
    if (!tensor.headMap)
      return checkSize(headAxis(), isKeySide() ? "kv_heads" : "q_heads", isKeySide() ? call.kvHeads : call.qHeads);
    if (!isKeySide())
      return error(ATTN_ERR_INVALID_ARGUMENT, "argument '%s': head_map is for keys and values only", name());
    std::vector<int32_t> map(tensor.headMap, tensor.headMap + call.kvHeads);
    for (size_t g = 0; g < map.size(); ++g) {
      if (map[g] < -1 || map[g] >= held)
        return error(ATTN_ERR_RANGE, "argument '%s': head_map[%zu] must be from -1 to %" PRId64 ", got %" PRId32,
                     name(), g, held - 1, map[g]);
      map[g] = std::max(map[g], 0); // A head that is not here reads rows that are.
    }
    words.setConstant(ATTN_VIEW_HEAD_MAP, constants.add(map));
    return {};
  }

  /// Elements of an output must not share memory: from the innermost, every stride passes over all that is inside it.
  Status checkDisjoint() {
    std::vector<size_t> axes;
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      if (tensor.shape[i] > 1)
        axes.push_back(i);
    auto step = [&](size_t axis) { return uint64_t(std::abs(tensor.strides[axis])); };
    std::sort(axes.begin(), axes.end(), [&](size_t a, size_t b) { return step(a) < step(b); });
    uint64_t inside = uint64_t(attn_dtype_size(tensor.dtype));
    for (size_t axis : axes) {
      if (step(axis) < inside)
        return error(ATTN_ERR_STRIDE,
                     "argument '%s': rows of an output must not overlap, but "
                     "dimension %zu has stride %" PRId64,
                     name(), axis, tensor.strides[axis]);
      inside += step(axis) * uint64_t(tensor.shape[axis] - 1);
    }
    return {};
  }

  const Port &port;
  const Temporary &expected;
  const Manifest &manifest;
  const std::vector<ParamValues> &params;
  const Call &call;
  const Tensor &tensor;
  Constants &constants;
  Words &words;
};

} // namespace

Status bindPort(const Port &port, const Temporary &expected, const Manifest &manifest,
                const std::vector<ParamValues> &params, const Call &call, Constants &constants, Words &words) {
  auto tensor = call.tensors.find(port.name);
  if (tensor == call.tensors.end()) {
    words = Words(ATTN_VIEW_WORDS);
    return port.role == ATTN_ROLE_LSE ? Status()
                                      : error(ATTN_ERR_MISSING, "argument '%s' is missing", port.name.c_str());
  }
  return ViewBinder(port, expected, manifest, params, call, tensor->second, constants, words).run();
}

Status layOutTemporary(const Temporary &temporary, const Call &call, Words &words, uint64_t &size) {
  int64_t row = std::max<int64_t>(temporary.dim, 1) * attn_dtype_size(temporary.dtype);
  int64_t rows = call.longestQuery, head = 0, batch = 0, total = 0;
  for (const attn_request &r : call.requests)
    rows = std::max(rows, r.q_row + r.q_len);
  bool fits = !__builtin_mul_overflow(row, rows, &head) && !__builtin_mul_overflow(head, call.qHeads, &batch) &&
              !__builtin_mul_overflow(batch, call.raggedQueries ? 1 : call.batch, &total);
  if (!fits)
    return error(ATTN_ERR_RANGE, "temporary '%s' is larger than the address space", temporary.name.c_str());
  words = Words(ATTN_VIEW_WORDS);
  words.values[ATTN_VIEW_BATCH_STRIDE] = call.raggedQueries ? 0 : batch;
  words.values[ATTN_VIEW_HEAD_STRIDE] = head;
  words.values[ATTN_VIEW_ROW_STRIDE] = row;
  size = uint64_t(total);
  return {};
}

} // namespace attn::rt
