//===- PartitioningTest.cpp - Is every element in exactly one part ----------===//
#include "dialect/mask/Partitioning.h"

#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Impossible.h"
#include "test/dialect/mask/RandomExpr.h"

#include "gtest/gtest.h"

using namespace attn::mask;

namespace {

const Expr h = Expr::symbol("h"), q = Expr::symbol("q"), k = Expr::symbol("k"), w = Expr::symbol("w");
const Expr always = Expr::boolean(true);
Expr number(int64_t n) { return Expr::integer(n); }
Expr eq(const Expr &a, const Expr &b) { return Expr::make(Op::Eq, {a, b}); }
Expr mod(const Expr &a, const Expr &b) { return Expr::make(Op::Mod, {a, b}); }
Expr div(const Expr &a, const Expr &b) { return Expr::make(Op::FloorDiv, {a, b}); }

TEST(Partitioning, Proved) {
  Expr ids = Expr::element("ids", {h}, Type::Int), near = q - k < w;
  std::vector<std::vector<Part>> all = {
      {{"all", always}},
      {{"a", k < w}, {"b", w <= k}},
      {{"a", k < number(4)}, {"b", !(k < number(4)) && near}, {"c", !(k < number(4)) && !near}},
      {{"a", eq(ids, number(0))}, {"b", eq(ids, number(1))}, {"c", ids < number(0)}, {"d", number(2) <= ids}},
      {{"a", eq(mod(h, number(2)), number(0))}, {"b", eq(mod(h, number(2)), number(1))}},
      {{"a", q < number(64)}, {"b", number(1) <= div(q, number(64))}},
  };
  for (const auto &parts : all) {
    Partitioning p = partitioningOf(always, parts, {});
    EXPECT_EQ(p.answer, Partitioning::Proved) << parts[0].condition.str() << ": " << p.reason;
  }
  EXPECT_EQ(partitioningOf(k <= q, {{"near", k <= q && near}, {"far", k <= q && w <= q - k}}, {}).answer,
            Partitioning::Proved);
}

TEST(Partitioning, Counterexamples) {
  auto reason = [](const Expr &whole, const std::vector<Part> &parts) {
    Partitioning p = partitioningOf(whole, parts, {});
    EXPECT_EQ(p.answer, Partitioning::Refuted);
    return p.reason;
  };
  EXPECT_EQ(reason(always, {{"first", h < number(2)}, {"rest", number(3) <= h}}), "the element h = 2 is in no part");
  EXPECT_EQ(reason(always, {{"first", h < number(3)}, {"rest", number(2) <= h}}),
            "the element h = 2 is in first and rest");
  EXPECT_EQ(reason(always, {{"even", eq(mod(h, number(2)), number(0))}, {"third", eq(mod(h, number(3)), number(1))}}),
            "the element h = 3 is in no part");
  EXPECT_EQ(reason(k <= q, {{"all", k <= q + number(1)}}), "the element q = 0, k = 1 is in all, outside of the whole");
  EXPECT_EQ(reason(always, {{"far", number(70000) <= k}, {"near", k < number(69999)}}),
            "the element k = 69999 is in no part");
  EXPECT_EQ(reason(always, {}), "every element is in no part");
  EXPECT_EQ(reason(always, {{"window", q - k < w}, {"rest", w < q - k}}).find("the element q = "), 0u);
  Expr chosen = Expr::element("chosen", {h}, Type::Bool);
  EXPECT_NE(reason(always, {{"a", chosen}, {"b", !chosen || eq(h, number(1))}}).find("chosen = ["), std::string::npos);
}

TEST(Partitioning, NotProved) { // a square is never 3
  Partitioning p = partitioningOf(always, {{"all", !eq(h * h, number(3))}}, {});
  EXPECT_EQ(p.answer, Partitioning::NotProved);
  EXPECT_EQ(p.reason, "no counterexample among 12 elements");
}

/// First matches of random rules are proved; random parts get the answer of brute force.
TEST(Partitioning, Random) {
  std::mt19937 random(7);
  const char *const axes[] = {"b", "h", "g", "l", "q", "k"};
  auto below = [&](int n) { return int64_t(random() % n); };
  auto rule = [&]() -> Expr {
    Expr x = Expr::symbol(axes[below(6)]), y = Expr::symbol(axes[below(6)]);
    switch (below(4)) {
    case 0: return x < number(below(6));
    case 1: return eq(mod(x, number(2 + below(3))), number(below(2)));
    case 2: return x <= y + number(below(4) - 2);
    default: return div(x, number(2)) < y;
    }
  };
  int refuted = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Part> first, loose;
    Expr none = always;
    for (int i = 0, n = int(1 + below(3)); i < n; ++i) {
      Expr r = rule();
      first.push_back({"p" + std::to_string(i), none && r});
      loose.push_back({"p" + std::to_string(i), r});
      none = none && !r;
    }
    first.push_back({"otherwise", none});
    Partitioning p = partitioningOf(always, first, {});
    EXPECT_EQ(p.answer, Partitioning::Proved) << p.reason;

    p = partitioningOf(always, loose, {});
    bool exact = true; // on six positions of each axis
    for (int64_t element = 0; element < 6 * 6 * 6 * 6 * 6 * 6 && exact; ++element) {
      Environment env;
      int64_t rest = element, count = 0;
      for (const char *axis : axes) {
        env.values[axis] = rest % 6;
        rest /= 6;
      }
      for (const Part &part : loose)
        count += evaluate(part.condition, env).integer;
      exact = count == 1;
    }
    if (!exact) {
      EXPECT_NE(p.answer, Partitioning::Proved) << loose[0].condition.str();
    }
    refuted += p.answer == Partitioning::Refuted;
    EXPECT_NE(exact && p.answer == Partitioning::Refuted && p.reason.find("= 6") == std::string::npos &&
                  p.reason.find("= 7") == std::string::npos,
              true)
        << p.reason;
  }
  EXPECT_GT(refuted, 150);
}

/// What is impossible has no model, on random conditions of every operator.
TEST(Impossible, NeverHolds) {
  int impossible = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    test::RandomExpr make(seed);
    Expr e = make.anyMask() && make.anyMask() && make.exactMask();
    if (!isImpossible(e, {{"doc", "start"}, {"stride"}}))
      continue;
    ++impossible;
    for (int round = 0; round < 50; ++round) {
      Environment env = make.environment(30);
      for (const char *axis : {"q", "k"})
        env.values[axis] = make.between(0, 29);
      env.values["h"] = make.between(0, 3);
      Value value = evaluate(e, env);
      EXPECT_FALSE(value.ok() && value.integer) << e.str();
    }
  }
  EXPECT_GT(impossible, 3);
}

} // namespace
