// Control flow and data exchange within a warp.
#include "test/runtime/emulator/Apply.h"

namespace attn::emu::test {
namespace {

/// Runs a body that leaves its result in %r100 for each of 32 threads.
std::vector<uint32_t> perThread(const std::string &body) {
  std::vector<uint32_t> out(32);
  Snippet s(body + "\nmul.wide.u32 %rd10, %r0, 4; add.s64 %rd11, %rd0, %rd10; st.global.u32 [%rd11], %r100;");
  s.buffer(out).ok();
  return out;
}

TEST(EmulatorWarp, Shuffles) {
  struct Case {
    const char *kind;
    uint32_t b, c;
  };
  for (Case test : {Case{"bfly", 1, 31},
                    {"bfly", 16, 31},
                    {"bfly", 2, 0x1c1f},
                    {"idx", 5, 31},
                    {"idx", 3, 0x181f},
                    {"up", 1, 0},
                    {"up", 4, 0x1800},
                    {"down", 3, 31},
                    {"down", 2, 0x181f}}) {
    auto out = perThread("mul.lo.u32 %r1, %r0, 3; shfl.sync." + std::string(test.kind) + ".b32 %r2|%p1, %r1, " +
                         std::to_string(test.b) + ", " + std::to_string(test.c) +
                         ", -1; selp.u32 %r3, 1000, 0, %p1; add.u32 %r100, %r2, %r3;");
    for (uint32_t l = 0; l < 32; ++l) { // the pseudo code of the PTX ISA
      uint32_t segment = test.c >> 8 & 31, clamp = test.c & 31, last = (l & segment) | (clamp & ~segment);
      std::string kind = test.kind;
      int j = kind == "up"     ? int(l) - int(test.b)
              : kind == "down" ? int(l + test.b)
              : kind == "bfly" ? int(l ^ test.b)
                               : int((l & segment) | (test.b & ~segment));
      bool p = kind == "up" ? j >= int(last) : j <= int(last);
      EXPECT_EQ(out[l], uint32_t(p ? j : int(l)) * 3 + (p ? 1000 : 0)) << test.kind << " lane " << l;
    }
  }
}

TEST(EmulatorWarp, VotesAndReductions) {
  auto sum =
      perThread("redux.sync.add.s32 %r1, %r0, -1; redux.sync.max.u32 %r2, %r0, -1; mad.lo.u32 %r100, %r1, 100, %r2;");
  auto ballot = perThread("setp.gt.u32 %p1, %r0, 11; vote.sync.ballot.b32 %r100, %p1, -1;");
  auto votes = perThread("setp.gt.u32 %p1, %r0, 11; vote.sync.any.pred %p2, %p1, -1; vote.sync.all.pred %p3, %p1, -1;"
                         "selp.u32 %r1, 1, 0, %p2; selp.u32 %r2, 2, 0, %p3; add.u32 %r100, %r1, %r2;");
  auto elected = perThread("elect.sync %r1|%p1, -1; selp.u32 %r100, 7, %r1, %p1;");
  for (uint32_t l = 0; l < 32; ++l) {
    EXPECT_EQ(sum[l], 49631u);
    EXPECT_EQ(ballot[l], 0xfffff000u);
    EXPECT_EQ(votes[l], 1u);
    EXPECT_EQ(elected[l], l ? 0u : 7u);
  }
}

TEST(EmulatorWarp, DivergentLoopsMeetAgain) {
  // Each lane loops lane + 1 times; afterwards all shuffle together.
  auto out = perThread(R"(
  mov.u32 %r1, 0;
  mov.u32 %r2, 0;
LOOP:
  add.u32 %r2, %r2, %r0;
  add.u32 %r1, %r1, 1;
  setp.le.u32 %p1, %r1, %r0;
  @%p1 bra LOOP;
  shfl.sync.bfly.b32 %r100, %r2, 31, 31, -1;
)");
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(out[l], (31 - l) * (32 - l));
}

TEST(EmulatorWarp, MergeBlockBeforeTheBranches) {
  // The join lies before one arm in the text; lanes that arrive first must wait for the others.
  auto out = perThread(R"(
  mov.u32 %r1, 0;
  setp.lt.u32 %p1, %r0, 16;
  bra START;
JOIN:
  bar.sync 0;
  shfl.sync.idx.b32 %r2, %r1, 20, 31, -1;
  mov.u32 %r100, %r2;
  bra END;
START:
  @%p1 bra JOIN;
  mov.u32 %r1, 5;
  bra JOIN;
END:
)");
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(out[l], 5u);
}

TEST(EmulatorWarp, IndexedBranches) {
  auto out = perThread(R"(
  and.b32 %r1, %r0, 3;
  mov.u32 %r100, 0;
TARGETS: .branchtargets A, B, C, A;
  brx.idx %r1, TARGETS;
A: add.u32 %r100, %r100, 1;
B: add.u32 %r100, %r100, 10;
C: add.u32 %r100, %r100, 100;
)");
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(out[l], (l & 3) == 1 ? 110u : (l & 3) == 2 ? 100u : 111u);
}

TEST(EmulatorWarp, GuardedExit) {
  std::vector<uint32_t> out(32);
  Snippet s("mul.wide.u32 %rd10, %r0, 4; add.s64 %rd11, %rd0, %rd10; setp.gt.u32 %p1, %r0, 9; @%p1 exit;"
            "vote.sync.ballot.b32 %r1, %p1, 1023; st.global.u32 [%rd11], 1;");
  s.buffer(out).ok();
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(out[l], l > 9 ? 0u : 1u);
}

TEST(EmulatorWarp, DivergenceFaults) {
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 bra A; exit; A: bar.sync 0;").ok(); // the others have left
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 bar.sync 0;").fault(FaultKind::Divergence);
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;").fault(FaultKind::Divergence);
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 shfl.sync.idx.b32 %r1, %r0, 5, 31, 7;").fault(FaultKind::Divergence);
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 bra.uni A; A:").fault(FaultKind::Divergence);
  Snippet("setp.lt.u32 %p1, %r0, 3; @%p1 bra A; bar.sync 1; bra B; A: bar.sync 0; B:").fault(FaultKind::Divergence);
  std::string text = Snippet("setp.eq.u32 %p1, %r0, 9; @%p1 trap;").fault(FaultKind::Trap);
  EXPECT_NE(text.find("lane 9"), std::string::npos);
  Snippet loop("A: bra A;");
  loop.launch.options.maxInstructions = 100000;
  loop.fault(FaultKind::EndlessLoop);
}

TEST(EmulatorWarp, SpecialRegisters) {
  std::vector<uint32_t> out(6 * 4 * 2 * 3 * 8, ~0u);
  Snippet s(R"(
  mov.u32 %r1, %tid.y;
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ctaid.y;
  mov.u32 %r4, %ntid.x;
  mov.u32 %r5, %nctaid.x;
  mov.u32 %r6, %laneid;
  mov.u32 %r7, %warpid;
  mad.lo.u32 %r8, %r3, %r5, %r2;
  mul.lo.u32 %r8, %r8, 24;
  mad.lo.u32 %r9, %r1, %r4, %r0;
  add.u32 %r10, %r8, %r9;
  mul.wide.u32 %rd4, %r10, 32;
  add.s64 %rd5, %rd0, %rd4;
  st.global.v4.b32 [%rd5], {%r0, %r1, %r2, %r3};
  st.global.v4.b32 [%rd5+16], {%r6, %r7, %r4, %r5};
)");
  s.launch.grid = {2, 3, 1};
  s.launch.block = {6, 4, 1};
  s.buffer(out).ok();
  for (uint32_t cta = 0; cta < 6; ++cta)
    for (uint32_t t = 0; t < 24; ++t) {
      const uint32_t *o = &out[(cta * 24 + t) * 8];
      EXPECT_EQ(std::vector<uint32_t>(o, o + 8), (std::vector<uint32_t>{t % 6, t / 6, cta % 2, cta / 2, t, 0, 6, 2}));
    }
}

} // namespace
} // namespace attn::emu::test
