//===- ReadTest.cpp - Right and wrong documents -----------------------------===//
//
// bad_specs.json and good_specs.json are data, so that the schema test (test_schema.py) and the
// table in the docs use the same cases.
//===----------------------------------------------------------------------===//
#include "test/dialect/spec/Support.h"

using namespace attn::spec;
using namespace attn::spec::test;

namespace {

Json table(const std::string &file) {
  Diagnostics diagnostics;
  auto json = Json::parse(readFile(std::string(ATTN_SPEC_TESTS) + "/" + file), diagnostics);
  EXPECT_TRUE(json) << diagnostics.str();
  return json ? *json : Json();
}

std::string show(const std::string &code, const std::string &pointer, int64_t column, const std::string &message) {
  return code + " at \"" + pointer + "\" column " + std::to_string(column) + ": " + message + "\n";
}

TEST(Read, DivisionsOfPositionsAreLimited) {
  auto errorsOf = [](int terms) {
    std::string mask = "causal";
    for (int i = 0; i < terms; ++i)
      mask += " and k % " + std::to_string(i + 3) + " != 1";
    Diagnostics diagnostics;
    read(R"({"attn": 1, "name": "p", "mask": ")" + mask + "\"}", diagnostics);
    return diagnostics.str();
  };
  EXPECT_EQ(errorsOf(64), "");
  EXPECT_EQ(errorsOf(600), "LIMIT at /mask (line 1): the expressions of the pattern up to here have 600 different "
                           "divisions (\"//\", \"%\") of positions, expected at most 64\n");
}

TEST(Read, WrongDocumentsGiveExactlyTheseErrors) {
  Json cases = table("bad_specs.json");
  EXPECT_GE(cases.items().size(), 40u);
  for (const Json &item : cases.items()) {
    std::string expected, got;
    for (const Json &error : item.find("errors")->items()) {
      const Json *column = error.find("column");
      expected += show(error.find("code")->string(), error.find("pointer")->string(), column ? column->integer() : 0,
                       error.find("message")->string());
    }
    Diagnostics diagnostics;
    const Json *spec = item.find("spec");
    auto pattern = spec ? read(*spec, diagnostics) : read(item.find("text")->string(), diagnostics);
    for (const Diagnostic &d : diagnostics.all())
      got += show(name(d.code), d.pointer, d.column, d.message);
    EXPECT_FALSE(pattern);
    EXPECT_EQ(got, expected) << item.find("case")->string();
  }
}

TEST(Read, RightDocumentsPrintBack) {
  Json cases = table("good_specs.json");
  for (const Json &item : cases.items()) {
    Diagnostics diagnostics;
    auto pattern = read(*item.find("spec"), diagnostics);
    ASSERT_TRUE(pattern) << item.find("case")->string() << "\n" << diagnostics.str();
    std::string printed = print(*pattern);
    EXPECT_EQ(print(*readOk(printed)), printed) << item.find("case")->string();
  }
}

TEST(Read, AtMost20Errors) {
  std::string members;
  for (int i = 0; i < 100; ++i)
    members += ", \"x" + std::to_string(i) + "\": 0";
  Diagnostics diagnostics;
  EXPECT_FALSE(read("{\"attn\": 1, \"name\": \"p\"" + members + "}", diagnostics));
  EXPECT_EQ(diagnostics.all().size(), 20u);
}

TEST(Read, LinesOfErrors) {
  EXPECT_EQ(firstError("{\n  \"attn\": 1,\n  \"name\": \"p\",\n  \"mask\": \"k <\"\n}"),
            "EXPR_SYNTAX at /mask (line 4, column 4): expected a value, found the end");
}

TEST(Read, ManyClassesAndMapsAreBounded) {
  // 13 partitions of two classes have more than 4096 combinations.
  std::string partitions, map;
  for (int i = 0; i < 13; ++i) {
    std::string name = "p" + std::to_string(i);
    partitions += (i ? ", \"" : "\"") + name + R"(": {"axis": "key", "classes": {"a": "k < 1", "c": "otherwise"}})";
    map += (i ? " & " : "") + name + ".a";
  }
  EXPECT_EQ(
      firstError(document("\"partitions\": {" + partitions + "}, \"kernel_maps\": {\"" + map + "\": {}, \"all\": {}}")),
      "LIMIT at /kernel_maps (line 7): the classes have more than 4096 combinations");
}

/// Documents made by breaking right ones: whatever they are, they are read or refused.
TEST(Read, SurvivesMutations) {
  uint32_t state = 1;
  auto random = [&](size_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  const std::string alphabet = "{}[]\",:0123456789.-+ *%/()<>=abcdegklnqsw&\n\\\x80";
  size_t accepted = 0;
  for (const auto &path : shippedPatterns()) {
    const std::string original = readFile(path);
    for (int i = 0; i < 300; ++i) {
      std::string text = original;
      for (size_t edits = 1 + random(3); edits; --edits) {
        size_t at = random(text.size());
        switch (random(4)) {
        case 0: text[at] = alphabet[random(alphabet.size())]; break;
        case 1: text.insert(at, 1, alphabet[random(alphabet.size())]); break;
        case 2: text.erase(at, 1 + random(8)); break;
        default: text.insert(at, text.substr(random(text.size()), random(20)));
        }
      }
      Diagnostics diagnostics;
      auto pattern = read(text, diagnostics);
      ASSERT_NE(bool(pattern), !diagnostics.empty()) << text;
      if (!pattern)
        continue;
      ++accepted;
      std::string printed = print(*pattern);
      Diagnostics again;
      auto second = read(printed, again);
      ASSERT_TRUE(second) << text << printed << again.str();
      ASSERT_EQ(print(*second), printed) << text;
    }
  }
  EXPECT_GT(accepted, 100u); // changes inside texts keep a document right
}

} // namespace
