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

} // namespace

Status Plan::run(void *memory, size_t size) const {
  if (size < workspace)
    return error(ATTN_ERR_WORKSPACE, "the workspace must have %" PRIu64 " bytes, got %zu", workspace, size);
  if (!memory || uint64_t(memory) % ATTN_WORKSPACE_ALIGNMENT)
    return error(ATTN_ERR_WORKSPACE, "the workspace must be aligned to %d bytes, got address %p",
                 ATTN_WORKSPACE_ALIGNMENT, memory);
  char *base = static_cast<char *>(memory);
  auto *status = reinterpret_cast<int64_t *>(base);
  *status = 0;
  for (const Launch &launch : launches) {
    if (launch.tasks == 0)
      continue;
    auto *next = new (base + launch.counter) std::atomic<int64_t>(0);
    auto *words = reinterpret_cast<int64_t *>(base + launch.counter + ATTN_WORKSPACE_ALIGNMENT);
    std::memcpy(words, launch.words.data(), launch.words.size() * sizeof(int64_t));
    for (size_t word : launch.workspaceWords)
      words[word] += int64_t(base);
    Work work{&launch, words, next, base + scratchStart, scratchSize};
    if (workers == 1)
      runWorker(&work, 0);
    else if (parallelFor)
      parallelFor(parallelUser, workers, runWorker, &work);
    else
      ThreadPool::shared().parallelFor(workers, runWorker, &work);
  }
  if (*status & ATTN_KERNEL_ZERO_DIVISOR)
    return error(ATTN_ERR_ZERO_DIVISOR, "an expression divided by zero");
  return {};
}

} // namespace attn::rt
