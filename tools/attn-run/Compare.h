//===- Compare.h - Comparison with the reference -------------------*- C++ -*-===//
//
// The bar (max and mean of the absolute error against the fp64 reference; "naive" is the reference in the precision of
// the tensors, see attn_reference_options):
//   fp32         max <= 2 * max(naive) + 4 * 2^-23 * max|V|
//   fp16, bf16   max <= 2 * max(naive) + a,  mean <= 1.5 * mean(naive) + a / 16,  a = 2 * max |(x + 0.3 - 0.3) - x| in
//   that type lse          |error| <= 1e-5 * max(1, |lse|)
// Infinities and NaNs must be where the reference has them.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_RUN_COMPARE_H
#define ATTN_TOOLS_ATTN_RUN_COMPARE_H

#include "tools/attn-run/Npy.h"

namespace attn::tool {

struct Verdict {
  bool within = false;
  std::string text; ///< one line
};

/// Compares the elements `indices` of `out`; `reference` and `naive` have its shape.
Verdict compareOut(const Array &out, const Array &reference, const Array &naive, const std::vector<int64_t> &indices,
                   double largestValue);
Verdict compareLse(const Array &lse, const Array &reference, const std::vector<int64_t> &indices);

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_COMPARE_H
