//===- EvictionTest.cpp - Whether unseen keys stay unseen -------------------===//
#include "passes/analysis/Eviction.h"

#include "dialect/spec/Read.h"

#include "gtest/gtest.h"

using namespace attn;
using passes::Eviction;

namespace {

const char *declarations =
    R"("params": { "w": 256, "sink": 4, "block": 64, "vert": 8, "local": 4, "step": 3, "chunk": 900 },
  "operands": { "doc": { "shape": ["batch", "kv_len"], "dtype": "i32", "domain": "sorted" },
                "ids": { "shape": ["batch", "kv_len"], "dtype": "i32" } })";

Eviction of(const std::string &mask) {
  spec::Diagnostics diagnostics;
  auto pattern = spec::read(
      R"({ "attn": 1, "name": "x", )" + std::string(declarations) + R"(, "mask": ")" + mask + "\" }", diagnostics);
  EXPECT_TRUE(pattern) << diagnostics.str();
  mask::Facts facts{{"doc"}, {"block", "vert", "w"}};
  mask::Environment defaults;
  for (const spec::Param &param : pattern->params)
    defaults.values[param.name] = std::get<int64_t>(param.value);
  return passes::evictionOf(pattern->entries[0].attend.maps[0].mask, facts, defaults);
}

TEST(Eviction, Proved) {
  for (const char *mask :
       {"causal", "full", "window(w)", "causal and (sink(sink) or q - k < w)",
        "causal and (k < sink or k >= chunk - w)", "causal and doc[q] == doc[k]", "window(w) and doc[q] == doc[k]",
        "chunked(block)", "block_diagonal(block)",
        // S2-Attention: local blocks and stripes of the head
        "causal and (q // block - k // block < local or (k // block + h * step) % vert == 0)", "fixed(block, 8)"})
    EXPECT_EQ(of(mask).answer, Eviction::Yes) << mask << ": " << of(mask).str();
}

TEST(Eviction, Refuted) {
  Eviction power = of("causal and (q // 256 - k // 256 < 2 or k // 256 == 0 or is_pow2(q // 256 - k // 256))");
  EXPECT_EQ(power.str(), "no: key 256 is not seen at q = 1024 but is seen again at q = 1280");
  EXPECT_EQ(of("dilated(block)").str(), "no: key 0 is not seen at q = 1 but is seen again at q = 64");
  EXPECT_EQ(of("causal and (q - k < w or q == kv_len - 1)").seen, 4095);
  EXPECT_EQ(of("strided(block)").answer, Eviction::No);
}

TEST(Eviction, NotKnown) { // depends on values that are not there
  EXPECT_EQ(of("causal and ids[q] == ids[k]").answer, Eviction::NotKnown);
}

} // namespace
