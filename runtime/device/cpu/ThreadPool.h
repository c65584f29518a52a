//===- ThreadPool.h - The library's own threads --------------------*- C++ -*-===//
//
// parallelFor(n, body, context) calls body(context, i) once for each i in [0, n). The caller takes part, so it makes
// progress whatever the threads do, and it waits for the bodies, not for the threads: a thread that wakes up late finds
// nothing left and touches nothing of the call. Threads spin for a few microseconds before they sleep.
//
// One call runs at a time. A second caller meanwhile, a body that calls parallelFor, and a child after fork() run their
// bodies alone.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_CPU_THREADPOOL_H
#define ATTN_RUNTIME_DEVICE_CPU_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace attn::rt {

class ThreadPool {
public:
  using Body = void (*)(void *context, int64_t index);

  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The pool of the process. Its threads are never joined, so that a process may end at any time.
  static ThreadPool &shared();

  /// Starts threads until `count` bodies can run at once, the caller's included. Returns how many can; fewer if the
  /// system gives no more threads. Any thread may call it.
  int reserve(int count);

  /// Runs the bodies and returns when all have returned. Allocates nothing. `count` is below 2^31.
  void parallelFor(int64_t count, Body body, void *context);

private:
  void work();
  bool runOne();

  /// Generation of the call in the upper half, bodies not yet taken in the lower half. Taking one is a
  /// compare-and-swap, so a thread that read the ticket of an earlier call cannot take a body of it.
  std::atomic<uint64_t> ticket{0};
  std::atomic<int64_t> unfinished{0};
  Body body = nullptr;     ///< written while no body can be taken
  void *context = nullptr; ///< the same

  std::atomic<bool> busy{false}; ///< a call is running
  std::mutex mutex;              ///< guards sleeping, stop and threads
  std::condition_variable wake, done;
  bool stop = false;
  std::atomic<pid_t> owner{0}; ///< process that started the threads
  std::vector<std::thread> threads;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_DEVICE_CPU_THREADPOOL_H
