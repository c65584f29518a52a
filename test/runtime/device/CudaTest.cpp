//===- CudaTest.cpp - Plans on a GPU, with a driver that only takes notes -----===//

#include "test/runtime/Fixture.h"
#include "test/runtime/device/FakeCuda.h"

#include "attn/KernelABI.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;
using attn::Plan;
using ::testing::Test;

namespace {

/// The artifact of Fixture.h with its variant for a GPU. The code is the text "PTX of attend_prefill, attend_decode".
std::map<std::string, std::string> gpu(const std::string &isa = "sm_80", const std::string &more = "") {
  std::string form = R"("entry":"attend_prefill","threads":128,"shared":4096,)" + more;
  return {
      {R"("isa":"generic", "steps")", R"("isa":")" + isa + R"(", "steps")"},
      {R"("symbol":"attend_prefill",)", R"("symbol":"attend_prefill",)" + form},
      {R"("symbol":"attend_decode",)", R"("symbol":"attend_decode","entry":"attend_decode","threads":64,"shared":0,)"}};
}

constexpr const char *kPtx = "PTX of attend_prefill, attend_decode";

class Cuda : public Test {
protected:
  void SetUp() override {
    fake::driver() = fake::Driver();
    problem.fill(call);
    call.raw().device = ATTN_DEVICE_CUDA;
  }

  int32_t plan(const std::map<std::string, std::string> &edit = gpu()) {
    std::string bytes = artifactOf(edit, kPtx);
    EXPECT_EQ(attn_artifact_open_bytes(bytes.data(), bytes.size(), out(artifact)), ATTN_OK) << attn_last_error();
    return attn_plan_create(artifact.get(), nullptr, call.desc(), out(made));
  }
  std::string refusal(int32_t code) {
    EXPECT_NE(code, ATTN_OK);
    return std::string(attn_code_name(code)) + ": " + attn_last_error();
  }

