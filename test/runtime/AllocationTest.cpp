//===- AllocationTest.cpp - Running out of memory ------------------*- C++ -*-===//
//
// Replaces operator new of the test program: it counts, and fails on request.
//===----------------------------------------------------------------------===//

#include "test/runtime/Fixture.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

using namespace attn;
using namespace attn::test;

namespace {
thread_local int64_t allocations = 0;
thread_local int64_t failAt = -1; ///< number of the allocation that fails, -1: none
} // namespace

void *operator new(size_t size) {
  if (allocations++ == failAt)
    throw std::bad_alloc();
  if (void *memory = std::malloc(size ? size : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

/// Runs `f` with the allocation `n` failing.
template <typename F> int32_t failing(int64_t n, F f) {
  allocations = 0;
  failAt = n;
  int32_t code = f();
  failAt = -1;
  return code;
}

TEST(Allocation, RunAllocatesNothing) {
  Artifact artifact = openArtifact();
  Problem problem(2, 4, 2, {200, 1}, {200, 40});
  Call call(2, 4, 2);
  problem.fill(call);
  Plan plan;
  ASSERT_EQ(attn_plan_create(artifact.get(), nullptr, call.threads(2).desc(), out(plan)), ATTN_OK);
  Workspace workspace(plan.get());
  allocations = 0;
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_OK);
  EXPECT_EQ(allocations, 0);
}

TEST(Allocation, EveryFailureOfPlanIsAnError) {
  Artifact artifact = openArtifact();
  Problem problem(2, 4, 2, {3, 1}, {9, 4});
  Call call(2, 4, 2);
  problem.fill(call);
  const attn_plan_desc *desc = call.threads(2).desc();
  Plan plan;
  int64_t n = 0;
  for (;; ++n) {
    attn_plan *raw = nullptr;
    int32_t code = failing(n, [&] { return attn_plan_create(artifact.get(), nullptr, desc, &raw); });
    if (code == ATTN_OK) {
      plan.reset(raw);
      break;
    }
    ASSERT_EQ(code, ATTN_ERR_OUT_OF_MEMORY) << n;
    ASSERT_STREQ(attn_last_error(), "out of memory");
    ASSERT_EQ(raw, nullptr);
  }
  EXPECT_GT(n, 20);
  for (n = 0; failing(n, [&] { return attn_plan_update(plan.get(), desc); }) != ATTN_OK; ++n)
    ;
  EXPECT_GT(n, 20);
  Workspace workspace(plan.get());
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_OK);
}

TEST(Allocation, AHugeBatchIsAnErrorOrWorks) { // The limit keeps the request table at 40 MiB.
  Artifact artifact = openArtifact();
  Call call(ATTN_MAX_BATCH, 1, 1);
  attn_plan *plan = nullptr;
  EXPECT_EQ(attn_plan_create(artifact.get(), nullptr, call.lengths(0, 0).desc(), &plan), ATTN_ERR_MISSING);
}

} // namespace
