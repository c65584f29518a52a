//===- ThreadPool.cpp - The library's own threads ------------------*- C++ -*-===//

#include "runtime/device/cpu/ThreadPool.h"

#include <system_error>
#include <unistd.h>

namespace attn::rt {
namespace {

/// About 10 us: a parallel region that follows at once costs 1 us instead of the 25 us of a wake-up.
constexpr int kSpins = 256;
constexpr uint64_t kLeft = 0xffffffff;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

} // namespace

ThreadPool &ThreadPool::shared() {
  static ThreadPool *pool = new ThreadPool();
  return *pool;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stop = true;
  }
  wake.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

int ThreadPool::reserve(int count) {
  pid_t starter = owner.load();
  if (starter && starter != getpid())
    return 1; // After fork(): the threads are gone and the mutex may be locked for ever.
  std::lock_guard<std::mutex> lock(mutex);
  owner.store(getpid());
  try {
    while (int(threads.size()) + 1 < count)
      threads.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
    // No more threads: those there are do the work.
  }
  return int(threads.size()) + 1;
}

bool ThreadPool::runOne() {
  uint64_t seen = ticket.load(std::memory_order_acquire);
  while (seen & kLeft) {
    if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire))
      continue;
    body(context, int64_t(seen & kLeft) - 1);
    if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      std::lock_guard<std::mutex> lock(mutex); // The caller is either not yet waiting or asleep.
      done.notify_one();
    }
    return true;
  }
  return false;
}

void ThreadPool::work() {
  for (;;) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (runOne())
        spin = 0;
      pause();
    }
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait(lock, [this] { return stop || (ticket.load(std::memory_order_acquire) & kLeft); });
    if (stop)
      return;
  }
}

void ThreadPool::parallelFor(int64_t count, Body newBody, void *newContext) {
  if (count <= 1 || owner.load() != getpid() || busy.exchange(true, std::memory_order_acquire)) {
    for (int64_t i = 0; i < count; ++i)
      newBody(newContext, i);
    return;
  }
  body = newBody;
  context = newContext;
  unfinished.store(count, std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(mutex);
    uint64_t generation = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
    ticket.store(generation << 32 | uint64_t(count), std::memory_order_release);
  }
  wake.notify_all();
  while (runOne())
    ;
  auto finished = [this] { return unfinished.load(std::memory_order_acquire) == 0; };
  for (int spin = 0; spin < kSpins && !finished(); ++spin)
    pause();
  if (!finished()) {
    std::unique_lock<std::mutex> lock(mutex);
    done.wait(lock, finished);
  }
  busy.store(false, std::memory_order_release);
}

} // namespace attn::rt
