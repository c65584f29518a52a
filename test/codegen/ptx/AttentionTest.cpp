//===- AttentionTest.cpp - Emulated attention against fp64 loops -----------===//
#include "EmulatedKernel.h"

#include <cmath>
#include <gtest/gtest.h>
#include <sstream>

using namespace attn;
using namespace attn::test;

static bool all(int64_t, int64_t, int64_t, int64_t) { return true; }
static bool causal(int64_t, int64_t, int64_t q, int64_t k) { return k <= q; }
static const char *kCausal = "%visible = arith.cmpi sle, %k, %q : i64";

namespace {

struct Form {
  std::string arch;
  int64_t d, dv, rows, keys;
  bool pack = false;
  std::string dtype = "bf16";

  KernelText text() const {
    KernelText text;
    text.d = d;
    text.dv = dv;
    text.rows = rows;
    text.keys = keys;
    text.pack = pack;
    text.dtype = dtype;
    text.mask = kCausal;
    text.scaleScores = true;
    return text;
  }
};

std::ostream &operator<<(std::ostream &os, const Form &form) {
  return os << form.arch << "_" << form.dtype << "_" << form.d << "_" << form.dv << "_" << form.rows << "x" << form.keys
            << (form.pack ? "_pack" : "");
}

class Attention : public ::testing::TestWithParam<Form> {};

} // namespace

TEST_P(Attention, CausalWithTails) {
  // Lengths 0 and 1, off the tile by one, and more queries than keys: rows that see nothing.
  check(Problem(GetParam().text(), 2, 1, {129, 1, 90, 0}, {193, 1, 40, 7}), GetParam().arch, causal);
}

static std::string nameOf(const ::testing::TestParamInfo<Form> &info) {
  std::ostringstream os;
  os << info.param;
  return os.str();
}

INSTANTIATE_TEST_SUITE_P(Ampere, Attention,
                         ::testing::Values(Form{"sm_80", 64, 64, 128, 64}, Form{"sm_80", 96, 96, 64, 64},
                                           Form{"sm_80", 128, 128, 64, 64}, Form{"sm_80", 192, 128, 64, 64},
                                           Form{"sm_80", 256, 256, 64, 32}, Form{"sm_80", 48, 80, 32, 48},
                                           Form{"sm_80", 128, 128, 64, 64, false, "f16"},
                                           Form{"sm_80", 64, 64, 16, 64, true}, Form{"sm_80", 128, 128, 16, 64, true}),
                         nameOf);

INSTANTIATE_TEST_SUITE_P(Hopper, Attention,
                         ::testing::Values(Form{"sm_90a", 64, 64, 128, 128}, Form{"sm_90a", 96, 96, 128, 128},
                                           Form{"sm_90a", 128, 128, 128, 128}, Form{"sm_90a", 128, 128, 128, 112},
                                           Form{"sm_90a", 192, 128, 128, 96}, Form{"sm_90a", 256, 256, 128, 80},
                                           Form{"sm_90a", 64, 64, 192, 176}, Form{"sm_90a", 48, 80, 64, 48},
                                           Form{"sm_90a", 128, 128, 128, 128, false, "f16"},
                                           Form{"sm_90a", 128, 128, 16, 64, true}),
                         nameOf);

//===----------------------------------------------------------------------===//
// Both architectures
//===----------------------------------------------------------------------===//

static const Form kForms[] = {{"sm_80", 64, 64, 64, 64}, {"sm_90a", 64, 64, 128, 64}};

TEST(Architectures, Dense) {
  for (const Form &form : kForms) {
    KernelText text = form.text();
    text.mask = "%visible = arith.constant true";
    check(Problem(text, 2, 2, {130, 1}, {200, 64}), form.arch, all);
  }
}

TEST(Architectures, WindowSkipsTiles) {
  for (const Form &form : kForms) {
    KernelText text = form.text();
    text.mask = "%d = arith.subi %q, %k : i64\n%none = arith.constant 0 : i64\n%width = arith.constant 70 : i64\n"
                "%a = arith.cmpi sge, %d, %none : i64\n%c = arith.cmpi slt, %d, %width : i64\n"
                "%visible = arith.andi %a, %c : i1";
    check(Problem(text, 1, 1, {300, 40}, {400, 90}), form.arch,
          [](int64_t, int64_t, int64_t q, int64_t k) { return k <= q && q - k < 70; });
  }
}

TEST(Architectures, ScoresDependOnPositionAndHead) {
  for (const Form &form : kForms) {
    KernelText text = form.text();
    text.score = "%d = arith.subi %k, %q : i64\n%x = arith.sitofp %d : i64 to f32\n%hf = arith.sitofp %h : i64 to f32\n"
                 "%slope = arith.constant 0.0625 : f32\n%y = arith.mulf %x, %slope : f32\n"
                 "%z = arith.addf %y, %hf : f32\n%score = arith.addf %s, %z : f32";
    check(Problem(text, 4, 2, {70}, {150}), form.arch, causal,
          [](double s, int64_t h, int64_t q, int64_t k) { return s + 0.0625 * double(k - q) + double(h); });
  }
}

/// Any order of copies, products and warps gives the same bits.
TEST(Architectures, OrderDoesNotMatter) {
  for (const Form &form : kForms) {
    EmulatedKernel kernel(form.text().str(), form.arch);
    ASSERT_TRUE(kernel.ok());
    Problem problem(form.text(), 2, 1, {140}, {260});
    kernel.run(problem);
    auto out = problem.out.bytes, lse = problem.lse.bytes;
    for (uint64_t seed = 1; seed <= 64; ++seed) {
      emu::Options options;
      options.completion = emu::Completion::Random;
      options.seed = seed;
      kernel.run(problem, options);
      ASSERT_EQ(problem.out.bytes, out) << form.arch << ", seed " << seed;
      ASSERT_EQ(problem.lse.bytes, lse) << form.arch << ", seed " << seed;
    }
  }
}

TEST(Architectures, ProductsOfTheirMatrixUnit) {
  auto has = [](const Form &form, const char *mnemonic) {
    return EmulatedKernel(form.text().str(), form.arch).ptx().find(mnemonic) != std::string::npos;
  };
  EXPECT_TRUE(has(kForms[0], "mma.sync"));
  EXPECT_TRUE(has(kForms[1], "wgmma.mma_async"));
  EXPECT_FALSE(has(kForms[1], "mma.sync"));
  // Sixteen rows are too few for a warpgroup.
  EXPECT_TRUE(has({"sm_90a", 64, 64, 16, 64, true}, "mma.sync"));
}
