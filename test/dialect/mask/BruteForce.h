//===- BruteForce.h - Range programs against every pair ------------*- C++ -*-===//
//
// Evaluates a mask at every (head, query, key) of a small grid once, then checks a range program on boxes of it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_DIALECT_MASK_BRUTEFORCE_H
#define ATTN_TEST_DIALECT_MASK_BRUTEFORCE_H

#include "dialect/mask/Evaluate.h"

namespace attn::mask::test {

/// Positions q_low..q_high, heads 0..heads-1, keys 0..kv_len-1 (`env.values` holds kv_len).
class Grid {
public:
  Grid(const Expr &mask, Environment env, int64_t qLow, int64_t qHigh, int64_t heads);

  struct Report {
    int64_t tiles = 0;
    int64_t spurious = 0; ///< tiles called partial that are full or empty
    std::string error;    ///< the first wrong answer
  };
  /// Runs `program` on every key tile of the box and adds to `report`. A wrong answer: full with a
  /// hidden pair, empty with a visible one, `next` that is not a later tile, skips a tile of
  /// another class or passes the end.
  void check(const RangeProgram &program, int64_t qFirst, int64_t qLast, int64_t hFirst, int64_t hLast, int64_t tile,
             Report &report);
  /// A mistake in evaluating the mask itself.
  const std::string &error() const { return evaluationError; }

private:
  TileClass truth(int64_t qFirst, int64_t qLast, int64_t hFirst, int64_t hLast, int64_t k0, int64_t tile) const;

  Environment env;
  int64_t qLow, queries, keys;
  std::vector<uint8_t> visible; ///< [head][query][key]
  std::string evaluationError;
};

} // namespace attn::mask::test

#endif // ATTN_TEST_DIALECT_MASK_BRUTEFORCE_H
