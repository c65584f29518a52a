//===- Random.h - Made-up arguments ---------------------------------*- C++ -*-===//
//
// The same seed gives the same values everywhere: nothing here depends on the standard library's distributions.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_RUN_RANDOM_H
#define ATTN_TOOLS_ATTN_RUN_RANDOM_H

#include "tools/attn-run/Npy.h"

#include <random>

namespace attn::tool {

class Random {
public:
  explicit Random(uint64_t seed = 0) : generator(seed) {}

  double uniform(); ///< in (0, 1)
  double normal();
  /// Values that the declaration of an operand allows: non-decreasing document-like numbers for sorted ones, 0 and 1
  /// for boolean ones, positions below `keys` for other integers, (0, 1) for floats. `dtype` is an attn_dtype, `domain`
  /// an attn_domain.
  Array operand(int32_t dtype, int32_t domain, const std::vector<int64_t> &shape, int64_t keys);

private:
  std::mt19937_64 generator;
};

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_RANDOM_H
