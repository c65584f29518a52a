//===- Eviction.h - Whether unseen keys stay unseen -----------------*- C++ -*-===//
//
// A key may leave the cache once a query does not see it, if no later query does: if the mask, below the diagonal,
// never turns from hidden to visible as q grows (S2-Attention, arXiv 2407.17678, calls such patterns KV-efficient).
// Proved for all values of the parameters and lengths by Fourier-Motzkin elimination on the cases in which it would
// turn; else a counterexample is searched for at given values. Run-time scalars are fixed: they do not change from
// query to query.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_ANALYSIS_EVICTION_H
#define ATTN_PASSES_ANALYSIS_EVICTION_H

#include "dialect/mask/CodeBuilder.h"

namespace attn::passes {

struct Eviction {
  enum Answer { Yes, No, NotKnown } answer = NotKnown;
  int64_t key = 0, unseen = 0, seen = 0; ///< No: a key, a query that does not see it, a later one that does
  int64_t head = 0;
  bool dependsOnHead = false;

  std::string str() const;
};

/// `defaults` has the parameters of `mask`, for counterexamples; `facts` what is known of its tensors and divisors.
Eviction evictionOf(const mask::Expr &mask, const mask::Facts &facts, mask::Environment defaults);

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_EVICTION_H
