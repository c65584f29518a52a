//===- PairTest.h - Is there a pair in a box -----------------------*- C++ -*-===//
//
// Code that looks for a pair of a region (Region.h) in a box of queries and keys, one after the other. Before that, in
// one pass over the queries and one over the keys, ranges of values rule out most boxes without a pair: documents or
// images that a query tile and a key tile have in common lie in the ranges of both.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_PAIRTEST_H
#define ATTN_DIALECT_MASK_PAIRTEST_H

#include "dialect/mask/Region.h"

namespace attn::mask {

/// Positions first to last (value ids).
struct Span {
  int first, last;
};

/// B: some pair of the box satisfies the bounds and `pairs` of `region`; false unless `enabled` holds. The rest of the
/// region is taken to hold on the box. `bindings` bind h.
int existsPair(CodeBuilder &code, const Region &region, Span queries, Span keys, int enabled, const Bindings &bindings);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_PAIRTEST_H
