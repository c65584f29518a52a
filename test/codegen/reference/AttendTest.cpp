//===- AttendTest.cpp - Masks, positions, classes, heads -------------------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

class AttendTest : public ReferenceTest {};

TEST_F(AttendTest, EqualScoresAverageTheVisibleValues) {
  Arguments a;
  a.qLen = {2};
  a.kvLen = {4};
  a.tensors["q"] = constant({1, 1, 2, 1}, 3);
  a.tensors["k"] = constant({1, 1, 4, 1}, 0);
  a.tensors["v"] = Tensor{{1, 1, 4, 1}, {3, 6, 9, 30}};
  Pattern p;
  p.maps = softmaxMap(kCausal);
  Results r = run(p, a);
  EXPECT_EQ(r["out"].shape, (std::vector<int64_t>{1, 1, 2, 1}));
  EXPECT_EQ(r["lse"].shape, (std::vector<int64_t>{1, 1, 2}));
  expectNear(r["out"].values, {6, 12}); // row 0 is at position 2 and sees three keys
  expectNear(r["lse"].values, {std::log(3), std::log(4)});
}

TEST_F(AttendTest, TwoKeysByHand) {
  // Scores 0 and 6 / sqrt(4) = 3.
  Arguments a;
  a.qLen = {1};
  a.kvLen = {2};
  a.tensors["q"] = Tensor{{1, 1, 1, 4}, {1, 2, 3, 0}};
  a.tensors["k"] = Tensor{{1, 1, 2, 4}, {0, 0, 0, 9, 1, 1, 1, 9}};
  a.tensors["v"] = Tensor{{1, 1, 2, 2}, {1, 0, 0, 1}};
  Pattern p;
  p.maps = softmaxMap(kAll);
  p.dim = 4;
  p.valueDim = 2;
  double e = std::exp(3);
  Results r = run(p, a);
  expectNear(r["out"].values, {1 / (1 + e), e / (1 + e)});
  expectNear(r["lse"].values, {std::log(1 + e)});

  p.attributes = "scale(0.25)";
  expectNear(run(p, a)["lse"].values, {std::log(1 + std::exp(1.5))});

  p.attributes = "scale_param(@scale)";
  p.declarations = "attn.param @scale : f32 = 0.5";
  expectNear(run(p, a)["lse"].values, {std::log(1 + e)});
  a.floatParams["scale"] = {1};
  expectNear(run(p, a)["lse"].values, {std::log(1 + std::exp(6))});
}

TEST_F(AttendTest, LargeScoresDoNotOverflow) {
  Arguments a;
  a.qLen = {1};
  a.kvLen = {2};
  a.tensors["q"] = constant({1, 1, 1, 1}, 1e4);
  a.tensors["k"] = Tensor{{1, 1, 2, 1}, {1, 1}};
  a.tensors["v"] = Tensor{{1, 1, 2, 1}, {1, 2}};
  Pattern p;
  p.maps = softmaxMap(kAll);
  Results r = run(p, a);
  expectNear(r["out"].values, {1.5});
  expectNear(r["lse"].values, {1e4 + std::log(2)});
}

TEST_F(AttendTest, PositionRules) {
  Pattern p;
  p.maps = softmaxMap(kCausal);
  EXPECT_EQ(visible(p, probe(2, 4)), "1110 1111");
  EXPECT_EQ(visible(p, probe(3, 2)), "00 10 11"); // row 0 is at position -1
  p.positions = "positions(top_left)";
  EXPECT_EQ(visible(p, probe(2, 4)), "1000 1100");
  p.positions = "positions(tensor)";
  Arguments a = probe(2, 4);
  a.qPos = {1};
  EXPECT_EQ(visible(p, a), "1100 1110");
  p.positions = "";
  EXPECT_EQ(visible(p, probe(3, 3)), "100 110 111");
}

TEST_F(AttendTest, RowWithoutVisibleKey) {
  Pattern p;
  p.maps = softmaxMap("%m = arith.cmpi slt, %q0, %k0 : i64");
  p.valueDim = 3;
  Results r = run(p, probe(3, 3));
  expectNear(r["out"].values, {0, .5, .5, 0, 0, 1, 0, 0, 0});
  expectNear(r["lse"].values, {std::log(2), 0, -kInf});
}

TEST_F(AttendTest, LengthZero) {
  Pattern p;
  p.maps = softmaxMap(kAll);
  Arguments a;
  a.qLen = {1, 0};
  a.kvLen = {0, 0};
  a.tensors["q"] = constant({2, 1, 1, 1}, 1);
  a.tensors["k"] = a.tensors["v"] = constant({2, 1, 0, 1}, 0);
  Results r = run(p, a);
  expectNear(r["out"].values, {0, 0});
  expectNear(r["lse"].values, {-kInf, -kInf});
  a.qLen = a.kvLen = {};
  a.tensors["q"] = a.tensors["k"] = a.tensors["v"] = constant({0, 1, 0, 1}, 0);
  EXPECT_TRUE(run(p, a)["out"].values.empty());
  EXPECT_EQ(error, "");
}

