//===- FormTest.cpp - Named forms and what they stand for -------------------===//
#include "test/dialect/spec/Support.h"

#include <algorithm>

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

struct Pair {
  const char *form, *expansion;
};

class Forms : public testing::TestWithParam<Pair> {};

TEST_P(Forms, EqualTheirExpansion) { EXPECT_EQ(canonical(GetParam().form), canonical(GetParam().expansion)); }

// The table of docs/spec-format.md.
const Pair pairs[] = {
    {"full", "true"},
    {"full()", "true"},
    {"causal", "k <= q"},
    {"window(w)", "k <= q and q - w < k"},
    {"window(256)", "q - 256 < k <= q"},
    {"sliding(w, n)", "q - w <= k <= q + n"},
    {"local(w)", "q - w <= k and k <= q + w"},
    {"sink(n)", "k < n"},
    {"causal or prefix(n)", "k <= q or k < n"},
    {"global(n)", "q < n or k < n"},
    {"document(ids)", "ids[b, q] == ids[b, k]"},
    {"dilated(n)", "(q - k) % n == 0"},
    {"block_diagonal(w)", "q // w == k // w"},
    {"chunked(w)", "k <= q and q // w == k // w"},
    {"strided(w)", "k <= q and (q - k < w or (q - k) % w == 0)"},
    {"fixed(w)", "k <= q and (q // w == k // w or k % w >= w - 1)"},
    {"fixed(w, summary=n)", "k <= q and (q // w == k // w or k % w >= w - n)"},
    {"block_list(list, list, w, 2)", "member(k // 2, list, list[q // w], list[q // w + 1])"},
    {"block_mask(num, indices, w, n)", "member(k // n, indices[b, h, q // w], 0, num[b, h, q // w])"},
    {"tree(ids, n)", "k < n or n <= k and ancestor(ids[b], q - n, k - n)"},
    {"tree(ids, n)", "k < n or n <= k and ancestor(ids, q - n, k - n)"},
    {"neighborhood(w, causal=true)", "k <= q and q - k < w"},
};
INSTANTIATE_TEST_SUITE_P(All, Forms, testing::ValuesIn(pairs));

TEST(JsonForms, EqualTheTextForm) {
  auto json = [](const std::string &mask) { return onlyMask(document("\"mask\": " + mask)).str(); };
  EXPECT_EQ(json(R"({"window": 256})"), canonical("window(256)"));
  EXPECT_EQ(json(R"({"window": "w + 1"})"), canonical("window(w + 1)"));
  EXPECT_EQ(json(R"({"sliding": {"right": "n", "left": 2}})"), canonical("sliding(2, n)"));
  EXPECT_EQ(json(R"({"document": "ids"})"), canonical("document(ids)"));
  EXPECT_EQ(json(R"({"and": ["causal", {"or": [{"sink": 4}, "q - k < w"]}]})"),
            canonical("causal and (sink(4) or q - k < w)"));
  EXPECT_EQ(json(R"({"not": {"causal": {}}})"), canonical("not causal"));
  EXPECT_EQ(json("true"), "true");
}

/// One axis of generalised neighbourhood attention, from NATTEN's reference mask.
bool neighbor(int64_t x, int64_t y, int64_t length, int64_t window, int64_t stride, int64_t dilation, bool causal) {
  int64_t residue = x % dilation;
  if (y % dilation != residue)
    return false;
  length = (length - residue + dilation - 1) / dilation;
  x /= dilation;
  y /= dilation;
  int64_t left = window / 2, right = window / 2 - 1 + window % 2;
  if (causal) {
    int64_t leader = std::min(x / stride * stride + stride - 1, length - 1);
    return y >= std::max<int64_t>(leader - left - right, 0) && y < std::min(x + 1, length);
  }
  int64_t leader = std::min(x / stride * stride + stride / 2, length - 1);
  int64_t start = std::max<int64_t>(leader - left, 0) + (leader + right >= length ? length - right - leader - 1 : 0);
  return y >= start && y < start + window;
}

TEST(Neighborhood, OneAxisIsNattensDefinition) {
  for (bool causal : {false, true})
    for (int64_t dilation : {1, 2, 3})
      for (int64_t window : {1, 2, 3, 5})
        for (int64_t stride = 1; stride <= window; ++stride) {
          std::string text = "neighborhood(" + std::to_string(window) + ", " + std::to_string(stride) + ", " +
                             std::to_string(dilation) + (causal ? ", true)" : ", false)");
          attn::mask::Expr mask = onlyMask(withMask(text));
          for (int64_t length = window * dilation; length < 20; length += 3)
            for (int64_t q = 0; q < length; ++q)
              for (int64_t k = 0; k < length; ++k)
                ASSERT_EQ(visible(mask, q, k, length), neighbor(q, k, length, window, stride, dilation, causal))
                    << text << " q " << q << " k " << k << " length " << length;
        }
}

TEST(Neighborhood, GridIsTheProductOfItsAxes) {
  const int64_t sizes[] = {4, 5, 6}, window[] = {2, 3, 3}, stride[] = {1, 2, 1};
  attn::mask::Expr mask = onlyMask(document(R"("grid": {"axes": ["t", "y", "x"], "sizes": [4, 5, 6]},
    "mask": {"neighborhood": {"window": [2, 3, 3], "stride": [1, 2, 1], "dilation": 1,
                              "causal": [true, false, false]}})"));
  for (int64_t q = 0; q < 120; ++q)
    for (int64_t k = 0; k < 120; ++k) {
      int64_t at[] = {q / 30, q / 6 % 5, q % 6}, to[] = {k / 30, k / 6 % 5, k % 6};
      bool expected = true;
      for (int i = 0; i < 3; ++i)
        expected &= neighbor(at[i], to[i], sizes[i], window[i], stride[i], 1, i == 0);
      ASSERT_EQ(visible(mask, q, k, 120), expected) << q << " " << k;
    }
}

TEST(ScoreForms, EqualTheirExpansion) {
  auto score = [](const std::string &text) {
    auto pattern = readOk(document("\"score\": " + text));
    return pattern ? pattern->entries[0].attend.maps[0].score.str() : "";
  };
  EXPECT_EQ(score(R"--("softcap(cap)")--"), score(R"--("cap * tanh(s / cap)")--"));
  EXPECT_EQ(score(R"({"softcap": 50})"), score(R"--("50.0 * tanh(s / 50.0)")--"));
  EXPECT_EQ(score(R"--("softcap(cap, s + alibi(slope[h]))")--"),
            score(R"--("cap * tanh((s + slope[h] * float(k - q)) / cap)")--"));
  auto plain = readOk(document(R"("score": "s")"));
  EXPECT_FALSE(bool(plain->entries[0].attend.maps[0].score));
}

} // namespace
