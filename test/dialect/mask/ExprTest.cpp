//===- ExprTest.cpp - Printing and canonical forms ------------------------===//
#include "dialect/mask/Simplify.h"

#include <gtest/gtest.h>

using namespace attn::mask;

static const Expr q = Expr::symbol("q"), k = Expr::symbol("k"), h = Expr::symbol("h"), w = Expr::symbol("window"),
                  x = Expr::symbol("x", Type::Float);
static Expr c(int64_t value) { return Expr::integer(value); }
static Expr op(Op o, std::vector<Expr> args) { return Expr::make(o, std::move(args)); }

TEST(ExprTest, Printing) {
  EXPECT_EQ(((k <= q) && (q - k < w)).str(), "k <= q and q - k < window");
  EXPECT_EQ(((k <= q || k < w) && !(h < c(2))).str(), "(k <= q or k < window) and not h < 2");
  EXPECT_EQ((q - (k - c(1))).str(), "q - (k - 1)");
  EXPECT_EQ(op(Op::Mod, {q + k, c(4)}).str(), "(q + k) % 4");
  EXPECT_EQ(op(Op::Mul, {op(Op::FloorDiv, {q, c(4)}), c(-4)}).str(), "q // 4 * -4");
  EXPECT_EQ(Expr::element("doc", {q, k}, Type::Int).str(), "doc[q, k]");
  EXPECT_EQ(Expr::real(2).str(), "2.0");
  EXPECT_EQ(op(Op::Select, {k <= q, c(1), op(Op::Neg, {k})}).str(), "select(k <= q, 1, -k)");
}

namespace {
struct Pair {
  Expr e;
  const char *canonical;
};
} // namespace

TEST(ExprTest, Canonical) {
  Expr pow2 = op(Op::IsPow2, {q - k}), mod = op(Op::Mod, {q - k, w});
  const Pair pairs[] = {
      {k <= q, "k <= q"},
      {!(q < k), "k <= q"},
      {c(0) <= q - k, "k <= q"},
      {!(q - k < c(0)), "k <= q"},
      {k < q + c(1), "k <= q"},
      {c(2) * k < c(2) * q + c(1), "k <= q"},
      {!(k <= q), "q < k"},
      {q + c(1) <= k, "q < k"},
      {q - k < w, "q < k + window"},
      {q - k < c(256), "q <= k + 255"},
      {k <= c(-1), "k < 0"},
      {c(3) <= k, "3 <= k"},
      {c(0) < k, "0 < k"},
      {c(3) < c(2), "false"},
      {op(Op::Eq, {q, k}), "k == q"},
      {op(Op::Eq, {c(2) * k, c(3)}), "false"},
      {!op(Op::Eq, {k, q}), "k != q"},
      {(q - k < w) && (k <= q), "k <= q and q < k + window"},
      {(k <= q) && ((k <= q) && (k <= q)), "k <= q"},
      {(k <= q) || ((k <= q) && (k < w)), "k <= q"},
      {(k <= q) && (q < k), "false"},
      {(k <= q) || !(k <= q), "true"},
      {!((k <= q) && pow2), "q < k or not is_pow2(q - k)"},
      {op(Op::Eq, {op(Op::Mod, {q, w}), op(Op::Mod, {k, w})}), "(q - k) % window == 0"},
      {op(Op::Eq, {op(Op::Mod, {k - q, w}), c(0)}), "(q - k) % window == 0"},
      {op(Op::Eq, {op(Op::Mod, {k + c(5), c(4)}), c(1)}), "k % 4 == 0"},
      {op(Op::Lt, {op(Op::Mod, {k, c(4)}), c(0)}), "false"},
      {op(Op::Le, {op(Op::Mod, {k, c(4)}), c(3)}), "true"},
      {mod <= c(0), "(q - k) % window <= 0"},
      {op(Op::Select, {q < k, Expr::boolean(false), Expr::boolean(true)}), "k <= q"},
      {op(Op::Lt, {x, Expr::real(0)}), "x < 0.0"},
      {!op(Op::Lt, {x, Expr::real(0)}), "not x < 0.0"},
      {!op(Op::Eq, {x, Expr::real(0)}), "0.0 != x"},
  };
  for (const Pair &pair : pairs) {
    Expr canonical = canonicalize(pair.e);
    EXPECT_EQ(canonical.str(), pair.canonical) << "from " << pair.e.str();
    EXPECT_EQ(canonicalize(canonical).str(), pair.canonical);
  }
}

TEST(ExprTest, CanonicalArithmetic) {
  const Pair pairs[] = {
      {q + c(2) + k - c(2) - q, "k"},
      {k - q - k, "-q"},
      {c(5) - k, "5 - k"},
      {op(Op::Mul, {q, c(3), w}), "3 * q * window"},
      {op(Op::FloorDiv, {c(-7), c(2)}), "-4"},
      {op(Op::Mod, {c(-7), c(2)}), "1"},
      {op(Op::FloorDiv, {c(7), c(0)}), "7 // 0"},
      {op(Op::Add, {c(INT64_MAX), c(1)}), "9223372036854775807 + 1"},
      {op(Op::FloorDiv, {c(4) * k + c(9), c(8)}), "k // 2 + 1"},
      {op(Op::FloorDiv, {k + c(8), c(8)}), "k // 8 + 1"},
      {op(Op::Mod, {c(2) * k, c(8)}), "2 * (k % 4)"},
      {op(Op::Mod, {c(2) * k + c(1), c(8)}), "(2 * k + 1) % 8"},
      {op(Op::Min, {q, c(3), op(Op::Min, {k, q, c(2)})}), "min(2, k, q)"},
      {op(Op::Abs, {k - q}), "abs(q - k)"},
      {op(Op::Select, {q < k, k, q}), "select(q < k, k, q)"},
      {op(Op::Select, {k <= q, q, k}), "select(q < k, k, q)"},
      {op(Op::Add, {x, Expr::real(1), Expr::real(2)}), "1.0 + x + 2.0"},
      {op(Op::Mul, {Expr::real(2), Expr::real(3)}), "6.0"},
  };
  for (const Pair &pair : pairs) {
    Expr canonical = canonicalize(pair.e);
    EXPECT_EQ(canonical.str(), pair.canonical) << "from " << pair.e.str();
    EXPECT_EQ(canonicalize(canonical).str(), pair.canonical);
  }
}
