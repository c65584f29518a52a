// f16, bf16 and 8-bit floats: arithmetic and conversions, exhaustive where the type is small.
#include "test/runtime/emulator/Apply.h"

#include <algorithm>
#include <cmath>

namespace attn::emu::test {
namespace {

/// Another implementation of a small format: all its values, and rounding by searching them.
class SmallFormat {
public:
  SmallFormat(int exponentBits, int mantissaBits, bool infinity) : bits(1 + exponentBits + mantissaBits) {
    int bias = (1 << (exponentBits - 1)) - 1;
    for (uint32_t code = 0; code < 1u << (bits - 1); ++code) {
      int exponent = int(code >> mantissaBits), mantissa = int(code & ((1u << mantissaBits) - 1));
      bool top = exponent == (1 << exponentBits) - 1;
      double value = exponent ? std::ldexp(1 + std::ldexp(mantissa, -mantissaBits), exponent - bias)
                              : std::ldexp(mantissa, 1 - bias - mantissaBits);
      if (infinity && top)
        value = mantissa ? NAN : INFINITY;
      if (!infinity && top && mantissa == (1 << mantissaBits) - 1)
        value = NAN;
      values.push_back(value);
    }
    largest = infinity ? uint32_t(((1 << exponentBits) - 1) << mantissaBits) - 1 : uint32_t(values.size()) - 2;
  }

  double decode(uint32_t code) const {
    double magnitude = values[code & (values.size() - 1)];
    return code >> (bits - 1) ? -magnitude : magnitude;
  }
  /// Nearest, ties to even codes. Beyond the largest: `saturate` or infinity. NaN has all exponent and mantissa bits
  /// set.
  uint32_t encode(long double x, bool saturate) const {
    uint32_t sign = std::signbit(x) ? 1u << (bits - 1) : 0;
    if (std::isnan(x))
      return uint32_t(values.size()) - 1;
    long double a = std::fabs(x);
    auto end = values.begin() + largest + 1;
    auto above = std::lower_bound(values.begin(), end, a);
    if (above == end) {
      double step = values[largest] - values[largest - 1];
      bool rounds = a >= values[largest] + step / 2; // a tie goes to the even code beyond
      return sign | (rounds && !saturate ? largest + 1 : largest);
    }
    auto code = uint32_t(above - values.begin());
    if (*above != a) {
      long double down = a - values[code - 1], up = *above - a;
      if (down < up || (down == up && code % 2 == 1))
        --code;
    }
    return sign | code;
  }

