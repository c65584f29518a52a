//===- HostileTest.cpp - Masks and values that nobody means well ----------===//
#include "dialect/mask/Simplify.h"
#include "test/dialect/mask/BruteForce.h"
#include "test/dialect/mask/RandomExpr.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace attn::mask;
using namespace attn::mask::test;

static const Expr q = Expr::symbol("q"), k = Expr::symbol("k");

/// Whatever the values are, the code ends, divides by no zero, and `next` is a later tile within the keys.
TEST(Hostile, ExtremeValues) {
  RandomExpr random(setting("ATTN_SEED", 1) + 3);
  for (int n = 0; n < 1000; ++n) {
    Expr mask = random.between(0, 1) ? random.exactMask() : random.anyMask();
    if (random.between(0, 3) == 0) { // products beyond 64 bits
      Expr large = Expr::symbol("window") * Expr::symbol("window") * Expr::symbol("sink");
      mask = mask && Expr::make(Op::Mod, {q - k, large}) <= large * large && q - large <= k &&
             Expr::make(Op::IsPow2, {q - k});
    }
    RangeProgram program = RangeProgram::compile(mask, RandomExpr::facts());
    Environment env = random.environment(random.between(1, 40));
    const int64_t extremes[] = {0, 1, -1, 2147483647, -2147483647, 3037000500, INT64_MIN, INT64_MAX};
    for (const char *name : {"window", "sink", "stride", "b", "g"})
      env.values[name] = extremes[random.between(0, name[0] == 'b' || name[0] == 'g' ? 4 : 7)];
    for (auto &tensor : env.tensors)
      for (int64_t &value : tensor.second.data)
        value = random.between(0, 3) ? value : extremes[random.between(0, 4)]; // sorted no longer
    int64_t tile = random.between(1, 8), keys = env.values["kv_len"];
    env.values[".tile"] = tile;
    env.values[".q_first"] = extremes[random.between(0, 4)];
    env.values[".q_last"] = env.values[".q_first"] + random.between(0, 11);
    env.values[".h_first"] = env.values[".h_last"] = random.between(0, 3);
    for (int64_t k0 = 0; k0 < keys; k0 += tile) {
      env.values[".k0"] = k0;
      int64_t next = program.classify(env).next;
      ASSERT_GT(next, k0) << mask.str();
      ASSERT_EQ(next % tile, 0) << mask.str();
      ASSERT_LT(next, keys + tile) << mask.str();
    }
  }
}

namespace {
/// Compiles in bounded time; the result is checked on a small grid.
void expectBounded(const Expr &mask) {
  auto begin = std::chrono::steady_clock::now();
  RangeProgram program = RangeProgram::compile(mask);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 20.0);
  EXPECT_LT(program.valueCount(), 100000);
  Environment env;
  env.values = {{"kv_len", 20}, {"b", 0}, {"g", 0}};
  Grid grid(mask, env, 0, 7, 1);
  Grid::Report report;
  grid.check(program, 0, 7, 0, 0, 4, report);
  EXPECT_EQ(report.error, "");
}
} // namespace

TEST(Hostile, ManyConjunctions) { // 2^40 of them in disjunctive normal form
  Expr mask = Expr::boolean(true);
  for (int i = 0; i < 40; ++i)
    mask = mask && (k <= q - Expr::integer(i * i) || Expr::make(Op::Eq, {k, Expr::integer(i)}));
  expectBounded(mask);
  expectBounded(!mask);
}

static Expr nestedCases(int depth) { // a tree of 3^depth nodes, shared
  Expr x = q - k;
  for (int i = 0; i < depth; ++i)
    x = Expr::make(i % 2 ? Op::Min : Op::Max, {Expr::make(Op::Select, {x < Expr::integer(i), x, k}), x - q});
  return x <= Expr::integer(3);
}

TEST(Hostile, NestedCases) {
  for (int depth : {3, 5, 7})
    expectBounded(nestedCases(depth));
}

TEST(Hostile, DeepNesting) { // every level is both simplified and negated
  Expr choice = k <= q, junction = k <= q, remainder = q - k;
  for (int i = 0; i < 60; ++i) {
    choice = Expr::make(Op::Select, {choice, k < Expr::integer(i), q < Expr::integer(2 * i)});
    junction = i % 2 ? !(junction && k < Expr::integer(7 * i)) : (junction || q < Expr::integer(3 * i));
    Expr same = Expr::make(Op::Eq, {Expr::make(Op::Mod, {remainder, Expr::symbol("kv_len")}), Expr::integer(0)});
    remainder = Expr::make(Op::Select, {same, q - k, Expr::integer(i)});
  }
  expectBounded(choice);
  expectBounded(junction);
  expectBounded(remainder <= Expr::integer(3));
}

TEST(Hostile, SharedNodes) { // beyond any limit: not looked into
  Expr mask = nestedCases(60);
  EXPECT_EQ(mask.size(), int64_t(1) << 31);
  EXPECT_EQ(canonicalize(mask), mask);
  RangeProgram program = RangeProgram::compile(mask);
  EXPECT_FALSE(program.exact());
  Environment env;
  env.values = {{".k0", 0}, {".tile", 4}, {"kv_len", 9}, {".q_first", 0}, {".q_last", 7}};
  EXPECT_EQ(program.classify(env).kind, TileClass::Partial);
}

TEST(Hostile, LongSums) {
  Expr sum = q, mask = k <= q;
  for (int i = 0; i < 5000; ++i) {
    sum = sum + (i % 3 ? k : Expr::symbol("kv_len"));
    mask = mask || (k < Expr::integer(i));
  }
  expectBounded(sum <= Expr::integer(100));
  expectBounded(mask);
}

TEST(Hostile, HugeConstants) {
  for (int64_t c : {INT64_MIN, INT64_MAX, INT64_MIN + 1}) {
    Expr x = Expr::integer(c);
    for (Op op : {Op::Add, Op::Sub, Op::Mul, Op::FloorDiv, Op::Mod, Op::Min, Op::Max})
      for (const Expr &e : {Expr::make(op, {x, q}), Expr::make(op, {k, x}), Expr::make(op, {x, x})}) {
        Expr canonical = canonicalize(e <= x);
        EXPECT_EQ(canonicalize(canonical), canonical) << (e <= x).str();
        RangeProgram::compile(e <= q);
        RangeProgram::compile(Expr::make(Op::Eq, {k, Expr::make(Op::Abs, {e})}));
      }
  }
}
