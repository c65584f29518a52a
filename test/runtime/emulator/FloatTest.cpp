// f32 and f64 instructions against the C++ library.
#include "test/runtime/emulator/Apply.h"

#include <cmath>

namespace attn::emu::test {
namespace {

float flushed(float f) { return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.0f, f) : f; }

template <class T, class F> void binary(const std::string &mnemonic, F expected) {
  std::vector<T> a = floats<T>(1), b = floats<T>(2);
  auto d = apply<T, T, T>(mnemonic, "", a, b);
  for (size_t k = 0; k < a.size(); ++k)
    expectSame(mnemonic + " " + std::to_string(a[k]) + ", " + std::to_string(b[k]), d[k], T(expected(a[k], b[k])));
}
template <class F> void binaryFtz(const std::string &mnemonic, F expected) {
  binary<float>(mnemonic, [&](float a, float b) { return flushed(expected(flushed(a), flushed(b))); });
}

TEST(EmulatorFloat, Arithmetic) {
  for (const char *round : {"", ".rn"}) {
    std::string r = round;
    binary<float>("add" + r + ".f32", [](float a, float b) { return a + b; });
    binary<float>("sub" + r + ".f32", [](float a, float b) { return a - b; });
    binary<float>("mul" + r + ".f32", [](float a, float b) { return a * b; });
    binaryFtz("add" + r + ".ftz.f32", [](float a, float b) { return a + b; });
    binaryFtz("mul" + r + ".ftz.f32", [](float a, float b) { return a * b; });
    binary<double>("add" + r + ".f64", [](double a, double b) { return a + b; });
    binary<double>("mul" + r + ".f64", [](double a, double b) { return a * b; });
  }
  binary<float>("div.rn.f32", [](float a, float b) { return a / b; });
  binary<float>("div.full.f32", [](float a, float b) { return a / b; });
  binary<double>("div.rn.f64", [](double a, double b) { return a / b; });
  binary<float>("copysign.f32", [](float a, float b) { return std::copysign(b, a); });
}

TEST(EmulatorFloat, Fused) {
  std::vector<float> a = floats<float>(1), b = floats<float>(2), c = floats<float>(3);
  auto d = apply<float, float, float, float>("fma.rn.f32", "", a, b, c);
  auto e = apply<float, float, float, float>("fma.rn.ftz.f32", "", a, b, c);
  for (size_t k = 0; k < a.size(); ++k) {
    expectSame("fma", d[k], std::fma(a[k], b[k], c[k]));
    expectSame("fma.ftz", e[k], flushed(std::fma(flushed(a[k]), flushed(b[k]), flushed(c[k]))));
  }
  std::vector<double> x = floats<double>(4), y = floats<double>(5), z = floats<double>(6);
  auto w = apply<double, double, double, double>("fma.rn.f64", "", x, y, z);
  for (size_t k = 0; k < x.size(); ++k)
    expectSame("fma.f64", w[k], std::fma(x[k], y[k], z[k]));
}

TEST(EmulatorFloat, Extremes) {
  auto larger = [](float a, float b) {
    return a == b ? (std::signbit(a) ? b : a) : std::isnan(a) ? b : std::isnan(b) || a > b ? a : b;
  };
  auto smaller = [&](float a, float b) { return -larger(-a, -b); };
  binary<float>("max.f32", larger);
  binary<float>("min.f32", smaller);
  binaryFtz("max.ftz.f32", larger);
  binary<float>("max.NaN.f32", [&](float a, float b) { return std::isnan(a) || std::isnan(b) ? NAN : larger(a, b); });
  binary<float>("min.NaN.f32", [&](float a, float b) { return std::isnan(a) || std::isnan(b) ? NAN : smaller(a, b); });
}

/// Within one unit in the last place of what f64 gives: the result is rounded once from nearly exact values.
template <class F> void approximate(const std::string &mnemonic, bool ftz, F exact) {
  std::vector<float> a = floats<float>(7, 4096);
  auto d = apply<float>(mnemonic, a);
  size_t off = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    auto want = float(exact(double(ftz ? flushed(a[k]) : a[k])));
    want = ftz ? flushed(want) : want;
    if (std::isnan(want) || std::isinf(want) || want == 0) {
      expectSame(mnemonic + " " + std::to_string(a[k]), d[k], want);
      continue;
    }
    float next = std::nextafter(want, d[k]);
    EXPECT_TRUE(d[k] == want || d[k] == next) << mnemonic << " " << a[k] << ": " << d[k] << ", want " << want;
    off += d[k] != want;
  }
  EXPECT_LE(off, 2u) << mnemonic; // double rounding is rare
}
TEST(EmulatorFloat, Approximations) {
  for (bool ftz : {false, true}) {
    std::string t = ftz ? ".ftz.f32" : ".f32";
    approximate("ex2.approx" + t, ftz, [](double x) { return std::exp2(x); });
    approximate("lg2.approx" + t, ftz, [](double x) { return std::log2(x); });
    approximate("rcp.approx" + t, ftz, [](double x) { return 1 / x; });
    approximate("sqrt.approx" + t, ftz, [](double x) { return std::sqrt(x); });
    approximate("rsqrt.approx" + t, ftz, [](double x) { return 1 / std::sqrt(x); });
    approximate("sin.approx" + t, ftz, [](double x) { return std::sin(x); });
    approximate("cos.approx" + t, ftz, [](double x) { return std::cos(x); });
  }
  approximate("rcp.rn.f32", false, [](double x) { return 1 / x; });
  approximate("sqrt.rn.f32", false, [](double x) { return std::sqrt(x); });
  approximate("tanh.approx.f32", false, [](double x) { return std::tanh(x); });
}

TEST(EmulatorFloat, NaNIsCanonical) {
  std::vector<float> a = {NAN, -NAN, INFINITY, -INFINITY}, b = {1, 2, -INFINITY, INFINITY};
  for (float f : apply<float, float, float>("add.f32", "", a, b)) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    EXPECT_EQ(bits, 0x7fffffffu);
  }
}

} // namespace
} // namespace attn::emu::test
