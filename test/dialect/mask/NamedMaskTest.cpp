//===- NamedMaskTest.cpp - Range programs of the field's masks ------------===//
#include "dialect/mask/Simplify.h"
#include "test/dialect/mask/BruteForce.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace attn::mask;
using attn::mask::test::Grid;

static const Expr q = Expr::symbol("q"), k = Expr::symbol("k"), h = Expr::symbol("h"), b = Expr::symbol("b"),
                  window = Expr::symbol("window"), sink = Expr::symbol("sink"), causal = k <= q;
static Expr integer(int64_t x) { return Expr::integer(x); }
static Expr equal(Expr x, Expr y) { return Expr::make(Op::Eq, {x, y}); }
static Expr mod(Expr x, Expr y) { return Expr::make(Op::Mod, {x, y}); }
static Expr div(Expr x, Expr y) { return Expr::make(Op::FloorDiv, {x, y}); }
static Expr doc(Expr position) { return Expr::element("doc", {b, position}, Type::Int); }

namespace {
/// Checks a mask on all boxes of small grids, exactly. `values` are the parameters.
void checkExact(const Expr &mask, const std::map<std::string, int64_t> &values,
                const std::map<std::string, TensorFacts> &facts = {}, int64_t heads = 1) {
  RangeProgram program = RangeProgram::compile(mask, facts);
  EXPECT_TRUE(program.exact()) << mask.str();
  std::mt19937 random(7);
  for (int64_t keys : {0, 1, 5, 16, 37, 64}) {
    Environment env;
    env.values = values;
    env.values["kv_len"] = keys;
    env.values["b"] = 1, env.values["g"] = 0, env.values["l"] = 0;
    std::vector<int64_t> ids(2 * 64);
    for (int64_t &id : ids)
      id = random() % 6;
    std::sort(ids.begin(), ids.begin() + 64);
    std::sort(ids.begin() + 64, ids.end());
    env.tensors["doc"] = {{2, 64}, ids, {}};
    env.tensors["is_global"] = {{4}, {1, 0, 0, 1}, {}};
    env.tensors["alpha"] = {{4}, {}, {2.5, -1, 0, 9.75}};
    env.tensors["beta"] = {{4}, {}, {0.1, 0.5, 1, -0.05}};
    Grid grid(mask, env, -3, 60, heads);
    Grid::Report report;
    ASSERT_EQ(grid.error(), "");
    for (int64_t from = -3; from <= 60; from += 5)
      for (int64_t rows : {1, 2, 7, 16})
        for (int64_t tile : {1, 4, 7, 16})
          if (from + rows - 1 <= 60)
            grid.check(program, from, from + rows - 1, 0, heads - 1, tile, report);
    EXPECT_EQ(report.error, "") << mask.str();
    EXPECT_EQ(report.spurious, 0) << mask.str();
    EXPECT_TRUE(keys == 0 || report.tiles > 0);
  }
}
} // namespace

