//===- Visibility.h - Which pairs the pattern shows -----------------*- C++ -*-===//
//
// Read off the pattern itself, pair by pair, with the evaluator: shares nothing with the kernels and their range
// programs, so that a picture checks them.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_VISIBILITY_H
#define ATTN_TOOLS_ATTN_VIZ_VISIBILITY_H

#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Pattern.h"

#include <string>
#include <vector>

namespace attn::viz {

class Visibility {
public:
  Visibility(const spec::Pattern &pattern, const spec::Attend &attend);

  /// The kernel map (from 0) through which the pair that `env` names (b, h, g, l, q, k and the sizes) is visible, -1
  /// where it is hidden, -2 with `error` set where the mask has no value.
  int map(const mask::Environment &env);
  std::string error;

  /// Number of the classes of key partitions that the key of `env` is in. Kernels are for one of them each, so a tile
  /// of several is full for none.
  int64_t keyClass(const mask::Environment &env) const;
  /// The rules of the key partitions that kernel maps name; the last class of each has none.
  const std::vector<std::vector<mask::Expr>> &keyPartitions() const { return keyRules; }

  /// Whether the answer may differ between heads.
  bool usesHeads() const;
  /// What decides: the classes of a kernel map hold, and then its mask with what its cache holds.
  struct Rule {
    std::string name; ///< the classes of the kernel map, or `all`
    mask::Expr applies, visible;
  };
  const std::vector<Rule> &all() const { return rules; }

private:
  std::vector<Rule> rules; ///< the first whose classes hold is taken
  std::vector<std::vector<mask::Expr>> keyRules;
};

/// The classes that `env` (h, g, l, b) lies in, of the partitions over heads that kernel maps of `attend` name:
/// `retrieval`, or empty.
std::string headClasses(const spec::Pattern &pattern, const spec::Attend &attend, const mask::Environment &env);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_VISIBILITY_H
