//===- Call.h - A call as the caller gave it, with its sizes checked ---------*- C++ -*-===//
//
// The C structs of attn.h copied into C++ values. After readCall head counts, lengths, row starts and positions are
// within their limits and consistent with each other; tensors and scalars have well-formed descriptors (not yet
// compared with the entry point).
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_PLAN_CALL_H
#define ATTN_RUNTIME_PLAN_CALL_H

#include "runtime/artifact/Manifest.h"
#include "runtime/device/Device.h"

#include "attn/KernelABI.h"

#include <map>

namespace attn::rt {

constexpr int kMaxRank = 8;

/// A tensor with explicit byte strides. Dimensions of size 0 or 1 have stride 0.
struct Tensor {
  std::string name;
  char *data = nullptr;
  int32_t dtype = 0;
  std::vector<int64_t> shape, strides;
  const int32_t *headMap = nullptr; ///< the caller's; kv_heads entries

  bool empty() const {
    for (int64_t size : shape)
      if (size == 0)
        return true;
    return false;
  }
  /// From the first byte to the last; not writable. Size 0 if there is no element.
  Extent extent() const;
};

/// The values of a scalar: one, or one per request. Exactly one of the two is filled.
struct Scalar {
  std::vector<int64_t> ints;
  std::vector<double> floats;
};

struct Call {
  int64_t batch = 0, qHeads = 0, kvHeads = 0, layer = 0;
  std::vector<attn_request> requests;
  int64_t longestQuery = 0, longestKeys = 0;
  bool raggedQueries = false, raggedKeys = false;
  std::map<std::string, Tensor> tensors;
  std::map<std::string, Scalar> scalars;
  std::string isa; ///< empty: the best
  int threads = 1;
  attn_parallel_for parallelFor = nullptr;
  void *parallelUser = nullptr;
  int32_t device = ATTN_DEVICE_CPU, deviceIndex = 0, completion = 0;
  uint64_t seed = 0;

  int64_t group() const { return kvHeads ? qHeads / kvHeads : 0; }
};

/// Reads and checks `desc` for a pattern with this position rule.
Status readCall(const attn_plan_desc *desc, int32_t positions, Call &call);

/// Copies a struct of the caller into one of this library's size: struct_size may be smaller (an older caller; the rest
/// is zero) or larger if the bytes that this library does not know are zero. `what` names the struct in messages.
Status readStruct(const void *given, const char *what, void *copy, size_t copySize);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_CALL_H
