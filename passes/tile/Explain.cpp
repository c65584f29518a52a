//===- Explain.cpp - How a pattern is compiled, in words -------------------===//
#include "passes/tile/Explain.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/RangeProgram.h"
#include "dialect/tile/TileDialect.h"
#include "passes/analysis/Eviction.h"
#include "passes/analysis/GridSimulator.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/analysis/TileReport.h"
#include "passes/tile/CostModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using llvm::formatv;

namespace {

/// Explains one loop over keys.
class LoopExplainer {
public:
  LoopExplainer(llvm::raw_ostream &os, tile::ForKeysOp loop, const ExplainCall &call)
      : os(os), loop(loop), schedule(loop->getParentOfType<tile::KernelOp>().getSchedule()), call(call) {}

  void explain();

private:
  void readDeclarations(const mask::Expr &mask);
  void setLengths();
  void explainCounts(const TileReport &report, bool tileByTile = true);
  void explainGrid(const mask::Expr &mask, const mask::TokenGrid &grid);
  llvm::raw_ostream &line(llvm::StringRef what) { return os << formatv("  {0,-14} ", what); }

  llvm::raw_ostream &os;
  tile::ForKeysOp loop;
  tile::ScheduleAttr schedule;
  ExplainCall call;
  int64_t keyDim = 0, valueDim = 0, elementBytes = 0;
  TileCall tileCall;
  std::string zeros;             ///< operands that are taken as 0
  std::vector<std::string> axes; ///< of the pattern's grid
  std::vector<int64_t> sizes;    ///< their sizes in this call
};

std::string bytes(double n) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; n >= 1024 && unit < 4; ++unit)
    n /= 1024;
  return formatv(unit ? "{0:F1} {1}" : "{0:F0} {1}", n, units[unit]);
}

std::string percent(double part, double whole) {
  return whole > 0 ? formatv("{0:F1} %", 100 * part / whole).str() : "none";
}

} // namespace

/// The values that a pattern gives an operand.
static mask::Environment::Tensor valuesOf(DenseElementsAttr values) {
  mask::Environment::Tensor tensor;
  tensor.sizes = values.getType().getShape().vec();
  if (isa<FloatType>(values.getElementType()))
    for (APFloat value : values.getValues<APFloat>()) {
      bool inexact = false;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      tensor.reals.push_back(value.convertToDouble());
    }
  else
    for (const APInt &value : values.getValues<APInt>())
      tensor.data.push_back(value.getBitWidth() == 1 ? int64_t(value.getZExtValue()) : value.getSExtValue());
  return tensor;
}

/// Parameters at their defaults or as the call says, operands with their own values or zero.
void LoopExplainer::readDeclarations(const mask::Expr &mask) {
  std::set<std::string> symbols, tensors;
  mask.collect(symbols, tensors);
  for (auto pattern : loop->getParentOfType<ModuleOp>().getOps<ir::PatternOp>()) {
    for (auto param : pattern.getBody().getOps<ir::ParamOp>()) {
      std::string name = param.getSymName().str();
      if (auto integer = dyn_cast<IntegerAttr>(param.getValue()))
        tileCall.environment.values[name] = call.params.count(name) ? call.params.at(name) : integer.getInt();
      else
        tileCall.environment.reals[name] = cast<FloatAttr>(param.getValue()).getValueAsDouble();
    }
    for (auto operand : pattern.getBody().getOps<ir::OperandOp>()) {
      std::string name = operand.getSymName().str();
      if (!tensors.count(name))
        continue;
      if (auto values = dyn_cast_or_null<DenseElementsAttr>(operand.getValues().value_or(ElementsAttr()))) {
        tileCall.environment.tensors[name] = valuesOf(values);
        continue;
      }
      // Indices are clamped, so one element is every element.
      tileCall.environment.tensors[name] = {std::vector<int64_t>(operand.getShape().size(), 1), {0}, {0.0}};
      zeros += (zeros.empty() ? "" : ", ") + name;
    }
  }
}

