//===- ExpressionTest.cpp - The expression language -------------------------===//
#include "test/dialect/spec/Support.h"

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

/// Two spellings of one mask.
void same(const std::string &a, const std::string &b) { EXPECT_EQ(canonical(a), canonical(b)); }

/// The error of a mask without its common beginning "... at /mask (line N, ".
std::string errorOf(const std::string &mask) {
  std::string error = firstError(withMask(mask));
  size_t at = error.find(" at /mask (line 7, ");
  EXPECT_NE(at, std::string::npos) << error;
  return at == std::string::npos ? error : error.substr(0, at) + " (" + error.substr(at + 19);
}

TEST(Expression, Precedence) {
  same("not k <= q or k < w and q < w", "(not (k <= q)) or ((k < w) and (q < w))");
  same("q - k - w < n", "((q - k) - w) < n");
  same("q + k * w // n % w < 0", "q + (((k * w) // n) % w) < 0");
  same("-q * k < 0", "(-q) * k < 0");
  same("q - -k < w", "q + k < w");
  EXPECT_FALSE(visible(onlyMask(withMask("7 - 2 - 3 == 8")), 0, 0, 1));
  EXPECT_TRUE(visible(onlyMask(withMask("-7 // 2 == -4 and -7 % 2 == 1 and 7 % -2 == -1")), 0, 0, 1));
}

TEST(Expression, ChainsAndRanges) {
  same("0 <= k < q < w", "0 <= k and k < q and q < w");
  same("k in n..q", "n <= k and k < q");
  same("k not in n..q", "not (n <= k and k < q)");
  same("q - k in -1..w + 1", "-1 <= q - k and q - k < w + 1");
  same("k == q != w", "k == q and q != w");
}

TEST(Expression, Functions) {
  same("clamp(k, 1, 5) == q", "min(max(k, 1), 5) == q");
  same("min(q, k, w) < 1", "min(min(q, k), w) < 1");
  same("select(k < w, q, k) == 3", "select(k < w, q, k) == 3");
  EXPECT_TRUE(visible(onlyMask(withMask("is_pow2(q - k)")), 9, 1, 16));
  EXPECT_TRUE(visible(onlyMask(withMask("floor(float(q) / 2) == 4")), 9, 0, 16));
  EXPECT_TRUE(visible(onlyMask(withMask("abs(k - q) == 8 and sqrt(float(q)) == 3.0")), 9, 1, 16));
}

TEST(Expression, NumbersAndConversions) {
  EXPECT_EQ(canonical("q < -9223372036854775808"), "q < -9223372036854775808");
  EXPECT_EQ(canonical("cap < 1e-3"), "cap < 0.001");
  EXPECT_EQ(canonical("cap < 2"), "cap < 2.0");
  EXPECT_EQ(canonical("q / 2 < cap"), "float(q) / 2.0 < cap");
  EXPECT_TRUE(visible(onlyMask(withMask("7 / 2 == 3.5")), 0, 0, 1));
}

TEST(Expression, TensorsAndLet) {
  same("ids[q] == ids[k]", "ids[b, q] == ids[b, k]");
  same("distance < w", "q - k < w");
  same("flag[k]", "flag[k] != 0");
  EXPECT_TRUE(visible(onlyMask(withMask("flag[k] == 1")), 0, 3, 4));
  EXPECT_EQ(canonical("not flag[k]"), "flag[k] == 0");
}

TEST(Expression, GridCoordinates) {
  auto mask = [](const std::string &text) {
    return onlyMask(document(R"("grid": {"axes": ["t", "y", "x"], "sizes": [2, "w", 5]}, "mask": ")" + text + "\""))
        .str();
  };
  EXPECT_EQ(mask("q.x == k.x"), mask("q % 5 == k % 5"));
  EXPECT_EQ(mask("q.y == k.y"), mask("q // 5 % w == k // 5 % w"));
  EXPECT_EQ(mask("q.t == k.t"), mask("q // (w * 5) == k // (w * 5)"));
}

TEST(Expression, SyntaxErrors) {
  EXPECT_EQ(errorOf("k <="), "EXPR_SYNTAX (column 5): expected a value, found the end");
  EXPECT_EQ(errorOf("k <= q q"), "EXPR_SYNTAX (column 8): expected an operator or the end, found \"q\"");
  EXPECT_EQ(errorOf("(k <= q"), "EXPR_SYNTAX (column 8): expected \")\", found the end");
  EXPECT_EQ(errorOf("k & q"), "EXPR_SYNTAX (column 3): character \"&\" has no meaning here, expected \"and\"");
  EXPECT_EQ(errorOf("k < 12x"), "EXPR_SYNTAX (column 5): a number ends in \"x\"");
  EXPECT_EQ(errorOf("k and and q"), "EXPR_SYNTAX (column 7): expected a value, found \"and\"");
  EXPECT_EQ(errorOf("k not q"), "EXPR_SYNTAX (column 7): expected \"in\", found \"q\"");
  EXPECT_EQ(errorOf("k in 3"), "EXPR_SYNTAX (column 7): expected \"..\", found the end");
  EXPECT_EQ(errorOf("ids[q == 1"), "EXPR_SYNTAX (column 11): expected \"]\", found the end");
  EXPECT_EQ(errorOf("k < 9223372036854775808"),
            "EXPR_SYNTAX (column 5): number \"9223372036854775808\" does not fit in 64 bits");
  EXPECT_EQ(errorOf("cap < 1e39"), "EXPR_SYNTAX (column 7): number \"1e39\" does not fit in a 32-bit float");
  EXPECT_EQ(errorOf("").substr(0, 11), "EXPR_SYNTAX");
}

