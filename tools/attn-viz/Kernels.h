//===- Kernels.h - The loops that a pattern compiles to -------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_VIZ_KERNELS_H
#define ATTN_TOOLS_ATTN_VIZ_KERNELS_H

#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Pattern.h"

#include <set>
#include <string>
#include <vector>

namespace attn::viz {

/// One loop over positions of keys of a prefill kernel, with the range program that tells it which tiles to visit.
struct Loop {
  std::string entry;  ///< the entry point that the kernel belongs to
  std::string kernel; ///< `<entry>.<n>.prefill`
  mask::Expr mask;
  mask::RangeProgram program;
};

struct Kernels {
  std::vector<Loop> loops;        ///< an entry that runs as a scan has none
  std::set<std::string> positive; ///< parameters that must be at least 1: something is divided by them
};

/// Compiles `pattern` as far as the tiled form. Returns an empty string, or the errors.
std::string compile(const spec::Pattern &pattern, Kernels &kernels);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_KERNELS_H
