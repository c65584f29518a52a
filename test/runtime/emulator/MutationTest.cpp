// Whole kernels: right in every order, and each mistake put into them is reported.
#include "test/runtime/emulator/Kernels.h"
#include "test/runtime/emulator/Snippet.h"

#include "runtime/device/emulator/TensorMap.h"

#include <algorithm>

namespace attn::emu::test {
namespace {

constexpr int Depth = 64 * Tiles;

uint16_t bf16(int v) {
  auto f = float(v);
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return uint16_t(bits >> 16);
}

/// Runs a kernel text on the same data every time. `wrong` counts the elements that differ from the plain product.
class Product {
public:
  Product() : a(64 * Depth), b(64 * Depth), want(64 * 64) {
    std::mt19937 random(3);
    std::vector<int> x(a.size()), y(b.size());
    for (size_t k = 0; k < x.size(); ++k) {
      x[k] = int(random() % 3) - 1, y[k] = int(random() % 3) - 1;
      a[k] = bf16(x[k]), b[k] = bf16(y[k]);
    }
    for (int i = 0; i < 64; ++i)
      for (int j = 0; j < 64; ++j)
        for (int k = 0; k < Depth; ++k)
          want[i * 64 + j] += x[i * Depth + k] * y[j * Depth + k];
  }

  Result run(const std::string &text, Completion mode, uint64_t seed) {
    std::string error;
    auto module = Module::load(text, error);
    EXPECT_TRUE(module) << error;
    Result result;
    if (!module)
      return result;
    bool hopper = module->kernels()[0] == "hopper";
    std::vector<uint16_t> narrow(64 * 64);
    std::vector<float> wide(64 * 64);
    Launch launch;
    launch.kernel = module->kernels()[0];
    launch.options.completion = mode;
    launch.options.seed = seed;
    Buffers buffers;
    buffers.add(a.data(), a.size() * 2, false);
    buffers.add(b.data(), b.size() * 2, false);
    buffers.add(narrow.data(), narrow.size() * 2, true);
    buffers.add(wide.data(), wide.size() * 4, true);
    if (hopper) {
      launch.block = {256, 1, 1};
      launch.dynamicShared = 41 * 1024;
      launch.params.resize(384);
      map(a.data(), Depth, launch.params.data());
      map(b.data(), Depth, launch.params.data() + 128);
      map(narrow.data(), 64, launch.params.data() + 256);
    } else {
      launch.block = {128, 1, 1};
      launch.dynamicShared = 32 * 1024;
      launch.params.resize(24);
      uint64_t addresses[] = {reinterpret_cast<uint64_t>(a.data()), reinterpret_cast<uint64_t>(b.data()),
                              reinterpret_cast<uint64_t>(wide.data())};
      memcpy(launch.params.data(), addresses, 24);
    }
    result = emu::launch(*module, buffers, launch);
    wrong = 0;
    for (size_t k = 0; k < want.size(); ++k)
      wrong += hopper ? narrow[k] != bf16(want[k]) : wide[k] != float(want[k]);
    return result;
  }

