//===- Fields.h - Checked access to the members of an object -------*- C++ -*-===//
//
// Every getter reports what is wrong with its pointer and line, and then gives nothing.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_FIELDS_H
#define ATTN_DIALECT_SPEC_FIELDS_H

#include "dialect/spec/Json.h"

#include <algorithm>
#include <iterator>

namespace attn::spec {

/// A value with its place in the document.
struct Node {
  const Json *json = nullptr;
  std::string pointer;

  explicit operator bool() const { return json != nullptr; }
  const Json *operator->() const { return json; }
};

/// A key of the format's plan that is not built yet, and what it would do.
struct Planned {
  const char *key;
  const char *what;
};

class Fields {
public:
  /// The members of `node`; if it is no object, an error, and an empty set.
  Fields(Node node, const char *what, Diagnostics &diagnostics);
  bool isObject() const { return valid; }
  const Node &node() const { return self; }

  /// Reports every member that is not `known`; one that is `planned` is UNSUPPORTED.
  void allow(const std::vector<std::string> &known, const std::vector<Planned> &planned = {});

  Node get(const std::string &key) const; ///< an absent member gives an empty node
  Node need(const std::string &key);      ///< reports an absent member
  std::optional<std::string> string(const std::string &key);
  std::optional<int64_t> integer(const std::string &key, int64_t least, int64_t most);
  std::optional<bool> boolean(const std::string &key);
  std::string doc(); ///< the member `doc`, or ""
  /// All members, in order, each with its name; reports a wrong name (see checkName).
  std::vector<std::pair<std::string, Node>> named(bool mayBeReserved = false);

  /// The index of the member's string in `names`; `planned` values are UNSUPPORTED.
  template <size_t N>
  std::optional<size_t> oneOf(const std::string &key, const char *const (&names)[N],
                              const std::vector<Planned> &planned = {}) {
    return oneOf(key, std::vector<std::string>(std::begin(names), std::end(names)), planned);
  }
  std::optional<size_t> oneOf(const std::string &key, const std::vector<std::string> &names,
                              const std::vector<Planned> &planned);

private:
  Node self;
  bool valid;
  Diagnostics &diagnostics;
};

/// Reports an error at `node`.
void report(Diagnostics &diagnostics, Code code, const Node &node, std::string message);
/// Reports and gives false unless `name` is an ASCII identifier. One that expressions may read must
/// not be a word of the expression language.
bool checkName(Diagnostics &diagnostics, const Node &node, const std::string &name, bool mayBeReserved = false);
/// Reports `expected ..., got ...` with WRONG_TYPE.
void wrongType(Diagnostics &diagnostics, const Node &node, const char *expected);

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_FIELDS_H