  fake::Driver &driver = fake::driver();
  Problem problem{2, 4, 2, {200, 100}, {200, 140}};
  Call call{2, 4, 2};
  Artifact artifact;
  Plan made;
};

TEST_F(Cuda, LaunchesWhatTheManifestSays) {
  ASSERT_EQ(plan(), ATTN_OK) << attn_last_error();
  EXPECT_EQ(std::string(attn_plan_summary(made.get())),
            "f32 d=8 dv=8 sm_80; attend_prefill 24 tasks of 96 rows; cuda:0");
  Workspace workspace(made.get());
  driver.calls.clear();
  int stream;
  ASSERT_EQ(attn_run_on(made.get(), workspace.data(), workspace.size(), &stream), ATTN_OK) << attn_last_error();
  // Nothing is allocated, loaded or waited for.
  EXPECT_EQ(driver.calls, (std::vector<std::string>{"cuMemsetD8Async", "cuLaunchKernel"}));
  ASSERT_EQ(driver.launches.size(), 1u);
  const fake::Launch &launch = driver.launches[0];
  EXPECT_EQ(launch.kernel, "attend_prefill");
  EXPECT_EQ(std::vector<unsigned>(launch.grid, launch.grid + 3), (std::vector<unsigned>{24, 1, 1}));
  EXPECT_EQ(std::vector<unsigned>(launch.block, launch.block + 3), (std::vector<unsigned>{128, 1, 1}));
  EXPECT_EQ(launch.shared, 4096u);
  EXPECT_EQ(launch.stream, &stream);
  // Header, q, k, v, out, lse, two scalars, one buffer of rank 2.
  ASSERT_EQ(launch.words.size(), ATTN_HEADER_WORDS + 5 * ATTN_VIEW_WORDS + 2 * 2 + 5u);
  EXPECT_EQ(launch.words[ATTN_WORD_BATCH], 2);
  EXPECT_EQ(launch.words[ATTN_WORD_ROW_TILES], 3);
  EXPECT_EQ(launch.words[ATTN_WORD_STATUS], int64_t(workspace.data()));
  EXPECT_EQ(launch.words[ATTN_HEADER_WORDS], int64_t(problem.q.data()));
  auto *requests = reinterpret_cast<const attn_request *>(launch.words[ATTN_WORD_REQUESTS]);
  EXPECT_EQ(requests[1].kv_len, 140);
  EXPECT_EQ(requests[1].q_pos, 40);
  auto *zeros = reinterpret_cast<const char *>(launch.words[ATTN_WORD_ZEROS]);
  EXPECT_EQ(std::string(zeros, 16), std::string(16, '\0'));
  auto *window = reinterpret_cast<const int64_t *>(launch.words[ATTN_HEADER_WORDS + 5 * ATTN_VIEW_WORDS]);
  EXPECT_EQ(*window, 1000000);
}

TEST_F(Cuda, RunWaitsAndReadsTheStatus) {
  ASSERT_EQ(plan(), ATTN_OK) << attn_last_error();
  Workspace workspace(made.get());
  driver.calls.clear();
  ASSERT_EQ(attn_run(made.get(), workspace.data(), workspace.size()), ATTN_OK) << attn_last_error();
  EXPECT_EQ(driver.calls, (std::vector<std::string>{"cuMemsetD8Async", "cuLaunchKernel", "cuMemcpyDtoHAsync",
                                                    "cuStreamSynchronize"}));
  EXPECT_EQ(driver.launches[0].stream, nullptr);
}

TEST_F(Cuda, GivesEverythingBack) {
  ASSERT_EQ(plan(), ATTN_OK) << attn_last_error();
  EXPECT_EQ(driver.allocated, 1);
  EXPECT_EQ(driver.modules, 1);
  ASSERT_EQ(attn_plan_update(made.get(), call.desc()), ATTN_OK) << attn_last_error();
  EXPECT_EQ(driver.allocated, 1);
  EXPECT_EQ(driver.count("cuModuleLoadDataEx"), 1u); // not again
  made.reset();
  EXPECT_EQ(driver.allocated, 0);
  artifact.reset();
  EXPECT_EQ(driver.modules, 0);
  EXPECT_EQ(driver.contexts, 0);
}

TEST_F(Cuda, OperandsAreReadOnceToBeChecked) {
  problem.doc[3] = -1;
  EXPECT_EQ(refusal(plan()).substr(0, 51), "DOMAIN: operand 'doc' must not decrease along its l");
  EXPECT_EQ(driver.count("cuMemcpyDtoHAsync"), 1u);
}

TEST_F(Cuda, PrefersMachineCodeForThisGpu) {
  // The blob serves as both: what counts is whether options of the JIT compiler were given.
  ASSERT_EQ(plan(gpu("sm_80", R"("cubins":[{"arch":"sm_80","code":0},{"arch":"sm_90","code":0}],)")), ATTN_OK);
  EXPECT_EQ(driver.jitOptions, 0u);
  ASSERT_EQ(plan(gpu("sm_80", R"("cubins":[{"arch":"sm_80","code":0}],)")), ATTN_OK);
  EXPECT_GT(driver.jitOptions, 0u);
}

TEST_F(Cuda, OutOfMemory) {
  driver.failing = "cuMemAlloc";
  driver.failure = 2;
  EXPECT_EQ(refusal(plan()), "OUT_OF_MEMORY: CUDA: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2): as the test wanted");
}

TEST_F(Cuda, BadPtxShowsTheLogOfTheDriver) {
  driver.failing = "cuModuleLoadDataEx";
  driver.failure = 218;
  driver.jitLog = "ptxas fatal: line 7";
  EXPECT_EQ(refusal(plan()), "DEVICE: CUDA: PTX of 'attend_prefill': CUDA_ERROR_INVALID_PTX (218): as the test wanted; "
                             "ptxas fatal: line 7");
  EXPECT_EQ(driver.modules, 0);
}

TEST_F(Cuda, AFailedLaunchIsAnError) {
  ASSERT_EQ(plan(), ATTN_OK) << attn_last_error();
  Workspace workspace(made.get());
  for (const char *call : {"cuLaunchKernel", "cuMemsetD8Async", "cuStreamSynchronize"}) {
    driver.failing = call;
    EXPECT_EQ(refusal(attn_run(made.get(), workspace.data(), workspace.size())),
              "DEVICE: CUDA: " + std::string(call == std::string("cuMemsetD8Async") ? "cuMemsetD8" : call) +
                  ": CUDA_ERROR_UNKNOWN (999): as the test wanted");
  }
  EXPECT_EQ(driver.contexts, 0);
}

TEST_F(Cuda, RowsMustBeAligned) {
  call.raw().tensors = nullptr;
  Call other(2, 4, 2);
  std::vector<float> wide(problem.q.size() + 4);
  other.lengths(problem.qLens, problem.kvLens).tensor("q", wide.data() + 1, ATTN_F32, {2, 4, 200, kDim});
  other.tensor("k", problem.k.data(), ATTN_F32, {2, 2, 200, kDim})
      .tensor("v", problem.v.data(), ATTN_F32, {2, 2, 200, kDim});
  other.tensor("out", problem.out.data(), ATTN_F32, {2, 4, 200, kDim})
      .tensor("doc", problem.doc.data(), ATTN_I32, {2, 200});
  other.raw().device = ATTN_DEVICE_CUDA;
  ASSERT_EQ(plan(), ATTN_OK) << attn_last_error();
  EXPECT_EQ(refusal(attn_plan_update(made.get(), other.desc())).substr(0, 73),
            "POINTER: argument 'q': data must be aligned to 16 bytes on a GPU, got add");
}

TEST_F(Cuda, TensorsMustBeInItsMemory) {
  driver.failing = "cuPointerGetAttribute";
  EXPECT_EQ(refusal(plan()).substr(0, 63), "POINTER: argument 'q': data is not in the memory of cuda:0, got");
}

TEST_F(Cuda, VariantsMustRunHere) {
  EXPECT_EQ(plan(gpu("sm_90a")), ATTN_OK);
  EXPECT_EQ(refusal(plan(gpu("sm_100"))),
            "NO_VARIANT: 'attend' has no variant for f32 d=8 dv=8 on cuda:0; there is: f32 d=8 "
            "dv=8 sm_100 (not this device)");
  call.raw().device = ATTN_DEVICE_CPU;
  EXPECT_EQ(refusal(plan()).substr(0, 10), "NO_VARIANT");
}

TEST_F(Cuda, IndicesAreThoseOfTheDriver) {
  call.raw().device_index = 1;
  ASSERT_EQ(plan(), ATTN_OK);
  EXPECT_NE(std::string(attn_plan_summary(made.get())).find("cuda:1"), std::string::npos);
  call.raw().device_index = 2;
  EXPECT_EQ(refusal(plan()), "NO_DEVICE: device_index must be below 2, the number of GPUs, got 2");
}

TEST_F(Cuda, StreamsAreForGpus) {
  Artifact cpu = openArtifact();
  call.raw().device = ATTN_DEVICE_CPU;
  ASSERT_EQ(attn_plan_create(cpu.get(), nullptr, call.desc(), out(made)), ATTN_OK);
  Workspace workspace(made.get());
  int stream;
  EXPECT_EQ(refusal(attn_run_on(made.get(), workspace.data(), workspace.size(), &stream)),
            "INVALID_ARGUMENT: stream must be null: the plan is not for a GPU");
  EXPECT_EQ(attn_run_on(made.get(), workspace.data(), workspace.size(), nullptr), ATTN_OK);
}

} // namespace
