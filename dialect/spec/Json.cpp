//===- Json.cpp - A JSON document as an immutable value ---------------------===//
//
// The only translation unit with nlohmann_json, compiled with -fexceptions; no exception leaves it.
// nlohmann's SAX parser keeps its own stack, so depth is limited here before anything recurses; it
// turns an integer beyond 64 bits into a double and accepts duplicate keys, both refused here.
//===----------------------------------------------------------------------===//
#include "dialect/spec/Json.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace attn::spec {

namespace {

/// Where the parser has read up to. Numbers are known only after the character behind them.
struct Position {
  int line = 1;
  bool afterNewline = false;
};

/// Iterates over the text and counts lines. Copies share the position.
class Reader {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  Reader(const char *at, Position *position) : at(at), position(position) {}
  reference operator*() const { return *at; }
  Reader &operator++() {
    position->afterNewline = *at == '\n';
    position->line += position->afterNewline;
    ++at;
    return *this;
  }
  Reader operator++(int) {
    Reader old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Reader &other) const { return at == other.at; }
  bool operator!=(const Reader &other) const { return at != other.at; }

private:
  const char *at;
  Position *position;
};

} // namespace

/// Builds the tree from the parser's events; returning false stops the parser.
class JsonBuilder {
public:
  using Events = nlohmann::json_sax<nlohmann::json>;

  JsonBuilder(std::string_view text, const Position &position, Diagnostics &diagnostics)
      : text(text), position(position), diagnostics(diagnostics) {}

  Json root;

  bool null() { return leaf(Json::Kind::Null); }
  bool boolean(bool value) { return leaf(Json::Kind::Bool) && (node->number = value, true); }
  bool number_integer(int64_t value) { return integer(value); }
  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return tooLarge(std::to_string(value));
    return integer(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string &digits) {
    if (digits.find_first_of(".eE") == std::string::npos)
      return tooLarge(digits);
    return leaf(Json::Kind::Float, position.line - position.afterNewline) && (node->floating = value, true);
  }
  bool string(std::string &characters) {
    return leaf(Json::Kind::String) && (node->text = std::move(characters), true);
  }
  bool binary(nlohmann::json::binary_t &) { return false; } // not a JSON text event
  bool start_object(size_t) { return open(Json::Kind::Object); }
  bool start_array(size_t) { return open(Json::Kind::Array); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string &value) {
    if (value.size() > Json::maxKey)
      return error(Code::Limit, container(), "key " + quote(value) + " is longer than 128 bytes");
    auto &members = stack.back()->object;
    if (members.size() == Json::maxMembers)
      return error(Code::Limit, container(), "the object has more than 512 members");
    if (stack.back()->find(value))
      return error(Code::JsonDuplicate, child(container(), value),
                   "key " + quote(value) + " occurs twice in this object");
    members.emplace_back(std::move(value), Json());
    return true;
  }
  bool parse_error(size_t offset, const std::string &, const nlohmann::detail::exception &e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error ..."
    std::string message = e.what();
    if (e.id == 406)
      return error(Code::JsonNumber, value(), "the number is too large for a float");
    size_t start = message.find(": ");
    message = start == std::string::npos ? message : message.substr(start + 2);
    // The last token read may be anything; show it as other values are shown.
    if (size_t last = message.find("; last read: '"); last != std::string::npos) {
      size_t token = last + 14, end = message.rfind('\'');
      std::string shown = quote(message.substr(token, std::max(end, token) - token));
      message = message.substr(0, last) + "; last read: " + shown;
    }
    std::string_view before = text.substr(0, offset ? offset - 1 : 0);
    Diagnostic d{Code::JsonSyntax, "", 0, 0, message};
    d.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    d.column = static_cast<int>(before.size() - (before.rfind('\n') + 1)) + 1;
    diagnostics.add(std::move(d));
    return false;
  }

private:
  bool error(Code code, std::string pointer, std::string message) {
    diagnostics.add({code, std::move(pointer), position.line, 0, std::move(message)});
    return false;
  }
  bool tooLarge(const std::string &digits) {
    return error(Code::JsonNumber, value(), "integer " + quote(digits) + " does not fit in 64 bits");
  }
  /// The pointer of the innermost open container.
  std::string container() const {
    std::string pointer;
    for (size_t i = 0; i + 1 < stack.size(); ++i)
      pointer = stack[i]->is(Json::Kind::Object) ? child(pointer, stack[i]->object.back().first)
                                                 : child(pointer, stack[i]->array.size() - 1);
    return pointer;
  }
  /// The pointer of the value about to be added to it.
  std::string value() const {
    if (stack.empty())
      return "";
    return stack.back()->is(Json::Kind::Object) ? child(container(), stack.back()->object.back().first)
                                                : child(container(), stack.back()->array.size());
  }
  /// Adds a value to the innermost open container.
  bool leaf(Json::Kind kind, int line = 0) {
    if (++nodes > Json::maxNodes)
      return error(Code::Limit, "", "the document has more than 10,000 values");
    if (stack.empty()) {
      node = &root;
    } else if (stack.back()->is(Json::Kind::Array)) {
      node = &stack.back()->array.emplace_back();
    } else {
      node = &stack.back()->object.back().second;
    }
    node->which = kind;
    node->at = line ? line : position.line;
    return true;
  }
  bool integer(int64_t value) {
    return leaf(Json::Kind::Int, position.line - position.afterNewline) && (node->number = value, true);
  }
  bool open(Json::Kind kind) {
    if (stack.size() >= Json::maxDepth)
      return error(Code::Limit, "", "the document is nested more than 64 deep");
    if (!leaf(kind))
      return false;
    stack.push_back(node);
    return true;
  }
  bool close() {
    stack.pop_back();
    return true;
  }

