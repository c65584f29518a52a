//===- CheckCoverage.cpp - Every pair in exactly one class and launch -------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Partitioning.h"
#include "dialect/mask/Simplify.h"
#include "dialect/tile/TileDialect.h"
#include "passes/analysis/Facts.h"
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/verify/Check.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using mask::Expr;

/// Parameters at their defaults.
static mask::Environment defaultsOf(ir::PatternOp pattern) {
  mask::Environment env;
  for (auto param : pattern.getBody().getOps<ir::ParamOp>())
    if (auto integer = dyn_cast<IntegerAttr>(param.getValue()))
      env.values[param.getSymName().str()] = integer.getInt();
    else
      env.reals[param.getSymName().str()] = cast<FloatAttr>(param.getValue()).getValueAsDouble();
  return env;
}

static mask::Facts factsOf(ir::PatternOp pattern) { return {sortedOperands(pattern), positiveParams(pattern)}; }

static void add(CheckReport &report, const std::string &what, const char *claim, const mask::Partitioning &answer) {
  if (answer.answer == mask::Partitioning::Refuted)
    report.errors.push_back("COVERAGE: " + what + ": " + answer.reason);
  else
    report.text += what + ": " + claim + ": " +
                   (answer.answer == mask::Partitioning::Proved ? "proved: " : "not proved: ") + answer.reason + "\n";
}

CheckReport passes::checkPartitions(ModuleOp module) {
  CheckReport report;
  for (auto pattern : module.getOps<ir::PatternOp>())
    for (auto partition : pattern.getBody().getOps<ir::PartitionOp>()) {
      std::vector<mask::Part> parts;
      std::string names;
      for (auto entry : partition.getBody().getOps<ir::ClassOp>()) {
        auto reference = SymbolRefAttr::get(partition.getSymNameAttr(), FlatSymbolRefAttr::get(entry.getSymNameAttr()));
        auto condition = classCondition(partition, reference);
        if (failed(condition)) {
          report.errors.push_back("COVERAGE: partition " + partition.getSymName().str() + ": a rule is no expression");
          return report;
        }
        parts.push_back({entry.getSymName().str(), *condition});
        names += (names.empty() ? "" : ", ") + parts.back().name;
      }
      std::string axis = ir::stringifyAxis(partition.getAxis()).str();
      add(report, "partition " + partition.getSymName().str() + " of " + axis + " (" + names + ")",
          "each is in exactly one class",
          mask::partitioningOf(Expr::boolean(true), parts, ::factsOf(pattern), defaultsOf(pattern)));
    }
  return report;
}

/// Where the first kernel map that applies shows the pair, and the cache holds the key.
static FailureOr<Expr> visibleOf(ir::AttendOp attend) {
  Expr visible = Expr::boolean(false), earlier = Expr::boolean(false);
  for (auto map : attend.getMaps().getOps<ir::KernelMapOp>()) {
    auto condition = mapCondition(map);
    auto mask = regionToExpr(map.getMask());
    // A choice of caches is made by fusion, which has taken what they hold into the mask.
    auto resident = map.getWhich().empty() ? residentPositions(attend, map.getCache()) : Expr::boolean(true);
    if (failed(condition) || failed(mask) || failed(resident))
      return failure();
    visible = visible || Expr::make(mask::Op::And, {*condition, !earlier, *mask, *resident});
    earlier = earlier || *condition;
  }
  return mask::canonicalize(visible);
}

namespace {

/// Gathers the attends behind a value, by branch and by the kind of keys.
struct Gatherer {
  std::string entry;
  llvm::SetVector<std::pair<Operation *, int>> attends; ///< with the branch, or -1

  void visit(Value value, int branch) {
    if (auto merge = value.getDefiningOp<ir::MergeOp>()) {
      for (Value lse : merge.getLses())
        visit(lse, branch);
    } else if (auto sum = value.getDefiningOp<ir::GatedSumOp>()) {
      for (auto [i, out] : llvm::enumerate(sum.getOuts()))
        visit(out, int(i));
    } else if (auto attend = value.getDefiningOp<ir::AttendOp>()) {
      attends.insert({attend, branch});
    }
  }
};

} // namespace

LogicalResult VisiblePairs::read(ModuleOp module) {
  for (auto pattern : module.getOps<ir::PatternOp>()) {
    facts = ::factsOf(pattern);
    defaults = defaultsOf(pattern);
  }
  auto result = module.walk([&](func::FuncOp entry) {
    llvm::DenseMap<Operation *, int64_t> launches; // as attn-tile-attention numbers them
    for (Operation &op : entry.getBody().front())
      launches[&op] = int64_t(launches.size());
    Gatherer gatherer;
    for (Value value : entry.getBody().front().getTerminator()->getOperands())
      gatherer.visit(value, -1);
    for (auto [op, branch] : gatherer.attends) {
      auto attend = cast<ir::AttendOp>(op);
      auto visible = visibleOf(attend);
      if (failed(visible))
        return WalkResult::interrupt();
      std::string group = entry.getSymName().str();
      if (branch >= 0)
        group += ", branch " + std::to_string(branch);
      if (hasSlots(attend))
        group += ", slots of " + cast<SymbolRefAttr>((*attend.getCaches())[0]).getRootReference().str();
      groups[group].push_back({entry.getSymName().str() + "." + std::to_string(launches[op]), *visible});
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The mask of the kernel's loop over keys, or of the attend that it was made of where it has none.
static Expr maskOf(ModuleOp tiled, const std::string &launch, const char *form, const Expr &otherwise) {
  auto kernel = tiled.lookupSymbol<tile::KernelOp>(launch + form);
  Expr result = otherwise;
  if (kernel)
    kernel.walk([&](tile::ForKeysOp loop) {
      auto visible = regionToExpr(loop.getVisible());
      if (succeeded(visible))
        result = *visible;
    });
  return result;
}

CheckReport VisiblePairs::checkLaunches(ModuleOp tiled, const VisiblePairs &launches) const {
  CheckReport report;
  for (const auto &[group, attends] : groups) {
    Expr whole;
    for (const Attend &attend : attends)
      whole = whole ? whole || attend.visible : attend.visible;
    auto found = launches.groups.find(group);
    std::vector<Attend> parts = found == launches.groups.end() ? std::vector<Attend>() : found->second;
    std::vector<Expr> before;
    for (const char *form : {".prefill", ".decode"}) {
      std::vector<mask::Part> masks;
      std::vector<Expr> now;
      std::string names;
      for (const Attend &part : parts) {
        now.push_back(maskOf(tiled, part.name, form, part.visible));
        masks.push_back({part.name, now.back()});
        names += (names.empty() ? "" : ", ") + part.name;
      }
      if (now == before && !now.empty())
        continue; // the same proof
      add(report, "entry " + group + (names.empty() ? "" : " (" + names + ")"),
          "each visible pair is in exactly one launch", mask::partitioningOf(whole, masks, facts, defaults));
      before = std::move(now);
    }
  }
  return report;
}
