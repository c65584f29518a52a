//===- BoxChoice.cpp - Boxes of a token grid -------------------------------===//
#include "passes/tile/BoxChoice.h"

#include "dialect/mask/Simplify.h"
#include "passes/analysis/GridMask.h"

#include <cmath>
#include <limits>
#include <tuple>

using namespace mlir;
using namespace attn;
using namespace attn::passes;

namespace {

/// Extents worth trying.
constexpr int64_t extents[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 12, 14, 15,
                               16, 18, 20, 24, 28, 32, 40, 48, 64, 80, 96, 128};
constexpr size_t extentCount = std::size(extents);

/// Costs in query-key pairs of a register tile, measured on AVX-512 with head dimension 64: what a tile costs besides
/// its pairs (tables of rows, the box program), a row tile besides its key tiles, and mask code per pair.
constexpr double tileCost = 400, rowTileCost = 2000, maskCost = 0.25;

/// Queries per axis that are looked at; the windows of longer axes repeat.
constexpr int64_t longest = 512;

/// How boxes of one axis meet, by the extents of rows and keys.
struct AxisCounts {
  double rowBoxes[extentCount];
  double visited[extentCount][extentCount]; ///< (box of queries, box of keys) with a visible pair
  double full[extentCount][extentCount];    ///< and no hidden one
};

/// Counts one axis of `size` coordinates. Within a residue the window of a query is an interval whose ends do not
/// decrease, or nearly so: that is good enough for a choice.
AxisCounts count(const GridMask &mask, size_t axis, int64_t size, int64_t dilation, mask::Environment &env) {
  int64_t length = std::max<int64_t>((size + dilation - 1) / dilation, 1), looked = std::min(length, longest);
  std::vector<int64_t> low, high;
  int64_t first = 0, last = -1;
  for (int64_t x = 0; x < looked; ++x) {
    auto sees = [&](int64_t y) { return mask.sees(axis, x * dilation, y * dilation, env); };
    while (first < length - 1 && !sees(first) && first < std::max(last, x))
      ++first;
    last = std::max(last, first);
    while (last + 1 < length && sees(last + 1))
      ++last;
    low.push_back(first), high.push_back(last);
  }
  AxisCounts counts;
  double repeats = double(length) / double(looked) * double(std::min(dilation, size));
  for (size_t r = 0; r < extentCount; ++r) {
    int64_t rows = extents[r];
    counts.rowBoxes[r] = double((looked + rows - 1) / rows) * repeats;
    for (size_t k = 0; k < extentCount; ++k) {
      int64_t keys = extents[k], visited = 0, full = 0;
      for (int64_t x = 0; x < looked; x += rows) {
        int64_t end = std::min(x + rows, looked) - 1;
        visited += high[end] / keys - low[x] / keys + 1;
        int64_t fullEnd = (high[x] + 1) / keys; // the boxes that every window of the run covers
        full += std::max<int64_t>(0, fullEnd - (low[end] + keys - 1) / keys);
      }
      counts.visited[r][k] = double(visited) * repeats;
      counts.full[r][k] = double(full) * repeats;
    }
  }
  return counts;
}

/// An extent per axis, as an index into `extents`.
using Shape = SmallVector<size_t, 3>;

/// All ways to give each of `rank` axes an extent, with a product in [least, most].
std::vector<Shape> shapes(size_t rank, int64_t least, int64_t most) {
  std::vector<Shape> result;
  Shape shape;
  std::function<void(int64_t)> extend = [&](int64_t product) {
    if (shape.size() == rank) {
      if (product >= least)
        result.push_back(shape);
      return;
    }
    for (size_t i = 0; i < extentCount && product * extents[i] <= most; ++i) {
      shape.push_back(i);
      extend(product * extents[i]);
      shape.pop_back();
    }
  };
  extend(1);
  return result;
}

int64_t volume(ArrayRef<size_t> shape) {
  int64_t product = 1;
  for (size_t i : shape)
    product *= extents[i];
  return product;
}

/// What a row of a tile costs beside one of a tile of 3 or 4 vectors of rows: fewer share a load of a key.
double rowCost(int64_t vectors) {
  if (vectors % 3 == 0 || vectors % 4 == 0)
    return 1;
  return vectors == 1 ? 2 : vectors == 2 ? 1.3 : 1.15;
}

/// A box of queries, and what it costs whatever the boxes of keys are.
struct RowChoice {
  Shape shape;
  double pairs; ///< cost of a key
  double fixed; ///< of the row tiles
  double least; ///< of everything

