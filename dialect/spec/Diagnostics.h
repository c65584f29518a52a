//===- Diagnostics.h - Errors of the pattern front end -------------*- C++ -*-===//
//
// Every error has a stable code, the place in the document, the offending value and what was
// expected. Nothing in the front end throws or asserts on user input.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_DIAGNOSTICS_H
#define ATTN_DIALECT_SPEC_DIAGNOSTICS_H

#include <string>
#include <string_view>
#include <vector>

namespace attn::spec {

/// Stable codes; `name(code)` is what tools print and tests compare.
enum class Code {
  JsonSyntax,    ///< JSON_SYNTAX     not JSON
  JsonDuplicate, ///< JSON_DUPLICATE  a key occurs twice in one object
  JsonNumber,    ///< JSON_NUMBER     an integer that does not fit in 64 bits
  Limit,         ///< LIMIT           larger, deeper or longer than the front end accepts
  UnknownKey,    ///< UNKNOWN_KEY     a key that the format does not have
  Missing,       ///< MISSING         a required key is absent
  WrongType,     ///< WRONG_TYPE      the wrong kind of JSON value
  BadValue,      ///< BAD_VALUE       the right kind, but a value that is not allowed
  BadName,       ///< BAD_NAME        not an identifier, reserved, or already taken
  UnknownName,   ///< UNKNOWN_NAME    a reference to something that is not declared
  Conflict,      ///< CONFLICT        two parts of the pattern exclude each other
  Coverage,      ///< COVERAGE        kernel maps leave a gap, or one is never used
  Unsupported,   ///< UNSUPPORTED     part of the format's plan, not built yet
  ExprSyntax,    ///< EXPR_SYNTAX     not an expression
  ExprType,      ///< EXPR_TYPE       operands of the wrong type
  ExprScope,     ///< EXPR_SCOPE      a coordinate that has no meaning in this place
};
const char *name(Code code);

struct Diagnostic {
  Code code;
  std::string pointer; ///< RFC 6901; "" is the whole document
  int line = 0;        ///< in the document, from 1; 0 where not known
  int column = 0;      ///< in the expression at `pointer`, or in the line for JSON_SYNTAX; 0: none
  std::string message; ///< what is wrong with which value, and what was expected

  /// `CODE at /pointer (line 3, column 7): message`
  std::string str() const;
};

class Diagnostics {
public:
  void add(Diagnostic d) {
    if (errors.size() < 20) // a wrong document may be wrong in every node
      errors.push_back(std::move(d));
  }
  bool empty() const { return errors.empty(); }
  const std::vector<Diagnostic> &all() const { return errors; }
  std::string str() const; ///< one line each

private:
  std::vector<Diagnostic> errors;
};

/// `text` in double quotes, shortened to 60 characters, with everything but printable ASCII escaped.
std::string quote(std::string_view text);
/// `1 size`, `2 sizes`; `plural` where an s does not do.
std::string counted(size_t number, const std::string &noun, const std::string &plural = "");
/// `"a", "b" or "c"`.
std::string alternatives(const std::vector<std::string> &words);
/// ` (did you mean "window"?)` where a candidate is close to `word`, else "".
std::string suggestion(std::string_view word, const std::vector<std::string> &candidates);
/// Appends one reference token to a JSON pointer.
std::string child(const std::string &pointer, std::string_view token);
inline std::string child(const std::string &pointer, size_t index) { return pointer + "/" + std::to_string(index); }

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_DIAGNOSTICS_H
