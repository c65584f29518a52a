//===- Placement.h - Where the tensors of a call lie ---------------*- C++ -*-===//
//
// On the CPU the arrays of the program are the tensors. On another device every tensor of a call has a copy in its
// memory: all are written before the first run, outputs are read after the last.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_RUN_PLACEMENT_H
#define ATTN_TOOLS_ATTN_RUN_PLACEMENT_H

#include "attn/attn.hpp"

#include <string>
#include <vector>

namespace attn::tool {

class Placement {
public:
  /// `device`: "cpu", "cuda", "cuda:1" or "emulator" (isDevice).
  explicit Placement(const std::string &device);
  ~Placement();
  Placement(const Placement &) = delete;
  Placement &operator=(const Placement &) = delete;

  static bool isDevice(const std::string &name);

  /// Copies the tensors of `desc` to the device; `desc` then has the copies. ATTN_OK, or the code of an error.
  int32_t place(attn_plan_desc &desc);
  /// Memory for the workspace of a plan.
  int32_t makeWorkspace(const attn_plan *plan);
  void *workspace() const { return memory; }
  size_t workspaceSize() const { return size; }
  /// Copies the tensors of these names back.
  int32_t read(const std::vector<std::string> &names) const;

private:
  int32_t allocate(size_t bytes, void *&place);

  int32_t kind = ATTN_DEVICE_CPU, index = 0;
  std::vector<attn_tensor> hosts, copies;
  std::vector<void *> owned;
  void *memory = nullptr;
  size_t size = 0;
};

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_PLACEMENT_H
