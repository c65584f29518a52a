//===- Support.h - Shared by the tests of the pattern front end ----*- C++ -*-===//
#ifndef ATTN_TEST_DIALECT_SPEC_SUPPORT_H
#define ATTN_TEST_DIALECT_SPEC_SUPPORT_H

#include "dialect/mask/Evaluate.h"
#include "dialect/spec/Print.h"
#include "dialect/spec/Read.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace attn::spec::test {

inline std::string readFile(const std::filesystem::path &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

inline std::vector<std::filesystem::path> shippedPatterns() {
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(ATTN_PATTERNS))
    if (entry.path().extension() == ".json")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// A pattern with some of every declaration, and `body` among its members.
inline std::string document(const std::string &body) {
  return R"({"attn": 1, "name": "test", "positions": "bottom_right",
    "params": {"w": 3, "n": 2, "cap": 50.0},
    "operands": {"ids": {"shape": ["batch", "kv_len"], "dtype": "i32"},
                 "flag": {"shape": ["kv_len"], "dtype": "bool"}, "list": {"shape": [9], "dtype": "i32"},
                 "slope": {"shape": ["q_heads"], "dtype": "f32"}, "num": {"shape": [1, 1, 4], "dtype": "i32"}, )"
         R"("indices": {"shape": [1, 1, 4, 5], "dtype": "i32"}},
    "let": {"distance": "q - k"},
    )" + body +
         "}";
}
inline std::string withMask(const std::string &mask) { return document(R"("mask": ")" + mask + "\""); }

/// The pattern, or a test failure.
inline std::optional<Pattern> readOk(const std::string &text) {
  Diagnostics diagnostics;
  auto pattern = read(text, diagnostics);
  EXPECT_TRUE(pattern) << text << "\n" << diagnostics.str();
  return pattern;
}
inline mask::Expr onlyMask(const std::string &text) {
  auto pattern = readOk(text);
  return pattern ? pattern->entries[0].attend.maps[0].mask : mask::Expr::boolean(false);
}
/// The canonical form of an expression of the language, as text.
inline std::string canonical(const std::string &mask) { return onlyMask(withMask(mask)).str(); }

/// The first error of a document, as text; "" if there is none.
inline std::string firstError(const std::string &text) {
  Diagnostics diagnostics;
  bool ok = read(text, diagnostics).has_value();
  EXPECT_NE(ok, !diagnostics.empty());
  return ok ? "" : diagnostics.all()[0].str();
}

/// Values for the names of `document`: q, k in one request of `keys` keys.
inline mask::Environment environment(int64_t q, int64_t k, int64_t keys) {
  mask::Environment env;
  env.values = {{"b", 0}, {"h", 1},     {"g", 0},       {"l", 0},     {"q", q},        {"k", k},        {"w", 3},
                {"n", 2}, {"batch", 1}, {"q_heads", 4}, {"q_len", 1}, {"kv_heads", 2}, {"kv_len", keys}};
  env.tensors["ids"].sizes = {1, keys};
  env.tensors["flag"].sizes = {keys};
  for (int64_t i = 0; i < keys; ++i) {
    env.tensors["ids"].data.push_back(i / 3);
    env.tensors["flag"].data.push_back(i % 2);
  }
  return env;
}
inline bool visible(const mask::Expr &mask, int64_t q, int64_t k, int64_t keys) {
  mask::Value value = mask::evaluate(mask, environment(q, k, keys));
  EXPECT_TRUE(value.ok()) << mask.str() << ": " << value.error;
  return value.integer != 0;
}

} // namespace attn::spec::test

#endif // ATTN_TEST_DIALECT_SPEC_SUPPORT_H
