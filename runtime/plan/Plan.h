//===- Plan.h - A call that is ready to run ------------------------*- C++ -*-===//
//
// Made by build, which checks everything; run only copies words and calls kernels.
//
// Workspace, from its start, each part aligned to 64 bytes:
//   status word | temporaries | per launch: task counter, words | scratch of each worker
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_PLAN_PLAN_H
#define ATTN_RUNTIME_PLAN_PLAN_H

#include "runtime/artifact/Artifact.h"
#include "runtime/plan/Bind.h"

namespace attn::rt {

using Kernel = void (*)(const int64_t *words, void *scratch, int64_t taskBegin, int64_t taskEnd);

/// One kernel call of the schedule.
struct Launch {
  std::shared_ptr<const CodeImage> code; ///< what the kernel lies in
  Kernel kernel = nullptr;
  std::vector<int64_t> words;
  /// Words to which the address of the workspace is added: they hold offsets.
  std::vector<size_t> workspaceWords;
  int64_t tasks = 0;
  int64_t chunk = 1;    ///< tasks that a worker takes at once
  uint64_t counter = 0; ///< offset of the task counter in the workspace; the words follow it
};

/// Movable, not copyable: words point into the plan's own storage.
class Plan {
public:
  Plan() = default;
  Plan(Plan &&) = default;
  Plan &operator=(Plan &&) = default;

  static Status build(std::shared_ptr<const Artifact> artifact, const Entry &entry, const attn_plan_desc *desc,
                      Plan &plan);

  size_t workspaceSize() const { return size_t(workspace); }
  const std::string &summary() const { return text; }

  /// May be called by several threads at once, with different workspaces.
  Status run(void *memory, size_t size) const;

  const std::shared_ptr<const Artifact> &artifact() const { return source; }
  const Entry &entry() const { return *entryPoint; }

private:
  Status chooseVariant(const Call &call);
  Status bind(const Call &call);
  Status bindSlots(const Call &call);
  const std::vector<attn_request> &requestsOf(const Form &form) const;
  Status addLaunch(const Form &form, const Call &call);
  void layOutWorkspace(const Call &call);

  std::shared_ptr<const Artifact> source;
  const Entry *entryPoint = nullptr;
  const Variant *variant = nullptr;

  // What words point to.
  std::vector<attn_request> requests;
  std::map<int, std::vector<attn_request>> slotRequests; ///< by cache: of launches over its slots
  std::vector<ParamValues> params;
  ViewStorage storage;

  std::vector<ViewWords> inputs, outputs, temporaries;
  std::vector<uint64_t> temporarySizes;
  std::vector<std::vector<int64_t>> operands;

  std::vector<Launch> launches;
  int64_t workers = 1;
  uint64_t scratchSize = 0, scratchStart = 0, workspace = 0;
  attn_parallel_for parallelFor = nullptr;
  void *parallelUser = nullptr;
  std::string text;
};

/// Row tiles of request `b` in a form: runs of its logical rows, or boxes of the grid that the params give.
int64_t rowTiles(const Form &form, const Call &call, size_t b, const std::vector<ParamValues> &params);

/// The form of a step that computes the fewest padded rows for these requests, counting a fixed cost for each tile. A
/// form that scans takes row i and key i at one position, so it is a choice only where q_len = kv_len in every request.
/// Null if there is no form left.
const Form *chooseForm(const std::vector<Form> &forms, const Call &call, const std::vector<ParamValues> &params);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_PLAN_H