  std::string_view text;
  const Position &position;
  Diagnostics &diagnostics;
  // Pointers to the open containers. A container grows only while it is the innermost one, so the
  // addresses of the others hold.
  std::vector<Json *> stack;
  Json *node = nullptr;
  size_t nodes = 0;
};

std::optional<Json> Json::parse(std::string_view text, Diagnostics &diagnostics) {
  if (text.size() > maxBytes) {
    diagnostics.add(
        {Code::Limit, "", 0, 0, "the document has " + std::to_string(text.size()) + " bytes, more than 1 MiB"});
    return std::nullopt;
  }
  Position position;
  JsonBuilder builder(text, position, diagnostics);
  const char *begin = text.data() ? text.data() : "";
  try {
    Reader first(begin, &position), last(begin + text.size(), &position);
    if (nlohmann::json::sax_parse(first, last, &builder))
      return std::move(builder.root);
  } catch (const std::exception &e) {
    diagnostics.add({Code::JsonSyntax, "", position.line, 0, quote(e.what())});
  }
  return std::nullopt;
}

const Json *Json::find(std::string_view key) const {
  for (const Member &member : object)
    if (member.first == key)
      return &member.second;
  return nullptr;
}

const char *kindName(Json::Kind kind) {
  switch (kind) {
  case Json::Kind::Null: return "null";
  case Json::Kind::Bool: return "a boolean";
  case Json::Kind::Int: return "an integer";
  case Json::Kind::Float: return "a float";
  case Json::Kind::String: return "a string";
  case Json::Kind::Array: return "an array";
  case Json::Kind::Object: return "an object";
  }
  return "?";
}

std::string Json::describe() const {
  switch (which) {
  case Kind::Bool: return number ? "true" : "false";
  case Kind::Int: return std::to_string(number);
  case Kind::Float: {
    char buffer[40];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, floating).ptr);
  }
  case Kind::String: return quote(text);
  case Kind::Array: return "an array of " + std::to_string(array.size());
  default: return kindName(which);
  }
}

} // namespace attn::spec
