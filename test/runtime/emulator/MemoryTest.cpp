// Loads, stores and atomics: widths, spaces, bounds, alignment, initialisation.
#include "test/runtime/emulator/Apply.h"

#include <numeric>

namespace attn::emu::test {
namespace {

TEST(EmulatorMemory, WidthsAndExtension) {
  std::vector<int8_t> in(64);
  std::iota(in.begin(), in.end(), -20);
  std::vector<int32_t> out(32 * 4);
  Snippet s(R"(
  mul.wide.u32 %rd4, %r0, 2;
  add.s64 %rd5, %rd1, %rd4;
  ld.global.s8 %r1, [%rd5];
  ld.global.nc.u8 %r2, [%rd5+0];
  ld.global.s16 %r3, [%rd5];
  ld.global.L1::no_allocate.L2::128B.u16 %h1, [%rd5];
  cvt.u32.u16 %r4, %h1;
  mul.wide.u32 %rd6, %r0, 16;
  add.s64 %rd7, %rd0, %rd6;
  st.global.v2.u32 [%rd7], {%r1, %r2};
  st.weak.global.v2.b32 [%rd7+8], {%r3, %r4};
  st.global.u8 [%rd7+14], %r1;
)");
  s.buffer(out).buffer(in, false).ok();
  for (int t = 0; t < 32; ++t) {
    int8_t byte = in[2 * t];
    auto half = int16_t(uint8_t(byte) | uint8_t(in[2 * t + 1]) << 8);
    EXPECT_EQ(out[4 * t], byte);
    EXPECT_EQ(out[4 * t + 1], uint8_t(byte));
    EXPECT_EQ(out[4 * t + 2], half);
    EXPECT_EQ(out[4 * t + 3], (uint16_t(half) | uint8_t(byte) << 16));
  }
}

TEST(EmulatorMemory, GenericAddressesReachEverySpace) {
  std::vector<uint32_t> out(32 * 3), in(32);
  std::iota(in.begin(), in.end(), 7);
  Snippet s(R"(
  mul.wide.u32 %rd4, %r0, 4;
  add.s64 %rd5, %rd1, %rd4;
  mov.u64 %rd6, smem;
  cvta.shared.u64 %rd7, %rd6;
  add.s64 %rd8, %rd7, %rd4;
  ld.u32 %r1, [%rd5];
  st.u32 [%rd8], %r1;
  bar.sync 0;
  cvta.to.shared.u64 %rd9, %rd8;
  ld.shared.u32 %r2, [%rd9];
  mov.b64 %rd10, p2;
  cvta.param.u64 %rd11, %rd10;
  ld.u32 %r3, [%rd11+4];
  mul.wide.u32 %rd12, %r0, 12;
  add.s64 %rd13, %rd0, %rd12;
  cvta.to.global.u64 %rd13, %rd13;
  st.global.b32 [%rd13], %r2;
  st.global.b32 [%rd13+4], %r3;
  ld.param.u32 %r4, [%rd10];
  st.global.b32 [%rd13+8], %r4;
)");
  s.launch.dynamicShared = 128;
  std::vector<uint64_t> third(1);
  auto address = reinterpret_cast<uint64_t>(third.data());
  s.buffer(out).buffer(in, false).buffer(third).ok();
  for (uint32_t t = 0; t < 32; ++t) {
    EXPECT_EQ(out[3 * t], t + 7);
    EXPECT_EQ(out[3 * t + 1], uint32_t(address >> 32));
    EXPECT_EQ(out[3 * t + 2], uint32_t(address));
  }
}

TEST(EmulatorMemory, ModuleVariables) {
  std::string error;
  auto module = Module::load(kernelText(R"(
  mul.wide.u32 %rd4, %r0, 4;
  mov.u64 %rd5, table;
  add.s64 %rd5, %rd5, %rd4;
  ld.const.f32 %f1, [%rd5];
  ld.global.u32 %r1, [counter+4];
  cvt.rn.f32.u32 %f2, %r1;
  add.f32 %f1, %f1, %f2;
  add.s64 %rd6, %rd0, %rd4;
  st.global.f32 [%rd6], %f1;
)",
                                        "",
                                        ".const .align 4 .f32 table[4] = {0f3F800000, 0f40000000, 0f40400000};\n"
                                        ".visible .global .align 8 .b8 counter[8] = {0, 0, 0, 0, 10, 1};\n"),
                             error);
  ASSERT_TRUE(module) << error;
  std::vector<float> out(4);
  Launch launch{"k", {1, 1, 1}, {4, 1, 1}, 0, std::vector<uint8_t>(32), {}};
  auto address = reinterpret_cast<uint64_t>(out.data());
  memcpy(launch.params.data(), &address, 8);
  Buffers buffers;
  buffers.add(out.data(), 16, true);
  Result result = emu::launch(*module, buffers, launch);
  ASSERT_FALSE(result.fault) << result.fault->text();
  EXPECT_EQ(out, (std::vector<float>{267, 268, 269, 266}));
}

TEST(EmulatorMemory, GlobalBoundsAreExact) {
  std::vector<uint32_t> out(31);
  Snippet s("mul.wide.u32 %rd4, %r0, 4; add.s64 %rd5, %rd0, %rd4; st.global.u32 [%rd5], %r0;");
  std::string text = s.buffer(out).fault(FaultKind::OutOfBounds);
  EXPECT_NE(text.find("lane 31"), std::string::npos) << text;
  EXPECT_NE(text.find("line 18: mul.wide"), std::string::npos) << text;
  EXPECT_NE(text.find("byte 124 of a buffer of 124 bytes"), std::string::npos) << text;
}

TEST(EmulatorMemory, ReadOnlyMisalignedUninitialised) {
  std::vector<uint32_t> data(64);
  Snippet("st.global.u32 [%rd0], %r0;").buffer(data, false).fault(FaultKind::OutOfBounds);
  Snippet("ld.global.u32 %r1, [%rd0+2];").buffer(data).fault(FaultKind::Misaligned);
  Snippet("ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%rd0+8];").buffer(data).run();
  std::string text = Snippet("add.s32 %r2, %r1, 1;").fault(FaultKind::Uninitialised);
  EXPECT_NE(text.find("source register 1"), std::string::npos);
  Snippet("setp.eq.u32 %p1, %r0, 3; @%p1 mov.u32 %r1, 0; add.s32 %r2, %r1, 1;").fault(FaultKind::Uninitialised);
  Snippet("@%p1 mov.u32 %r1, 0;").fault(FaultKind::Uninitialised);
  Snippet("mov.u32 %r2, %r1; mov.u32 %r3, %r2;").ok(); // moves carry it along
  Snippet("mov.u32 %r2, %r1; add.s32 %r3, %r2, 1;").fault(FaultKind::Uninitialised);
}

TEST(EmulatorMemory, SharedFaults) {
  auto run = [](const char *body, FaultKind kind) {
    Snippet s(std::string("mov.u32 %r1, smem; shl.b32 %r2, %r0, 2; add.s32 %r3, %r1, %r2;") + body);
    s.launch.dynamicShared = 256;
    s.fault(kind);
  };
  run("st.shared.u32 [%r3+256], %r0;", FaultKind::OutOfBounds);
  run("st.shared.u32 [%r3+132], %r0;", FaultKind::OutOfBounds);
  run("st.shared.u32 [%r3-8], %r0;", FaultKind::OutOfBounds);
  run("st.shared.u32 [%r3+2], %r0;", FaultKind::Misaligned);
  run("ld.shared.u32 %r4, [%r3];", FaultKind::Uninitialised);
  run("st.shared.u16 [%r3], %r0; ld.shared.u32 %r4, [%r3];", FaultKind::Uninitialised); // two of four bytes
  Snippet good("mov.u32 %r1, smem; shl.b32 %r2, %r0, 2; add.s32 %r3, %r1, %r2; st.shared.u32 [%r3], %r0;"
               "ld.shared.u32 %r4, [%r3];");
  good.launch.dynamicShared = 128;
  good.ok();
}

TEST(EmulatorMemory, Atomics) {
  std::vector<uint32_t> data = {0, 100, 0, 5, 0, 0xff, 0, 0, 0, 0, 0, 0}, old(32);
  std::vector<float> sum(1);
  Snippet s(R"(
  atom.global.add.u32 %r1, [%rd0], 2;
  red.global.min.s32 [%rd0+4], %r0;
  red.relaxed.gpu.global.max.u32 [%rd0+8], %r0;
  atom.global.cas.b32 %r2, [%rd0+12], 5, 77;
  atom.exch.b32 %r3, [%rd0+16], %r0;
  red.global.and.b32 [%rd0+20], %r0;
  atom.acq_rel.gpu.global.inc.u32 %r4, [%rd0+24], 9;
  cvt.rn.f32.u32 %f1, %r0;
  red.global.add.f32 [%rd2], %f1;
  mov.u64 %rd5, 1000000000000;
  red.global.add.u64 [%rd0+32], %rd5;
  mul.wide.u32 %rd6, %r0, 4;
  add.s64 %rd7, %rd1, %rd6;
  st.global.u32 [%rd7], %r1;
)");
  s.buffer(data).buffer(old).buffer(sum).ok();
  EXPECT_EQ(data[0], 64u);
  EXPECT_EQ(data[1], 0u);
  EXPECT_EQ(data[2], 31u);
  EXPECT_EQ(data[3], 77u);
  EXPECT_EQ(data[4], 31u);
  EXPECT_EQ(data[5], 0u);
  EXPECT_EQ(data[6], 2u); // 32 steps modulo 10
  EXPECT_EQ(data[8] | uint64_t(data[9]) << 32, 32000000000000u);
  EXPECT_EQ(sum[0], 496.0f);
  for (uint32_t t = 0; t < 32; ++t)
    EXPECT_EQ(old[t], 2 * t);
}

TEST(EmulatorMemory, AtomicsBetweenHostThreads) {
  std::vector<uint32_t> count(1);
  std::vector<float> sum(1);
  Snippet s("red.global.add.u32 [%rd0], 1; red.global.add.f32 [%rd1], 0f3F800000;");
  s.buffer(count).buffer(sum);
  s.launch.grid = {64, 2, 2};
  s.launch.options.threads = 4;
  Result result = s.ok();
  EXPECT_EQ(count[0], 256u * 32);
  EXPECT_EQ(sum[0], 256.0f * 32);
  EXPECT_EQ(result.stats.byOpcode["red"], 512u);
}

} // namespace
} // namespace attn::emu::test
