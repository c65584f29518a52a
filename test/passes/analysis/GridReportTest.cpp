//===- GridReportTest.cpp - Boxes counted in two ways ---------------------===//
#include "passes/analysis/GridSimulator.h"
#include "passes/analysis/TileReport.h"

#include "gtest/gtest.h"

using namespace attn::passes;
using namespace attn::mask;

namespace {

Expr op(Op o, Expr a, Expr b) { return Expr::make(o, {std::move(a), std::move(b)}); }
Expr num(int64_t n) { return Expr::integer(n); }

/// A neighbourhood along every axis: windows with strides, shifted inside at the borders.
struct Neighborhood {
  std::vector<int64_t> sizes, windows, strides;
  TokenGrid grid;

  Neighborhood(std::vector<int64_t> n, std::vector<int64_t> w, std::vector<int64_t> s, std::vector<int64_t> rows,
               std::vector<int64_t> keys)
      : sizes(n), windows(w), strides(s) {
    for (size_t i = 0; i < n.size(); ++i)
      grid.axes.push_back({num(n[i]), num(1), rows[i], keys[i]});
  }
  Expr mask() const {
    Expr all = Expr::boolean(true);
    for (size_t i = 0; i < sizes.size(); ++i) {
      Expr x = coordinateOf(grid, Side::Query, i), y = coordinateOf(grid, Side::Key, i);
      Expr start = op(Op::FloorDiv, x, num(strides[i])) * num(strides[i]) + num(strides[i] / 2 - windows[i] / 2);
      start = op(Op::Min, op(Op::Max, start, num(0)), num(sizes[i] - windows[i]));
      all = all && start <= y && y < start + num(windows[i]);
    }
    return all;
  }
  GridCounts simulated() const {
    auto counts = simulate(mask(), grid, sizes, {});
    EXPECT_TRUE(counts);
    return counts.value_or(GridCounts());
  }
  TileCall call() const {
    TileCall call;
    call.qLen = 1;
    for (int64_t size : sizes)
      call.qLen *= size;
    call.kvLen = call.qLen;
    call.pairBudget = int64_t(1) << 40;
    return call;
  }
};

TEST(GridReport, TileByTileAndAxisByAxis) {
  for (const Neighborhood &n :
       {Neighborhood({12, 15}, {7, 7}, {1, 1}, {4, 6}, {4, 8}), Neighborhood({16, 16}, {8, 4}, {4, 4}, {4, 8}, {4, 4}),
        Neighborhood({5, 6, 7}, {3, 2, 7}, {2, 2, 3}, {2, 3, 4}, {1, 2, 8})}) {
    TileCounts tiles = countTiles(n.mask(), BoxProgram::compile(n.mask(), n.grid), n.grid, n.call()).total;
    GridCounts axes = n.simulated();
    EXPECT_EQ(tiles.visited(), axes.visited);
    EXPECT_EQ(tiles.full, axes.full);
    EXPECT_EQ(tiles.visited() + tiles.empty, axes.tiles);
    EXPECT_EQ(tiles.visiblePairs, axes.visiblePairs);
    EXPECT_EQ(tiles.visitedPairs, axes.visitedPairs);
    EXPECT_EQ(tiles.pairs, axes.pairs);
    EXPECT_EQ(tiles.spuriousEmpty, 0);
    EXPECT_EQ(tiles.spuriousFull, 0);
  }
}

/// Table 1 of the paper (arXiv 2504.16922).
TEST(GridReport, PublishedFigures) {
  auto expect = [](const Neighborhood &n, double sparsity, double speedup) {
    GridCounts counts = n.simulated();
    EXPECT_NEAR(100 - 100 / counts.idealSpeedup(), sparsity, 0.05);
    EXPECT_NEAR(counts.idealSpeedup(), speedup, 0.05);
  };
  expect({{30, 48, 80}, {18, 24, 24}, {16, 8, 8}, {2, 8, 8}, {2, 8, 8}}, 91.0, 11.1);
  expect({{16, 44, 80}, {16, 32, 48}, {1, 8, 16}, {4, 4, 4}, {4, 4, 4}}, 56.4, 2.3);
  expect({{256, 256}, {80, 80}, {16, 16}, {8, 8}, {8, 8}}, 90.2, 10.2);
}

TEST(GridReport, BlockSparse) {
  GridCounts counts = Neighborhood({30, 48, 80}, {18, 24, 24}, {16, 8, 8}, {1, 8, 8}, {2, 8, 4}).simulated();
  EXPECT_EQ(counts.visited, counts.full);
  EXPECT_EQ(counts.tileSpeedup(), counts.idealSpeedup());
  EXPECT_EQ(counts.aligned, (std::vector<bool>{true, true, true}));
  counts = Neighborhood({30, 48, 80}, {18, 24, 24}, {16, 8, 8}, {1, 8, 8}, {4, 4, 4}).simulated();
  EXPECT_EQ(counts.aligned, (std::vector<bool>{false, true, true}));
}

TEST(GridReport, NoProduct) { // axes tied to each other: only tile by tile
  TokenGrid grid;
  grid.axes = {{num(4), num(1), 2, 2}, {num(4), num(1), 2, 2}};
  Expr mask = coordinateOf(grid, Side::Query, 0) <= coordinateOf(grid, Side::Key, 1);
  EXPECT_FALSE(simulate(mask, grid, {4, 4}, {}));
  TileCall call;
  call.qLen = call.kvLen = 16;
  TilePicture picture;
  TileCounts counts = countTiles(mask, BoxProgram::compile(mask, grid), grid, call, &picture).total;
  EXPECT_EQ(counts.visiblePairs, 4 * 4 * (4 + 3 + 2 + 1));
  EXPECT_EQ(picture, (TilePicture{"+#+#", "+#+#", ".+.+", ".+.+"}));
}

} // namespace
