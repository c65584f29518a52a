//===- Explain.cpp - How a pattern is compiled, in words -------------------===//
#include "passes/tile/Explain.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/RangeProgram.h"
#include "dialect/tile/TileDialect.h"
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
  void explainCounts(const TileReport &report);
  llvm::raw_ostream &line(llvm::StringRef what) { return os << formatv("  {0,-14} ", what); }

  llvm::raw_ostream &os;
  tile::ForKeysOp loop;
  tile::ScheduleAttr schedule;
  ExplainCall call;
  int64_t keyDim = 0, valueDim = 0, elementBytes = 0;
  TileCall tileCall;
  std::string zeros; ///< operands that are taken as 0
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

void LoopExplainer::explainCounts(const TileReport &report) {
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
  else
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
  if (schedule.getPack())
    call.qLen = 1;
  tileCall.qLen = call.qLen;
  tileCall.kvLen = call.kvLen;
  tileCall.qHeads = call.qHeads;
  tileCall.kvHeads = call.kvHeads;
  tileCall.rows = schedule.getRows();
  tileCall.keys = schedule.getKeys();
  tileCall.pack = schedule.getPack();
  readDeclarations(*mask);
  for (auto pattern : loop->getParentOfType<ModuleOp>().getOps<ir::PatternOp>())
    if (pattern.getPositions() != ir::Positions::TopLeft)
      tileCall.qPos = call.kvLen - call.qLen;

  auto kernel = loop->getParentOfType<tile::KernelOp>();
  auto program = rangeProgram(kernel, *mask);
  line("mask") << mask->str() << "\n";
  line("range program") << (program.exact() ? "exact" : "not exact: some tiles may be partial without need") << ", "
                        << program.valueCount() << " values\n";
  line("call") << formatv("q_len {0} from position {1}, kv_len {2}; query heads {3}, KV heads {4}\n", call.qLen,
                          tileCall.qPos, call.kvLen, call.qHeads, call.kvHeads);
  if (!zeros.empty())
    line("") << "operands taken as 0: " << zeros << "\n";
  explainCounts(countTiles(*mask, program, tileCall));
  TileProblem problem{keyDim, valueDim, 0, 0};
  line("schedule") << formatv("{0} rows x {1} keys, working set {2} a core\n", tileCall.rows, tileCall.keys,
                              bytes(workingSet(problem, {tileCall.rows, tileCall.keys})));
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
