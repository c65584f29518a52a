//===- PrecisionTest.cpp - The naive algorithm in lower precision ----------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

TEST(Rounding, ToNearestEven) {
  Rounding f64, f32(Precision::F32), f16(Precision::F16), bf16(Precision::BF16);
  EXPECT_EQ(f64.store(0.1), 0.1);
  EXPECT_EQ(f32.store(0.1), double(0.1f));
  EXPECT_EQ(f16.store(0.1), 0x1.998p-4);
  EXPECT_EQ(bf16.store(0.1), 0x1.9ap-4);
  EXPECT_EQ(f16.store(2049), 2048); // ties go to the even neighbour
  EXPECT_EQ(f16.store(2051), 2052);
  EXPECT_EQ(f16.store(65519), 65504);
  EXPECT_EQ(f16.store(-65520), -kInf);
  EXPECT_EQ(f16.store(0x1p-24), 0x1p-24);
  EXPECT_EQ(f16.store(0x1p-25), 0);
  EXPECT_EQ(f16.store(0x1.8p-24), 0x1p-23);
  EXPECT_EQ(bf16.store(0x1.FFp127), kInf);
  EXPECT_EQ(bf16.store(-kInf), -kInf);
  EXPECT_TRUE(std::isnan(bf16.store(kNaN)));
  EXPECT_EQ(f16.compute(0.1), double(0.1f));
}

class PrecisionTest : public ReferenceTest {};

TEST_F(PrecisionTest, ErrorsGrowAsTheTypeShrinks) {
  Pattern p;
  p.maps = softmaxMap(kCausal);
  p.dim = p.valueDim = 16;
  Arguments a;
  a.qLen = a.kvLen = {40};
  for (const char *name : {"q", "k", "v"}) {
    a.tensors[name] = random({1, 2, 40, 16}, name[0]);
    for (double &value : a.tensors[name].values)
      value = Rounding(Precision::BF16).store(value);
  }
  std::vector<double> exact = run(p, a)["out"].values, errors;
  for (Precision precision : {Precision::F32, Precision::F16, Precision::BF16}) {
    a.precision = precision;
    std::vector<double> rounded = run(p, a)["out"].values;
    double error = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      error = std::max(error, std::fabs(rounded[i] - exact[i]));
      EXPECT_EQ(rounded[i], Rounding(precision).store(rounded[i]));
    }
    errors.push_back(error);
  }
  EXPECT_GT(errors[0], 1e-9);
  EXPECT_LT(errors[0], 1e-6);
  EXPECT_GT(errors[1], 100 * errors[0]);
  EXPECT_LT(errors[1], 2e-3);
  EXPECT_GT(errors[2], 3 * errors[1]);
  EXPECT_LT(errors[2], 2e-2);
}

} // namespace
