//===- VariantTest.cpp - Requests for variants ------------------------------===//
#include "dialect/spec/Variant.h"
#include "test/dialect/spec/Support.h"

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

/// The variant as text, or the error.
std::string variant(const std::string &types, const std::string &request) {
  auto pattern = readOk(document(types.empty() ? "\"mask\": \"causal\"" : types));
  Diagnostics diagnostics;
  auto v = variantOf(*pattern, request, diagnostics);
  EXPECT_NE(bool(v), !diagnostics.empty());
  return v ? v->str() : diagnostics.all()[0].str();
}

TEST(Variant, RequestThenTypesThenDefaults) {
  EXPECT_EQ(variant("", ""), "dtype=f32,d=64,dv=64");
  EXPECT_EQ(variant("", "d=128,dtype=bf16"), "dtype=bf16,d=128,dv=128");
  EXPECT_EQ(variant("", "dv=512,d=576"), "dtype=f32,d=576,dv=512");
  EXPECT_EQ(variant(R"("types": {"dtype": "f16", "d": 80})", ""), "dtype=f16,d=80,dv=80");
  EXPECT_EQ(variant(R"("types": {"d": 80})", "d=80,dtype=f16"), "dtype=f16,d=80,dv=80");
}

TEST(Variant, WrongRequests) {
  EXPECT_EQ(variant("", "d=0"), "BAD_VALUE in the variant: d is \"0\", expected 1 to 576");
  EXPECT_EQ(variant("", "d=9999999999999999999999"),
            "BAD_VALUE in the variant: d is \"9999999999999999999999\", expected 1 to "
            "576");
  EXPECT_EQ(variant("", "dtype=f64"), "BAD_VALUE in the variant: dtype is \"f64\", "
                                      "expected \"f32\", \"f16\" or \"bf16\"");
  EXPECT_EQ(variant("", "head=3"), "BAD_VALUE in the variant: \"head=3\" is none of "
                                   "dtype=..., d=... and dv=...");
  EXPECT_EQ(variant("", "d=64,d=64"), "BAD_VALUE in the variant: d is stated twice");
  EXPECT_EQ(variant(R"("types": {"d": 80})", "d=64"),
            "CONFLICT at /types: the pattern fixes other types than the variant \"d=64\"");
}

TEST(Variant, RopeNeedsAnEvenHeadDimension) {
  auto pattern = readOk(readFile(std::string(ATTN_PATTERNS) + "/rope_causal.json"));
  Diagnostics diagnostics;
  EXPECT_FALSE(variantOf(*pattern, "d=63", diagnostics));
  EXPECT_EQ(diagnostics.all()[0].str(), "CONFLICT at /operands/cos/shape: \"d/2\" needs an even head "
                                        "dimension, and d is 63");
}

} // namespace
