#include "test/runtime/emulator/Kernels.h"

namespace attn::emu::test {
namespace {

std::string num(int n) { return std::to_string(n); }

/// {%x<first>, ...}
std::string list(const std::string &file, int first, int count) {
  std::string text = "{";
  for (int k = 0; k < count; ++k)
    text += (k ? ", " : "") + file + num(first + k);
  return text + "}";
}

const char *const Registers = R"(
  .reg .pred %p<16>;
  .reg .b32 %r<128>;
  .reg .f32 %f<64>;
  .reg .b64 %rd<32>;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, smem;
  and.b32 %r3, %r0, 31;
)";

} // namespace

std::string hopperKernel() {
  std::string t = R"(.version 8.3
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 smem[];
.visible .entry hopper(.param .align 64 .b8 mapA[128], .param .align 64 .b8 mapB[128], .param .align 64 .b8 mapC[128])
.maxntid 256, 1, 1
{)" + std::string(Registers) +
                  R"(
  shr.u32 %r2, %r0, 7;
  setp.ne.u32 %p1, %r0, 0;
  @%p1 bra INITED;
  mbarrier.init.shared::cta.b64 [%r1+40960], 1;
  mbarrier.init.shared::cta.b64 [%r1+40968], 1;
  mbarrier.init.shared::cta.b64 [%r1+40976], 4;
  mbarrier.init.shared::cta.b64 [%r1+40984], 4;
  fence.mbarrier_init.release.cluster;
INITED:
  bar.sync 0;
  setp.ne.u32 %p2, %r2, 0;
  @%p2 bra CONSUMER;
  setmaxnreg.dec.sync.aligned.u32 40;
  @%p1 bra END;
  mov.b64 %rd1, mapA;
  cvta.param.u64 %rd1, %rd1;
  mov.b64 %rd2, mapB;
  cvta.param.u64 %rd2, %rd2;
  mov.u32 %r20, 0;
  mov.u32 %r10, 0;
PRODUCE:
  and.b32 %r11, %r10, 1;
  mad.lo.u32 %r12, %r11, 8, %r1;
  shr.u32 %r13, %r10, 1;
  and.b32 %r13, %r13, 1;
  xor.b32 %r13, %r13, 1;
WAIT_EMPTY:
  mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r12+40976], %r13;
  @!%p3 bra WAIT_EMPTY;
  add.u32 %r16, %r12, 40960;
  mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r16], 16384;
  mad.lo.u32 %r14, %r11, 16384, %r1;
  shl.b32 %r15, %r10, 6;
  cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r14], [%rd1, {%r15, %r20}], [%r16];
  cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r14+8192], [%rd2, {%r15, %r20}], [%r16];
  add.u32 %r10, %r10, 1;
  setp.lt.u32 %p4, %r10, )" +
                  num(Tiles) + R"(;
  @%p4 bra PRODUCE;
  bra.uni END;
CONSUMER:
  setmaxnreg.inc.sync.aligned.u32 248;
  setp.eq.u32 %p6, %r3, 0;
  setp.eq.u32 %p8, 0, 0;
  mov.u32 %r10, 0;
CONSUME:
  and.b32 %r11, %r10, 1;
  mad.lo.u32 %r12, %r11, 8, %r1;
  shr.u32 %r13, %r10, 1;
  and.b32 %r13, %r13, 1;
