//===- GridSimulator.h - The best that boxes can do ------------------*- C++ -*-===//
//
// Counts tiles and pairs of a mask that is a product over the axes of a token grid exactly, for grids of any size, by
// looking at each axis alone: every coordinate of a query against every one of a key, one by one (no box program
// involved). The counts of the axes multiply.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_ANALYSIS_GRIDSIMULATOR_H
#define ATTN_PASSES_ANALYSIS_GRIDSIMULATOR_H

#include "dialect/mask/TokenGrid.h"

#include <optional>

namespace attn::passes {

struct GridCounts {
  double tiles = 1;        ///< pairs of a box of queries and a box of keys
  double visited = 1;      ///< that have a visible pair
  double full = 1;         ///< that have no hidden pair and no key of padding
  double pairs = 1;        ///< (query, key)
  double visiblePairs = 1;
  double visitedPairs = 1; ///< pairs of the visited tiles, padding included: what is computed
  std::vector<bool> aligned; ///< per axis: its visited boxes are all full (a product of such axes is block-sparse)

  /// By how much the work shrinks at best: counted in visible pairs, and in visited tiles.
  double idealSpeedup() const { return pairs / visiblePairs; }
  double tileSpeedup() const { return pairs / visitedPairs; }
};

/// Counts `mask` over a whole grid of `sizes` (one per axis); `env` has values for its parameters. Nothing if the mask is
/// no such product, has no value, or an axis is too long to be looked at.
std::optional<GridCounts> simulate(const mask::Expr &mask, const mask::TokenGrid &grid,
                                   const std::vector<int64_t> &sizes, const mask::Environment &env);

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_GRIDSIMULATOR_H
