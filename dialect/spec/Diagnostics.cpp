//===- Diagnostics.cpp - Errors of the pattern front end --------------------===//
#include "dialect/spec/Diagnostics.h"

#include <algorithm>
#include <numeric>

namespace attn::spec {

const char *name(Code code) {
  switch (code) {
  case Code::JsonSyntax: return "JSON_SYNTAX";
  case Code::JsonDuplicate: return "JSON_DUPLICATE";
  case Code::JsonNumber: return "JSON_NUMBER";
  case Code::Limit: return "LIMIT";
  case Code::UnknownKey: return "UNKNOWN_KEY";
  case Code::Missing: return "MISSING";
  case Code::WrongType: return "WRONG_TYPE";
  case Code::BadValue: return "BAD_VALUE";
  case Code::BadName: return "BAD_NAME";
  case Code::UnknownName: return "UNKNOWN_NAME";
  case Code::Conflict: return "CONFLICT";
  case Code::Coverage: return "COVERAGE";
  case Code::Unsupported: return "UNSUPPORTED";
  case Code::ExprSyntax: return "EXPR_SYNTAX";
  case Code::ExprType: return "EXPR_TYPE";
  case Code::ExprScope: return "EXPR_SCOPE";
  }
  return "?";
}

std::string Diagnostic::str() const {
  std::string text = name(code);
  bool isPointer = !pointer.empty() && pointer[0] == '/';
  text += (isPointer ? " at " : " in ") + (pointer.empty() ? "the document" : pointer);
  std::string place;
  if (line)
    place = "line " + std::to_string(line);
  if (column)
    place += (place.empty() ? "column " : ", column ") + std::to_string(column);
  if (!place.empty())
    text += " (" + place + ")";
  return text + ": " + message;
}

std::string Diagnostics::str() const {
  std::string text;
  for (const Diagnostic &d : errors)
    text += d.str() + "\n";
  return text;
}

std::string quote(std::string_view text) {
  static const char hex[] = "0123456789abcdef";
  bool cut = text.size() > 60;
  std::string result = "\"";
  for (unsigned char c : text.substr(0, cut ? 57 : text.size())) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (c >= 0x20 && c < 0x7f) {
      result += static_cast<char>(c);
    } else {
      result += "\\x";
      result += hex[c >> 4];
      result += hex[c & 15];
    }
  }
  return result + (cut ? "...\"" : "\"");
}

std::string counted(size_t number, const std::string &noun, const std::string &plural) {
  const std::string &many = plural.empty() ? noun + "s" : plural;
  return std::to_string(number) + " " + (number == 1 ? noun : many);
}

std::string alternatives(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i)
      text += i + 1 == words.size() ? " or " : ", ";
    text += quote(words[i]);
  }
  return text;
}

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

std::string suggestion(std::string_view word, const std::vector<std::string> &candidates) {
  const std::string *best = nullptr;
  size_t least = word.size() > 40 ? 0 : std::max<size_t>(2, word.size() / 3 + 1);
  for (const std::string &candidate : candidates) {
    size_t d = word.size() > 40 ? least : distance(word, candidate);
    // A candidate that has nothing of the word left is no help.
    if (d < least && d < candidate.size()) {
      least = d;
      best = &candidate;
    }
  }
  return best ? " (did you mean " + quote(*best) + "?)" : "";
}

std::string child(const std::string &pointer, std::string_view token) {
  std::string result = pointer + "/";
  for (char c : token)
    result += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return result;
}

} // namespace attn::spec
