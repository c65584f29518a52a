//===- Lexer.cpp - Tokens of the expression language ------------------------===//
#include "dialect/spec/Lexer.h"

#include "dialect/spec/Diagnostics.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace attn::spec {

// Not <cctype>: the meaning of a pattern must not depend on the locale.
static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Token Lexer::next() {
  while (at < text.size() && isSpace(text[at]))
    ++at;
  Token token;
  token.column = static_cast<int>(at) + 1;
  if (at == text.size())
    return token;
  size_t start = at;
  if (isLetter(text[at])) {
    while (at < text.size() && (isLetter(text[at]) || isDigit(text[at])))
      ++at;
    token.kind = Token::Name;
    token.text = text.substr(start, at - start);
    return token;
  }
  if (isDigit(text[at]))
    return number(token);
  for (std::string_view sign : {"<=", ">=", "==", "!=", "//", ".."})
    if (text.substr(at, 2) == sign) {
      at += 2;
      token.kind = Token::Sign;
      token.text = sign;
      return token;
    }
  token.kind = std::string_view("<>+-*/%()[],.=").find(text[at]) == std::string_view::npos ? Token::Bad : Token::Sign;
  token.text = text.substr(at++, 1);
  if (token.kind == Token::Bad) {
    char c = token.text[0];
    const char *word = c == '&' ? "and" : c == '|' ? "or" : c == '!' ? "not" : nullptr;
    token.text = "character " + quote(token.text) + " has no meaning here";
    if (word)
      token.text += ", expected " + quote(word);
  }
  return token;
}

Token Lexer::number(Token token) {
  size_t start = at;
  auto digits = [&] {
    while (at < text.size() && isDigit(text[at]))
      ++at;
  };
  auto digitAt = [&](size_t i) { return i < text.size() && isDigit(text[i]); };
  digits();
  bool isFloat = false;
  if (at < text.size() && text[at] == '.' && digitAt(at + 1)) { // not the range `0..4`
    isFloat = true;
    ++at;
    digits();
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    bool hasSign = at + 1 < text.size() && (text[at + 1] == '+' || text[at + 1] == '-');
    if (digitAt(at + 1 + hasSign)) {
      isFloat = true;
      at += 1 + hasSign;
      digits();
    }
  }
  std::string_view spelling = text.substr(start, at - start);
  if (at < text.size() && isLetter(text[at])) {
    token.kind = Token::Bad;
    token.text = "a number ends in " + quote(text.substr(at, 1));
    return token;
  }
  const char *first = spelling.data(), *last = first + spelling.size();
  constexpr uint64_t limit = uint64_t(1) << 63;
  if (isFloat) {
    token.kind = Token::Float;
    auto status = std::from_chars(first, last, token.real);
    if (status.ec == std::errc() && std::abs(token.real) <= std::numeric_limits<float>::max())
      return token;
  } else {
    token.kind = Token::Int;
    auto status = std::from_chars(first, last, token.integer);
    if (status.ec == std::errc() && token.integer <= limit)
      return token;
  }
  token.text =
      "number " + quote(spelling) + " does not fit in " + (token.kind == Token::Int ? "64 bits" : "a 32-bit float");
  token.kind = Token::Bad;
  return token;
}

} // namespace attn::spec