WAIT_FULL:
  mbarrier.try_wait.parity.shared::cta.b64 %p7, [%r12+40960], %r13;
  @!%p7 bra WAIT_FULL;
  mad.lo.u32 %r14, %r11, 16384, %r1;
  shr.u32 %r15, %r14, 4;
  cvt.u64.u32 %rd3, %r15;
  or.b64 %rd4, %rd3, 4611686293305294848;
  setp.ne.u32 %p5, %r10, 0;
  wgmma.fence.sync.aligned;
)";
  for (int step = 0; step < 4; ++step) // descriptors: 128-byte swizzle, stride 1024
    t += "  add.s64 %rd5, %rd4, " + num(2 * step) + ";\n  add.s64 %rd6, %rd4, " + num(512 + 2 * step) +
         ";\n  wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " + list("%f", 0, 32) + ", %rd5, %rd6, " +
         (step ? "%p8" : "%p5") + ", 1, 1, 0, 0;\n";
  t += R"(  wgmma.commit_group.sync.aligned;
  wgmma.wait_group.sync.aligned 0;
  @%p6 mbarrier.arrive.shared::cta.b64 _, [%r12+40976];
  add.u32 %r10, %r10, 1;
  setp.lt.u32 %p4, %r10, )" +
       num(Tiles) + R"(;
  @%p4 bra CONSUME;
  and.b32 %r21, %r3, 15;
  shr.u32 %r22, %r3, 4;
  and.b32 %r23, %r0, 127;
  shr.u32 %r23, %r23, 5;
  mad.lo.u32 %r24, %r23, 16, %r21;
  mad.lo.u32 %r25, %r24, 128, %r1;
  and.b32 %r26, %r24, 7;
)";
  for (int c = 0; c < 8; c += 2) {
    for (int k = 0; k < 4; ++k)
      t += "  cvt.rn.bf16x2.f32 %r" + num(40 + k) + ", %f" + num(4 * c + 2 * k + 1) + ", %f" + num(4 * c + 2 * k) +
           ";\n";
    t += "  add.u32 %r27, %r22, " + num(c) + ";\n  xor.b32 %r27, %r27, %r26;\n  mad.lo.u32 %r28, %r27, 16, %r25;\n";
    t += "  stmatrix.sync.aligned.m8n8.x4.shared::cta.b16 [%r28+32768], " + list("%r", 40, 4) + ";\n";
  }
  return t + R"(  fence.proxy.async.shared::cta;
  bar.sync 1, 128;
  setp.ne.u32 %p9, %r0, 128;
  @%p9 bra END;
  mov.b64 %rd7, mapC;
  cvta.param.u64 %rd7, %rd7;
  mov.u32 %r30, 0;
  add.u32 %r31, %r1, 32768;
  cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd7, {%r30, %r30}], [%r31];
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group.read 0;
END:
  ret;
}
)";
}

