//===- GridMask.h - A mask seen along the axes of a token grid ------*- C++ -*-===//
//
// Many masks over a token grid are a product over its axes: a query sees a key if it does so along every axis. This is
// the mask cut into those parts.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_ANALYSIS_GRIDMASK_H
#define ATTN_PASSES_ANALYSIS_GRIDMASK_H

#include "dialect/mask/TokenGrid.h"

namespace attn::passes {

struct GridMask {
  std::vector<mask::Expr> axes; ///< per axis a condition over its two coordinates (coordinateSymbol); true if none
  bool isProduct = true;        ///< the mask is the conjunction of these; else it is stronger
  bool usesGrid = false;        ///< some coordinate of the grid occurs, or the grid is a dilated sequence

  /// Takes the conjunction `mask` apart. Parts that read a tensor, a float, or q and k themselves belong to no axis.
  static GridMask of(const mask::Expr &mask, const mask::TokenGrid &grid);
  /// Whether the key's coordinate is seen from the query's, as far as this axis goes. `env` has values for parameters.
  bool sees(size_t axis, int64_t query, int64_t key, mask::Environment &env) const;
};

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_GRIDMASK_H