  int wrong = 0;

private:
  static void map(const void *base, uint64_t columns, uint8_t *out) {
    TensorMapDesc desc;
    desc.rank = 2;
    desc.base = base;
    desc.dims = {columns, 64};
    desc.strides = {2, columns * 2};
    desc.box = {64, 64};
    desc.elementStrides = {1, 1};
    desc.swizzle = Swizzle::B128;
    alignas(64) uint8_t bytes[128];
    EXPECT_EQ(encodeTensorMap(desc, bytes), "");
    memcpy(out, bytes, 128);
  }
  std::vector<uint16_t> a, b;
  std::vector<int> want;
};

constexpr Completion Modes[] = {Completion::Early, Completion::Late, Completion::Random};

void rightInEveryOrder(const std::string &text) {
  Product product;
  for (Completion mode : Modes)
    for (uint64_t seed = 0; seed < 64; ++seed) {
      Result result = product.run(text, mode, seed);
      ASSERT_FALSE(result.fault) << "seed " << seed << ": " << result.fault->text();
      ASSERT_EQ(product.wrong, 0) << "seed " << seed;
    }
}
TEST(EmulatorMutation, HopperIsRightInEveryOrder) { rightInEveryOrder(hopperKernel()); }
TEST(EmulatorMutation, AmpereIsRightInEveryOrder) { rightInEveryOrder(ampereKernel()); }

struct Mutation {
  const char *name, *from, *to; ///< the first occurrence of `from` is replaced
  std::vector<FaultKind> kinds; ///< any of them is a right answer
};

using K = FaultKind;
/// Every mode and order must report the mistake.
void isReported(const std::string &text, const Mutation &m) {
  SCOPED_TRACE(m.name);
  std::string mutated = text;
  size_t at = mutated.find(m.from);
  ASSERT_NE(at, std::string::npos);
  mutated.replace(at, strlen(m.from), m.to);
  Product product;
  for (Completion mode : {Completion::Late, Completion::Random})
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Result result = product.run(mutated, mode, seed);
      ASSERT_TRUE(result.fault) << "mode " << int(mode) << " seed " << seed << ", wrong elements: " << product.wrong;
      EXPECT_TRUE(std::find(m.kinds.begin(), m.kinds.end(), result.fault->kind) != m.kinds.end())
          << "mode " << int(mode) << " seed " << seed << ": " << result.fault->text();
      EXPECT_FALSE(result.fault->message.empty());
    }
}

TEST(EmulatorMutation, HopperMistakesAreReported) {
  const std::string text = hopperKernel();
  const Mutation mutations[] = {
      {"no wait for a full stage", "  @!%p7 bra WAIT_FULL;\n", "", {K::MissingWait, K::DataRace, K::Uninitialised}},
      {"no wait for an empty stage", "  @!%p3 bra WAIT_EMPTY;\n", "", {K::MissingWait, K::DataRace, K::Barrier}},
      {"wrong parity of the full stage",
       "  and.b32 %r13, %r13, 1;\nWAIT_FULL",
       "  not.b32 %r13, %r13; and.b32 %r13, %r13, 1;\nWAIT_FULL",
       {K::MissingWait, K::DataRace, K::Uninitialised, K::Deadlock}},
      {"wrong parity of the empty stage", "  xor.b32 %r13, %r13, 1;\n", "", {K::Deadlock}},
      {"no wait for wgmma", "  wgmma.wait_group.sync.aligned 0;\n", "", {K::MissingWait, K::DataRace}},
      {"wgmma waits for one group less",
       "wait_group.sync.aligned 0",
       "wait_group.sync.aligned 1",
       {K::MissingWait, K::DataRace}},
      {"no commit of wgmma", "  wgmma.commit_group.sync.aligned;\n", "", {K::MissingWait, K::DataRace}},
      {"no wgmma.fence", "  wgmma.fence.sync.aligned;\n", "", {K::MissingFence}},
      {"fewer bytes expected", "16384;\n  mad", "8192;\n  mad", {K::TransactionCount, K::MissingWait, K::DataRace}},
      {"more bytes expected", "16384;\n  mad", "16400;\n  mad", {K::Deadlock}},
      {"no bytes expected",
       "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r16], 16384;",
       "mbarrier.arrive.shared::cta.b64 _, [%r16];",
       {K::TransactionCount, K::MissingWait, K::DataRace, K::Uninitialised}},
      {"too few arrivals for empty", "[%r1+40976], 4", "[%r1+40976], 3", {K::MissingWait, K::DataRace, K::Barrier}},
      {"too many arrivals for empty", "[%r1+40976], 4", "[%r1+40976], 5", {K::Deadlock}},
      {"no proxy fence", "  fence.proxy.async.shared::cta;\n", "", {K::MissingProxyFence}},
      {"no fence after mbarrier.init", "  fence.mbarrier_init.release.cluster;\n", "", {K::MissingFence}},
      {"no barrier before the store",
       "  bar.sync 1, 128;\n",
       "",
       {K::DataRace, K::Uninitialised, K::MissingProxyFence}},
      {"no barrier after the initialisation", "  bar.sync 0;\n", "", {K::DataRace, K::Barrier}},
      {"store not waited for", "  cp.async.bulk.wait_group.read 0;\n", "", {K::IncompleteAtExit}},
      {"store not committed", "  cp.async.bulk.commit_group;\n", "", {K::IncompleteAtExit}},
      {"tile off by 16 bytes", "[%r14+8192], [%rd2", "[%r14+8208], [%rd2", {K::Misaligned}},
      {"tile overlaps its neighbour", "[%r14+8192], [%rd2", "[%r14+4096], [%rd2", {K::MissingWait, K::DataRace}},
      {"stmatrix misaligned", "[%r28+32768]", "[%r28+32770]", {K::Misaligned}},
      {"stmatrix out of bounds", "[%r28+32768]", "[%r28+42000]", {K::Misaligned, K::OutOfBounds}},
      {"descriptor past the end",
       "add.s64 %rd6, %rd4, 512;",
       "add.s64 %rd6, %rd4, 2500;",
       {K::OutOfBounds, K::Uninitialised, K::MissingWait, K::DataRace}},
      {"loop counter not initialised", "  mov.u32 %r10, 0;\nPRODUCE", "PRODUCE", {K::Uninitialised}},
      {"accumulator not initialised", "%p5, 1, 1, 0, 0", "%p8, 1, 1, 0, 0", {K::Uninitialised}},
      {"registers of the producer kept",
       "  setmaxnreg.dec.sync.aligned.u32 40;\n",
       "  setmaxnreg.inc.sync.aligned.u32 256;\n",
       {K::Deadlock}},
      {"wrong map", "mov.b64 %rd2, mapB;", "mov.b64 %rd2, smem;", {K::TensorMap, K::OutOfBounds}},
  };
  for (const Mutation &m : mutations)
    isReported(text, m);
}

TEST(EmulatorMutation, AmpereMistakesAreReported) {
  const std::string text = ampereKernel();
  const Mutation mutations[] = {
      {"no wait", "  cp.async.wait_group 1;\n", "", {K::MissingWait}},
      {"waits for one group less", "cp.async.wait_group 1;", "cp.async.wait_group 2;", {K::MissingWait}},
      {"no commit", "LOADED:\n  cp.async.commit_group;\n", "LOADED:\n", {K::MissingWait}},
      {"no barrier after the wait", "  bar.sync 0;\n", "", {K::MissingWait, K::DataRace, K::Uninitialised}},
      {"no barrier after the products", "  bar.sync 1;\n", "", {K::MissingWait, K::DataRace}},
      {"ldmatrix misaligned", "[%r36]", "[%r36+8]", {K::Misaligned}},
      {"ldmatrix of the wrong stage",
       "mad.lo.u32 %r32, %r12, 16384",
       "mad.lo.u32 %r32, %r11, 16384",
       {K::MissingWait, K::OutOfBounds, K::Uninitialised, K::DataRace}},
      {"copy reads past the end", "[%rd5+30720], 16", "[%rd5+40960], 16", {K::OutOfBounds}},
      {"copy misaligned", "[%r31+2048]", "[%r31+2056]", {K::Misaligned}},
      {"copy past the end of shared memory", "[%r31+14336]", "[%r31+32768]", {K::OutOfBounds}},
      {"accumulator not initialised", "  mov.f32 %f7, 0f00000000;\n", "", {K::Uninitialised}},
      {"store past the end", "[%rd8+2272]", "[%rd8+18656]", {K::OutOfBounds}},
      {"store misaligned", "[%rd8+2272]", "[%rd8+2276]", {K::Misaligned}},
  };
  for (const Mutation &m : mutations)
    isReported(text, m);
}

} // namespace
} // namespace attn::emu::test