TEST_F(AttendTest, RaggedRequestsAndPerRequestParameters) {
  Pattern p;
  p.declarations = "attn.param @window : i64 = 1";
  p.maps = softmaxMap("%w = attn.scalar @window : i64\n%d = arith.subi %q0, %k0 : i64\n"
                      "%1 = arith.cmpi slt, %d, %w : i64\n%2 = arith.cmpi sge, %d, %w : i64\n"
                      "%n = attn.scalar @kv_len : i64\n%3 = arith.cmpi slt, %k0, %n : i64\n"
                      "%m = arith.andi %1, %3 : i1");
  Arguments a;
  a.qLen = {1, 2};
  a.kvLen = {3, 2};
  a.intParams["window"] = {2, 1};
  a.tensors["q"] = constant({2, 1, 2, 1}, 1);
  a.tensors["k"] = constant({2, 1, 3, 1}, 0);
  // Past the end of request 1, and in request 0 where the window hides it, there is NaN.
  a.tensors["v"] = Tensor{{2, 1, 3, 1}, {kNaN, 2, 4, 10, 20, kNaN}};
  a.tensors["k"].values[0] = a.tensors["k"].values[5] = kNaN;
  Results r = run(p, a);
  expectNear(r["out"].values, {3, 0, 15, 20});
  expectNear(r["lse"].values, {std::log(2), -kInf, std::log(2), 0});
}

TEST_F(AttendTest, NaNReachesTheRowsThatSeeIt) {
  Pattern p;
  p.maps = softmaxMap(kCausal);
  Arguments a = probe(2, 2);
  p.valueDim = 2;
  a.tensors["k"].values[1] = kNaN;
  Results r = run(p, a);
  expectNear(r["out"].values, {1, 0, kNaN, kNaN});
  expectNear(r["lse"].values, {0, kNaN});
}

TEST_F(AttendTest, GroupedHeadsEqualRepeatedKeys) {
  Pattern p;
  p.maps = softmaxMap(kCausal);
  p.dim = p.valueDim = 3;
  Arguments grouped, repeated;
  grouped.qLen = repeated.qLen = {4};
  grouped.kvLen = repeated.kvLen = {5};
  grouped.tensors["q"] = repeated.tensors["q"] = random({1, 4, 4, 3}, 1);
  for (const char *name : {"k", "v"}) {
    Tensor few = random({1, 2, 5, 3}, name[0]), many{{1, 4, 5, 3}, {}};
    for (int head : {0, 0, 1, 1})
      many.values.insert(many.values.end(), few.values.begin() + head * 15, few.values.begin() + (head + 1) * 15);
    grouped.tensors[name] = few;
    repeated.tensors[name] = many;
  }
  Results x = run(p, grouped), y = run(p, repeated);
  expectNear(x["out"].values, y["out"].values);
  expectNear(x["lse"].values, y["lse"].values);
}

const std::string kHeadClasses = R"(
  attn.operand @is_retrieval ["kv_heads"] : i1
  attn.partition @heads axis(kv_head) {
    attn.class @retrieval when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = attn.element @is_retrieval[%g] : i64
      %c0 = arith.constant 0 : i64
      %1 = arith.cmpi ne, %0, %c0 : i64
      attn.yield %1 : i1
    }
    attn.class @streaming otherwise
  }
  attn.partition @keys axis(key) {
    attn.class @sink when {
    ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %c1 = arith.constant 1 : i64
      %1 = arith.cmpi slt, %k, %c1 : i64
      attn.yield %1 : i1
    }
    attn.class @rest otherwise
  }
)";
const std::string kDiagonal = "%m = arith.cmpi eq, %k0, %q0 : i64";

TEST_F(AttendTest, HeadClasses) {
  Pattern p;
  p.declarations = kHeadClasses;
  p.maps = "attn.kernel_map [@heads::@retrieval] weight(#attn.softmax) " + mask(kCausal) + "\n" + softmaxMap(kDiagonal);
  Arguments a = probe(3, 3, 2);
  a.intOperands["is_retrieval"] = {{2}, {0, 1}};
  EXPECT_EQ(visible(p, a), "100 010 001 100 110 111");
}

TEST_F(AttendTest, ClassesOfSeveralPartitionsMultiplyAndTheFirstMatchWins) {
  Pattern p;
  p.declarations = kHeadClasses;
  p.maps = "attn.kernel_map [@heads::@streaming, @keys::@sink] weight(#attn.softmax) " + mask(kAll) +
           "\nattn.kernel_map [@keys::@sink] weight(#attn.softmax) " + mask("%m = arith.constant false") + "\n" +
           softmaxMap(kDiagonal);
  Arguments a = probe(3, 3, 2);
  a.intOperands["is_retrieval"] = {{2}, {0, 1}};
  EXPECT_EQ(visible(p, a), "100 110 101 000 010 001");
}

