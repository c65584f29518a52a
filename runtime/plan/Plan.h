//===- Plan.h - A call that is ready to run ------------------------*- C++ -*-===//
//
// Made by build, which checks everything; run only copies words and calls kernels.
//
// Workspace, from its start, each part aligned to 64 bytes:
//   status word | temporaries | CPU, per launch: task counter, words | CPU: scratch of each worker
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_PLAN_PLAN_H
#define ATTN_RUNTIME_PLAN_PLAN_H

#include "runtime/artifact/Artifact.h"
#include "runtime/device/Device.h"
#include "runtime/plan/Bind.h"

namespace attn::rt {

/// Words of a launch on a GPU: its parameters are at most 4 KiB.
constexpr size_t kMaxDeviceWords = 512;

using Kernel = void (*)(const int64_t *words, void *scratch, int64_t taskBegin, int64_t taskEnd);

/// One kernel call of the schedule.
struct Launch {
  Words words;
  int64_t tasks = 0;
  std::shared_ptr<const DeviceKernel> deviceKernel; ///< null on the CPU, which has the following
  std::shared_ptr<const CodeImage> code;            ///< what the kernel lies in
  Kernel kernel = nullptr;
  int64_t chunk = 1;    ///< tasks that a worker takes at once
  uint64_t counter = 0; ///< offset of the task counter in the workspace; the words follow it
};

/// Movable, not copyable: words point into the plan's constants.
class Plan {
public:
  Plan() = default;
  Plan(Plan &&) = default;
  Plan &operator=(Plan &&) = default;

  static Status build(std::shared_ptr<const Artifact> artifact, const Entry &entry, const attn_plan_desc *desc,
                      Plan &plan);

  size_t workspaceSize() const { return size_t(workspace); }
  const std::string &summary() const { return text; }

  /// Runs and waits. May be called by several threads at once, with different workspaces.
  Status run(void *memory, size_t size) const;
  /// Starts the work on a stream of CUDA; a plan for another device runs and waits.
  Status runOn(void *memory, size_t size, void *stream) const;

  const std::shared_ptr<const Artifact> &artifact() const { return source; }
  const Entry &entry() const { return *entryPoint; }

private:
  Status chooseVariant(const Call &call);
  Status bind(const Call &call);
  Status bindSlots(const Call &call);
  int64_t requestsOf(const Form &form) const;
  Status addLaunch(const Form &form, const Call &call);
  Status loadKernel(const Form &form, Launch &launch) const;
  void layOutWorkers(const Call &call);
  Status placeConstants();
  Status checkWorkspace(const void *memory, size_t size) const;
  Status runHere(char *base) const;
  Status startOnDevice(char *base, void *stream) const;

  std::shared_ptr<const Artifact> source;
  const Entry *entryPoint = nullptr;
  const Variant *variant = nullptr;

  int64_t requests = 0;                ///< offset in the constants
  std::map<int, int64_t> slotRequests; ///< by cache: offset of the requests of launches over its slots
  std::vector<ParamValues> params;
  Constants constants;
  std::vector<Words> inputs, outputs, temporaries, operands, scalars;

  std::shared_ptr<const Device> device;        ///< null: the CPU
  std::shared_ptr<const void> deviceConstants; ///< the constants in its memory
  std::vector<Extent> extents;                 ///< what kernels on it may touch, but for the workspace
  RunContext runContext;

  std::vector<Launch> launches;
  int64_t workers = 1;
  uint64_t scratchSize = 0, scratchStart = 0, workspace = ATTN_WORKSPACE_ALIGNMENT;
  attn_parallel_for parallelFor = nullptr;
  void *parallelUser = nullptr;
  std::string text;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_PLAN_H
