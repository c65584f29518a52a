//===- Kernels.h - The loops that a pattern compiles to -------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_VIZ_KERNELS_H
#define ATTN_TOOLS_ATTN_VIZ_KERNELS_H

#include "dialect/mask/BoxProgram.h"
#include "dialect/spec/Pattern.h"
#include "tools/attn-viz/Call.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace attn::viz {

/// One loop over keys of a prefill kernel, with the range program that tells it which tiles to visit.
struct Loop {
  std::string entry;  ///< the entry point that the kernel belongs to
  std::string kernel; ///< `<entry>.<n>.prefill`
  mask::Expr mask;
  mask::RangeProgram program;
  std::optional<mask::TokenGrid> grid; ///< tiles are boxes of it; then `boxes` says which are visited
  mask::BoxProgram boxes;
};

struct Kernels {
  std::vector<Loop> loops;        ///< an entry that runs as a scan has none
  std::set<std::string> positive; ///< parameters that must be at least 1: something is divided by them
};

/// Compiles `pattern` as far as the tiled form, with the parameters and tile sizes of `call`, which decide the boxes of
/// a token grid. Returns an empty string, or the errors.
std::string compile(spec::Pattern pattern, const Call &call, Kernels &kernels);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_KERNELS_H
