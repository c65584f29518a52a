#include "runtime/device/emulator/Lexer.h"

#include <algorithm>

namespace attn::emu {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isNameStart(char c) { return isAlpha(c) || c == '_' || c == '$' || c == '%'; }
bool isName(char c) { return isAlpha(c) || isDigit(c) || c == '_' || c == '$'; }

} // namespace

std::string_view Lexer::take(size_t length) {
  std::string_view taken = text.substr(0, length);
  line += std::count(taken.begin(), taken.end(), '\n');
  text.remove_prefix(taken.size());
  return taken;
}

/// False for a comment without an end.
bool Lexer::skipSpace() {
  while (!text.empty()) {
    if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')) {
      take(1);
    } else if (text.substr(0, 2) == "//") {
      take(std::min(text.find('\n'), text.size()));
    } else if (text.substr(0, 2) == "/*") {
      size_t end = text.find("*/", 2);
      if (end == text.npos)
        return false;
      take(end + 2);
    } else {
      break;
    }
  }
  return true;
}

Token Lexer::next() {
  Token token;
  if (!skipSpace())
    return {Token::Bad, take(2), line};
  token.line = line;
  if (text.empty())
    return token;
  auto spanFrom = [&](size_t begin, auto accept) {
    while (begin < text.size() && accept(text[begin]))
      ++begin;
    return begin;
  };
  char c = text[0];
  if (isNameStart(c)) {
    token.kind = Token::Word;
    token.text = take(spanFrom(1, isName));
  } else if (c == '.' && text.size() > 1 && isName(text[1])) {
    size_t end = spanFrom(1, isName);
    while (text.substr(end, 2) == "::" && end + 2 < text.size() && isName(text[end + 2]))
      end = spanFrom(end + 2, isName);
    token.kind = Token::Suffix;
    token.text = take(end).substr(1);
  } else if (isDigit(c)) {
    token.kind = Token::Number;
    token.text = take(spanFrom(1, isName));
  } else if (c == '"') {
    size_t end = text.find_first_of("\"\n", 1);
    bool closed = end != text.npos && text[end] == '"';
    token.kind = closed ? Token::String : Token::Bad;
    token.text = closed ? take(end + 1).substr(1, end - 1) : take(1);
  } else {
    std::string_view known = "{}[]()<>,;:+-=|!@~&*";
    token.kind = known.find(c) != known.npos ? Token::Punct : Token::Bad;
    token.text = take(1);
  }
  return token;
}

} // namespace attn::emu
