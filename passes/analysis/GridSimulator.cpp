//===- GridSimulator.cpp - The best that boxes can do ----------------------===//
#include "passes/analysis/GridSimulator.h"

#include "dialect/mask/Evaluate.h"
#include "passes/analysis/GridMask.h"

#include <algorithm>

using namespace attn::passes;
using namespace attn::mask;

/// The coordinates of an axis, box by box.
static std::vector<std::vector<int64_t>> boxesOf(int64_t size, int64_t dilation, int64_t extent) {
  std::vector<std::vector<int64_t>> boxes;
  for (int64_t residue = 0; residue < std::min(dilation, size); ++residue) {
    for (int64_t first = residue; first < size; first += extent * dilation) {
      boxes.emplace_back();
      for (int64_t i = 0; i < extent && first + i * dilation < size; ++i)
        boxes.back().push_back(first + i * dilation);
    }
  }
  return boxes;
}

std::optional<GridCounts> attn::passes::simulate(const Expr &mask, const TokenGrid &grid,
                                                 const std::vector<int64_t> &sizes, const Environment &given) {
  constexpr int64_t most = 2048;
  GridMask parts = GridMask::of(mask, grid);
  if (!parts.isProduct)
    return std::nullopt;
  Environment env = given;
  int64_t tokens = 1;
  for (int64_t size : sizes)
    tokens *= size;
  env.values["q_len"] = env.values["kv_len"] = tokens;
  GridCounts counts;
  for (size_t axis = 0; axis < grid.axes.size(); ++axis) {
    int64_t size = sizes[axis];
    Value dilation = evaluate(grid.axes[axis].dilation, env);
    if (size > most || !dilation.ok() || dilation.integer < 1)
      return std::nullopt;
    std::vector<bool> visible(size * size);
    for (int64_t x = 0; x < size; ++x)
      for (int64_t y = 0; y < size; ++y)
        visible[x * size + y] = parts.sees(axis, x, y, env);
    auto rows = boxesOf(size, dilation.integer, grid.axes[axis].rows);
    auto keys = boxesOf(size, dilation.integer, grid.axes[axis].keys);
    double visited = 0, full = 0;
    for (const auto &row : rows) {
      for (const auto &key : keys) {
        int64_t seen = 0;
        for (int64_t x : row)
          seen += std::count_if(key.begin(), key.end(), [&](int64_t y) { return visible[x * size + y]; });
        visited += seen != 0;
        full += seen == int64_t(row.size()) * grid.axes[axis].keys;
      }
    }
    counts.tiles *= double(rows.size()) * double(keys.size());
    counts.visited *= visited;
    counts.full *= full;
    counts.pairs *= double(size) * double(size);
    counts.visiblePairs *= double(std::count(visible.begin(), visible.end(), true));
    counts.aligned.push_back(visited == full);
  }
  counts.visitedPairs = counts.visited * double(grid.tile(Side::Query) * grid.tile(Side::Key));
  return counts;
}
