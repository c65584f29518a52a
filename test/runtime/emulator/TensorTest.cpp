// mma, ldmatrix, stmatrix and wgmma on small whole numbers, whose products and sums are exact.
#include "test/runtime/emulator/Apply.h"

#include <cstdlib>
#include <functional>

namespace attn::emu::test {
namespace {

struct Format {
  const char *name;
  int bytes, exponentBits, mantissaBits;
};
constexpr Format F16{"f16", 2, 5, 10}, BF16{"bf16", 2, 8, 7}, E4M3{"e4m3", 1, 4, 3}, E5M2{"e5m2", 1, 5, 2},
    S8{"s8", 1, 0, 0};

/// The code of a number from -4 to 4.
uint16_t encode(const Format &f, int v) {
  if (!f.exponentBits)
    return uint8_t(v);
  int a = std::abs(v), exponent = a >= 4 ? 2 : a >= 2 ? 1 : 0, bias = (1 << (f.exponentBits - 1)) - 1;
  int code = a ? (exponent + bias) << f.mantissaBits | (a == 3 ? 1 << (f.mantissaBits - 1) : 0) : 0;
  return uint16_t(code | (v < 0 ? 1 << (8 * f.bytes - 1) : 0));
}

struct Matrix {
  Matrix(int rows, int columns, unsigned seed) : columns(columns), values(size_t(rows) * columns) {
    std::mt19937 random(seed);
    for (int &v : values)
      v = int(random() % 9) - 4;
  }
  int &operator()(int r, int c) { return values[size_t(r) * columns + c]; }
  int columns;
  std::vector<int> values;
};

void put(std::vector<uint8_t> &bytes, size_t at, const Format &f, int v) {
  uint16_t code = encode(f, v);
  memcpy(bytes.data() + at, &code, size_t(f.bytes));
}

/// Register q of lane l of the fragments of mma.m16n8k(16|32), as the PTX ISA pictures them.
void checkMma(const Format &fa, const Format &fb, const std::string &mnemonic) {
  const int per = 4 / fa.bytes, k = 8 * per; // elements in a register
  Matrix a(16, k, 1), b(k, 8, 2), c(16, 8, 3);
  std::vector<uint8_t> ra(32 * 16), rb(32 * 8);
  std::vector<float> rc(32 * 4), out(32 * 4);
  std::vector<int32_t> ic(32 * 4);
  for (int l = 0; l < 32; ++l) {
    int g = l / 4, t = l % 4;
    for (int i = 0; i < 4 * per; ++i) {
      int q = i / per, row = g + (q == 1 || q == 3 ? 8 : 0), col = t * per + i % per + (q >= 2 ? 4 * per : 0);
      put(ra, size_t(l * 16 + i * fa.bytes), fa, a(row, col));
    }
    for (int i = 0; i < 2 * per; ++i)
      put(rb, size_t(l * 8 + i * fb.bytes), fb, b(t * per + i % per + (i >= per ? 4 * per : 0), g));
    for (int i = 0; i < 4; ++i) {
      rc[l * 4 + i] = float(c(g + (i >= 2 ? 8 : 0), 2 * t + i % 2));
      ic[l * 4 + i] = c(g + (i >= 2 ? 8 : 0), 2 * t + i % 2);
    }
  }
  Snippet s(R"(
  mul.wide.u32 %rd4, %r0, 16;
  mul.wide.u32 %rd5, %r0, 8;
  add.s64 %rd6, %rd1, %rd4;
  add.s64 %rd7, %rd2, %rd5;
  add.s64 %rd8, %rd3, %rd4;
  add.s64 %rd9, %rd0, %rd4;
  ld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd6];
  ld.global.v2.u32 {%r14, %r15}, [%rd7];
  ld.global.v4.u32 {%r16, %r17, %r18, %r19}, [%rd8];
  )" + mnemonic +
            R"( {%r20, %r21, %r22, %r23}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%r16, %r17, %r18, %r19};
  st.global.v4.u32 [%rd9], {%r20, %r21, %r22, %r23};
)");
  bool integer = !fa.exponentBits;
  s.buffer(out).buffer(ra, false).buffer(rb, false);
  if (integer)
    s.buffer(ic, false);
  else
    s.buffer(rc, false);
  s.ok();
  for (int l = 0; l < 32; ++l)
    for (int i = 0; i < 4; ++i) {
      int row = l / 4 + (i >= 2 ? 8 : 0), col = 2 * (l % 4) + i % 2, want = c(row, col);
      for (int kk = 0; kk < k; ++kk)
        want += a(row, kk) * b(kk, col);
      int32_t bits;
      memcpy(&bits, &out[l * 4 + i], 4);
      EXPECT_EQ(integer ? float(bits) : out[l * 4 + i], float(want)) << mnemonic;
    }
}