  static RowChoice of(const Shape &shape, ArrayRef<AxisCounts> counts, int64_t lanes) {
    int64_t vectors = llvm::divideCeil(volume(shape), lanes);
    RowChoice choice{shape, double(vectors * lanes) * rowCost(vectors), rowTileCost, 0};
    double keys = 1;
    for (auto [axis, extent] : llvm::zip_equal(counts, shape)) {
      choice.fixed *= axis.rowBoxes[extent];
      double fewest = HUGE_VAL;
      for (size_t k = 0; k < extentCount; ++k)
        fewest = std::min(fewest, axis.visited[extent][k] * double(extents[k]));
      keys *= fewest;
    }
    choice.least = keys * choice.pairs + choice.fixed;
    return choice;
  }
};

} // namespace

static std::optional<int64_t> defaultOf(ir::PatternOp pattern, const mask::Expr &e) {
  if (e.op() == mask::Op::ConstInt)
    return e.intValue();
  auto param = pattern.lookupSymbol<ir::ParamOp>(e.name());
  auto value = param ? dyn_cast<IntegerAttr>(param.getValue()) : IntegerAttr();
  return value && value.getInt() > 0 ? std::optional<int64_t>(value.getInt()) : std::nullopt;
}

/// Of the disjunctions in `e` (canonical) the alternative that reads the grid: beside it stand extra tokens or other
/// classes of heads.
static mask::Expr partOnGrid(const mask::Expr &e, const mask::TokenGrid &grid) {
  if (e.op() == mask::Op::Or)
    for (const mask::Expr &part : e.args())
      if (GridMask::of(part, grid).usesGrid)
        return partOnGrid(part, grid);
  if (e.op() != mask::Op::And)
    return e;
  std::vector<mask::Expr> parts;
  for (const mask::Expr &part : e.args())
    parts.push_back(partOnGrid(part, grid));
  return mask::Expr::make(mask::Op::And, std::move(parts));
}

