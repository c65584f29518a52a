//===- Lexer.h - Tokens of the expression language -----------------*- C++ -*-===//
#ifndef ATTN_DIALECT_SPEC_LEXER_H
#define ATTN_DIALECT_SPEC_LEXER_H

#include <cstdint>
#include <string>
#include <string_view>

namespace attn::spec {

struct Token {
  /// Sign: an operator or punctuation, spelled in `text`. Bad: `text` says what is wrong.
  enum Kind { End, Name, Int, Float, Sign, Bad };
  Kind kind = End;
  std::string text;
  uint64_t integer = 0; ///< Int: at most 2^63, which only a minus sign in front makes an int64
  double real = 0;      ///< Float: finite as an f32
  int column = 0;       ///< of the first character, from 1
};

/// Splits `text`, which must outlive the lexer, into tokens. After the last one: End for ever.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}
  Token next();

private:
  Token number(Token token);

  std::string_view text;
  size_t at = 0;
};

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_LEXER_H