TEST(Expression, TypeErrors) {
  EXPECT_EQ(errorOf("q"), "EXPR_TYPE (column 1): a mask is a boolean, not an integer");
  EXPECT_EQ(errorOf("k < q and q"), "EXPR_TYPE (column 7): \"and\" takes a boolean, not an integer");
  EXPECT_EQ(errorOf("(k < q) + 1 == 2"), "EXPR_TYPE (column 9): \"+\" takes numbers, not a boolean");
  EXPECT_EQ(errorOf("cap // 2 == 1"), "EXPR_TYPE (column 5): \"//\" takes an integer, not a float");
  EXPECT_EQ(errorOf("ids[cap] == 1"), "EXPR_TYPE (column 1): an index of \"ids\" takes an integer, not a float");
  EXPECT_EQ(errorOf("(k < q) == (q < k)"), "EXPR_TYPE (column 9): \"==\" takes numbers, not a boolean");
  EXPECT_EQ(errorOf("k % 0 == 1"), "BAD_VALUE (column 3): the divisor of \"%\" is 0");
  EXPECT_EQ(errorOf("select(q, 1, 2) == 1"),
            "EXPR_TYPE (column 1): the condition of \"select\" takes a boolean, not an integer");
}

TEST(Expression, NameErrors) {
  EXPECT_EQ(errorOf("k < distanse"),
            "UNKNOWN_NAME (column 5): \"distanse\" is not declared (did you mean \"distance\"?)");
  EXPECT_EQ(errorOf("window"), "UNKNOWN_NAME (column 1): \"window\" is not declared; the named form is written with "
                               "its arguments, as in window(...)");
  EXPECT_EQ(errorOf("windw(3)"), "UNKNOWN_NAME (column 1): there is no function or named form "
                                 "\"windw\" (did you mean \"window\"?)");
  EXPECT_EQ(errorOf("ids == 1"), "EXPR_TYPE (column 1): \"ids\" is a tensor: index it, as in ids[q]");
  EXPECT_EQ(errorOf("idz[q] == 1"), "UNKNOWN_NAME (column 1): \"idz\" is not an operand (did you mean \"ids\"?)");
  EXPECT_EQ(errorOf("slope[q, k] < 1"), "BAD_VALUE (column 1): \"slope\" has 1 dimension, but is indexed with 2");
  EXPECT_EQ(errorOf("q.x == k.x"), "UNKNOWN_NAME (column 1): the pattern has no grid");
  EXPECT_EQ(errorOf("s < 1"), "EXPR_SCOPE (column 1): \"s\" has no meaning in a mask");
}

TEST(Expression, CallErrors) {
  EXPECT_EQ(errorOf("window()"), "MISSING (column 1): \"window\" needs \"size\"");
  EXPECT_EQ(errorOf("window(1, 2)"), "BAD_VALUE (column 11): \"window\" takes 1 argument");
  EXPECT_EQ(errorOf("window(cap)"), "EXPR_TYPE (column 1): \"size\" of \"window\" is an integer, not a float");
  EXPECT_EQ(errorOf("window(sise=1)"), "UNKNOWN_KEY (column 8): \"window\" has no argument \"sise\"");
  EXPECT_EQ(errorOf("sliding(1, left=2)"), "BAD_VALUE (column 17): argument \"left\" is given twice");
  EXPECT_EQ(errorOf("window([1, 2])"), "EXPR_TYPE (column 1): \"size\" of \"window\" is one value, not a list");
  EXPECT_EQ(errorOf("document(idz)"), "UNKNOWN_NAME (column 10): \"ids\" of \"document\" is the "
                                      "name of an operand, not \"idz\"");
  EXPECT_EQ(errorOf("abs(q, k) == 1"), "BAD_VALUE (column 1): \"abs\" takes 1 argument, not 2");
  EXPECT_EQ(errorOf("min(q) == 1"), "BAD_VALUE (column 1): \"min\" takes 2 or more arguments, not 1");
}

TEST(Expression, Limits) {
  std::string deep(100, '('), minus(1000, '-'), nots;
  for (int i = 0; i < 100; ++i)
    nots += "not ";
  std::string nested = "LIMIT (column ";
  EXPECT_EQ(errorOf(deep + "q").substr(0, nested.size()), nested);
  EXPECT_EQ(errorOf(minus + "q < 1").substr(0, nested.size()), nested);
  EXPECT_EQ(errorOf(nots + "causal").substr(0, nested.size()), nested);
  std::string sum = "q", conjunction = "k < 0";
  for (int i = 0; i < 300; ++i)
    sum += " + k";
  for (int i = 0; i < 1500; ++i)
    conjunction += " and k < q";
  EXPECT_NE(errorOf(sum + " < 1").find("nested more than 256 deep"), std::string::npos);
  EXPECT_NE(errorOf(conjunction).find("more than 4096 operations"), std::string::npos);
  EXPECT_NE(firstError(withMask(std::string(20000, ' ') + "causal")).find("16384 bytes"), std::string::npos);
}

TEST(Expression, LetCannotGrowWithoutBound) {
  std::string lets = R"("let": {"a0": "q + k")";
  for (int i = 1; i < 200; ++i)
    lets += ", \"a" + std::to_string(i) + "\": \"a" + std::to_string(i - 1) + " + a" + std::to_string(i - 1) + "\"";
  std::string text = R"({"attn": 1, "name": "x", )" + lets + R"(}, "mask": "a199 < 1"})";
  EXPECT_NE(firstError(text).find("more than 4096 operations"), std::string::npos);
}

} // namespace