TEST(NamedMask, Dense) { checkExact(Expr::boolean(true), {}); }
TEST(NamedMask, Nothing) { checkExact(Expr::boolean(false), {}); }
TEST(NamedMask, Causal) { checkExact(causal, {}); }
TEST(NamedMask, Window) {
  for (int64_t size : {-1, 0, 1, 4, 9, 100})
    checkExact(causal && (q - k < window), {{"window", size}});
}
TEST(NamedMask, SinkAndWindow) {
  for (int64_t size : {0, 1, 6})
    checkExact(causal && (k < sink || q - k < window), {{"window", size}, {"sink", size / 2}});
}
TEST(NamedMask, SpansComputedWithFloats) { // alpha + beta * n of each head, and a threshold
  Expr alpha = Expr::element("alpha", {h}, Type::Float), beta = Expr::element("beta", {h}, Type::Float);
  Expr length = Expr::make(Op::ToFloat, {Expr::symbol("kv_len")});
  Expr span = Expr::make(Op::Floor, {alpha + beta * length});
  checkExact(causal && (k < sink || q - k < span), {{"sink", 2}}, {}, 4);
  checkExact(causal && (beta < Expr::real(0.3) || q - k < window), {{"window", 5}}, {}, 4);
}
TEST(NamedMask, Prefix) { checkExact(causal || k < Expr::symbol("prefix"), {{"prefix", 11}}); }
TEST(NamedMask, Document) { checkExact(causal && equal(doc(q), doc(k)), {}, {{"doc", {true}}}); }
TEST(NamedMask, BlockDiagonal) {
  checkExact(equal(div(q, integer(8)), div(k, integer(8))), {});
  checkExact(equal(div(q, window), div(k, window)), {{"window", 5}});
}
TEST(NamedMask, Dilated) {
  checkExact(causal && equal(mod(q - k, integer(3)), integer(0)), {});
  checkExact(causal && q - k < integer(20) && equal(mod(q - k, window), integer(0)), {{"window", 4}});
}
TEST(NamedMask, PowerOfTwoDistances) {
  checkExact(causal && (q - k < window || Expr::make(Op::IsPow2, {q - k})), {{"window", 2}});
}
TEST(NamedMask, HeadClasses) {
  Expr global = Expr::element("is_global", {h}, Type::Bool);
  checkExact((global && causal) || (!global && causal && q - k < window), {{"window", 5}}, {}, 4);
}
TEST(NamedMask, Chunked) { // DuoAttention's streaming heads: sink, recent keys before the chunk,
                           // the chunk itself
  checkExact(causal && (k < sink || Expr::symbol("chunk") - window <= k), {{"sink", 3}, {"window", 9}, {"chunk", 24}});
}

namespace {
struct Steps {
  const char *name;
  Expr mask;
  int64_t most; ///< runs of the code that cover all keys of a query tile
};
} // namespace

TEST(NamedMask, FewStepsAtRealSizes) { // 96 queries, tiles of 64 keys
  const Steps cases[] = {
      {"dense", Expr::boolean(true), 1},
      {"causal", causal, 3},
      {"window", causal && (q - k < window), 5},
      {"sink and window", causal && (k < sink || q - k < window), 7},
      {"document", causal && equal(doc(q), doc(k)), 7},
      {"block diagonal", equal(div(q, integer(256)), div(k, integer(256))), 5},
      {"dilated", causal && equal(mod(q - k, integer(2)), integer(0)), 16},
  };
  Environment env;
  env.values = {{"kv_len", 1000}, {"b", 0}, {"window", 256}, {"sink", 64}};
  std::vector<int64_t> ids(1000);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = int64_t(i) / 170;
  env.tensors["doc"] = {{1, 1000}, ids, {}};
  for (const Steps &test : cases) {
    RangeProgram program = RangeProgram::compile(test.mask, {{"doc", {true}}});
    Grid grid(test.mask, env, 700, 860, 1);
    Grid::Report report;
    for (int64_t first : {700, 704, 750})
      grid.check(program, first, first + 95, 0, 0, 64, report);
    EXPECT_EQ(report.error, "") << test.name;
    EXPECT_EQ(report.spurious, 0) << test.name;
    Environment box = env;
    box.values[".tile"] = 64, box.values[".q_first"] = 704, box.values[".q_last"] = 799;
    int64_t steps = 0;
    for (int64_t k0 = 0; k0 < 1000; ++steps) {
      box.values[".k0"] = k0;
      k0 = program.classify(box).next;
    }
    EXPECT_LE(steps, test.most) << test.name;
  }
}

TEST(NamedMask, CodeIsSmall) {
  EXPECT_LE(RangeProgram::compile(causal).valueCount(), 40);
  EXPECT_LE(RangeProgram::compile(causal && (k < sink || q - k < window)).valueCount(), 90);
}
