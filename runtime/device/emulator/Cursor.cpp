#include "runtime/device/emulator/Cursor.h"

namespace attn::emu::syntax {
namespace {

int digitOf(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return 99;
}

bool digits(std::string_view text, unsigned base, uint64_t &value) {
  value = 0;
  if (text.empty())
    return false;
  for (char c : text) {
    unsigned digit = digitOf(c);
    if (digit >= base || __builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      return false;
  }
  return true;
}

/// 12, 0x1F, 017, 0b101, each with an optional U; 0f and 0d followed by 8 or 16 hexadecimal digits.
bool number(std::string_view text, Operand::Kind &kind, uint64_t &value) {
  char second = text.size() > 1 && text[0] == '0' ? text[1] | 0x20 : 0;
  if (second == 'f' || second == 'd') {
    kind = second == 'f' ? Operand::F32 : Operand::F64;
    return text.size() == (second == 'f' ? 10 : 18) && digits(text.substr(2), 16, value);
  }
  kind = Operand::Integer;
  if (text.back() == 'U')
    text.remove_suffix(1);
  if (second == 'x')
    return digits(text.substr(2), 16, value);
  if (second == 'b')
    return digits(text.substr(2), 2, value);
  return digits(text, text.size() > 1 && text[0] == '0' ? 8 : 10, value);
}

} // namespace

uint32_t typeSize(std::string_view type) {
  if (type == "pred" || type.size() < 2 || std::string_view("busf").find(type[0]) == std::string_view::npos)
    return 0;
  std::string_view bits = type.substr(1);
  bool isFloat = type[0] == 'f';
  return bits == "8" && !isFloat ? 1 : bits == "16" ? 2 : bits == "32" ? 4 : bits == "64" ? 8 : 0;
}

bool Cursor::word(std::string_view &text) {
  if (token.kind != Token::Word)
    return fail("expected a name");
  text = take().text;
  return true;
}

bool Cursor::unsignedNumber(uint64_t &value, uint64_t limit) {
  Operand::Kind kind;
  if (token.kind != Token::Number || !number(token.text, kind, value) || kind != Operand::Integer || value > limit)
    return fail("expected an integer up to " + std::to_string(limit));
  advance();
  return true;
}

bool Cursor::constant(Operand &operand) {
  bool negative = accept('-');
  if (token.kind != Token::Number || !number(token.text, operand.kind, operand.value))
    return fail("expected a number");
  if (negative && operand.kind != Operand::Integer)
    return fail("a sign before a hexadecimal floating-point number");
  if (negative)
    operand.value = -operand.value;
  advance();
  return true;
}

} // namespace attn::emu::syntax
