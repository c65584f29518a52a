// cp.async, bulk copies and tensor copies.
#include "test/runtime/emulator/Apply.h"

#include "runtime/device/emulator/TensorMap.h"

#include <numeric>

namespace attn::emu::test {
namespace {

constexpr Completion Modes[] = {Completion::Early, Completion::Late, Completion::Random};

TEST(EmulatorCopy, CpAsyncGroups) {
  // Two groups; the second copies 8 of 16 bytes and zero-fills.
  const std::string body = R"(
  mov.u32 %r1, smem;
  shl.b32 %r2, %r0, 4;
  add.s32 %r3, %r1, %r2;
  mul.wide.u32 %rd4, %r0, 16;
  add.s64 %rd5, %rd1, %rd4;
  cp.async.cg.shared.global [%r3], [%rd5], 16;
  cp.async.commit_group;
  mov.u32 %r4, 8;
  cp.async.ca.shared.global.L2::128B [%r3+512], [%rd5], 16, %r4;
  cp.async.commit_group;
  cp.async.wait_group 1;
  ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r3];
  cp.async.wait_group 0;
  ld.shared.v4.u32 {%r14, %r15, %r16, %r17}, [%r3+512];
  mul.wide.u32 %rd6, %r0, 32;
  add.s64 %rd7, %rd0, %rd6;
  st.global.v4.u32 [%rd7], {%r10, %r11, %r12, %r13};
  st.global.v4.u32 [%rd7+16], {%r14, %r15, %r16, %r17};
)";
  for (Completion mode : Modes)
    for (uint64_t seed = 0; seed < 8; ++seed) {
      std::vector<uint32_t> out(256), in(128);
      std::iota(in.begin(), in.end(), 3);
      auto make = [&](std::string text) {
        auto s = std::make_unique<Snippet>(text);
        s->launch.dynamicShared = 1024;
        s->launch.options.completion = mode;
        s->launch.options.seed = seed;
        s->buffer(out).buffer(in, false);
        return s;
      };
      make(body)->ok();
      for (uint32_t t = 0; t < 32; ++t)
        for (uint32_t k = 0; k < 8; ++k)
          EXPECT_EQ(out[8 * t + k], k < 6 ? in[4 * t + k % 4] : 0u);
      std::string late = body, dropped = body;
      late.replace(late.find("wait_group 1"), 12, "wait_group 2");
      dropped.erase(dropped.find("cp.async.wait_group 0;"), 22);
      make(late)->fault(FaultKind::MissingWait);
      make(dropped)->fault(FaultKind::MissingWait);
    }
}

TEST(EmulatorCopy, CpAsyncArrivesAtAnMbarrier) {
  const std::string body = R"(
  mov.u32 %r1, smem;
  setp.eq.u32 %p1, %r0, 0;
  @%p1 mbarrier.init.shared::cta.b64 [%r1+1024], 32;
  bar.sync 0;
  shl.b32 %r2, %r0, 4;
  add.s32 %r3, %r1, %r2;
  mul.wide.u32 %rd4, %r0, 16;
  add.s64 %rd5, %rd1, %rd4;
  cp.async.ca.shared.global [%r3], [%rd5], 16;
  cp.async.mbarrier.arrive.noinc.shared.b64 [%r1+1024];
  mov.u32 %r4, 0;
W: mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r1+1024], %r4;
  @!%p2 bra W;
  ld.shared.u32 %r10, [%r3];
  mul.wide.u32 %rd6, %r0, 4;
  add.s64 %rd7, %rd0, %rd6;
  st.global.u32 [%rd7], %r10;
)";
  for (Completion mode : Modes) {
    std::vector<uint32_t> out(32), in(128);
    std::iota(in.begin(), in.end(), 3);
    Snippet s(body);
    s.launch.dynamicShared = 2048;
    s.launch.options.completion = mode;
    s.buffer(out).buffer(in, false).ok();
    for (uint32_t t = 0; t < 32; ++t)
      EXPECT_EQ(out[t], in[4 * t]);
  }
}

