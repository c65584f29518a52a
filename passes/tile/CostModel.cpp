//===- CostModel.cpp - Tile sizes -------------------------------------------===//
#include "passes/tile/CostModel.h"

#include <algorithm>

using namespace attn::passes;

int64_t attn::passes::workingSet(const TileProblem &p, TileSizes sizes) {
  int64_t perRow = p.keyDim + sizes.keys + p.valueDim;
  return 4 * (sizes.rows * perRow + sizes.keys * (p.keyDim + p.valueDim));
}

TileSizes attn::passes::prefillTile(const TileProblem &p) {
  if (p.tensorCores) {
    int64_t dim = std::max(p.keyDim, p.valueDim);
    return dim <= 64 ? TileSizes{128, 48} : TileSizes{64, dim <= 192 ? 64 : 32};
  }
  int64_t step = 3 * p.lanes;
  TileSizes sizes{std::max<int64_t>(step, 96 / step * step), 64};
  while (sizes.rows > step && 2 * workingSet(p, sizes) > p.l2Bytes)
    sizes.rows -= step;
  return sizes;
}

TileSizes attn::passes::decodeTile(const TileProblem &p) {
  return p.tensorCores ? TileSizes{16, 64} : TileSizes{8, 64};
}