TEST(EmulatorTensor, Mma) {
  checkMma(F16, F16, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
  checkMma(BF16, BF16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");
  checkMma(E4M3, E4M3, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32");
  checkMma(E4M3, E5M2, "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32");
  checkMma(S8, S8, "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32");
  for (const char *bad :
       {"mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32", "mma.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32",
        "mma.sync.aligned.m16n8k16.col.row.f32.f16.f16.f32", "mma.sync.aligned.m16n8k32.row.col.f32.s8.s8.f32"})
    EXPECT_NE(loadError(std::string(bad) + " {%r1,%r2,%r3,%r4}, {%r1,%r2,%r3,%r4}, {%r1,%r2}, {%r1,%r2,%r3,%r4};"), "")
        << bad;
}

TEST(EmulatorTensor, LoadAndStoreMatrix) {
  for (int count : {1, 2, 4})
    for (bool transposed : {false, true}) {
      std::string x = ".x" + std::to_string(count) + (transposed ? ".trans" : "");
      std::string list = count == 1 ? "{%r10}" : count == 2 ? "{%r10, %r11}" : "{%r10, %r11, %r12, %r13}";
      Snippet s("mov.u32 %r1, smem; shl.b32 %r2, %r0, 4; add.s32 %r3, %r1, %r2; mul.wide.u32 %rd4, %r0, 16;"
                "add.s64 %rd5, %rd1, %rd4; add.s64 %rd6, %rd0, %rd4; ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd5];"
                "st.shared.v4.u32 [%r3], {%r4, %r5, %r6, %r7}; mov.u32 %r10, 0; mov.u32 %r11, 0; mov.u32 %r12, 0; "
                "mov.u32 %r13, 0;"
                "bar.warp.sync -1; ldmatrix.sync.aligned.m8n8" +
                x + ".shared.b16 " + list +
                ", [%r3];"
                "st.global.v4.u32 [%rd6], {%r10, %r11, %r12, %r13}; add.s32 %r3, %r3, 512;"
                "stmatrix.sync.aligned.m8n8" +
                x + ".shared.b16 [%r3], " + list +
                ";"
                "bar.warp.sync -1; setp.ge.u32 %p1, %r0, " +
                std::to_string(8 * count) +
                "; @%p1 bra E;"
                "ld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r3]; st.global.v4.u32 [%rd6+512], {%r4, %r5, %r6, %r7}; E:");
      std::vector<uint16_t> in(256), out(512);
      for (size_t k = 0; k < in.size(); ++k)
        in[k] = uint16_t(k * 77);
      s.launch.dynamicShared = 1024;
      s.buffer(out).buffer(in, false).ok();
      for (int m = 0; m < count; ++m)
        for (int l = 0; l < 32; ++l)
          for (int half = 0; half < 2; ++half) {
            int row = l / 4, col = 2 * (l % 4) + half;
            if (transposed)
              std::swap(row, col);
            EXPECT_EQ(out[l * 8 + m * 2 + half], in[m * 64 + row * 8 + col]);
          }
      EXPECT_TRUE(std::equal(in.begin(), in.begin() + 64 * count, out.begin() + 256)); // and back again
    }
}

enum class Layout { None, B32, B64, B128 };
uint64_t modeBits(Layout layout) {
  return layout == Layout::None ? 0 : layout == Layout::B128 ? 1 : layout == Layout::B64 ? 2 : 3;
}

/// A tile of rows (of A, or columns of B) by k in shared memory, at 1024-aligned `base`, and its descriptor.
struct Tile {
  Tile(const Format &f, Layout layout, bool mnMajor, int rows, bool secondStep) {
    span = 16 << int(layout);
    int k = 32 / f.bytes, perSpan = span / f.bytes;
    if (layout == Layout::None) { // core matrices of 8 x 16 bytes; leading and stride as they come
      leading = mnMajor ? rows / 8 * 128 + 128 : 128, stride = mnMajor ? 128 : 256;
    } else if (mnMajor) {
      stride = 8 * span, leading = uint32_t(k / 8) * stride;
    } else {
      stride = 8 * span, leading = 16;
      step = secondStep ? 32 : 0;
    }
    at = [=, leading = leading, stride = stride, step = step, span = span](int row, int kk) -> size_t {
      int byte = kk * f.bytes;
      if (layout == Layout::None)
        return mnMajor ? size_t(row / 8 * stride + kk / 8 * leading + kk % 8 * 16 + row % 8 * 2)
                       : size_t(row / 8 * stride + byte / 16 * leading + row % 8 * 16 + byte % 16);
      int line = mnMajor ? kk % 8 : row % 8, within = mnMajor ? row % perSpan * f.bytes : byte + int(step);
      size_t block = mnMajor ? size_t(row / perSpan * leading + kk / 8 * stride) : size_t(row / 8 * stride);
      int flip = layout == Layout::B128 ? line : layout == Layout::B64 ? line / 2 : line / 4;
      return block + size_t(line * span) + size_t((within / 16 ^ flip) * 16 + within % 16);
    };
    bytes = 0;
    for (int row = 0; row < rows; ++row)
      for (int kk = 0; kk < k; ++kk)
        bytes = std::max(bytes, at(row, kk) + size_t(f.bytes));
    bytes = (bytes + 1023) / 1024 * 1024;
    descriptor = uint64_t(leading >> 4) << 16 | uint64_t(stride >> 4) << 32 | modeBits(layout) << 62 | step >> 4;
  }
  int span;
  uint32_t leading = 0, stride = 0, step = 0;
  size_t bytes;
  uint64_t descriptor;
  std::function<size_t(int, int)> at;
};

struct WgmmaCase {
  Format a, b;
  Layout layoutA, layoutB;
  bool mnA, mnB, registers, accumulate, secondStep;
  int n, signA = 1, signB = 1;
};

void checkWgmma(const WgmmaCase &test, Completion mode) {
  const int k = 32 / test.a.bytes, n = test.n;
  Matrix a(64, k, 1), b(k, n, 2), c(64, n, 3);
  Tile ta(test.a, test.layoutA, test.mnA, 64, test.secondStep), tb(test.b, test.layoutB, test.mnB, n, test.secondStep);
  std::vector<uint8_t> memory(ta.bytes + tb.bytes);
  for (int kk = 0; kk < k; ++kk) {
    for (int row = 0; row < 64; ++row)
      put(memory, ta.at(row, kk), test.a, a(row, kk));
    for (int col = 0; col < n; ++col)
      put(memory, ta.bytes + tb.at(col, kk), test.b, b(kk, col));
  }
  // Registers of A and of the accumulator, by thread.
  std::vector<uint8_t> ra(128 * 16);
  std::vector<float> rc(size_t(64) * n), out(rc.size());
  const int per = 4 / test.a.bytes;
  for (int thread = 0; thread < 128; ++thread) {
    int g = thread % 32 / 4, t = thread % 4, base = 16 * (thread / 32);
    for (int i = 0; i < 4 * per; ++i) {
      int q = i / per;
      put(ra, size_t(thread * 16 + i * test.a.bytes), test.a,
          a(base + g + (q & 1) * 8, t * per + i % per + (q >= 2 ? 4 * per : 0)));
    }
    for (int i = 0; i < n / 2; ++i)
      rc[size_t(thread) * (n / 2) + i] = float(c(base + g + (i >> 1 & 1) * 8, 8 * (i / 4) + 2 * t + (i & 1)));
  }
  std::string d = "{", load, store;
  for (int i = 0; i < n / 2; ++i) {
    std::string f = "%f" + std::to_string(i);
    d += (i ? ", " : "") + f;
    load += "ld.global.f32 " + f + ", [%rd7+" + std::to_string(4 * i) + "];\n";
    store += "st.global.f32 [%rd8+" + std::to_string(4 * i) + "], " + f + ";\n";
  }
  std::string shape = "m64n" + std::to_string(n) + "k" + std::to_string(k), tail = test.accumulate ? ", %p2" : ", %p3";
  tail += test.signA < 0 ? ", -1" : ", 1";
  tail += test.signB < 0 ? ", -1" : ", 1";
  if (k == 16)
    tail += (test.registers ? "" : test.mnA ? ", 1" : ", 0") + std::string(test.mnB ? ", 1" : ", 0");
  std::string body = R"(
  mov.u32 %r1, smem;
  mov.u32 %r2, %r0;
C:
  shl.b32 %r3, %r2, 4;
  add.s32 %r4, %r1, %r3;
  mul.wide.u32 %rd4, %r2, 16;
  add.s64 %rd5, %rd1, %rd4;
  ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];
  st.shared.v4.u32 [%r4], {%r5, %r6, %r7, %r8};
  add.u32 %r2, %r2, 128;
  setp.lt.u32 %p1, %r2, )" +
                     std::to_string(memory.size() / 16) + R"(;
  @%p1 bra C;
  fence.proxy.async.shared::cta;
  bar.sync 0;
  mul.wide.u32 %rd6, %r0, )" +
                     std::to_string(2 * n) + R"(;
  add.s64 %rd7, %rd2, %rd6;
  add.s64 %rd8, %rd0, %rd6;
  mul.wide.u32 %rd9, %r0, 16;
  add.s64 %rd9, %rd3, %rd9;
  ld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd9];
  setp.eq.u32 %p2, 0, 0;
  setp.ne.u32 %p3, 0, 0;
  shr.u32 %r20, %r1, 4;
  cvt.u64.u32 %rd20, %r20;
  add.s64 %rd21, %rd20, )" +
                     std::to_string(ta.descriptor) + R"(;
  add.s64 %rd22, %rd20, )" +
                     std::to_string(tb.descriptor + ta.bytes / 16) + ";\n" + (test.accumulate ? load : "") + R"(
  wgmma.fence.sync.aligned;
  wgmma.mma_async.sync.aligned.)" +
                     shape + ".f32." + test.a.name + "." + test.b.name + " " + d + "}, " +
                     (test.registers ? "{%r10, %r11, %r12, %r13}" : "%rd21") + ", %rd22" + tail + R"(;
  wgmma.commit_group.sync.aligned;
  wgmma.wait_group.sync.aligned 0;
)" + store;
  Snippet s(body);
  s.launch.block = {128, 1, 1};
  s.launch.dynamicShared = uint32_t(memory.size());
  s.launch.options.completion = mode;
  s.launch.options.seed = unsigned(mode);
  s.buffer(out).buffer(memory, false).buffer(rc, false).buffer(ra, false);
  EXPECT_EQ(s.ok().stats.wgmma, 1u);
  for (int thread = 0; thread < 128; ++thread)
    for (int i = 0; i < n / 2; ++i) {
      int row = 16 * (thread / 32) + thread % 32 / 4 + (i >> 1 & 1) * 8, col = 8 * (i / 4) + 2 * (thread % 4) + (i & 1);
      int want = test.accumulate ? c(row, col) : 0;
      for (int kk = 0; kk < k; ++kk)
        want += test.signA * test.signB * a(row, kk) * b(kk, col);
      ASSERT_EQ(out[size_t(thread) * (n / 2) + i], float(want)) << shape << " row " << row << " column " << col;
    }
}