/// One thread loads a box, all threads copy shared memory to the output, byte by byte.
struct BoxCase {
  uint32_t rank;
  ElementType type;
  Swizzle swizzle;
  std::array<uint64_t, 5> dims;
  std::array<uint32_t, 5> box;
  std::array<int32_t, 5> at;
};

std::string loadBox(uint32_t rank, uint32_t bytes) {
  std::string r = std::to_string(rank), coordinates;
  for (uint32_t k = 0; k < rank; ++k)
    coordinates += (k ? ", %r" : "%r") + std::to_string(20 + k);
  std::string text =
      "mov.u32 %r1, smem; setp.ne.u32 %p1, %r0, 0; mov.b64 %rd4, map; cvta.param.u64 %rd5, %rd4; @%p1 bra S;\n"
      "mbarrier.init.shared::cta.b64 [%r1+32768], 1; fence.mbarrier_init.release.cluster;\n";
  for (uint32_t k = 0; k < rank; ++k)
    text += "ld.global.u32 %r" + std::to_string(20 + k) + ", [%rd1+" + std::to_string(4 * k) + "];";
  text += "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1+32768], " + std::to_string(bytes) + ";\n";
  text += "cp.async.bulk.tensor." + r + "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd5, {" +
          coordinates +
          "}], [%r1+32768];\nS: bar.sync 0; mov.u32 %r2, 0;\n"
          "W: mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r1+32768], %r2; @!%p2 bra W;\n";
  return text;
}

void checkBox(const BoxCase &test, Completion mode, bool nan) {
  uint32_t element = byteSize(test.type), bytes = element;
  uint64_t total = element;
  TensorMapDesc desc;
  desc.type = test.type;
  desc.rank = test.rank;
  desc.swizzle = test.swizzle;
  desc.fillNaN = nan;
  for (uint32_t k = 0; k < test.rank; ++k) {
    desc.dims[k] = test.dims[k];
    desc.strides[k] = total;
    desc.box[k] = test.box[k];
    desc.elementStrides[k] = 1;
    total *= test.dims[k];
    bytes *= test.box[k];
    if (!k)
      total = (total + 15) / 16 * 16;
  }
  std::vector<uint8_t> in(total + 16), out(bytes);
  std::mt19937 random(1);
  for (uint8_t &byte : in)
    byte = uint8_t(random());
  auto base = (reinterpret_cast<uint64_t>(in.data()) + 15) / 16 * 16;
  desc.base = reinterpret_cast<void *>(base);
  std::vector<int32_t> at(test.at.begin(), test.at.end());

  std::string body =
      loadBox(test.rank, bytes) +
      "mov.u32 %r3, %r0; C: add.u32 %r4, %r1, %r3; ld.shared.u8 %r5, [%r4]; cvt.u64.u32 %rd6, %r3;"
      "add.s64 %rd7, %rd0, %rd6; st.global.u8 [%rd7], %r5; add.u32 %r3, %r3, 32; setp.lt.u32 %p3, %r3, " +
      std::to_string(bytes) + "; @%p3 bra C;";
  std::string text = kernelText(body), error;
  text.replace(text.find(".param .u64 p3"), 14, ".param .u64 p3, .param .align 64 .b8 map[128]");
  auto module = Module::load(text, error);
  ASSERT_TRUE(module) << error;
  Launch launch{"k", {1, 1, 1}, {32, 1, 1}, 33000, std::vector<uint8_t>(192), {}};
  alignas(64) uint8_t map[128];
  ASSERT_EQ(encodeTensorMap(desc, map), "");
  uint64_t addresses[] = {reinterpret_cast<uint64_t>(out.data()), reinterpret_cast<uint64_t>(at.data())};
  memcpy(launch.params.data(), addresses, 16);
  memcpy(launch.params.data() + 64, map, 128);
  launch.options.completion = mode;
  Buffers buffers;
  buffers.add(out.data(), out.size(), true);
  buffers.add(at.data(), 20, false);
  buffers.add(desc.base, total, false);
  Result result = emu::launch(*module, buffers, launch);
  ASSERT_FALSE(result.fault) << result.fault->text();

  // Element by element, straight from the definition.
  std::array<uint32_t, 5> p{};
  for (uint32_t index = 0; index < bytes / element; ++index) {
    uint32_t rest = index;
    bool inside = true;
    uint64_t offset = 0;
    for (uint32_t k = 0; k < test.rank; ++k) {
      p[k] = rest % test.box[k];
      rest /= test.box[k];
      int64_t x = int64_t(test.at[k]) + p[k];
      inside &= x >= 0 && x < int64_t(test.dims[k]);
      offset += uint64_t(x) * desc.strides[k];
    }
    uint32_t linear = index * element, physical = linear;
    uint32_t row = (linear + 1024) / 128; // shared memory begins at 1024
    if (test.swizzle == Swizzle::B128)
      physical = linear ^ (row % 8) << 4;
    if (test.swizzle == Swizzle::B64)
      physical = linear ^ (row % 4) << 4;
    if (test.swizzle == Swizzle::B32)
      physical = linear ^ (row % 2) << 4;
    for (uint32_t b = 0; b < element; ++b) {
      uint8_t fill = nan ? (b + 1 == element ? 0x7f : 0xff) : 0;
      uint8_t want = inside ? reinterpret_cast<uint8_t *>(base)[offset + b] : fill;
      ASSERT_EQ(out[physical + b], want) << "element " << index;
    }
  }
}