tile::GridAttr attn::passes::chooseBoxes(const mask::Expr &mask, ir::PatternOp pattern, TileSizes limits,
                                         int64_t lanes) {
  Builder b(pattern.getContext());
  auto value = [](Attribute a) {
    if (auto name = dyn_cast<StringAttr>(a))
      return mask::Expr::symbol(name.str());
    return mask::Expr::integer(cast<IntegerAttr>(a).getInt());
  };
  auto attribute = [&](const mask::Expr &e) -> Attribute {
    if (e.op() == mask::Op::Symbol)
      return b.getStringAttr(e.name());
    return b.getI64IntegerAttr(e.intValue());
  };
  // The pattern's grid, or the sequence as a grid of one axis.
  mask::TokenGrid grid;
  mask::Environment env;
  auto declared = pattern.getBody().getOps<ir::GridOp>();
  if (declared.empty())
    grid.axes.push_back({mask::Expr::integer(longest), mask::Expr::integer(1)});
  else
    for (Attribute size : (*declared.begin()).getSizes())
      grid.axes.push_back({value(size), mask::Expr::integer(1)});
  size_t rank = grid.axes.size();
  mask::Expr whole = canonicalize(mask), part = partOnGrid(whole, grid), over = overCoordinates(part, grid);
  // Without a grid, what stands beside a dilated part is as a rule a window, whose keys boxes would scatter.
  if (declared.empty() && part != whole)
    return {};
  for (size_t i = 0; i < rank; ++i)
    if (mask::Expr dilation = dilationOf(over, i);
        dilation.op() == mask::Op::ConstInt || pattern.lookupSymbol<ir::ParamOp>(dilation.name()))
      grid.axes[i].dilation = dilation;
  GridMask parts = GridMask::of(part, grid);
  if (!parts.usesGrid)
    return {};

  // The axes at the defaults.
  for (auto param : pattern.getBody().getOps<ir::ParamOp>())
    if (auto integer = dyn_cast<IntegerAttr>(param.getValue()))
      env.values[param.getSymName().str()] = integer.getInt();
  int64_t tokens = 1;
  for (const auto &axis : grid.axes)
    tokens *= std::min<int64_t>(defaultOf(pattern, axis.size).value_or(longest), 1 << 20);
  env.values["kv_len"] = env.values["q_len"] = tokens;
  std::vector<AxisCounts> counts;
  for (size_t i = 0; i < rank; ++i)
    counts.push_back(count(parts, i, defaultOf(pattern, grid.axes[i].size).value_or(longest),
                           defaultOf(pattern, grid.axes[i].dilation).value_or(1), env));

  auto keyShapes = shapes(rank, (limits.keys + 1) / 2, limits.keys);
  if (limits.keys >= 8) // whole register tiles, and pairs for 16-bit products
    llvm::erase_if(keyShapes, [](const Shape &k) { return volume(k) % 8 != 0; });
  std::vector<RowChoice> rowShapes;
  for (const Shape &shape : shapes(rank, (limits.rows + 2) / 3, limits.rows))
    rowShapes.push_back(RowChoice::of(shape, counts, lanes));
  llvm::sort(rowShapes, [](const RowChoice &a, const RowChoice &b) { return a.least < b.least; });

  constexpr double tie = 1e-9; // of costs that are the same but for rounding, the boxes longest in the fastest axes
  double best = std::numeric_limits<double>::max();
  Shape rows, keys;
  for (const RowChoice &r : rowShapes) {
    if (r.least > best * (1 + tie))
      break;
    for (const Shape &k : keyShapes) {
      double visited = 1, full = 1, perKey = double(volume(k)) * r.pairs;
      for (size_t i = 0; i < rank; ++i) {
        visited *= counts[i].visited[r.shape[i]][k[i]];
        full *= counts[i].full[r.shape[i]][k[i]];
      }
      double cost = visited * (perKey + tileCost) + (visited - full) * perKey * maskCost + r.fixed;
      bool isEqual = std::abs(cost - best) <= best * tie;
      if (isEqual ? std::tie(r.shape, k) < std::tie(rows, keys) : cost < best) {
        best = cost;
        rows = r.shape, keys = k;
      }
    }
  }
  if (rows.empty())
    return {};
  SmallVector<Attribute> inner, dilations, rowExtents, keyExtents;
  for (size_t i = 0; i < rank; ++i) {
    if (i > 0)
      inner.push_back(attribute(grid.axes[i].size));
    dilations.push_back(attribute(grid.axes[i].dilation));
    rowExtents.push_back(b.getI64IntegerAttr(extents[rows[i]]));
    keyExtents.push_back(b.getI64IntegerAttr(extents[keys[i]]));
  }
  return tile::GridAttr::get(b.getContext(), b.getArrayAttr(inner), b.getArrayAttr(dilations),
                             b.getArrayAttr(rowExtents), b.getArrayAttr(keyExtents));
}

TileSizes attn::passes::boxSizes(tile::GridAttr grid) {
  TileSizes sizes{1, 1};
  for (Attribute extent : grid.getRows())
    sizes.rows *= cast<IntegerAttr>(extent).getInt();
  for (Attribute extent : grid.getKeys())
    sizes.keys *= cast<IntegerAttr>(extent).getInt();
  return sizes;
}