std::string ampereKernel() {
  const int rowBytes = 128 * Tiles;
  std::string t = R"(.version 7.8
.target sm_80
.address_size 64
.extern .shared .align 1024 .b8 smem[];
.visible .entry ampere(.param .u64 pa, .param .u64 pb, .param .u64 pc)
.maxntid 128, 1, 1
{)" + std::string(Registers) +
                  R"(
  ld.param.u64 %rd1, [pa];
  ld.param.u64 %rd2, [pb];
  ld.param.u64 %rd3, [pc];
  shr.u32 %r4, %r0, 5;
  shr.u32 %r5, %r0, 3;
  and.b32 %r6, %r0, 7;
  and.b32 %r7, %r5, 7;
  xor.b32 %r7, %r7, %r6;
  mad.lo.u32 %r8, %r5, 128, %r1;
  mad.lo.u32 %r8, %r7, 16, %r8;
  mul.lo.u32 %r9, %r5, )" +
                  num(rowBytes) + R"(;
  mad.lo.u32 %r9, %r6, 16, %r9;
  cvt.u64.u32 %rd4, %r9;
  add.s64 %rd5, %rd1, %rd4;
  add.s64 %rd6, %rd2, %rd4;
  and.b32 %r20, %r3, 15;
  mad.lo.u32 %r20, %r4, 16, %r20;
  and.b32 %r21, %r20, 7;
  shr.u32 %r22, %r3, 4;
  and.b32 %r23, %r3, 7;
  mad.lo.u32 %r23, %r22, 8, %r23;
  shr.u32 %r24, %r3, 3;
  and.b32 %r24, %r24, 1;
  and.b32 %r25, %r3, 7;
)";
  for (int k = 0; k < 32; ++k)
    t += "  mov.f32 %f" + num(k) + ", 0f00000000;\n";
  auto load = [&] {
    for (int q = 0; q < 4; ++q) {
      std::string from = num(q * 16 * rowBytes), to = num(q * 2048);
      t += "  cp.async.cg.shared.global [%r31+" + to + "], [%rd5+" + from + "], 16;\n";
      t += "  cp.async.cg.shared.global [%r31+" + num(8192 + q * 2048) + "], [%rd6+" + from + "], 16;\n";
    }
    t += "  add.s64 %rd5, %rd5, 128;\n  add.s64 %rd6, %rd6, 128;\n";
  };
  t += "  mov.u32 %r31, %r8;\n";
  load();
  t += "  cp.async.commit_group;\n  mov.u32 %r10, 0;\nLOOP:\n  add.u32 %r11, %r10, 1;\n  setp.ge.u32 %p1, %r11, " +
       num(Tiles) + ";\n  @%p1 bra LOADED;\n  and.b32 %r12, %r11, 1;\n  mad.lo.u32 %r31, %r12, 16384, %r8;\n";
  load();
  t += R"(LOADED:
  cp.async.commit_group;
  cp.async.wait_group 1;
  bar.sync 0;
  and.b32 %r12, %r10, 1;
  mad.lo.u32 %r32, %r12, 16384, %r1;
  mad.lo.u32 %r33, %r20, 128, %r32;
  mad.lo.u32 %r34, %r23, 128, %r32;
)";
  for (int step = 0; step < 4; ++step) {
    t += "  add.u32 %r35, %r22, " + num(2 * step) +
         ";\n  xor.b32 %r35, %r35, %r21;\n  mad.lo.u32 %r36, %r35, 16, %r33;\n";
    t += "  ldmatrix.sync.aligned.m8n8.x4.shared.b16 " + list("%r", 40, 4) + ", [%r36];\n";
    t += "  add.u32 %r37, %r24, " + num(2 * step) +
         ";\n  xor.b32 %r37, %r37, %r25;\n  mad.lo.u32 %r38, %r37, 16, %r34;\n";
    for (int pair = 0; pair < 4; ++pair) {
      t += "  ldmatrix.sync.aligned.m8n8.x4.shared.b16 " + list("%r", 44, 4) + ", [%r38+" + num(8192 + pair * 2048) +
           "];\n";
      for (int k = 0; k < 2; ++k) {
        std::string d = list("%f", 4 * (2 * pair + k), 4);
        t += "  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 " + d + ", " + list("%r", 40, 4) + ", " +
             list("%r", 44 + 2 * k, 2) + ", " + d + ";\n";
      }
    }
  }
  t += R"(  bar.sync 1;
  mov.u32 %r10, %r11;
  setp.lt.u32 %p2, %r10, )" +
       num(Tiles) + R"(;
  @%p2 bra LOOP;
  shr.u32 %r50, %r3, 2;
  mad.lo.u32 %r50, %r4, 16, %r50;
  and.b32 %r51, %r3, 3;
  mul.lo.u32 %r51, %r51, 8;
  mad.lo.u32 %r51, %r50, 256, %r51;
  cvt.u64.u32 %rd7, %r51;
  add.s64 %rd8, %rd3, %rd7;
)";
  for (int n = 0; n < 8; ++n) {
    t += "  st.global.v2.f32 [%rd8+" + num(n * 32) + "], " + list("%f", 4 * n, 2) + ";\n";
    t += "  st.global.v2.f32 [%rd8+" + num(2048 + n * 32) + "], " + list("%f", 4 * n + 2, 2) + ";\n";
  }
  return t + "  ret;\n}\n";
}

} // namespace attn::emu::test
