//===- MathTest.cpp - Errors of the vector functions -----------------------===//
#include "Attention.h"
#include "CompiledKernel.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace attn::test;

/// y = f(x) over `count` elements of one row per 16.
static std::vector<float> apply(const std::string &isa, const std::string &op, const std::vector<float> &x) {
  std::string text =
      "tile.kernel @kernel schedule(<rows = 16, keys = 16, pack = false, splits = false>) args [\"x\", \"y\"] {\n"
      "^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %xv: !tile.view<16xf32>, %yv: !tile.view<16xf32>):\n"
      "  %t = tile.load %xv[%row0] : <16xf32> -> <16x16xf32>\n"
      "  %u = tile.map %t : !tile.tile<16x16xf32> -> <16x16xf32> {\n"
      "  ^bb0(%a: f32, %b1: i64, %h: i64, %g1: i64, %l1: i64, %q: i64, %k: i64):\n"
      "    %r = " +
      op +
      " %a : f32\n    tile.yield %r : f32\n  }\n"
      "  tile.store %u, %yv[%row0] : <16x16xf32>, <16xf32>\n  tile.return\n}";
  CompiledKernel kernel(text, isa);
  std::vector<float> input = x, y((x.size() + 15) / 16 * 16);
  input.resize(y.size());
  int64_t rows = y.size() / 16, status = 0;
  attn_request request{rows, 0, 0, 0, 0, 0};
  auto view = [](std::vector<float> &t) { return reinterpret_cast<int64_t>(t.data()); };
  std::vector<int64_t> words = {reinterpret_cast<int64_t>(&request),
                                1,
                                1,
                                1,
                                0,
                                (rows + 15) / 16,
                                1,
                                reinterpret_cast<int64_t>(&status),
                                0,
                                view(input),
                                0,
                                0,
                                64,
                                0,
                                0,
                                0,
                                view(y),
                                0,
                                0,
                                64,
                                0,
                                0,
                                0};
  if (kernel.ok())
    kernel.run(words, (rows + 15) / 16);
  y.resize(x.size());
  return y;
}

/// Every 2^9-th float, and the special ones.
static std::vector<float> sample() {
  std::vector<float> x = {0.f,   -0.f,     INFINITY, -INFINITY, NAN,    1.f,   -1.f,  1e-40f, -1e-40f,
                          128.f, 127.999f, -126.f,   -127.f,    -1e30f, 1e30f, 88.7f, -87.3f};
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 4099 * 64) {
    uint32_t word = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &word, 4);
    x.push_back(value);
  }
  return x;
}

struct Function {
  friend void PrintTo(const Function &f, std::ostream *out) { *out << f.op; }

  const char *op;
  double (*exact)(double);
  double ulps;
  bool flushes; ///< results below the normal range may be 0
};

class Math : public ::testing::TestWithParam<Function> {};

TEST_P(Math, IsAccurate) {
  const Function &f = GetParam();
  std::vector<float> x = sample();
  for (const std::string &isa : hostIsas()) {
    std::vector<float> y = apply(isa, f.op, x);
    double worst = 0;
    float worstAt = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double exact = f.exact(double(x[i]));
      float rounded = static_cast<float>(exact);
      if (std::isnan(exact) || std::isinf(rounded)) {
        bool same = std::isnan(exact) ? std::isnan(y[i]) : y[i] == rounded;
        ASSERT_TRUE(same) << isa << ' ' << f.op << "(" << x[i] << ") = " << y[i] << ", expected " << exact;
        continue;
      }
      double magnitude = std::max(std::abs(exact), double(std::numeric_limits<float>::min()));
      if (f.flushes && std::abs(exact) < std::numeric_limits<float>::min() && std::abs(y[i]) <= magnitude)
        continue;
      double ulp = std::ldexp(1.0, std::ilogb(magnitude) - 23);
      double error = std::abs(y[i] - exact) / ulp;
      if (!(error <= worst))
        worst = error, worstAt = x[i];
    }
    EXPECT_LE(worst, f.ulps) << isa << ' ' << f.op << " at " << worstAt;
  }
}

static double floorOf(double x) { return std::floor(x); }
INSTANTIATE_TEST_SUITE_P(
    Functions, Math,
    ::testing::Values(Function{"math.exp2", std::exp2, 2, true}, Function{"math.exp", std::exp, 2, true},
                      Function{"math.log2", std::log2, 4, false}, Function{"math.log", std::log, 4, false},
                      Function{"math.tanh", std::tanh, 3, false}, Function{"math.sqrt", std::sqrt, 0.5, false},
                      Function{"math.floor", floorOf, 0, false}),
    [](const auto &info) { return std::string(info.param.op).substr(5); });