TEST(EmulatorTensor, WgmmaTypesAndSizes) {
  const Layout s = Layout::B128;
  for (Completion mode : {Completion::Early, Completion::Late, Completion::Random}) {
    checkWgmma({BF16, BF16, s, s, false, false, false, false, false, 128}, mode);
    checkWgmma({F16, F16, s, s, false, false, false, true, true, 64}, mode);
    checkWgmma({BF16, BF16, s, s, false, true, true, true, false, 128}, mode); // the PV product
    checkWgmma({E4M3, E4M3, s, s, false, false, false, true, false, 8}, mode);
    checkWgmma({E4M3, E5M2, s, s, false, false, true, false, true, 32}, mode);
    checkWgmma({F16, F16, s, s, false, false, true, true, false, 256, -1, 1}, mode);
    checkWgmma({BF16, BF16, s, s, true, true, false, true, false, 192, -1, -1}, mode);
  }
}
TEST(EmulatorTensor, WgmmaLayouts) {
  for (Layout layout : {Layout::None, Layout::B32, Layout::B64, Layout::B128}) {
    checkWgmma({BF16, BF16, layout, layout, false, false, false, false, false, 64}, Completion::Early);
    checkWgmma({BF16, BF16, layout, layout, true, true, false, false, false, 64}, Completion::Early);
    checkWgmma({E5M2, E4M3, layout, layout, false, false, false, true, false, 64}, Completion::Early);
    if (layout >= Layout::B64)
      checkWgmma({F16, F16, layout, layout, false, false, false, true, true, 64}, Completion::Late);
  }
}

} // namespace
} // namespace attn::emu::test