  int bits;

private:
  std::vector<double> values;
  uint32_t largest;
};

const SmallFormat f16(5, 10, true), bf16(8, 7, true), e4m3(4, 3, false), e5m2(5, 2, true);

std::vector<uint16_t> allCodes() {
  std::vector<uint16_t> codes(65536);
  for (uint32_t k = 0; k < codes.size(); ++k)
    codes[k] = uint16_t(k);
  return codes;
}
std::vector<uint16_t> someCodes(unsigned seed) {
  std::vector<uint16_t> codes = {0,      0x8000, 1,      0x8001, 0x3c00, 0x3f80, 0x7bff,
                                 0x7f7f, 0x7c00, 0x7f80, 0xfc00, 0xff80, 0x7fff};
  std::mt19937 random(seed);
  while (codes.size() < 4096)
    codes.push_back(uint16_t(random()));
  std::shuffle(codes.begin(), codes.end(), random);
  return codes;
}
/// Floats near the values of a format and the ties between them.
std::vector<float> nearFormat(const SmallFormat &format) {
  std::vector<float> result = floats<float>(11);
  for (uint32_t code = 0; code + 1 < 1u << (format.bits - 1); code += format.bits == 16 ? 37 : 1) {
    double low = format.decode(code), high = format.decode(code + 1);
    if (std::isfinite(low) && std::isfinite(high))
      for (double x : {low, (low + high) / 2})
        for (float f : {float(x), std::nextafter(float(x), 1e38f), std::nextafter(float(x), -1e38f)})
          result.push_back(code % 2 ? f : -f);
  }
  return result;
}

void expectCode(const SmallFormat &format, const std::string &what, uint32_t got, uint32_t want) {
  if (std::isnan(format.decode(got)) && std::isnan(format.decode(want)))
    return;
  EXPECT_EQ(got, want) << what << ": got " << format.decode(got) << ", want " << format.decode(want);
}

TEST(EmulatorNarrow, Widen) {
  auto codes = allCodes();
  auto fromF16 = apply<float>("cvt.f32.f16", codes), fromBf16 = apply<float>("cvt.f32.bf16", codes);
  for (size_t k = 0; k < codes.size(); ++k) {
    expectSame("f16", fromF16[k], float(f16.decode(codes[k])));
    expectSame("bf16", fromBf16[k], float(bf16.decode(codes[k])));
  }
}

TEST(EmulatorNarrow, FromF32) {
  for (bool brain : {false, true}) {
    const SmallFormat &format = brain ? bf16 : f16;
    std::string type = brain ? "bf16" : "f16";
    std::vector<float> a = nearFormat(format), b = a;
    std::reverse(b.begin(), b.end());
    auto one = apply<uint16_t>("cvt.rn." + type + ".f32", a);
    auto two = apply<uint32_t, float, float>("cvt.rn." + type + "x2.f32", "", a, b);
    for (size_t k = 0; k < a.size(); ++k) {
      expectCode(format, type, one[k], format.encode(a[k], false));
      expectCode(format, type + "x2 high", two[k] >> 16, format.encode(a[k], false));
      expectCode(format, type + "x2 low", two[k] & 0xffff, format.encode(b[k], false));
    }
  }
}

TEST(EmulatorNarrow, Float8) {
  for (bool e5 : {false, true}) {
    const SmallFormat &format = e5 ? e5m2 : e4m3;
    std::string type = e5 ? "e5m2x2" : "e4m3x2";
    std::vector<float> a = nearFormat(format), b = a;
    std::reverse(b.begin(), b.end());
    auto packed = apply<uint16_t, float, float>("cvt.rn.satfinite." + type + ".f32", "", a, b);
    for (size_t k = 0; k < a.size(); ++k) {
      expectCode(format, type + " high of " + std::to_string(a[k]), packed[k] >> 8, format.encode(a[k], true));
      expectCode(format, type + " low of " + std::to_string(b[k]), packed[k] & 0xff, format.encode(b[k], true));
    }
    auto codes = allCodes();
    auto halves = apply<uint32_t>("cvt.rn.f16x2." + type, codes);
    auto back = apply<uint16_t>("cvt.rn.satfinite." + type + ".f16x2", halves);
    for (size_t k = 0; k < codes.size(); ++k)
      for (int half = 0; half < 2; ++half) {
        uint32_t code = codes[k] >> (8 * half) & 0xff;
        double value = format.decode(code);
        expectCode(f16, type, halves[k] >> (16 * half) & 0xffff, f16.encode(value, false));
        expectCode(format, type + " back", back[k] >> (8 * half) & 0xff, format.encode(value, true));
      }
  }
}

template <class F> void arithmetic(const std::string &stem, bool brain, F exact) {
  const SmallFormat &format = brain ? bf16 : f16;
  std::string type = brain ? ".bf16" : ".f16";
  auto a = someCodes(1), b = someCodes(2);
  auto scalar = apply<uint16_t, uint16_t, uint16_t>(stem + type, "", a, b);
  std::vector<uint32_t> a2(a.size()), b2(b.size());
  for (size_t k = 0; k < a.size(); ++k)
    a2[k] = uint32_t(a[k]) << 16 | b[k], b2[k] = uint32_t(b[k]) << 16 | a[k];
  auto packed = apply<uint32_t, uint32_t, uint32_t>(stem + type + "x2", "", a2, b2);
  for (size_t k = 0; k < a.size(); ++k) {
    double x = format.decode(a[k]), y = format.decode(b[k]);
    std::string what = stem + type + " " + std::to_string(x) + ", " + std::to_string(y);
    expectCode(format, what, scalar[k], format.encode(exact(x, y), false));
    expectCode(format, what, packed[k] >> 16, format.encode(exact(x, y), false));
    expectCode(format, what, packed[k] & 0xffff, format.encode(exact(y, x), false));
  }
}
TEST(EmulatorNarrow, Arithmetic) {
  for (bool brain : {false, true}) {
    // Sums and products are exact in f64 but for bf16 sums of far apart values, where the larger wins clearly.
    arithmetic("add.rn", brain, [](double a, double b) { return a + b; });
    arithmetic("sub.rn", brain, [](double a, double b) { return a - b; });
    arithmetic("mul.rn", brain, [](double a, double b) { return a * b; });
    arithmetic("max", brain, [](double a, double b) {
      return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
    });
    arithmetic("min", brain, [](double a, double b) {
      return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? a : b) : std::min(a, b);
    });
  }
}

TEST(EmulatorNarrow, Fused) {
  for (bool brain : {false, true}) {
    const SmallFormat &format = brain ? bf16 : f16;
    std::string type = brain ? "bf16" : "f16";
    auto a = someCodes(3), b = someCodes(4), c = someCodes(5);
    auto d = apply<uint16_t, uint16_t, uint16_t, uint16_t>("fma.rn." + type, "", a, b, c);
    for (size_t k = 0; k < a.size(); ++k) {
      // The product is exact. Where the sum is not, one of the two is so small that only its sign matters.
      long double product = (long double)(format.decode(a[k])) * format.decode(b[k]), addend = format.decode(c[k]);
      long double sum = product + addend;
      if (std::isfinite(sum) && (sum - product != addend || sum - addend != product))
        sum = std::nextafter(sum, (std::fabs(product) < std::fabs(addend) ? product : addend) * HUGE_VALL);
      expectCode(format, "fma." + type, d[k], format.encode(sum, false));
    }
  }
}

} // namespace
} // namespace attn::emu::test