/// The sizes of the grid, and lengths that are not given.
void LoopExplainer::setLengths() {
  int64_t tokens = 4096;
  for (auto pattern : loop->getParentOfType<ModuleOp>().getOps<ir::PatternOp>()) {
    for (auto grid : pattern.getBody().getOps<ir::GridOp>()) {
      tokens = 1;
      for (auto [axis, size] : llvm::zip(grid.getAxes(), grid.getSizes())) {
        auto name = dyn_cast<StringAttr>(size);
        axes.push_back(cast<StringAttr>(axis).str());
        sizes.push_back(name ? tileCall.environment.values[name.str()] : cast<IntegerAttr>(size).getInt());
        tokens = sizes.back() > 0 && tokens <= INT32_MAX / sizes.back() ? tokens * sizes.back() : 4096;
      }
    }
  }
  if (!call.kvLen)
    call.kvLen = call.qLen ? call.qLen : tokens;
  if (!call.qLen)
    call.qLen = call.kvLen;
  if (axes.empty()) {
    axes = {"sequence"};
    sizes = {call.kvLen};
  }
  // The slowest axis is as long as the keys need.
  int64_t inner = 1;
  for (size_t i = 1; i < sizes.size(); ++i)
    inner *= std::max<int64_t>(sizes[i], 1);
  sizes[0] = llvm::divideCeil(call.kvLen, inner);
}

/// Tiles that are boxes, and the bounds of the speed-up. Counted axis by axis where the mask is a product over the axes
/// and the call the whole grid, else with the box program.
void LoopExplainer::explainGrid(const mask::Expr &mask, const mask::TokenGrid &grid) {
  auto list = [&](auto value) {
    std::string text;
    for (size_t i = 0; i < grid.axes.size(); ++i)
      text += (i ? " x " : "") + std::string(value(i));
    return text;
  };
  std::string keys = list([&](size_t i) { return std::to_string(grid.axes[i].keys); });
  std::string rows = list([&](size_t i) { return std::to_string(grid.axes[i].rows); });
  std::string dilations = list([&](size_t i) { return grid.axes[i].dilation.str(); });
  line("grid") << list([&](size_t i) { return axes[i] + " " + std::to_string(sizes[i]); }) << "; boxes of " << rows
               << " queries and " << keys << " keys";
  bool dilated = llvm::any_of(grid.axes, [](auto &axis) { return axis.dilation != mask::Expr::integer(1); });
  os << (dilated ? " of one residue by " + dilations : "") << "\n";

  int64_t tokens = 1;
  for (int64_t size : sizes)
    tokens *= size;
  std::optional<GridCounts> n;
  if (call.qLen == call.kvLen && tokens == call.kvLen)
    n = simulate(mask, grid, sizes, tileCall.environment);
  if (!n) {
    tileCall.pairBudget = 1 << 18;
    return explainCounts(
        countTiles(mask, boxProgram(loop->getParentOfType<tile::KernelOp>(), grid, mask), grid, tileCall));
  }
  TileReport report;
  int64_t heads = call.qHeads;
  report.total.full = int64_t(n->full) * heads;
  report.total.partial = int64_t(n->visited - n->full) * heads;
  report.total.empty = int64_t(n->tiles - n->visited) * heads;
  report.total.pairs = int64_t(n->pairs) * heads;
  report.total.visiblePairs = int64_t(n->visiblePairs) * heads;
  report.total.visitedPairs = int64_t(n->visitedPairs) * heads;
  explainCounts(report, /*tileByTile=*/false);
  line("speed-up") << formatv("at most {0:F1} x by visible pairs ({1:F1} % sparse), {2:F1} x by visited tiles\n",
                              n->idealSpeedup(), 100 - 100 / n->idealSpeedup(), n->tileSpeedup());
  std::string partial;
  for (size_t i = 0; i < grid.axes.size(); ++i)
    if (!n->aligned[i])
      partial += (partial.empty() ? "" : ", ") + axes[i];
  line("block-sparse");
  if (partial.empty())
    os << "every visited tile is full\n";
  else
    os << "not along " << partial << ": would be if strides were multiples of " << rows
       << " and windows began and ended at multiples of " << keys << "\n";
}

