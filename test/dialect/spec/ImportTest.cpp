//===- ImportTest.cpp - Patterns as attn IR ---------------------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/spec/SpecToIR.h"
#include "test/dialect/spec/Support.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

/// The IR of a document, verified, as text.
std::string ir(const std::string &document, const std::string &request = "") {
  auto pattern = readOk(document);
  if (!pattern)
    return "";
  Diagnostics diagnostics;
  auto variant = variantOf(*pattern, request, diagnostics);
  EXPECT_TRUE(variant) << diagnostics.str();
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = import(*pattern, *variant, context);
  EXPECT_TRUE(succeeded(mlir::verify(*module))) << document;
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

size_t count(const std::string &text, const std::string &what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++n;
  return n;
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST(Import, ShippedPatternsVerifyAndPrintBack) {
  for (const auto &path : shippedPatterns()) {
    std::string text = readFile(path);
    auto pattern = readOk(text);
    ASSERT_TRUE(pattern) << path;
    EXPECT_EQ(pattern->name, path.stem());
    EXPECT_FALSE(pattern->doc.empty()) << path;
    std::string printed = print(*pattern);
    EXPECT_EQ(print(*readOk(printed)), printed) << path;
    EXPECT_EQ(ir(printed, "d=128,dtype=bf16"), ir(text, "d=128,dtype=bf16")) << path;
  }
}

TEST(Import, CausalIsOneComparison) {
  std::string text = ir(readFile(std::string(ATTN_PATTERNS) + "/causal.json"), "d=128,dv=64,dtype=f16");
  EXPECT_NE(text.find("attn.pattern @causal positions(bottom_right)"), std::string::npos) << text;
  EXPECT_NE(text.find("tensor<?x?x?x128xf16> {attn.cache = \"kv\", attn.name = \"k\", attn.role = \"key\"}"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("tensor<?x?x?x64xf16> {attn.cache = \"kv\", attn.name = \"v\", attn.role = \"value\"}"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("tensor<?x?x?xf32> {attn.name = \"lse\", attn.role = \"lse\"}"), std::string::npos) << text;
  EXPECT_EQ(count(text, "arith."), 1u) << text;
}

struct Pair {
  const char *what, *one, *other;
};

class SameIR : public testing::TestWithParam<Pair> {};

TEST_P(SameIR, OfTwoSpellings) {
  EXPECT_EQ(ir(document(GetParam().one)), ir(document(GetParam().other))) << GetParam().what;
}

const Pair spellings[] = {
    {"named form", R"j("mask": {"window": "w"})j", R"j("mask": "k <= q and q - k < w")j"},
    {"order of and", R"j("mask": "k <= q and q - k < w")j", R"j("mask": "q - k < w and k <= q")j"},
    {"order of or", R"j("mask": "k < n or causal or ids[q] == ids[k]")j",
     R"j("mask": "ids[k] == ids[q] or k < n or k <= q")j"},
    {"nesting of and", R"j("mask": "causal and (k < 9 and q < w)")j", R"j("mask": "(causal and k < 9) and q < w")j"},
    {"direction of a comparison", R"j("mask": "q >= k")j", R"j("mask": "not (k > q)")j"},
    {"let", R"j("mask": "distance < w")j", R"j("mask": "q - k < w")j"},
    {"a map without classes", R"j("mask": "causal")j", R"j("kernel_maps": {"all": {"mask": "causal"}})j"},
    {"defaults", R"j("mask": "causal")j",
     R"j("mask": "causal", "score": "s", "weight": "softmax", "value": "v", "outputs": ["lse", "out"])j"},
    {"a default cache", R"j("mask": "causal")j", R"j("mask": "causal", "caches": {"kv": {"layout": "contiguous"}})j"},
    {"a phase that shares the maps", R"j("mask": "causal", "phases": {"run": {}})j",
     R"j("phases": {"run": {"mask": "causal"}})j"},
    {"order of classes in a name",
     R"j("partitions": {"a": {"axis": "kv_head", "classes": {"x": "g == 0", "y": "otherwise"}},
                       "c": {"axis": "key", "classes": {"x": "k < n", "y": "otherwise"}}},
        "kernel_maps": {"a.x & c.x": {"mask": "causal"}, "all": {}})j",
     R"j("partitions": {"a": {"axis": "kv_head", "classes": {"x": [0], "y": "otherwise"}},
                       "c": {"axis": "key", "classes": {"x": "sink(n)", "y": "otherwise"}}},
        "kernel_maps": {"c.x&a.x": {"mask": "causal"}, "all": {"mask": "full"}})j"},
};
INSTANTIATE_TEST_SUITE_P(Spellings, SameIR, testing::ValuesIn(spellings));

TEST(Import, NamesDoNotChangeTheIR) {
  // Sorted by name, the operands of `and` and `or` would change places.
  const std::string text = R"j({"attn": 1, "name": "p", "params": {"alpha": 1, "beta": 2, "gamma": 3},
    "operands": {"ids": {"shape": ["batch", "kv_len"], "dtype": "i32"}},
    "mask": "k < beta and q < alpha and (q + gamma < k or ids[q] < alpha + beta)"})j";
  std::string other = replaced(replaced(replaced(text, "alpha", "zz"), "gamma", "aa"), "ids", "zzz");
  std::string renamed = replaced(replaced(replaced(ir(text), "@alpha", "@zz"), "@gamma", "@aa"), "@ids", "@zzz");
  EXPECT_EQ(ir(other), renamed);
}

TEST(Import, CommonSubexpressionsAppearOnce) {
  std::string text = ir(withMask("ids[q] % 7 == 1 or ids[q] % 7 == 3 or (ids[q] % 7 == 5 and causal)"));
  EXPECT_EQ(count(text, "attn.element"), 1u) << text;
  EXPECT_EQ(count(text, "attn.mod"), 1u) << text;
}

TEST(Import, LinearGivesOnlyOut) {
  std::string text = ir(document(R"("mask": "causal", "weight": {"linear": {"decay": 0.5}})"));
  EXPECT_NE(text.find("weight(#attn.linear<\"chunked\">)"), std::string::npos) << text;
  EXPECT_EQ(count(text, "\"lse\""), 0u) << text;
}

TEST(Import, CachesOfAnEntry) {
  std::string text = ir(readFile(std::string(ATTN_PATTERNS) + "/duoattention.json"));
  EXPECT_EQ(count(text, "attn.name = \"k.whole\""), 3u) << text; // prefill, decode and soft
  EXPECT_EQ(count(text, "attn.name = \"k.ring\""), 1u) << text;  // decode
  EXPECT_NE(text.find("caches [@whole, @ring]"), std::string::npos) << text;
  EXPECT_NE(text.find("cache(1)"), std::string::npos) << text;
}

TEST(Import, ScaleAndOperandSizes) {
  std::string text = ir(document(R"("scale": 0.25)"));
  EXPECT_NE(text.find("scale(2.500000e-01"), std::string::npos) << text;
  text = ir(document(R"("scale": "cap")"));
  EXPECT_NE(text.find("scale_param(@cap)"), std::string::npos) << text;
  text = ir(readFile(std::string(ATTN_PATTERNS) + "/rope_causal.json"), "d=96");
  EXPECT_NE(text.find("attn.operand @cos [\"kv_len\", 48] : f32"), std::string::npos) << text;
}

} // namespace
