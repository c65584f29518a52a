//===- Lexer.h - Tokens of PTX text --------------------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_LEXER_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_LEXER_H

#include <cstdint>
#include <string_view>

namespace attn::emu {

struct Token {
  enum Kind {
    End,
    Word,   ///< name, register or first word of a mnemonic: add, %r1, $L__BB0_2
    Suffix, ///< .u32, .shared::cta; the text has no dot
    Number, ///< 12, 0x1F, 0f3F800000, 4U; the text as written
    String, ///< without the quotes
    Punct,  ///< one character
    Bad,    ///< a character that PTX does not have, or an unclosed comment or string
  };
  Kind kind = End;
  std::string_view text;
  uint32_t line = 0;

  bool is(char c) const { return kind == Punct && text[0] == c; }
  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

/// Splits text that outlives it. Comments and white space are skipped.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}
  Token next();

private:
  bool skipSpace();
  std::string_view take(size_t length);

  std::string_view text;
  uint32_t line = 1;
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_LEXER_H
