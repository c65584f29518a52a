//===- ExactnessTest.cpp - The loops visit what they must, and no more -----===//
#include "test/exactness/Cases.h"
#include "test/exactness/RowMask.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn::exactness;

namespace {
class Exactness : public testing::TestWithParam<Case> {};

TEST_P(Exactness, EveryTile) {
  Compiled pattern = compile(GetParam().spec);
  ASSERT_EQ(pattern.error, "");
  bool all = std::getenv("ATTN_TEST_ALL") != nullptr;
  for (int64_t keys : {1, 63, 130, 1000, 4096}) {
    if (keys == 4096 && !all)
      continue;
    for (int64_t queries : {keys, keys / 3}) {
      Call call = makeCall(GetParam(), pattern, queries, keys);
      for (const Loop &loop : pattern.loops) {
        Call one = call;
        if (loop.isDecode)
          one.queries = std::min<int64_t>(queries, 1);
        Counts counts = compareAll(loop, one);
        EXPECT_EQ(counts.error, "") << loop.mask.str() << "\n" << queries << " x " << keys << ", "
                                    << counts.visited - counts.mustVisit << " visited and "
                                    << counts.partial - counts.mustMask << " partial in excess";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, Exactness, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.name); });
} // namespace
