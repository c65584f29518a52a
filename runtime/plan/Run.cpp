//===- Run.cpp - Runs plans ----------------------------------------*- C++ -*-===//

#include "runtime/device/cpu/ThreadPool.h"
#include "runtime/plan/Plan.h"

#include <cinttypes>
#include <cstring>

namespace attn::rt {
namespace {

/// What the workers of a launch share.
struct Work {
  const Launch *launch;
  const int64_t *words;
  std::atomic<int64_t> *next;
  char *scratch;
  uint64_t scratchSize;
};

/// Worker `index`: takes chunks of tasks until there are none.
void runWorker(void *context, int64_t index) {
  const Work &work = *static_cast<const Work *>(context);
  const Launch &launch = *work.launch;
  char *scratch = work.scratch + uint64_t(index) * work.scratchSize;
  for (;;) {
    int64_t begin = work.next->fetch_add(launch.chunk, std::memory_order_relaxed);
    if (begin >= launch.tasks)
      return;
    launch.kernel(work.words, scratch, begin, std::min(begin + launch.chunk, launch.tasks));
  }
}

/// The words of a launch for a workspace at `base`.
void placeWords(const Words &words, const char *base, int64_t *target) {
  std::memcpy(target, words.values.data(), words.values.size() * sizeof(int64_t));
  for (size_t index : words.workspace)
    target[index] += int64_t(base);
}

Status checkStatus(int64_t status) {
  if (status & ATTN_KERNEL_ZERO_DIVISOR)
    return error(ATTN_ERR_ZERO_DIVISOR, "an expression divided by zero");
  return {};
}

} // namespace

Status Plan::checkWorkspace(const void *memory, size_t size) const {
  if (size < workspace)
    return error(ATTN_ERR_WORKSPACE, "the workspace must have %" PRIu64 " bytes, got %zu", workspace, size);
  if (!memory || uint64_t(memory) % ATTN_WORKSPACE_ALIGNMENT)
    return error(ATTN_ERR_WORKSPACE, "the workspace must be aligned to %d bytes, got address %p",
                 ATTN_WORKSPACE_ALIGNMENT, memory);
  return {};
}

Status Plan::run(void *memory, size_t size) const {
  if (Status s = checkWorkspace(memory, size))
    return s;
  char *base = static_cast<char *>(memory);
  if (!device)
    return runHere(base);
  if (Status s = startOnDevice(base, nullptr))
    return s;
  int64_t status = 0;
  if (Status s = device->read(base, &status, sizeof(status), nullptr))
    return s;
  return checkStatus(status);
}

Status Plan::runOn(void *memory, size_t size, void *stream) const {
  bool isGpu = device && device->isAsynchronous();
  if (stream && !isGpu)
    return error(ATTN_ERR_INVALID_ARGUMENT, "stream must be null: the plan is not for a GPU");
  if (!isGpu)
    return run(memory, size);
  if (Status s = checkWorkspace(memory, size))
    return s;
  return startOnDevice(static_cast<char *>(memory), stream);
}

/// Starts the launches in the order of the stream.
Status Plan::startOnDevice(char *base, void *stream) const {
  RunContext run = runContext;
  run.stream = stream;
  run.tensors = &extents;
  run.workspace = {base, workspace, true};
  if (Status s = device->clear(base, sizeof(int64_t), run))
    return s;
  for (const Launch &launch : launches) {
    if (launch.tasks == 0)
      continue;
    int64_t words[kMaxDeviceWords];
    placeWords(launch.words, base, words);
    if (Status s = launch.deviceKernel->launch(uint32_t(launch.tasks), words, launch.words.values.size(), run))
      return s;
  }
  return {};
}

Status Plan::runHere(char *base) const {
  auto *status = reinterpret_cast<int64_t *>(base);
  *status = 0;
  for (const Launch &launch : launches) {
    if (launch.tasks == 0)
      continue;
    auto *next = new (base + launch.counter) std::atomic<int64_t>(0);
    auto *words = reinterpret_cast<int64_t *>(base + launch.counter + ATTN_WORKSPACE_ALIGNMENT);
    placeWords(launch.words, base, words);
    Work work{&launch, words, next, base + scratchStart, scratchSize};
    if (workers == 1)
      runWorker(&work, 0);
    else if (parallelFor)
      parallelFor(parallelUser, workers, runWorker, &work);
    else
      ThreadPool::shared().parallelFor(workers, runWorker, &work);
  }
  return checkStatus(*status);
}

} // namespace attn::rt