TEST_F(AttendTest, ScoreExpression) {
  // ALiBi with slope log 2: a key at distance n weighs 2^-n.
  Pattern p;
  p.declarations = "attn.operand @slope [\"q_heads\"] : f32";
  p.maps = softmaxMap(kCausal) + " score {\n" + kScoreCoordinates +
           "%d = arith.subi %k0, %q0 : i64\n%f = arith.sitofp %d : i64 to f32\n"
           "%a = attn.element @slope[%h] : f32\n%1 = arith.mulf %f, %a : f32\n"
           "%2 = arith.addf %s, %1 : f32\nattn.yield %2 : f32\n}";
  p.valueDim = 3;
  Arguments a = probe(1, 3);
  a.floatOperands["slope"] = {{1}, {std::log(2)}};
  Results r = run(p, a);
  expectNear(r["out"].values, {1 / 7., 2 / 7., 4 / 7.});
  expectNear(r["lse"].values, {std::log(1.75)});
}

TEST_F(AttendTest, ScoreMinusInfinityIsWeightZero) {
  Pattern p;
  p.maps = softmaxMap(kAll) + " score {\n" + kScoreCoordinates +
           "%inf = arith.constant 0xFF800000 : f32\n%0 = arith.cmpi eq, %q0, %k0 : i64\n"
           "%c0 = arith.constant 0 : i64\n%1 = arith.cmpi eq, %q0, %c0 : i64\n%2 = arith.ori %0, "
           "%1 : i1\n"
           "%3 = arith.select %2, %inf, %s : f32\nattn.yield %3 : f32\n}";
  p.valueDim = 2;
  Results r = run(p, probe(2, 2));
  expectNear(r["out"].values, {0, 0, 1, 0});
  expectNear(r["lse"].values, {-kInf, 0});
}

TEST_F(AttendTest, RopeDependsOnTheDistance) {
  // q = k = (1, 0) rotated by p * 0.3: the dot product is cos((q - k) * 0.3).
  Pattern p;
  p.dim = 2;
  p.valueDim = 1;
  p.attributes = "scale(1.0)";
  p.declarations = "attn.operand @cos [8, 1] : f32\nattn.operand @sin [8, 1] : f32";
  Arguments a;
  a.qLen = {1};
  a.kvLen = {3};
  a.tensors["q"] = Tensor{{1, 1, 1, 2}, {1, 0}};
  a.tensors["k"] = Tensor{{1, 1, 3, 2}, {1, 0, 1, 0, 1, 0}};
  a.tensors["v"] = constant({1, 1, 3, 1}, 1);
  a.floatOperands["cos"] = fill({8, 1}, [](int64_t i) { return std::cos(0.3 * i); });
  a.floatOperands["sin"] = fill({8, 1}, [](int64_t i) { return std::sin(0.3 * i); });
  double sum = std::exp(std::cos(0.6)) + std::exp(std::cos(0.3)) + std::exp(1);
  for (const char *pairs : {"true", "false"}) { // one pair of channels: both orders are the same
    p.maps = std::string("attn.kernel_map weight(#attn.softmax) rope(<cos = @cos, sin = @sin, "
                         "interleaved = ") +
             pairs + ">) " + mask(kAll);
    expectNear(run(p, a)["lse"].values, {std::log(sum)});
  }
}

TEST_F(AttendTest, RopePairsChannels) {
  // Position 1 turns pair 0 by 90 degrees and leaves pair 1; the query at position 0 is not turned.
  Pattern p;
  p.positions = "positions(top_left)";
  p.dim = 4;
  p.attributes = "scale(1.0)";
  p.declarations = "attn.operand @cos [2, 2] : f32\nattn.operand @sin [2, 2] : f32";
  Arguments a;
  a.qLen = {1};
  a.kvLen = {2};
  a.tensors["q"] = Tensor{{1, 1, 1, 4}, {1, 2, 3, 4}};
  a.tensors["k"] = Tensor{{1, 1, 2, 4}, {0, 0, 0, 0, 5, 6, 7, 8}};
  a.tensors["v"] = constant({1, 1, 2, 1}, 1);
  a.floatOperands["cos"] = {{2, 2}, {1, 1, 0, 1}};
  a.floatOperands["sin"] = {{2, 2}, {0, 0, 1, 0}};
  std::string diagonal = mask("%one = arith.constant 1 : i64\n%m = arith.cmpi eq, %k0, %one : i64");
  std::string map = "attn.kernel_map weight(#attn.softmax) rope(<cos = @cos, sin = @sin, interleaved = ";
  p.maps = map + "true>) " + diagonal; // (5, 6) -> (-6, 5): -6 + 10 + 21 + 32
  expectNear(run(p, a)["lse"].values, {57});
  p.maps = map + "false>) " + diagonal; // (5, 7) -> (-7, 5): -7 + 12 + 15 + 32
  expectNear(run(p, a)["lse"].values, {52});
}

} // namespace
