//===- Json.h - A JSON document as an immutable value --------------*- C++ -*-===//
//
// The only door for untrusted JSON text. Limits are enforced while parsing, so that a hostile
// document costs no more than reading it up to the limit: 1 MiB of text, nesting 64, 10,000 values,
// 512 members per object, keys of 128 bytes, integers of 64 bits, no duplicate keys. Members keep the order of the
// text.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_JSON_H
#define ATTN_DIALECT_SPEC_JSON_H

#include "dialect/spec/Diagnostics.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace attn::spec {

class Json {
public:
  enum class Kind { Null, Bool, Int, Float, String, Array, Object };
  using Member = std::pair<std::string, Json>;

  static constexpr size_t maxBytes = 1 << 20, maxDepth = 64, maxNodes = 10000;
  static constexpr size_t maxMembers = 512, maxKey = 128;

  /// Parses `text`; on failure nothing, and one error in `diagnostics`.
  static std::optional<Json> parse(std::string_view text, Diagnostics &diagnostics);

  Kind kind() const { return which; }
  bool is(Kind k) const { return which == k; }
  bool boolean() const { return number != 0; }
  int64_t integer() const { return number; }
  double real() const { return is(Kind::Int) ? static_cast<double>(number) : floating; }
  const std::string &string() const { return text; }
  const std::vector<Json> &items() const { return array; }
  const std::vector<Member> &members() const { return object; }
  const Json *find(std::string_view key) const;
  int line() const { return at; } ///< line on which the value starts, from 1
  /// The value as an error message shows it: scalars as text, `an array of 3`, `an object`.
  std::string describe() const;

private:
  friend class JsonBuilder;
  Kind which = Kind::Null;
  int at = 0;
  int64_t number = 0;
  double floating = 0;
  std::string text;
  std::vector<Json> array;
  std::vector<Member> object;
};

/// "a number", "an object", ...
const char *kindName(Json::Kind kind);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_JSON_H
