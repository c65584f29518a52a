//===- Cursor.h - What every part of the parser needs --------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_CURSOR_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_CURSOR_H

#include "runtime/device/emulator/Lexer.h"
#include "runtime/device/emulator/Syntax.h"

namespace attn::emu::syntax {

/// One token of look-ahead and the first error. Functions return false once there is one.
class Cursor {
public:
  explicit Cursor(std::string_view text) : lexer(text) { advance(); }

  const Token &peek() const { return token; }
  Token take() {
    Token taken = token;
    advance();
    return taken;
  }
  bool accept(char c) { return token.is(c) && (advance(), true); }
  bool acceptSuffix(std::string_view text) { return token.is(Token::Suffix, text) && (advance(), true); }
  bool expect(char c) { return accept(c) || fail(std::string("expected '") + c + "'"); }

  /// Reports what is wrong at the current token. Always false.
  bool fail(const std::string &what) {
    std::string found = token.kind == Token::End ? "the end" : "'" + std::string(token.text.substr(0, 60)) + "'";
    return failAt(token.line, what + ", found " + found);
  }
  bool failAt(uint32_t line, const std::string &what) {
    if (error.empty())
      error = "line " + std::to_string(line) + ": " + what;
    return false;
  }

  bool word(std::string_view &text);
  bool unsignedNumber(uint64_t &value, uint64_t limit);

  /// Integer or floating-point constant with an optional sign.
  bool constant(Operand &operand);

  std::string error;

private:
  void advance() { token = lexer.next(); }

  Lexer lexer;
  Token token;
};

/// Bytes of a fundamental type ("u32": 4), 0 if unknown.
uint32_t typeSize(std::string_view type);

/// The statements between the braces of a kernel; the opening brace is taken.
bool parseBody(Cursor &cursor, Kernel &kernel);

} // namespace attn::emu::syntax

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_CURSOR_H