TEST(EmulatorCopy, TensorLoads) {
  const BoxCase cases[] = {
      {1, ElementType::F32, Swizzle::None, {100}, {64}, {50}},
      {2, ElementType::BF16, Swizzle::B128, {128, 40}, {64, 32}, {64, 16}},
      {2, ElementType::F16, Swizzle::B64, {50, 20}, {32, 16}, {-8, 7}},
      {2, ElementType::U8, Swizzle::B32, {70, 9}, {32, 8}, {48, -3}},
      {3, ElementType::BF16, Swizzle::B128, {128, 37, 3}, {64, 64, 1}, {64, 5, 2}},
      {3, ElementType::BF16, Swizzle::B128, {128, 37, 3}, {64, 64, 1}, {0, 0, 3}},
      {4, ElementType::U8, Swizzle::B128, {128, 5, 4, 3}, {128, 3, 2, 2}, {0, 3, -1, 1}},
      {5, ElementType::F32, Swizzle::None, {12, 3, 4, 2, 3}, {8, 2, 2, 2, 2}, {6, 2, 3, 1, -1}},
      {2, ElementType::S64, Swizzle::None, {10, 10}, {4, 4}, {8, 8}},
  };
  for (const BoxCase &test : cases)
    for (Completion mode : Modes) {
      checkBox(test, mode, false);
      if (test.type >= ElementType::F16)
        checkBox(test, mode, true);
    }
}

TEST(EmulatorCopy, BulkLoadsAndStores) {
  const std::string body = R"(
  mov.u32 %r1, smem;
  setp.ne.u32 %p1, %r0, 0;
  @%p1 bra S;
  mbarrier.init.shared::cta.b64 [%r1+1024], 1;
  fence.proxy.async.shared::cta;
  mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1+1024], 256;
  cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd1+64], 256, [%r1+1024];
S: bar.sync 0;
  mov.u32 %r2, 0;
