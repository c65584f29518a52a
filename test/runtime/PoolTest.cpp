//===- PoolTest.cpp - The thread pool ------------------------------*- C++ -*-===//

#include "runtime/device/cpu/ThreadPool.h"

#include <chrono>
#include <gtest/gtest.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using attn::rt::ThreadPool;

namespace {

struct Counts {
  std::vector<std::atomic<int>> calls;
  explicit Counts(size_t n) : calls(n) {}
  static void body(void *context, int64_t i) { ++static_cast<Counts *>(context)->calls[size_t(i)]; }
};

void expectEachOnce(ThreadPool &pool, int64_t count) {
  Counts counts(size_t(count) + 1);
  pool.parallelFor(count, Counts::body, &counts);
  for (int64_t i = 0; i < count; ++i)
    ASSERT_EQ(counts.calls[size_t(i)], 1) << i;
  ASSERT_EQ(counts.calls[size_t(count)], 0);
}

TEST(Pool, EachBodyOnce) {
  ThreadPool pool;
  EXPECT_EQ(pool.reserve(4), 4);
  for (int round = 0; round < 2000; ++round)
    for (int64_t count : {0, 1, 2, 3, 7})
      expectEachOnce(pool, count);
}

TEST(Pool, ThreadsSleepAndWakeUp) {
  ThreadPool pool;
  pool.reserve(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    expectEachOnce(pool, 5);
  }
}

TEST(Pool, BodiesRunAtOnce) { // Each waits for the other: alone they would never end.
  ThreadPool pool;
  pool.reserve(2);
  std::atomic<int> arrived{0};
  pool.parallelFor(
      2,
      [](void *context, int64_t) {
        auto &count = *static_cast<std::atomic<int> *>(context);
        for (++count; count < 2;)
          std::this_thread::yield();
      },
      &arrived);
  EXPECT_EQ(arrived, 2);
}

TEST(Pool, NestedAndConcurrentCalls) {
  ThreadPool pool;
  pool.reserve(2);
  auto nested = [](void *context, int64_t) { expectEachOnce(*static_cast<ThreadPool *>(context), 3); };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round)
        pool.parallelFor(3, nested, &pool);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(Pool, WorksWithoutThreadsAndAfterFork) {
  ThreadPool idle;
  expectEachOnce(idle, 3); // nothing reserved
  ThreadPool pool;
  pool.reserve(3);
  expectEachOnce(pool, 3);
  pid_t child = fork();
  if (child == 0) {
    alarm(10); // a hang ends the child
    Counts counts(3);
    pool.parallelFor(3, Counts::body, &counts);
    _exit(pool.reserve(3) == 1 && counts.calls[0] == 1 && counts.calls[1] == 1 && counts.calls[2] == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

} // namespace
