// setp, selp, testp, predicate logic and moves.
#include "test/runtime/emulator/Apply.h"

#include <cmath>

namespace attn::emu::test {
namespace {

/// setp.<compare>.<type>, as 0 or 1.
template <class T, class F>
void compare(const std::string &what, const std::string &type, F expected, const std::vector<T> &a,
             const std::vector<T> &b) {
  std::string mnemonic = "setp." + what + "." + type;
  // The predicate goes to a register; braces give it a scope of its own.
  auto d = apply<uint32_t, T, T>("{ .reg .pred q; " + mnemonic + " q, " + reg<T>(1) + ", " + reg<T>(2) +
                                     "; selp.u32 %r100, 1, 0, q; } mov.b32 %r150, %r100; //",
                                 "", a, b);
  for (size_t k = 0; k < a.size(); ++k)
    EXPECT_EQ(d[k], uint32_t(expected(a[k], b[k]))) << mnemonic << " " << +a[k] << ", " << +b[k];
}

template <class T> void integerCompares() {
  std::vector<T> a = integers<T>(1), b = integers<T>(2);
  for (size_t k = 0; k < a.size(); k += 3)
    b[k] = a[k];
  std::string bits = std::to_string(sizeof(T) * 8), type = (std::is_signed_v<T> ? "s" : "u") + bits;
  compare<T>("eq", type, [](T x, T y) { return x == y; }, a, b);
  compare<T>("ne", type, [](T x, T y) { return x != y; }, a, b);
  compare<T>("lt", type, [](T x, T y) { return x < y; }, a, b);
  compare<T>("le", type, [](T x, T y) { return x <= y; }, a, b);
  compare<T>("gt", type, [](T x, T y) { return x > y; }, a, b);
  compare<T>("ge", type, [](T x, T y) { return x >= y; }, a, b);
  compare<T>("eq", "b" + bits, [](T x, T y) { return x == y; }, a, b);
  if (!std::is_signed_v<T>)
    compare<T>("hi", type, [](T x, T y) { return x > y; }, a, b);
}
TEST(EmulatorLogic, IntegerCompares) {
  integerCompares<uint16_t>();
  integerCompares<int16_t>();
  integerCompares<uint32_t>();
  integerCompares<int32_t>();
  integerCompares<uint64_t>();
  integerCompares<int64_t>();
}

template <class T> void floatCompares(const std::string &type) {
  std::vector<T> a = floats<T>(1), b = floats<T>(2);
  for (size_t k = 0; k < a.size(); k += 3)
    b[k] = a[k];
  auto nan = [](T x, T y) { return std::isnan(x) || std::isnan(y); };
  compare<T>("eq", type, [](T x, T y) { return x == y; }, a, b);
  compare<T>("ne", type, [&](T x, T y) { return !nan(x, y) && x != y; }, a, b);
  compare<T>("lt", type, [](T x, T y) { return x < y; }, a, b);
  compare<T>("ge", type, [](T x, T y) { return x >= y; }, a, b);
  compare<T>("equ", type, [&](T x, T y) { return nan(x, y) || x == y; }, a, b);
  compare<T>("neu", type, [](T x, T y) { return x != y; }, a, b);
  compare<T>("ltu", type, [&](T x, T y) { return nan(x, y) || x < y; }, a, b);
  compare<T>("leu", type, [&](T x, T y) { return nan(x, y) || x <= y; }, a, b);
  compare<T>("gtu", type, [&](T x, T y) { return nan(x, y) || x > y; }, a, b);
  compare<T>("geu", type, [&](T x, T y) { return nan(x, y) || x >= y; }, a, b);
  compare<T>("num", type, [&](T x, T y) { return !nan(x, y); }, a, b);
  compare<T>("nan", type, nan, a, b);
}
TEST(EmulatorLogic, FloatCompares) {
  floatCompares<float>("f32");
  floatCompares<double>("f64");
}

TEST(EmulatorLogic, CombinesAndTwoResults) {
  std::vector<uint32_t> out(32 * 8);
  Snippet s(R"(
  setp.lt.u32 %p1, %r0, 20;
  setp.gt.and.u32 %p2|%p3, %r0, 7, %p1;
  setp.gt.or.u32 %p4, %r0, 24, %p1;
  setp.gt.xor.u32 %p5, %r0, 7, %p1;
  and.pred %p6, %p1, %p2;
  or.pred %p7, %p4, %p5;
  xor.pred %p8, %p6, %p7;
  not.pred %p9, %p8;
  mov.pred %p10, %p9;
  mul.wide.u32 %rd4, %r0, 32;
  add.s64 %rd5, %rd0, %rd4;
  selp.u32 %r1, 1, 0, %p2;
  selp.b32 %r2, 1, 0, %p3;
  selp.s32 %r3, 1, 0, %p4;
  selp.u32 %r4, 1, 0, %p5;
  st.global.v4.b32 [%rd5], {%r1, %r2, %r3, %r4};
  selp.f32 %f1, 0f3F800000, 0f00000000, %p10;
  selp.b64 %rd6, 1, 0, %p1;
  st.global.f32 [%rd5+16], %f1;
  st.global.b64 [%rd5+24], %rd6;
)");
  s.buffer(out).ok();
  for (uint32_t t = 0; t < 32; ++t) {
    bool p1 = t < 20, p2 = t > 7 && p1, p3 = t <= 7 && p1, p4 = t > 24 || p1, p5 = (t > 7) != p1;
    bool p8 = (p1 && p2) != (p4 || p5);
    float f = p8 ? 0 : 1;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    const uint32_t *o = &out[t * 8];
    EXPECT_EQ(o[0], p2);
    EXPECT_EQ(o[1], p3);
    EXPECT_EQ(o[2], p4);
    EXPECT_EQ(o[3], p5);
    EXPECT_EQ(o[4], bits);
    EXPECT_EQ(o[6], p1);
  }
}

TEST(EmulatorLogic, MovesSplitAndJoin) {
  std::vector<uint64_t> in = integers<uint64_t>(3, 32), out(32 * 3);
  Snippet s(R"(
  mul.wide.u32 %rd4, %r0, 8;
  add.s64 %rd5, %rd1, %rd4;
  mul.wide.u32 %rd6, %r0, 24;
  add.s64 %rd7, %rd0, %rd6;
  ld.global.b64 %rd8, [%rd5];
  mov.b64 {%r1, %r2}, %rd8;
  mov.b64 %rd9, {%r2, %r1};
  mov.b32 {%h1, %h2}, %r1;
  mov.b32 %r3, {%h2, %h1};
  mov.b64 {%h3, %h4, %h5, %h6}, %rd8;
  mov.b64 %rd10, {%h6, %h5, %h4, %h3};
  mov.b64 {_, %r4}, %rd8;
  mov.b64 %rd11, {%r3, %r4};
  st.global.b64 [%rd7], %rd9;
  st.global.b64 [%rd7+8], %rd10;
  st.global.b64 [%rd7+16], %rd11;
)");
  s.buffer(out).buffer(in, false).ok();
  for (int t = 0; t < 32; ++t) {
    uint64_t x = in[t];
    EXPECT_EQ(out[3 * t], x >> 32 | x << 32);
    EXPECT_EQ(out[3 * t + 1], x >> 48 | (x >> 16 & 0xffff0000) | (x << 16 & 0xffff00000000) | x << 48);
    EXPECT_EQ(out[3 * t + 2], (x >> 32 << 32) | (x & 0xffff) << 16 | (x >> 16 & 0xffff));
  }
}

TEST(EmulatorLogic, TestProperties) {
  std::vector<float> a = floats<float>(1);
  auto test = [&](const char *what, auto expected) {
    auto d = apply<uint32_t, float>(std::string("{ .reg .pred q; testp.") + what +
                                        ".f32 q, %f101; selp.u32 %r100, 1, 0, q; } mov.b32 %r150, %r100; //",
                                    "", a);
    for (size_t k = 0; k < a.size(); ++k)
      EXPECT_EQ(d[k], uint32_t(expected(a[k]))) << what << " " << a[k];
  };
  test("finite", [](float f) { return std::isfinite(f); });
  test("infinite", [](float f) { return std::isinf(f); });
  test("notanumber", [](float f) { return std::isnan(f); });
  test("number", [](float f) { return !std::isnan(f); });
  test("normal", [](float f) { return std::isnormal(f); });
  test("subnormal", [](float f) { return std::fpclassify(f) == FP_SUBNORMAL; });
}

} // namespace
} // namespace attn::emu::test
