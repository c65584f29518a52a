// cvt between integers, and between integers and floats.
#include "test/runtime/emulator/Apply.h"

#include <cmath>

namespace attn::emu::test {
namespace {

template <class T> std::string nameOf() { return (std::is_signed_v<T> ? "s" : "u") + std::to_string(sizeof(T) * 8); }
template <class T> using Register = std::conditional_t<sizeof(T) == 1, uint16_t, T>; ///< an 8-bit value lies in 16

template <class D, class S> void intToInt() {
  std::vector<Register<S>> a = integers<Register<S>>(1);
  std::string name = "cvt." + nameOf<D>() + "." + nameOf<S>();
  auto d = apply<Register<D>>(name, a);
  for (size_t k = 0; k < a.size(); ++k)
    EXPECT_EQ(D(d[k]), D(S(a[k]))) << name << " " << +a[k];
  if constexpr (sizeof(D) == 1)
    for (size_t k = 0; k < a.size(); ++k)
      EXPECT_EQ(d[k], uint16_t(std::is_signed_v<D> ? int16_t(D(S(a[k]))) : D(S(a[k])))) << name << " is extended";
}
template <class D> void fromAll() {
  intToInt<D, uint8_t>();
  intToInt<D, int8_t>();
  intToInt<D, uint16_t>();
  intToInt<D, int16_t>();
  intToInt<D, uint32_t>();
  intToInt<D, int32_t>();
  intToInt<D, uint64_t>();
  intToInt<D, int64_t>();
}
TEST(EmulatorConvert, Integers) {
  fromAll<uint8_t>();
  fromAll<int8_t>();
  fromAll<uint16_t>();
  fromAll<int16_t>();
  fromAll<uint32_t>();
  fromAll<int32_t>();
  fromAll<uint64_t>();
  fromAll<int64_t>();
}

template <class S> void toFloats() {
  std::vector<S> a = integers<S>(2);
  auto f = apply<float>("cvt.rn.f32." + nameOf<S>(), a);
  auto d = apply<double>("cvt.rn.f64." + nameOf<S>(), a);
  auto h = apply<uint16_t>("cvt.rn.f16." + nameOf<S>(), a);
  auto b = apply<uint16_t>("cvt.rn.bf16." + nameOf<S>(), a);
  auto h32 = apply<float>("cvt.f32.f16", h), b32 = apply<float>("cvt.f32.bf16", b);
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(f[k], float(a[k]));
    EXPECT_EQ(d[k], double(a[k]));
    // The result is a neighbour, and no representable value is nearer.
    auto exact = (long double)(a[k]);
    if (std::isfinite(h32[k]))
      EXPECT_LE(std::fabs(h32[k] - exact), std::ldexp(std::fabs(exact), -11));
    else
      EXPECT_GE(std::fabs(exact), 65520);
    EXPECT_LE(std::fabs(b32[k] - exact), std::ldexp(std::fabs(exact), -8));
  }
}
TEST(EmulatorConvert, IntegersToFloats) {
  toFloats<uint16_t>();
  toFloats<int16_t>();
  toFloats<uint32_t>();
  toFloats<int32_t>();
  toFloats<uint64_t>();
  toFloats<int64_t>();
}
TEST(EmulatorConvert, RoundsOnceTo16Bits) {
  // 2^25 + 2^14 + 1 is just above a tie of bf16's neighbours; rounding to f32 first would lose the 1.
  std::vector<uint32_t> a = {(1u << 25) + (1u << 17) + 1, (1u << 25) + (1u << 17), (1u << 25) + (3u << 17), 2049, 2051};
  EXPECT_EQ(apply<uint16_t>("cvt.rn.bf16.u32", a), (std::vector<uint16_t>{0x4c01, 0x4c00, 0x4c02, 0x4500, 0x4500}));
  EXPECT_EQ(apply<uint16_t>("cvt.rn.f16.u32", std::vector<uint32_t>{2049, 2051, 65519, 65520}),
            (std::vector<uint16_t>{0x6800, 0x6802, 0x7bff, 0x7c00}));
}

template <class D, class S> void floatToInt(const std::string &round, S (*to)(S)) {
  std::vector<S> a = floats<S>(3);
  for (size_t k = 0; k < 200; ++k)
    a.push_back(S(double(k) / 4 - 25));
  std::string name = "cvt." + round + "." + nameOf<D>() + (sizeof(S) == 4 ? ".f32" : ".f64");
  auto d = apply<D>(name, a);
  for (size_t k = 0; k < a.size(); ++k) {
    long double r = to(a[k]);
    auto low = (long double)(std::numeric_limits<D>::min()), high = (long double)(std::numeric_limits<D>::max());
    D want = std::isnan(a[k]) ? (sizeof(D) == 8 ? D(uint64_t(1) << 63) : D(0))
             : r <= low       ? std::numeric_limits<D>::min()
             : r >= high      ? std::numeric_limits<D>::max()
                              : D(r);
    EXPECT_EQ(d[k], want) << name << " " << a[k];
  }
}
template <class S> void floatToAll(const std::string &round, S (*to)(S)) {
  floatToInt<uint16_t, S>(round, to);
  floatToInt<int16_t, S>(round, to);
  floatToInt<uint32_t, S>(round, to);
  floatToInt<int32_t, S>(round, to);
  floatToInt<uint64_t, S>(round, to);
  floatToInt<int64_t, S>(round, to);
}
TEST(EmulatorConvert, FloatsToIntegers) {
  floatToAll<float>("rni", std::nearbyint);
  floatToAll<float>("rzi", std::trunc);
  floatToAll<float>("rmi", std::floor);
  floatToAll<float>("rpi", std::ceil);
  floatToAll<double>("rni", std::nearbyint);
  floatToAll<double>("rzi", std::trunc);
}

TEST(EmulatorConvert, Floats) {
  std::vector<float> a = floats<float>(4);
  std::vector<double> d = floats<double>(5);
  auto wide = apply<double>("cvt.f64.f32", a);
  auto narrow = apply<float>("cvt.rn.f32.f64", d);
  auto floored = apply<float>("cvt.rmi.f32.f32", a), saturated = apply<float>("cvt.sat.f32.f32", a);
  for (size_t k = 0; k < a.size(); ++k) {
    expectSame("f64.f32", wide[k], double(a[k]));
    expectSame("f32.f64", narrow[k], float(d[k]));
    expectSame("rmi", floored[k], std::floor(a[k]));
    EXPECT_EQ(saturated[k], a[k] > 0 ? std::min(a[k], 1.0f) : 0.0f);
  }
}

TEST(EmulatorConvert, SourceMayBeWider) {
  std::vector<uint32_t> a = integers<uint32_t>(6);
  auto d = apply<uint32_t>("cvt.s32.s8", a);
  for (size_t k = 0; k < a.size(); ++k)
    EXPECT_EQ(int32_t(d[k]), int32_t(int8_t(a[k])));
}

} // namespace
} // namespace attn::emu::test