W: mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r1+1024], %r2;
  @!%p2 bra W;
  shl.b32 %r3, %r0, 3;
  add.s32 %r4, %r1, %r3;
  ld.shared.u32 %r5, [%r4];
  add.u32 %r5, %r5, 1000;
  st.shared.u32 [%r4], %r5;
  fence.proxy.async.shared::cta;
  bar.sync 0;
  @%p1 bra E;
  cp.async.bulk.global.shared::cta.bulk_group [%rd0], [%r1], 256;
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group.read 0;
E:
)";
  std::vector<uint32_t> in(100), out(64);
  std::iota(in.begin(), in.end(), 0);
  auto drop = [&](const std::string &what) {
    std::string text = body;
    size_t at = text.rfind(what);
    return text.erase(at, text.find(';', at) + 1 - at);
  };
  for (Completion mode : Modes) {
    auto make = [&](const std::string &text) {
      auto s = std::make_unique<Snippet>(text);
      s->launch.dynamicShared = 2048;
      s->launch.options.completion = mode;
      s->buffer(out).buffer(in, false);
      return s;
    };
    Result result = make(body)->ok();
    EXPECT_EQ(result.stats.bytesLoaded, 256u);
    EXPECT_EQ(result.stats.bytesStored, 256u);
    for (uint32_t k = 0; k < 64; ++k)
      EXPECT_EQ(out[k], k + 16 + (k % 2 ? 0 : 1000));
    make(drop("fence.proxy.async"))->fault(FaultKind::MissingProxyFence);
    make(drop("cp.async.bulk.wait_group"))->fault(FaultKind::IncompleteAtExit);
    make(drop("cp.async.bulk.commit_group"))->fault(FaultKind::IncompleteAtExit);
    std::string first = body;
    first.erase(first.find("fence.proxy.async"), 29);
    make(first)->fault(FaultKind::MissingFence);
    std::string wrong = body;
    wrong.replace(wrong.find("[%rd1+64]"), 9, "[%rd1+72]");
    make(wrong)->fault(FaultKind::Misaligned);
    wrong = body;
    wrong.replace(wrong.find("[%rd1+64]"), 9, "[%rd1+160]");
    make(wrong)->fault(FaultKind::OutOfBounds);
  }
}

TEST(EmulatorCopy, TensorMapRules) {
  alignas(64) char map[128], data[64];
  TensorMapDesc good;
  good.rank = 2;
  good.base = data;
  good.dims = {64, 8};
  good.strides = {2, 128};
  good.box = {64, 8};
  good.elementStrides = {1, 1};
  good.swizzle = Swizzle::B128;
  EXPECT_EQ(encodeTensorMap(good, map), "");
  TensorMapDesc back;
  ASSERT_TRUE(decodeTensorMap(map, back));
  EXPECT_EQ(back.box, good.box);
  EXPECT_EQ(back.strides[1], 128u);
  auto broken = [&](auto change) {
    TensorMapDesc desc = good;
    change(desc);
    EXPECT_NE(encodeTensorMap(desc, map), "");
  };
  broken([](TensorMapDesc &d) { d.rank = 6; });
  broken([](TensorMapDesc &d) { d.rank = 0; });
  broken([&](TensorMapDesc &d) { d.base = data + 8; });
  broken([](TensorMapDesc &d) { d.box[1] = 257; });
  broken([](TensorMapDesc &d) { d.box[0] = 0; });
  broken([](TensorMapDesc &d) { d.strides[1] = 120; });
  broken([](TensorMapDesc &d) { d.dims[1] = 0; });
  broken([](TensorMapDesc &d) { d.swizzle = Swizzle::B64; }); // 128 bytes of box in a span of 64
  broken([](TensorMapDesc &d) { d.box[0] = 4; });             // 8 bytes
  broken([](TensorMapDesc &d) { d.elementStrides[0] = 2; });
  broken([](TensorMapDesc &d) { d.type = ElementType::U16, d.fillNaN = true; });
  EXPECT_NE(encodeTensorMap(good, map + 1), "");
  memset(map, 0, sizeof map);
  EXPECT_FALSE(decodeTensorMap(map, back));
}

} // namespace
} // namespace attn::emu::test
