//===- JsonTest.cpp - Limits and errors of the JSON door --------------------===//
#include "test/dialect/spec/Support.h"

#include <chrono>

using namespace attn::spec;

namespace {

/// The error of a text that is refused, or "".
std::string errorOf(std::string_view text) {
  Diagnostics diagnostics;
  bool ok = Json::parse(text, diagnostics).has_value();
  EXPECT_EQ(ok, diagnostics.empty());
  return ok ? "" : diagnostics.str();
}

std::string repeated(const std::string &text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i)
    result += text;
  return result;
}

TEST(Json, KeepsValuesAndTheirOrder) {
  Diagnostics diagnostics;
  auto json = Json::parse("{\"z\": [1, -2.5, true],\n\"a\": {\"t\": \"x\\u0041\"}, \"n\": null}", diagnostics);
  ASSERT_TRUE(json) << diagnostics.str();
  ASSERT_EQ(json->members().size(), 3u);
  EXPECT_EQ(json->members()[0].first, "z");
  const auto &items = json->members()[0].second.items();
  EXPECT_EQ(items[0].integer(), 1);
  EXPECT_EQ(items[1].real(), -2.5);
  EXPECT_TRUE(items[2].boolean());
  EXPECT_EQ(json->find("a")->find("t")->string(), "xA");
  EXPECT_EQ(json->find("a")->line(), 2);
  EXPECT_TRUE(json->find("n")->is(Json::Kind::Null));
  EXPECT_EQ(json->find("missing"), nullptr);
}

TEST(Json, LineOfANumberBeforeANewline) {
  Diagnostics diagnostics;
  auto json = Json::parse("[\n1\n,\n2\n]", diagnostics);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->items()[0].line(), 2);
  EXPECT_EQ(json->items()[1].line(), 4);
}

TEST(Json, SyntaxErrorsHaveLineAndColumn) {
  EXPECT_EQ(errorOf("{\"a\": 1,\n  \"b\" 2}"),
            "JSON_SYNTAX in the document (line 2, column 7): syntax error while parsing object "
            "separator - unexpected number literal; expected ':'\n");
  EXPECT_EQ(errorOf("[tru]"), "JSON_SYNTAX in the document (line 1, column 5): syntax error while "
                              "parsing value - invalid literal; last read: \"[tru]\"\n");
  EXPECT_NE(errorOf("").find("JSON_SYNTAX"), std::string::npos);
  EXPECT_NE(errorOf("[1] x").find("JSON_SYNTAX"), std::string::npos);
  EXPECT_NE(errorOf("\"\xff\xfe\"").find("JSON_SYNTAX"), std::string::npos);
  EXPECT_NE(errorOf(std::string_view("[\0]", 3)).find("JSON_SYNTAX"), std::string::npos);
}

TEST(Json, Duplicates) {
  EXPECT_EQ(errorOf("{\"a\": [{\"x\": 1, \"x\": 2}]}"),
            "JSON_DUPLICATE at /a/0/x (line 1): key \"x\" occurs twice in this object\n");
}

TEST(Json, NumbersBeyond64Bits) {
  EXPECT_EQ(errorOf("[1, 9223372036854775808]"), "JSON_NUMBER at /1 (line 1): integer "
                                                 "\"9223372036854775808\" does not fit in 64 bits\n");
  EXPECT_EQ(errorOf("{\"a\": 18446744073709551616}"),
            "JSON_NUMBER at /a (line 1): integer \"18446744073709551616\" does not fit in 64 "
            "bits\n");
  EXPECT_NE(errorOf("-9223372036854775809").find("JSON_NUMBER"), std::string::npos);
  EXPECT_EQ(errorOf("-9223372036854775808"), "");
  EXPECT_NE(errorOf("1e999").find("JSON_NUMBER"), std::string::npos);
}

TEST(Json, Limits) {
  EXPECT_EQ(errorOf(repeated("[", 64) + repeated("]", 64)), "");
  EXPECT_EQ(errorOf(repeated("[", 65) + repeated("]", 65)),
            "LIMIT in the document (line 1): the document is nested more than 64 deep\n");
  EXPECT_EQ(errorOf("[0" + repeated(",0", 9998) + "]"), "");
  EXPECT_EQ(errorOf("[0" + repeated(",0", 9999) + "]"),
            "LIMIT in the document (line 1): the document has more than 10,000 values\n");
  EXPECT_EQ(errorOf("{\"" + std::string(128, 'k') + "\": 1}"), "");
  EXPECT_NE(errorOf("{\"" + std::string(129, 'k') + "\": 1}").find("LIMIT"), std::string::npos);
  std::string members;
  for (int i = 0; i < 513; ++i)
    members += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":0";
  EXPECT_EQ(errorOf("{\"o\": {" + members + "}}"), "LIMIT at /o (line 1): the object has more than 512 members\n");
  EXPECT_NE(errorOf(std::string((1 << 20) + 1, ' ')).find("LIMIT"), std::string::npos);
}

TEST(Json, HostileDocumentsAreRefusedFast) {
  std::vector<std::string> hostile = {
      repeated("[", 1000000),
      repeated("{\"a\":", 200000),
      std::string(1 << 20, '9'),
      "\"" + std::string(1000000, 'x'),
      "[" + repeated("\"\\ud800\",", 100000),
  };
  for (const std::string &text : hostile) {
    auto start = std::chrono::steady_clock::now();
    EXPECT_NE(errorOf(text), "");
    std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    EXPECT_LT(time.count(), 500) << text.substr(0, 20); // about 10 ms; a busy machine is slower
  }
}

} // namespace
