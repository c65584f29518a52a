//===- DocsTest.cpp - docs/spec-format.md says what the reader does ---------===//
#include "dialect/spec/Forms.h"
#include "test/dialect/spec/Support.h"

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

std::string docs() { return readFile(ATTN_DOCS "/spec-format.md"); }

TEST(Docs, ExamplesAreRight) {
  const std::string text = docs(), open = "```json\n";
  size_t count = 0;
  for (size_t at = text.find(open); at != std::string::npos; at = text.find(open, at + 1), ++count) {
    size_t start = at + open.size();
    readOk("{\"attn\": 1, \"name\": \"example\",\n" + text.substr(start, text.find("```", start) - start) + "}");
  }
  EXPECT_GE(count, 20u);
}

TEST(Docs, FormsStandForWhatTheTableSays) {
  std::istringstream lines(docs());
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    // | `form(arguments)` | `expansion` | remark |
    size_t open = line.find("| `"), middle = line.find("` | `"), close = line.rfind("` | ");
    if (open != 0 || middle == std::string::npos || close <= middle)
      continue;
    std::string form = line.substr(3, middle - 3), expansion = line.substr(middle + 5, close - middle - 5);
    std::string name = form.substr(0, form.find('('));
    if (!findForm(name))
      continue;
    seen.insert(name);
    const char *key = name == "softcap" || name == "alibi" ? "score" : "mask";
    auto expression = [&](const std::string &text) {
      auto pattern = readOk(std::string(R"({"attn": 1, "name": "x", "params": {"size": 1, "left": 1, "right": 1,
        "radius": 1, "count": 1, "step": 1, "block": 1, "chunk": 1, "stride": 1, "summary": 1,
        "cap": 1.0, "slope": 1.0, "score": 1.0, "q_block": 1, "k_block": 1, "prefix": 1},
        "operands": {"ids": {"shape": ["batch", "kv_len"], "dtype": "i32"}, "rows": {"shape": [9], "dtype": "i32"},
                     "columns": {"shape": [9], "dtype": "i32"}, "num": {"shape": [1, 1, 9], "dtype": "i32"},
                     "indices": {"shape": [1, 1, 9, 9], "dtype": "i32"},
                     "parent": {"shape": ["batch", 9], "dtype": "i32"}}, ")") +
                            key + "\": \"" + text + "\"}");
      if (!pattern)
        return std::string();
      const KernelMap &map = pattern->entries[0].attend.maps[0];
      return (map.score ? map.score : map.mask).str();
    };
    EXPECT_EQ(expression(form), expression(expansion)) << line;
  }
  std::vector<std::string> missing;
  for (const std::string &name : formNames())
    if (!seen.count(name))
      missing.push_back(name);
  EXPECT_EQ(missing, std::vector<std::string>{"neighborhood"}); // checked in FormTest
}

TEST(Docs, EveryCodeIsListed) {
  const std::string text = docs();
  for (int code = 0; code <= int(Code::ExprScope); ++code)
    EXPECT_NE(text.find(std::string("`") + name(static_cast<Code>(code)) + "`"), std::string::npos)
        << name(static_cast<Code>(code));
}

} // namespace
