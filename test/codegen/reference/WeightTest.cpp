//===- WeightTest.cpp - Seeds, linear weights, merges ----------------------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

class WeightTest : public ReferenceTest {};

TEST_F(WeightTest, SeedAddsToTheDenominatorOnly) {
  Pattern p;
  p.declarations = "attn.operand @sink [\"q_heads\"] : f32";
  p.maps = "attn.kernel_map weight(#attn.softmax<seed = @sink>) " + mask("%m = arith.cmpi slt, %k0, %q0 : i64");
  p.valueDim = 3;
  Arguments a = probe(3, 3);
  a.floatOperands["sink"] = {{1}, {std::log(3)}};
  Results r = run(p, a);
  expectNear(r["out"].values, {0, 0, 0, .25, 0, 0, .2, .2, 0});
  expectNear(r["lse"].values, {std::log(3), std::log(4), std::log(5)}); // row 0 sees no key
}

const std::string kLinear = "attn.kernel_map weight(#attn.linear<\"quadratic\">) " + mask(kCausal) + " decay {\n" +
                            kCoordinates + "%d = attn.element @decay[%h] : f32\nattn.yield %d : f32\n}";

TEST_F(WeightTest, LinearIsAGeometricSum) {
  Pattern p;
  p.declarations = "attn.operand @decay [\"q_heads\"] : f32";
  p.maps = kLinear;
  Arguments a;
  a.qLen = a.kvLen = {4};
  a.tensors["q"] = constant({1, 2, 4, 1}, 3);
  a.tensors["k"] = constant({1, 2, 4, 1}, 1);
  a.tensors["v"] = constant({1, 2, 4, 1}, 1);
  a.floatOperands["decay"] = {{2}, {0.5, 1}};
  Results r = run(p, a);
  expectNear(r["out"].values, {3, 4.5, 5.25, 5.625, 3, 6, 9, 12});
  expectNear(r["lse"].values, std::vector<double>(8, kNaN));
}

TEST_F(WeightTest, LinearEqualsItsRecurrence) {
  // S = decay * S + k^T v, out = scale * q S.
  Pattern p;
  p.declarations = "attn.operand @decay [\"q_heads\"] : f32";
  p.maps = kLinear;
  p.dim = 3;
  p.valueDim = 2;
  Arguments a;
  a.qLen = a.kvLen = {6};
  a.tensors["q"] = random({1, 1, 6, 3}, 1);
  a.tensors["k"] = random({1, 1, 6, 3}, 2);
  a.tensors["v"] = random({1, 1, 6, 2}, 3);
  a.floatOperands["decay"] = {{1}, {0.9}};
  std::vector<double> state(6, 0.0), expected;
  for (int t = 0; t < 6; ++t)
    for (int j = 0; j < 2; ++j) {
      double sum = 0;
      for (int i = 0; i < 3; ++i) {
        double &s = state[i * 2 + j];
        s = 0.9 * s + a.tensors["k"].values[t * 3 + i] * a.tensors["v"].values[t * 2 + j];
        sum += a.tensors["q"].values[t * 3 + i] * s;
      }
      expected.push_back(sum / std::sqrt(3));
    }
  expectNear(run(p, a)["out"].values, expected);
}

/// Attends to keys below and from `split` apart and merges; `empty` is a third part that sees
/// nothing.
std::string mergeText(const std::string &type) {
  std::string lse = "tensor<?x?x?xf32>";
  auto part = [&](const std::string &n, const std::string &body) {
    return "%o" + n + ", %l" + n + " = attn.attend %q keys(%k) values(%v) : " + type + ", (" + type + "), (" + type +
           ") -> " + type + ", " + lse + " {\n" + softmaxMap("%n = attn.scalar @split : i64\n" + body) + "\n}\n";
  };
  return "attn.pattern @p positions(bottom_right) {\nattn.param @split : i64 = 3\n"
         "func.func @attend(%q: " +
         type + " {attn.name = \"q\"}, %k: " + type + " {attn.name = \"k\"}, %v: " + type +
         " {attn.name = \"v\"}) -> (" + type + " {attn.name = \"out\"}, " + lse + " {attn.name = \"lse\"}) {\n" +
         part("0", "%m = arith.cmpi slt, %k0, %n : i64") + part("1", "%m = arith.cmpi sge, %k0, %n : i64") +
         part("2", "%m = arith.constant false") +
         "%out, %lse = attn.merge outs(%o0, %o1, %o2) lses(%l0, %l1, %l2) : (" + type + ", " + type + ", " + type +
         "), (" + lse + ", " + lse + ", " + lse + ") -> " + type + ", " + lse + "\nreturn %out, %lse : " + type + ", " +
         lse + "\n}\n}\n";
}

TEST_F(WeightTest, MergeOfSplitKeysIsTheWhole) {
  Pattern whole;
  whole.maps = softmaxMap(kAll);
  whole.dim = whole.valueDim = 4;
  Arguments a;
  a.qLen = {3};
  a.kvLen = {7};
  a.tensors["q"] = random({1, 2, 3, 4}, 1);
  a.tensors["k"] = random({1, 2, 7, 4}, 2);
  a.tensors["v"] = random({1, 2, 7, 4}, 3);
  Results expected = run(whole, a);
  for (int64_t split : {0, 3, 7}) {
    a.intParams["split"] = {split};
    Results merged = runText(mergeText("tensor<?x?x?x4xf32>"), a);
    expectNear(merged["out"].values, expected["out"].values);
    expectNear(merged["lse"].values, expected["lse"].values);
  }
}

TEST_F(WeightTest, MergeOfNothingIsNothing) {
  Arguments a;
  a.qLen = {1};
  a.kvLen = {0};
  a.tensors["q"] = constant({1, 1, 1, 4}, 1);
  a.tensors["k"] = a.tensors["v"] = constant({1, 1, 0, 4}, 0);
  Results merged = runText(mergeText("tensor<?x?x?x4xf32>"), a);
  expectNear(merged["out"].values, {0, 0, 0, 0});
  expectNear(merged["lse"].values, {-kInf});
}

TEST_F(WeightTest, HeadsMayHaveDifferentWeights) {
  Pattern p;
  p.declarations = "attn.operand @decay [\"q_heads\"] : f32\n" + firstAndRest("heads", "q_head", "h");
  p.maps = "attn.kernel_map [@heads::@first] weight(#attn.softmax) " + mask(kAll) + "\n" + kLinear;
  Arguments a;
  a.qLen = a.kvLen = {2};
  a.tensors["q"] = a.tensors["k"] = constant({1, 2, 2, 1}, 1);
  a.tensors["v"] = Tensor{{1, 2, 2, 1}, {1, 3, 1, 3}};
  a.floatOperands["decay"] = {{2}, {1, 1}};
  expectNear(run(p, a)["out"].values, {2, 2, 1, 4});
}

TEST_F(WeightTest, KeysOfOneRowHaveOneWeight) {
  Pattern p;
  p.declarations = "attn.operand @decay [\"q_heads\"] : f32\n" + firstAndRest("keys", "key", "k0");
  p.maps = "attn.kernel_map [@keys::@first] weight(#attn.softmax) " + mask(kAll) + "\n" + kLinear;
  p.valueDim = 2;
  Arguments a = probe(1, 2);
  a.floatOperands["decay"] = {{1}, {1}};
  run(p, a);
  EXPECT_EQ(error, "attn.attend: the keys of one row have different weights");
}

} // namespace
