// What the emulator accepts, and that everything else is an error that names the line.
#include "test/runtime/emulator/Snippet.h"

namespace attn::emu::test {
namespace {

TEST(EmulatorLoad, ParametersAreLaidOut) {
  std::string error;
  auto module =
      Module::load(".version 8.3 .target sm_80 .address_size 64\n"
                   ".entry a(.param .u32 n, .param .align 64 .b8 map[128], .param .u64 .ptr .global .align 16 x, "
                   ".param .f32 s) { ret; }",
                   error);
  ASSERT_TRUE(module) << error;
  std::vector<Param> params = module->params("a");
  ASSERT_EQ(params.size(), 4u);
  EXPECT_EQ(params[1].offset, 64u);
  EXPECT_EQ(params[1].size, 128u);
  EXPECT_EQ(params[2].offset, 192u);
  EXPECT_EQ(params[3].offset, 200u);
  EXPECT_TRUE(module->params("b").empty());
}

TEST(EmulatorLoad, UnknownFormsAreErrorsWithTheirLine) {
  const char *bodies[] = {
      "mul.hi.u8 %r1, %r0, 3;",
      "add.rz.f32 %f1, %f0, %f0;",
      "frobnicate.u32 %r1, %r0;",
      "ld.local.u32 %r1, [%rd0];",
      "ld.global.v8.b32 {%r1,%r2,%r3,%r4,%r5,%r6,%r7,%r8}, [%rd0];",
      "setp.lt.b32 %p1, %r0, 3;",
      "mov.u32 %r1, %clock;",
      "mapa.u64 %rd1, %rd0, 0;",
      "barrier.cluster.arrive;",
      "wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16 {%f0}, %rd0, %rd1, %p0, 1, 1, 0, 0;",
      "cp.async.bulk.tensor.6d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd0, {%r1}], [%r2];",
      "call foo;",
  };
  for (const char *body : bodies) {
    std::string error = loadError(body);
    EXPECT_NE(error.find("line 18: "), std::string::npos) << body << ": " << error;
  }
}

TEST(EmulatorLoad, OperandsMustFit) {
  EXPECT_NE(loadError("add.s32 %r1, %rd0, 3;").find("%rd0 should be a 32-bit register"), std::string::npos);
  EXPECT_NE(loadError("add.s32 %r1, %r0;").find("wrong number of operands"), std::string::npos);
  EXPECT_NE(loadError("add.s32 %r1, %r0, 0f3F800000, 4;").find("wrong number of operands"), std::string::npos);
  EXPECT_NE(loadError("add.s16 %h1, %h0, 70000;").find("does not fit in 16 bits"), std::string::npos);
  EXPECT_NE(loadError("add.s32 %r1, %r200, 1;").find("unknown name %r200"), std::string::npos);
  EXPECT_NE(loadError("bra nowhere;").find("unknown label nowhere"), std::string::npos);
}

} // namespace
} // namespace attn::emu::test
