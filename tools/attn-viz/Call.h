//===- Call.h - The call that is drawn ------------------------------*- C++ -*-===//
//
// From what the user asked for to sizes, parameter values and operands. What is not asked for gets a value that shows
// the pattern: lengths of a few times the largest parameter, operands made up within their declared domain. Pictures
// state all of it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_CALL_H
#define ATTN_TOOLS_ATTN_VIZ_CALL_H

#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Pattern.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn::viz {

/// What the command line says.
struct Request {
  std::string entry; ///< empty: all
  std::optional<int64_t> qLen, kvLen, qPos, qHeads, kvHeads, rows, keys;
  std::vector<int64_t> layers = {0};
  int64_t request = 0, slots = 4;
  std::vector<std::string> steps; ///< entry points whose rows are drawn as calls of their own, as in decoding
  std::map<std::string, std::string> params, operands;
  int64_t seed = 0;
};

/// Largest sizes; beyond, makeCall refuses with LIMIT.
inline constexpr int64_t maxTilesPerSide = 4096, maxHeads = 64, maxLayers = 16, maxOperandElements = int64_t(1) << 24;

struct Call {
  int64_t qLen = 0, kvLen = 0, qPos = 0; ///< position of query row 0
  int64_t sequence = 0;                  ///< keys of the sequence: kvLen, unless the keys drawn are slots of a cache
  bool slots = false;
  int64_t qHeads = 0, kvHeads = 0, request = 0;
  int64_t rows = 0, keys = 0; ///< of a tile
  std::vector<int64_t> layers;
  bool steps = false; ///< each row is a call of its own, whose keys end at itself; then `rows` is 1
  int64_t seed = 0;
  mask::Environment environment;   ///< parameters and operands
  std::vector<std::string> madeUp; ///< operands that were not given
};

/// Returns an empty string, or what is wrong.
std::string makeCall(const spec::Pattern &pattern, const Request &request, Call &call);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_CALL_H
