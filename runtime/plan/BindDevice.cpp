//===- BindDevice.cpp - What a GPU asks of a call's tensors --------*- C++ -*-===//

#include "runtime/plan/BindDevice.h"

#include <algorithm>
#include <cinttypes>

namespace attn::rt {
namespace {

const char *start(const Extent &extent) { return static_cast<const char *>(extent.data); }
const char *end(const Extent &extent) { return start(extent) + extent.size; }

Status checkRows(const Tensor &tensor) {
  if (uint64_t(tensor.data) % ATTN_GPU_ROW_ALIGNMENT)
    return error(ATTN_ERR_POINTER, "argument '%s': data must be aligned to %d bytes on a GPU, got address %p",
                 tensor.name.c_str(), ATTN_GPU_ROW_ALIGNMENT, static_cast<void *>(tensor.data));
  for (size_t i = 0; i + 1 < tensor.strides.size(); ++i)
    if (tensor.strides[i] % ATTN_GPU_ROW_ALIGNMENT)
      return error(ATTN_ERR_STRIDE,
                   "argument '%s': stride of dimension %zu must be a multiple of %d bytes on a GPU, got %" PRId64,
                   tensor.name.c_str(), i, ATTN_GPU_ROW_ALIGNMENT, tensor.strides[i]);
  return {};
}

/// Sorts extents and joins those that overlap.
void join(std::vector<Extent> &extents) {
  std::sort(extents.begin(), extents.end(), [](const Extent &a, const Extent &b) { return a.data < b.data; });
  std::vector<Extent> joined;
  for (const Extent &extent : extents) {
    if (joined.empty() || start(extent) >= end(joined.back())) {
      joined.push_back(extent);
      continue;
    }
    Extent &last = joined.back();
    last.size = size_t(std::max(end(last), end(extent)) - start(last));
    last.writable = last.writable || extent.writable;
  }
  extents = std::move(joined);
}

} // namespace

Status bindDevice(const Entry &entry, const Manifest &manifest, const Call &call, const Device &device,
                  std::vector<Extent> &extents) {
  auto add = [&](const std::string &name, bool hasRows, bool writable) -> Status {
    auto tensor = call.tensors.find(name);
    if (tensor == call.tensors.end() || tensor->second.empty())
      return {};
    if (!device.owns(tensor->second.data))
      return error(ATTN_ERR_POINTER, "argument '%s': data is not in the memory of %s, got address %p", name.c_str(),
                   device.name().c_str(), static_cast<void *>(tensor->second.data));
    extents.push_back(tensor->second.extent());
    extents.back().writable = writable;
    return hasRows ? checkRows(tensor->second) : Status();
  };
  for (const Port &port : entry.inputs)
    if (Status s = add(port.name, true, false))
      return s;
  for (const Port &port : entry.outputs)
    if (Status s = add(port.name, port.role != ATTN_ROLE_LSE, true))
      return s;
  for (size_t operand : entry.operands)
    if (Status s = add(manifest.operands[operand].name, false, false))
      return s;
  join(extents);
  return {};
}

} // namespace attn::rt