void LoopExplainer::explainCounts(const TileReport &report, bool tileByTile) {
  if (!report.error.empty()) {
    line("key tiles") << "not counted: " << report.error << "\n";
    return;
  }
  const TileCounts &n = report.total;
  double all = double(n.visited() + n.empty);
  line("key tiles") << formatv("{0} of {1} visited ({2}): {3} full, {4} partial", n.visited(), n.visited() + n.empty,
                               percent(n.visited(), all), n.full, n.partial);
  if (n.notCounted)
    os << formatv("; {0} partial tiles were not looked into", n.notCounted);
  else if (tileByTile)
    os << formatv("; {0} partial without need", n.spuriousFull + n.spuriousEmpty);
  os << "\n";
  line("pairs") << formatv("{0}{1} of {2} visible ({3}), {4} of the computed ones\n", n.notCounted ? "at least " : "",
                           n.visiblePairs, n.pairs, percent(n.visiblePairs, n.pairs),
                           percent(n.visiblePairs, n.visitedPairs));
  double flops = 2.0 * (keyDim + valueDim);
  line("work") << formatv("{0:F3} GFLOP; a dense mask needs {1:F3}\n", n.visitedPairs * flops / 1e9,
                          n.pairs * flops / 1e9);
  double rowBytes = double(keyDim + valueDim) * elementBytes, rows = double(call.qLen) * call.qHeads;
  line("traffic") << formatv("{0} of keys and values into row tiles, {1} of queries and outputs\n",
                             bytes(n.visited() * schedule.getKeys() * rowBytes), bytes(rows * rowBytes));
}

void LoopExplainer::explain() {
  auto mask = regionToExpr(loop.getVisible());
  if (failed(mask))
    return;
  auto keyView = loop.getKeys().getType();
  keyDim = valueDim = keyView.getDim();
  elementBytes = (keyView.getElementType().getIntOrFloatBitWidth() + 7) / 8;
  loop.getPartial().walk([&](tile::LoadKeysOp load) { // the last one is the values
    valueDim = load.getView().getType().getDim();
  });
  readDeclarations(*mask);
  setLengths();
  if (schedule.getPack())
    call.qLen = 1;
  tileCall.qLen = call.qLen;
  tileCall.kvLen = call.kvLen;
  tileCall.qHeads = call.qHeads;
  tileCall.kvHeads = call.kvHeads;
  tileCall.rows = schedule.getRows();
  tileCall.keys = schedule.getKeys();
  tileCall.pack = schedule.getPack();
  for (auto pattern : loop->getParentOfType<ModuleOp>().getOps<ir::PatternOp>())
    if (pattern.getPositions() != ir::Positions::TopLeft)
      tileCall.qPos = call.kvLen - call.qLen;

  auto kernel = loop->getParentOfType<tile::KernelOp>();
  auto grid = tokenGrid(kernel);
  auto program = rangeProgram(kernel, *mask);
  line("mask") << mask->str() << "\n";
  if (grid)
    line("box program") << boxProgram(kernel, *grid, *mask).valueCount() << " values\n";
  else
    line("range program") << (program.exact() ? "exact" : "not exact: some tiles may be partial without need") << ", "
                          << program.valueCount() << " values\n";
  line("call") << formatv("q_len {0} from position {1}, kv_len {2}; query heads {3}, KV heads {4}\n", call.qLen,
                          tileCall.qPos, call.kvLen, call.qHeads, call.kvHeads);
  if (!zeros.empty())
    line("") << "operands taken as 0: " << zeros << "\n";
  if (grid)
    explainGrid(*mask, *grid);
  else
    explainCounts(countTiles(*mask, program, tileCall));
  TileProblem problem{keyDim, valueDim, 0, 0};
  line("schedule") << formatv("{0} rows x {1} keys, working set {2} a core\n", tileCall.rows, tileCall.keys,
                              bytes(workingSet(problem, {tileCall.rows, tileCall.keys})));
  mask::Environment given;
  given.values = tileCall.environment.values;
  given.reals = tileCall.environment.reals;
  line("evictable") << evictionOf(*mask, factsOf(kernel), std::move(given)).str() << "\n";
}

std::string attn::passes::explain(ModuleOp tiled, const ExplainCall &call) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (auto kernel : tiled.getOps<tile::KernelOp>()) {
    auto schedule = kernel.getSchedule();
    os << formatv("{0}: a tile is {1} rows of {2}\n", kernel.getSymName(), schedule.getRows(),
                  schedule.getPack() ? "all query heads of a KV head" : "one query head");
    kernel.walk([&](tile::ForKeysOp loop) { LoopExplainer(os, loop, call).explain(); });
  }
  return text;
}
