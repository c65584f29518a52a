//===- RunTest.cpp - Planning and running --------------------------*- C++ -*-===//

#include "test/runtime/Fixture.h"

#include <atomic>
#include <cmath>
#include <gtest/gtest.h>
#include <thread>

using namespace attn;
using namespace attn::test;

namespace {

constexpr float kScale = 0.35355339f;

void expectClose(const std::vector<float> &got, const std::vector<float> &want, const char *what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isinf(want[i]))
      ASSERT_EQ(got[i], want[i]) << what << " at " << i;
    else
      ASSERT_NEAR(got[i], want[i], 2e-5) << what << " at " << i;
  }
}

void expectRight(const Problem &problem, int64_t window = 1000000, float scale = kScale) {
  std::vector<float> out, lse;
  problem.expected(window, scale, out, lse);
  expectClose(problem.out, out, "out");
  expectClose(problem.lse, lse, "lse");
}

TEST(Run, EqualsPlainAttention) {
  Artifact artifact = openArtifact();
  Problem problem(3, 4, 2, {7, 1, 0}, {19, 6, 4});
  Call call(3, 4, 2);
  problem.fill(call);
  ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  expectRight(problem);
}

TEST(Run, ChoosesTheFormByRows) {
  Artifact artifact = openArtifact();
  auto summary = [&](std::vector<int64_t> qLens) {
    Problem problem(int64_t(qLens.size()), 4, 2, qLens, std::vector<int64_t>(qLens.size(), 300));
    Call call(problem.batch, 4, 2);
    problem.fill(call);
    Plan plan;
    EXPECT_EQ(attn_plan_create(artifact.get(), "attend", call.threads(2).desc(), out(plan)), ATTN_OK);
    return std::string(attn_plan_summary(plan.get()));
  };
  EXPECT_EQ(summary({1}), "f32 d=8 dv=8 generic; attend_decode 2 tasks of 8 rows; 2 threads");
  EXPECT_EQ(summary({300}), "f32 d=8 dv=8 generic; attend_prefill 16 tasks of 96 rows; 2 threads");
}

TEST(Run, CountsBoxesOfAGrid) {
  Artifact artifact = openArtifact(
      {{R"("scratch":32)", R"("scratch":32,"grid":{"inner":["recent"],"dilations":[1,"sink"],"rows":[8,12]})"}});
  auto summary = [&](int64_t qLen, int64_t kvLen, int64_t columns, int64_t dilation) {
    Problem problem(1, 4, 2, {qLen}, {kvLen});
    Call call(1, 4, 2);
    problem.fill(call);
    call.scalar("recent", columns).scalar("sink", dilation).threads(1);
    Plan plan;
    EXPECT_EQ(attn_plan_create(artifact.get(), "attend", call.desc(), out(plan)), ATTN_OK) << attn_last_error();
    return std::string(attn_plan_summary(plan.get()));
  };
  // 4 heads; 15 rows in 2 boxes, 20 columns in 3 residues of 7 columns.
  EXPECT_EQ(summary(300, 300, 20, 3), "f32 d=8 dv=8 generic; attend_prefill 24 tasks of 96 rows; 1 thread");
  EXPECT_EQ(summary(300, 300, 25, 1), "f32 d=8 dv=8 generic; attend_prefill 24 tasks of 96 rows; 1 thread");
  // From column 15 of a row on: 16 rows begun.
  EXPECT_EQ(summary(305, 320, 20, 2), "f32 d=8 dv=8 generic; attend_prefill 16 tasks of 96 rows; 1 thread");
  // A grid far larger than the sequence: boxes hold 12 rows at most, so that the other form is better.
  EXPECT_EQ(summary(300, 300, 2147483647, 1), "f32 d=8 dv=8 generic; attend_decode 150 tasks of 8 rows; 1 thread");
}

TEST(Run, BothFormsGiveTheSame) {
  Artifact artifact = openArtifact();
  for (int64_t rows : {1, 2, 95, 96, 97, 200}) {
    Problem problem(2, 4, 1, {rows, 1}, {rows + 3, 200});
    Call call(2, 4, 1);
    problem.fill(call);
    ASSERT_EQ(planAndRun(artifact.get(), call.scalar("window", 4)), ATTN_OK) << attn_last_error();
    expectRight(problem, 4);
  }
}

TEST(Run, UpdateChangesLengthsAndScalars) {
  Artifact artifact = openArtifact();
  Problem problem(1, 2, 2, {3}, {9});
  Call call(1, 2, 2);
  problem.fill(call);
  Plan plan;
  ASSERT_EQ(attn_plan_create(artifact.get(), nullptr, call.desc(), out(plan)), ATTN_OK);
  artifact.reset(); // The plan keeps what it needs.
  problem.qLens = {2}, problem.kvLens = {8};
  Call second(1, 2, 2);
  problem.fill(second);
  second.scalar("window", 3).scalar("scale", 0.5);
  ASSERT_EQ(attn_plan_update(plan.get(), second.desc()), ATTN_OK) << attn_last_error();
  Workspace workspace(plan.get());
  ASSERT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_OK);
  expectRight(problem, 3, 0.5f);
}

/// A caller's own parallel_for: a thread for each index, last index first.
void ownThreads(void *user, int64_t count, void (*body)(void *, int64_t), void *context) {
  *static_cast<int64_t *>(user) += count;
  std::vector<std::thread> threads;
  for (int64_t i = count; i-- > 0;)
    threads.emplace_back(body, context, i);
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Run, TakesTheCallersThreads) {
  Artifact artifact = openArtifact();
  Problem problem(2, 4, 2, {200, 30}, {200, 40});
  Call call(2, 4, 2);
  problem.fill(call);
  int64_t count = 0;
  ASSERT_EQ(planAndRun(artifact.get(), call.threads(3).parallelFor(ownThreads, &count)), ATTN_OK);
  EXPECT_EQ(count, 3);
  expectRight(problem);
}

TEST(Run, OnePlanOnSeveralThreads) {
  Artifact artifact = openArtifact();
  Problem problem(1, 4, 2, {150}, {150});
  Call call(1, 4, 2);
  problem.fill(call);
  Plan plan;
  ASSERT_EQ(attn_plan_create(artifact.get(), nullptr, call.threads(2).desc(), out(plan)), ATTN_OK);
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      Workspace workspace(plan.get());
      for (int round = 0; round < 20; ++round)
        failures += attn_run(plan.get(), workspace.data(), workspace.size()) != ATTN_OK;
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(failures, 0);
  expectRight(problem); // all wrote the same
}

} // namespace
