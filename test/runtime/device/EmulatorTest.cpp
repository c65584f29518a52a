//===- EmulatorTest.cpp - Plans on the emulator -------------------------------===//

#include "test/runtime/Fixture.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

/// Copies one element of q per thread to out. STORE is where it goes: %rd2 (out) or what a test puts there.
constexpr const char *kPtx = R"(
.version 8.0
.target sm_80
.address_size 64
.visible .entry attend_prefill(.param .align 8 .b8 words[424])
{
  .reg .b32 %r<5>;
  .reg .b64 %rd<5>;
  .reg .f32 %f<2>;
  ld.param.u64 %rd1, [words+72];
  ld.param.u64 %rd2, [words+240];
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  mul.wide.u32 %rd3, %r4, 4;
  add.s64 %rd1, %rd1, %rd3;
  add.s64 %rd2, %rd2, %rd3;
  ld.global.f32 %f1, [%rd1];
  st.global.f32 [STORE], %f1;
  ret;
}
)";

class Emulated : public ::testing::Test {
protected:
  int32_t run(const std::string &store) {
    std::string ptx = kPtx;
    ptx.replace(ptx.find("STORE"), 5, store);
    std::string bytes = artifactOf({{R"("isa":"generic", "steps")", R"("isa":"sm_80", "steps")"},
                                    {R"("symbol":"attend_prefill",)",
                                     R"("symbol":"attend_prefill","entry":"attend_prefill","threads":64,"shared":0,)"},
                                    {R"("symbol":"attend_decode",)",
                                     R"("symbol":"attend_decode","entry":"attend_decode","threads":64,"shared":0,)"}},
                                   ptx);
    Artifact artifact;
    EXPECT_EQ(attn_artifact_open_bytes(bytes.data(), bytes.size(), out(artifact)), ATTN_OK) << attn_last_error();
    Call call(1, 1, 1);
    problem.fill(call);
    call.raw().device = ATTN_DEVICE_EMULATOR;
    return planAndRun(artifact.get(), call);
  }
  Problem problem{1, 1, 1, {200}, {200}};
};

TEST_F(Emulated, RunsBlocks) {
  ASSERT_EQ(run("%rd2"), ATTN_OK) << attn_last_error();
  EXPECT_TRUE(std::equal(problem.q.begin(), problem.q.begin() + 3 * 64, problem.out.begin())); // 3 tiles of 96 rows
  EXPECT_EQ(problem.out[3 * 64], -7);
}

TEST_F(Emulated, AStoreToAnInputIsAFault) {
  EXPECT_EQ(run("%rd1"), ATTN_ERR_DEVICE);
  EXPECT_NE(std::string(attn_last_error()).find("emulator: out of bounds"), std::string::npos) << attn_last_error();
  EXPECT_NE(std::string(attn_last_error()).find("st.global.f32"), std::string::npos) << attn_last_error();
}

TEST_F(Emulated, BadPtxIsRefusedByThePlan) {
  EXPECT_EQ(run("nonsense"), ATTN_ERR_DEVICE);
  EXPECT_NE(std::string(attn_last_error()).find("nonsense"), std::string::npos) << attn_last_error();
}

} // namespace
