// Damaged PTX is refused or runs into a fault, but never crashes or hangs.
#include "test/runtime/emulator/Apply.h"

#include <cctype>

namespace attn::emu::test {
namespace {

const char *const Body = R"(
  mov.u32 %r1, smem;
  shl.b32 %r2, %r0, 2;
  add.s32 %r3, %r1, %r2;
  st.shared.u32 [%r3], %r0;
  bar.sync 0;
  ld.shared.u32 %r4, [%r3];
  { .reg .pred q; setp.lt.and.u32 q|%p9, %r4, 0x10, %p9; @q bra L1; }
  fma.rn.f32 %f1, 0f3F800000, 0fBF800000, 0f7FC00000;
L1: mov.b64 {%r5, %r6}, %rd0;
  shfl.sync.bfly.b32 %r7|%p3, %r4, 1, 31, -1;
  ld.global.v4.u32 {%r8, _, %r10, %r11}, [%rd1+16];
  cp.async.cg.shared.global [%r1+512], [%rd1], 16;
  cp.async.commit_group;
  cp.async.wait_group 0;
T: .branchtargets L1, L2;
  // comment
L2: /* another */ st.global.u32 [%rd0], %r7;
)";

TEST(EmulatorFuzz, DamagedText) {
  std::vector<uint32_t> in(64), out(64);
  std::mt19937 random(7);
  const std::string good = kernelText(std::string("setp.eq.u32 %p9, 0, 1;") + Body);
  const std::string characters = "{}[]()<>.,;:+-%$_|!@0123456789abcdefxU\"\n\t/* \x01\xff";
  ASSERT_EQ(loadError(std::string("setp.eq.u32 %p9, 0, 1;") + Body), "");
  int loaded = 0, faults = 0;
  const size_t begin = good.find("setp.eq.u32 %p9");
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (unsigned edits = 1 + random() % 2; edits; --edits) {
      size_t at = random() % 8 ? begin + random() % (text.size() - begin) : random() % text.size();
      switch (random() % 8) {
      case 0: text.erase(at, 1 + random() % 20); break;
      case 1: text.insert(at, 1, characters[random() % characters.size()]); break;
      case 2: text[at] = characters[random() % characters.size()]; break;
      case 3: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      case 4: text.resize(at + 1); break;
      default: // another number or register
        while (at + 1 < text.size() && !isdigit(text[at]))
          ++at;
        text[at] = characters[characters.find('0') + random() % 10];
      }
      if (text.size() < begin + 2)
        text += good;
    }
    std::string error;
    auto module = Module::load(text, error);
    EXPECT_EQ(module == nullptr, !error.empty());
    if (!module)
      continue;
    ++loaded;
    for (const std::string &kernel : module->kernels()) {
      auto params = module->params(kernel);
      Launch launch{kernel, {1, 1, 1}, {32, 1, 1}, 2048, {}, {}};
      launch.params.resize(params.empty() ? 0 : params.back().offset + params.back().size);
      uint64_t addresses[] = {reinterpret_cast<uint64_t>(out.data()), reinterpret_cast<uint64_t>(in.data())};
      memcpy(launch.params.data(), addresses, std::min(sizeof addresses, launch.params.size()));
      launch.options.maxInstructions = 20000;
      launch.options.completion = Completion(random() % 3);
      launch.options.seed = random();
      Buffers buffers;
      buffers.add(in.data(), 256, false);
      buffers.add(out.data(), 256, true);
      faults += emu::launch(*module, buffers, launch).fault.has_value();
    }
  }
  EXPECT_GT(loaded, 100); // the edits are small enough to reach the interpreter
  EXPECT_GT(faults, 10);
}

TEST(EmulatorFuzz, Limits) {
  std::string error;
  EXPECT_FALSE(Module::load(std::string(100000, '{'), error));
  EXPECT_FALSE(Module::load(kernelText(std::string(100000, '{')), error));
  EXPECT_FALSE(Module::load(kernelText("add.s32 %r1, " + std::string(100000, '{')), error));
  EXPECT_FALSE(Module::load(kernelText("add.s32 %r1, " + std::string(100000, '[')), error));
  EXPECT_FALSE(Module::load(kernelText(".reg .b32 %x<4000000000>;"), error));
  EXPECT_FALSE(Module::load(kernelText(".reg .b32 %x<99999999999999999999999>;"), error));
  EXPECT_FALSE(Module::load(kernelText("", "", ".global .align 8 .b8 huge[99999999999];\n"), error));
  EXPECT_FALSE(Module::load(kernelText("", "", ".global .b32 x = -0f3F800000;\n"), error));
  EXPECT_FALSE(Module::load(kernelText("/* never closed"), error));
  EXPECT_FALSE(Module::load("", error));
  EXPECT_FALSE(Module::load(std::string("\0\0", 2), error));
}

TEST(EmulatorFuzz, BadLaunches) {
  std::vector<uint32_t> out(1);
  auto bad = [&](auto change) {
    Snippet s("");
    s.buffer(out);
    s.run();
    change(s.launch);
    s.fault(FaultKind::BadLaunch);
  };
  bad([](Launch &l) { l.kernel = "none"; });
  bad([](Launch &l) { l.grid = {0, 1, 1}; });
  bad([](Launch &l) { l.block = {1025, 1, 1}; });
  bad([](Launch &l) { l.block = {0x80000000, 0x80000000, 4}; });
  bad([](Launch &l) { l.dynamicShared = 232449; });
  Snippet limited("", ".maxntid 64, 1, 1\n");
  limited.launch.block = {128, 1, 1};
  limited.fault(FaultKind::BadLaunch);
}

} // namespace
} // namespace attn::emu::test
