//===- PatternReader.h - The parts of Read.h -----------------------*- C++ -*-===//
//
// Private to Read.cpp, ReadOperands.cpp, ReadPartitions.cpp (declarations) and ReadAttend.cpp (kernel maps and phases).
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_PATTERNREADER_H
#define ATTN_DIALECT_SPEC_PATTERNREADER_H

#include "dialect/mask/Linear.h"
#include "dialect/spec/Expression.h"
#include "dialect/spec/Fields.h"
#include "dialect/spec/Pattern.h"

namespace attn::spec {

class PatternReader {
public:
  explicit PatternReader(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  /// Fills `pattern`; without errors in the diagnostics it is valid.
  void read(const Json &json);
  Pattern pattern;

private:
  // Declarations, in the order in which they are read.
  void readTypes(const Node &node);
  void readParams(const Node &node);
  void readOperands(const Node &node);
  void readOperand(Operand &operand, Fields &fields);
  void readValues(Operand &operand, const Node &node);
  void readGrid(const Node &node);
  void readLet(const Node &node);
  void readPartitions(const Node &node);
  void readClasses(Partition &partition, const Node &node);
  void readClass(const Partition &partition, Partition::Class &result, const Node &rule, const Place &place);
  void readIndices(Partition::Class &result, const Node &rule, const Place &place);
  void readCacheClass(const Partition &partition, Partition::Class &result, const Node &rule);
  void readCaches(const Node &node);
  void readSchedule(const Node &node);

  // Attention.
  struct Settings {
    Attend attend;
    bool outputsStated = false; ///< by the phase or the pattern
  };
  void readEntries(Fields &document);
  void readPhase(const std::string &name, const Node &phase, Fields &document, Settings &common);
  void readSettings(Settings &settings, Fields &fields);
  void readMaps(Settings &settings, Fields &fields);
  static bool statesMaps(const Fields &fields);
  bool readClassNames(KernelMap &map, const std::string &key, const Node &node);
  void readMap(KernelMap &map, Fields &fields);
  void readWeight(KernelMap &map, const Node &node);
  void readRope(KernelMap &map, const Node &node);
  void readCache(KernelMap &map, Fields &fields);
  /// The class of `map` that is a cache, or null.
  const Partition::Class *cacheClass(const KernelMap &map) const;
  /// The partition of branches that some map names, or null.
  const Partition *branches(const Attend &attend) const;
  void readOutputs(Attend &attend, const Node &node);
  void checkCoverage(const Attend &attend, const Node &node, const std::vector<Node> &maps);
  void checkBranches(const Attend &attend, const Node &node);
  void checkLinear(const Attend &attend, const std::vector<Node> &maps);

  // Names and expressions.
  bool declare(const Node &node, const std::string &name, const char *kind);
  const Param *findParam(const std::string &name) const;
  const Operand *findOperand(const std::string &name) const;
  /// The operand that the node names, if it has a float type and the given rank.
  const Operand *floatOperand(const Node &node, size_t rank, const char *what);
  /// The integer parameter that the node names, or "".
  std::string integerParam(const Node &node, const char *what);
  /// Parsed and in canonical form; empty after an error.
  mask::Expr expression(const Node &node, const Place &place);
  mask::Expr canonical(const mask::Expr &e) const;
  void countDivisions(const mask::Expr &e);
  void error(Code code, const Node &node, std::string message) { report(diagnostics, code, node, std::move(message)); }

  Diagnostics &diagnostics;
  Scope scope;
  std::map<std::string, const char *> taken;      ///< declared names and what they are
  int nodes = 0;                                  ///< total size of the expressions
  std::set<mask::Expr, mask::ExprLess> divisions; ///< different ones of q or k in the expressions
};

/// Keys of one kernel map.
inline const std::vector<std::string> mapKeys = {"mask", "score", "weight", "value", "rope", "cache"};
inline const std::vector<Planned> plannedMapKeys = {
    {"side", "side outputs such as column sums"},
    {"load", "load transforms other than rope"},
    {"merge", "a merge other than the one that the axis implies"},
};

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_PATTERNREADER_H
