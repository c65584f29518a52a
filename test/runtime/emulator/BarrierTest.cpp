// Barriers of a CTA, mbarriers, setmaxnreg, and the races that a missing barrier makes.
#include "test/runtime/emulator/Apply.h"

namespace attn::emu::test {
namespace {

const char *const Threads256 = ".maxntid 256, 1, 1\n";

/// 256 threads with 4 KiB of shared memory; %r1 is its address, %r2 the thread's word in it, %r3 the warp.
Snippet cta(const std::string &body, uint64_t seed = 0, const char *directives = "") {
  Snippet s("mov.u32 %r1, smem; shl.b32 %r2, %r0, 2; add.s32 %r2, %r2, %r1; shr.u32 %r3, %r0, 5;\n" + body, directives);
  s.launch.block = {256, 1, 1};
  s.launch.dynamicShared = 4096;
  s.launch.options.seed = seed;
  return s;
}

TEST(EmulatorBarrier, OrdersSharedMemory) {
  const std::string swap = "st.shared.u32 [%r2], %r0; bar.sync 0; xor.b32 %r4, %r2, 512; sub.s32 %r4, %r4, 0;"
                           "mov.u32 %r5, 255; sub.u32 %r5, %r5, %r0; shl.b32 %r5, %r5, 2; add.s32 %r5, %r5, %r1;"
                           "ld.shared.u32 %r6, [%r5]; mul.wide.u32 %rd4, %r0, 4; add.s64 %rd5, %rd0, %rd4;"
                           "st.global.u32 [%rd5], %r6;";
  for (uint64_t seed = 0; seed < 16; ++seed) {
    std::vector<uint32_t> out(256);
    cta(swap, seed).buffer(out).ok();
    for (uint32_t t = 0; t < 256; ++t)
      EXPECT_EQ(out[t], 255 - t);
    std::string dropped = swap;
    dropped.erase(dropped.find("bar.sync 0; "), 12);
    Result result = cta(dropped, seed).buffer(out).run();
    ASSERT_TRUE(result.fault);
    EXPECT_TRUE(result.fault->kind == FaultKind::DataRace || result.fault->kind == FaultKind::Uninitialised);
  }
}

TEST(EmulatorBarrier, WriteAfterReadIsARaceToo) {
  const char *body =
      "st.shared.u32 [%r2], %r0; bar.sync 0; mov.u32 %r5, 255; sub.u32 %r5, %r5, %r0; shl.b32 %r5, %r5, 2;"
      "add.s32 %r5, %r5, %r1; ld.shared.u32 %r6, [%r5]; st.shared.u32 [%r2], %r6;";
  cta(body).fault(FaultKind::DataRace);
  Snippet unchecked = cta(body);
  unchecked.launch.options.checks.races = false;
  unchecked.ok();
}

TEST(EmulatorBarrier, NamedBarriersPassAToken) {
  // Warps 0 to 3 write and arrive, warps 4 to 7 wait and read.
  const char *body = "setp.gt.u32 %p1, %r3, 3; @%p1 bra R; st.shared.u32 [%r2], %r0; bar.arrive 5, 256; bra E;"
                     "R: bar.sync 5, 256; ld.shared.u32 %r4, [%r2-512]; E:";
  for (uint64_t seed = 0; seed < 16; ++seed)
    cta(body, seed).ok();
}

TEST(EmulatorBarrier, Reductions) {
  std::vector<uint32_t> out(256);
  cta("setp.gt.u32 %p1, %r0, 99; bar.red.popc.u32 %r4, 0, %p1; bar.red.and.pred %p2, 1, 256, %p1; "
      "bar.red.or.pred %p3, 0, %p1; selp.u32 %r5, 1000, 0, %p2; selp.u32 %r6, 2000, 0, %p3; add.u32 %r4, %r4, %r5;"
      "add.u32 %r4, %r4, %r6; mul.wide.u32 %rd4, %r0, 4; add.s64 %rd5, %rd0, %rd4; st.global.u32 [%rd5], %r4;",
      3)
      .buffer(out)
      .ok();
  for (uint32_t value : out)
    EXPECT_EQ(value, 2156u);
}

TEST(EmulatorBarrier, Faults) {
  cta("bar.sync 16;").fault(FaultKind::Barrier);
  cta("bar.sync 1, 48;").fault(FaultKind::Barrier);
  cta("setp.gt.u32 %p1, %r3, 3; @%p1 bra R; bar.sync 1, 256; R: bar.sync 1, 128;").fault(FaultKind::Barrier);
  std::string text = cta("setp.gt.u32 %p1, %r3, 3; @%p1 bra E; bar.sync 2, 256; E:").fault(FaultKind::Deadlock);
  EXPECT_NE(text.find("warp 0, line 19: waits for barrier 2, 128 of 256 threads have arrived"), std::string::npos)
      << text;
}

TEST(EmulatorBarrier, SetMaxNReg) {
  const char *good = "setp.gt.u32 %p1, %r3, 3; @%p1 bra R; setmaxnreg.dec.sync.aligned.u32 40; bra E;"
                     "R: setmaxnreg.inc.sync.aligned.u32 256; E:";
  // 65536 / 256 registers are capped at 248 a thread: 208 become free, 8 are needed.
  for (uint64_t seed = 0; seed < 8; ++seed)
    cta(good, seed, Threads256).ok();
  cta(good).fault(FaultKind::SetMaxNReg); // no .maxntid
  cta("setmaxnreg.inc.sync.aligned.u32 256;", 0, Threads256).fault(FaultKind::Deadlock);
  cta("setmaxnreg.dec.sync.aligned.u32 256;", 0, Threads256).fault(FaultKind::SetMaxNReg);
  cta("setp.eq.u32 %p1, %r3, 1; @%p1 bra E; setmaxnreg.dec.sync.aligned.u32 40; E:", 0, Threads256)
      .fault(FaultKind::SetMaxNReg);
  EXPECT_NE(loadError("setmaxnreg.dec.sync.aligned.u32 42;"), "");
}

const char *const Init = "setp.eq.u32 %p1, %r0, 0; @%p1 mbarrier.init.shared::cta.b64 [%r1+2048], 128; bar.sync 0;";
const char *const WaitLoop = "W: mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r1+2048], %r10; @!%p3 bra W;";

TEST(EmulatorBarrier, MbarrierPhases) {
  // Four rounds: warps 0 to 3 write, 4 to 7 read after the phase; a bar.sync lets the next round begin.
  std::string body =
      std::string(Init) +
      "mov.u32 %r10, 0; mov.u32 %r11, 0; setp.gt.u32 %p2, %r3, 3;"
      "L: @%p2 bra W; add.u32 %r5, %r0, %r11; st.shared.u32 [%r2], %r5;"
      "mbarrier.arrive.shared::cta.b64 _, [%r1+2048]; bra N;" +
      WaitLoop +
      "ld.shared.u32 %r6, [%r2-512]; N: bar.sync 0; xor.b32 %r10, %r10, 1; add.u32 %r11, %r11, 1;"
      "setp.lt.u32 %p4, %r11, 4; @%p4 bra L; @!%p2 bra E; mul.wide.u32 %rd4, %r0, 4; add.s64 %rd5, %rd0, %rd4;"
      "st.global.u32 [%rd5-512], %r6; E:";
  for (uint64_t seed = 0; seed < 16; ++seed) {
    std::vector<uint32_t> out(128);
    cta(body, seed).buffer(out).ok();
    for (uint32_t t = 0; t < 128; ++t)
      EXPECT_EQ(out[t], t + 3);
  }
}

TEST(EmulatorBarrier, MbarrierFaults) {
  std::string init = Init;
  cta("mbarrier.arrive.shared::cta.b64 _, [%r1+2048];").fault(FaultKind::Barrier);
  cta(init + "mbarrier.arrive.shared::cta.b64 _, [%r1+2048], 129;").fault(FaultKind::Barrier);
  cta(init + "st.shared.u32 [%r1+2048], %r0;").fault(FaultKind::Barrier);
  cta(init + "@%p1 mbarrier.init.shared::cta.b64 [%r1+2048], 1;").fault(FaultKind::Barrier);
  cta("mbarrier.init.shared::cta.b64 [%r1+2052], 1;").fault(FaultKind::Misaligned);
  std::string text = cta(init + "mov.u32 %r10, 0; mbarrier.arrive.shared::cta.b64 _, [%r1+2048], 0;" + WaitLoop)
                         .fault(FaultKind::Deadlock);
  EXPECT_NE(text.find("phase 0 is on, 128 of 128 arrivals and 0 bytes missing"), std::string::npos) << text;
  cta("setp.eq.u32 %p1, %r0, 0; @%p1 mbarrier.init.shared::cta.b64 [%r1+2048], 256; setp.gt.u32 %p2, %r3, 0;"
      "@!%p2 bra E; mbarrier.arrive.shared::cta.b64 _, [%r1+2048]; E:")
      .fault(FaultKind::DataRace); // no bar.sync after the initialisation
  cta(init + "@%p1 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1+2048], 64;").fault(FaultKind::TransactionCount);
}

} // namespace
} // namespace attn::emu::test
