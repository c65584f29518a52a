//===- PropertyTest.cpp - Range programs and canonical forms at random ----===//
//
// ATTN_SEED chooses the expressions, ATTN_PROPERTY_PAIRS the number of (expression, key tile) pairs.
//===----------------------------------------------------------------------===//
#include "dialect/mask/Simplify.h"
#include "test/dialect/mask/BruteForce.h"
#include "test/dialect/mask/RandomExpr.h"

#include <cstdio>
#include <gtest/gtest.h>

using namespace attn::mask;
using namespace attn::mask::test;

namespace {
struct Totals {
  int64_t expressions = 0, inexact = 0, tiles = 0, spurious = 0;
};

std::string describe(const Expr &mask, const Environment &env) {
  std::string text = mask.str() + "\nwith";
  for (const auto &[name, value] : env.values)
    text += " " + name + "=" + std::to_string(value);
  for (const auto &[name, tensor] : env.tensors) {
    text += "\n" + name + ":";
    for (int64_t value : tensor.data)
      text += " " + std::to_string(value);
  }
  return text;
}

/// Checks one mask on a few boxes of two grids. False on a wrong answer.
bool check(RandomExpr &random, const Expr &mask, bool mustBeExact, Totals &totals) {
  RangeProgram program = RangeProgram::compile(mask, RandomExpr::facts());
  ++totals.expressions;
  totals.inexact += !program.exact();
  EXPECT_TRUE(program.exact() || !mustBeExact) << mask.str();
  for (int grids = 0; grids < 2; ++grids) {
    int64_t keys = random.between(1, 48), low = random.between(-3, 40), high = low + 11, heads = 3;
    Environment env = random.environment(keys);
    Grid grid(mask, env, low, high, heads);
    if (!grid.error().empty())
      continue; // a zero divisor: the caller's mistake
    Grid::Report report;
    for (int boxes = 0; boxes < 6; ++boxes) {
      int64_t from = random.between(low, high), to = random.between(from, high);
      int64_t head = random.between(0, heads - 1), lastHead = random.between(head, heads - 1);
      grid.check(program, from, to, head, lastHead, random.between(1, 8), report);
    }
    totals.tiles += report.tiles;
    totals.spurious += report.spurious;
    if (!report.error.empty() || (program.exact() && report.spurious != 0)) {
      ADD_FAILURE() << (report.error.empty() ? "spurious partial tiles" : report.error) << "\n" << describe(mask, env);
      return false;
    }
  }
  return true;
}

void print(const char *what, const Totals &t) {
  std::printf("%s: %lld expressions (%lld inexact), %lld tiles, %lld spurious partial (%.3f %%)\n", what,
              (long long)t.expressions, (long long)t.inexact, (long long)t.tiles, (long long)t.spurious,
              t.tiles ? 100.0 * t.spurious / t.tiles : 0.0);
}
} // namespace

static int64_t pairs() { return setting("ATTN_PROPERTY_PAIRS", 1000000); }

TEST(Property, ExactMasks) {
  RandomExpr random(setting("ATTN_SEED", 1));
  Totals totals;
  int failures = 0;
  while (totals.tiles < pairs() / 2 && failures < 5)
    failures += !check(random, random.exactMask(), true, totals);
  print("exact masks", totals);
}

TEST(Property, AnyMasks) {
  RandomExpr random(setting("ATTN_SEED", 1) + 1);
  Totals totals;
  int failures = 0;
  while (totals.tiles < pairs() / 2 && failures < 5)
    failures += !check(random, random.anyMask(), false, totals);
  print("any masks", totals);
}

TEST(Property, CanonicalFormsKeepTheValue) {
  RandomExpr random(setting("ATTN_SEED", 1) + 2);
  for (int64_t i = 0; i < pairs() / 100; ++i) {
    int64_t kind = random.between(0, 2);
    Expr e = kind == 0 ? random.exactMask() : kind == 1 ? random.anyMask() : random.integer(4);
    Expr canonical = canonicalize(e);
    ASSERT_EQ(canonicalize(canonical), canonical) << e.str() << "\n" << canonical.str();
    for (int n = 0; n < 10; ++n) {
      Environment env = random.environment(random.between(1, 48));
      for (const char *name : {"q", "k", "h"})
        env.values[name] = random.between(-3, 48);
      Value expected = evaluate(e, env);
      if (!expected.ok())
        continue; // a zero divisor
      Value value = evaluate(canonical, env);
      ASSERT_TRUE(value.ok()) << value.error << ": " << e.str() << "\n" << canonical.str();
      ASSERT_EQ(value.integer, expected.integer) << e.str() << "\n" << canonical.str() << "\n" << describe(e, env);
    }
  }
}
