//===- Placement.cpp - Where the tensors of a call lie -------------*- C++ -*-===//

#include "tools/attn-run/Placement.h"

#include "tools/attn-run/Options.h"

#include <algorithm>
#include <climits>
#include <tuple>

namespace attn::tool {
namespace {

/// Kind and index of a device; kind -1 if the name is none.
std::pair<int32_t, int32_t> parse(const std::string &name) {
  std::vector<int64_t> number;
  if (name == "cpu" || name == "emulator" || name == "cuda")
    return {name == "cpu" ? ATTN_DEVICE_CPU : name == "cuda" ? ATTN_DEVICE_CUDA : ATTN_DEVICE_EMULATOR, 0};
  bool isIndexed = name.rfind("cuda:", 0) == 0 && parseIntegers(name.substr(5), number) && number.size() == 1 &&
                   number[0] >= 0 && number[0] <= INT32_MAX;
  return isIndexed ? std::make_pair<int32_t, int32_t>(ATTN_DEVICE_CUDA, int32_t(number[0]))
                   : std::make_pair<int32_t, int32_t>(-1, 0);
}

/// Arrays of the program are in C order.
size_t bytesOf(const attn_tensor &tensor) {
  size_t bytes = size_t(attn_dtype_size(tensor.dtype));
  for (int32_t i = 0; i < tensor.ndim; ++i)
    bytes *= size_t(tensor.shape[i]);
  return bytes;
}

} // namespace

bool Placement::isDevice(const std::string &name) { return parse(name).first >= 0; }

Placement::Placement(const std::string &device) { std::tie(kind, index) = parse(device); }

Placement::~Placement() {
  for (void *place : owned)
    if (kind == ATTN_DEVICE_CPU)
      ::operator delete(place, std::align_val_t(ATTN_WORKSPACE_ALIGNMENT));
    else
      attn_device_release(kind, index, place);
}

int32_t Placement::allocate(size_t bytes, void *&place) {
  if (kind == ATTN_DEVICE_CPU)
    place = ::operator new(bytes, std::align_val_t(ATTN_WORKSPACE_ALIGNMENT));
  else if (int32_t code = attn_device_allocate(kind, index, bytes, &place))
    return code;
  owned.push_back(place);
  return ATTN_OK;
}

int32_t Placement::place(attn_plan_desc &desc) {
  desc.device = kind;
  desc.device_index = index;
  if (kind == ATTN_DEVICE_CPU)
    return ATTN_OK;
  hosts.assign(desc.tensors, desc.tensors + desc.tensor_count);
  copies = hosts;
  for (attn_tensor &copy : copies) {
    const void *host = copy.data;
    if (int32_t code = allocate(bytesOf(copy), copy.data))
      return code;
    if (int32_t code = attn_device_write(kind, index, copy.data, host, bytesOf(copy)))
      return code;
  }
  desc.tensors = copies.data();
  return ATTN_OK;
}

int32_t Placement::makeWorkspace(const attn_plan *plan) {
  if (int32_t code = attn_plan_workspace_size(plan, &size))
    return code;
  return allocate(size, memory);
}

int32_t Placement::read(const std::vector<std::string> &names) const {
  for (size_t i = 0; i < copies.size(); ++i)
    if (std::find(names.begin(), names.end(), hosts[i].name) != names.end())
      if (int32_t code = attn_device_read(kind, index, hosts[i].data, copies[i].data, bytesOf(copies[i])))
        return code;
  return ATTN_OK;
}

} // namespace attn::tool
