//===- ExactnessTest.cpp - The loops visit what they must, and no more -----===//
//
// With ATTN_TEST_ALL also a million keys. docs/exactness.md holds the counts; attn-exactness writes it.
//===----------------------------------------------------------------------===//
#include "test/exactness/Report.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace attn::exactness;

static std::string contents(const std::filesystem::path &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static void expectExact(const Case &test, const Compiled &pattern, int64_t queries, int64_t keys, int rowTiles = 0) {
  Call call = makeCall(test, pattern, queries, keys);
  for (const Loop &loop : pattern.loops) {
    Call one = call;
    if (loop.isDecode)
      one.queries = std::min<int64_t>(queries, 1);
    Counts counts = rowTiles ? compareSome(loop, one, rowTiles) : compareAll(loop, one);
    EXPECT_EQ(counts.error, "") << loop.mask.str() << "\n"
                                << queries << " x " << keys << ", " << counts.visited - counts.mustVisit
                                << " visited and " << counts.partial - counts.mustMask << " partial in excess";
  }
}

namespace {
class Exactness : public testing::TestWithParam<Case> {};

TEST_P(Exactness, SmallCalls) {
  Compiled pattern = compile(GetParam().spec);
  ASSERT_EQ(pattern.error, "");
  for (int64_t keys : {1, 63, 130, 1000})
    for (int64_t queries : {keys, keys / 3})
      expectExact(GetParam(), pattern, queries, keys);
}

TEST_P(Exactness, AsReported) {
  std::string report = contents(ATTN_DOCS "/exactness.md"), row = rowOf(GetParam(), 4096, 0);
  EXPECT_NE(report.find(row + "\n"), std::string::npos)
      << row << "\nis not in docs/exactness.md; write it anew: build/dev/bin/attn-exactness > docs/exactness.md";
}

TEST_P(Exactness, MillionKeys) {
  if (!std::getenv("ATTN_TEST_ALL"))
    GTEST_SKIP() << "needs ATTN_TEST_ALL";
  expectExact(GetParam(), compile(GetParam().spec, millionRows), millionKeys, millionKeys, millionTiles);
}

INSTANTIATE_TEST_SUITE_P(Masks, Exactness, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.name); });

/// Every pattern in patterns/, but those whose tiles are boxes of a grid.
TEST(ShippedPatterns, AreExact) {
  int count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(ATTN_PATTERNS)) {
    std::string text = contents(entry.path());
    if (entry.path().extension() != ".json" || text.find("\"grid\"") != std::string::npos)
      continue;
    SCOPED_TRACE(entry.path().filename().string());
    Case test{"", text, 4, 2, {}};
    Compiled pattern = compile(text);
    ASSERT_EQ(pattern.error, "");
    for (int64_t keys : {130, 700})
      expectExact(test, pattern, keys, keys);
    ++count;
  }
  EXPECT_GT(count, 10);
}
} // namespace
