//===- CheckTest.cpp - What --check proves and refutes ----------------------===//
#include "passes/verify/Check.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/spec/Read.h"
#include "dialect/spec/SpecToIR.h"
#include "dialect/spec/Variant.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/analysis/KernelMaps.h"

#include "gtest/gtest.h"

using namespace attn;

namespace {

/// A pattern before the passes, with one attend per launch, and tiled.
struct Stages {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> imported, launches, tiled;

  explicit Stages(const std::string &members) {
    context.loadDialect<ir::AttnDialect, tile::TileDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                        mlir::math::MathDialect>();
    spec::Diagnostics diagnostics;
    auto pattern =
        spec::read(R"({ "attn": 1, "name": "x", "positions": "bottom_right", )" + members + " }", diagnostics);
    EXPECT_TRUE(pattern) << diagnostics.str();
    imported = spec::import(*pattern, *spec::variantOf(*pattern, "", diagnostics), context);
    launches = imported->clone();
    tiled = imported->clone();
    mlir::PassManager toLaunches(&context), toTiles(&context);
    passes::buildLaunchPipeline(toLaunches);
    tile::Machine machine;
    machine.lanes = 16;
    passes::buildTilePipeline(toTiles, machine);
    EXPECT_TRUE(succeeded(toLaunches.run(*launches)) && succeeded(toTiles.run(*tiled)));
  }
  passes::CheckReport check() {
    passes::VisiblePairs before, after;
    EXPECT_TRUE(succeeded(before.read(*imported)) && succeeded(after.read(*launches)));
    return before.checkLaunches(*tiled, after);
  }
};

const char *twoClasses = R"(
  "params": { "sink": 4, "window": 8 },
  "partitions": { "heads": { "axis": "kv_head", "classes": { "even": "g % 2 == 0", "odd": "otherwise" } },
                  "keys": { "axis": "key", "classes": { "sink": "k < sink", "rest": "otherwise" } } },
  "kernel_maps": { "heads.even & keys.sink": { "mask": "causal" }, "heads.even & keys.rest": { "mask": { "window": "window" } },
                   "all": { "mask": "causal" } })";

TEST(Check, Partitions) {
  Stages stages(twoClasses);
  EXPECT_EQ(passes::checkPartitions(*stages.imported).text,
            "partition heads of kv_head (even, odd): each is in exactly one class: proved: the two parts exclude each "
            "other, and together are the whole\n"
            "partition keys of key (sink, rest): each is in exactly one class: proved: the two parts exclude each "
            "other, and together are the whole\n");
}

TEST(Check, Launches) {
  Stages stages(twoClasses);
  passes::CheckReport report = stages.check();
  EXPECT_EQ(report.text, "entry attend (attend.0, attend.1): each visible pair is in exactly one launch: proved: the "
                         "two parts exclude each other, and together are the whole\n");
  EXPECT_TRUE(report.errors.empty());
}

/// Passes that make mistakes: the mask of a launch is replaced.
TEST(Check, WrongLaunches) {
  auto errorWith = [](const mask::Expr &mask, bool second) {
    Stages stages(twoClasses);
    int index = 0;
    stages.launches->walk([&](ir::KernelMapOp map) {
      if (index++ == second)
        passes::setExpression(map.getMask(), passes::coordinateTypes(&stages.context), mask, map.getLoc());
    });
    stages.tiled->walk([](tile::KernelOp kernel) { kernel.erase(); }); // the launches' own masks are looked at
    passes::CheckReport report = stages.check();
    EXPECT_TRUE(report.text.empty());
    return report.errors.empty() ? std::string() : report.errors[0];
  };
  mask::Expr k = mask::Expr::symbol("k"), q = mask::Expr::symbol("q"), sink = mask::Expr::symbol("sink");
  std::string twice = errorWith(k <= q && k < sink + mask::Expr::integer(1), false);
  EXPECT_EQ(twice.find("COVERAGE: entry attend (attend.0, attend.1): the element g = "), 0u) << twice;
  EXPECT_NE(twice.find(" is in attend.0 and attend.1"), std::string::npos) << twice;
  std::string never = errorWith(mask::Expr::boolean(false), true);
  EXPECT_NE(never.find(" is in no part"), std::string::npos) << never;
  std::string hidden = errorWith(k < sink, false);
  EXPECT_NE(hidden.find(" is in attend.0, outside of the whole"), std::string::npos) << hidden;
}

TEST(Check, BranchesSlotsAndZeroValues) {
  Stages stages(R"("operands": { "alpha": { "shape": ["kv_heads"], "dtype": "f32" } },
    "partitions": { "branch": { "axis": "branch", "classes": { "full": "alpha[g]", "stream": "1 - alpha[g]" } },
                    "keys": { "axis": "key", "classes": { "picture": "35 <= k < 611", "text": "otherwise" } } },
    "kernel_maps": { "branch.full": { "mask": "causal" },
                     "branch.stream & keys.picture": { "mask": "causal", "value": "zero" },
                     "branch.stream & keys.text": { "mask": "causal" } })");
  passes::CheckReport report = stages.check();
  EXPECT_NE(report.text.find("entry attend, branch 0 (attend.0"), std::string::npos) << report.text;
  EXPECT_NE(report.text.find("entry attend, branch 1 (attend."), std::string::npos) << report.text;
  EXPECT_EQ(report.text.find("not proved"), std::string::npos) << report.text;

  Stages slots(R"("operands": { "dropped": { "shape": ["batch", "kv_heads"], "dtype": "i32" } },
    "caches": { "near": { "layout": "contiguous" }, "mean": { "layout": "slots" } },
    "partitions": { "keys": { "axis": "key", "classes": { "gone": { "cache": "mean" }, "kept": "otherwise" } } },
    "kernel_maps": { "keys.gone": { "mask": "dropped[b, g] > 0" }, "keys.kept": { "mask": { "window": 256 } } })");
  report = slots.check();
  EXPECT_NE(report.text.find("entry attend, slots of mean (attend.1)"), std::string::npos) << report.text;
  EXPECT_NE(report.text.find("entry attend (attend.0)"), std::string::npos) << report.text;
}

TEST(Check, Reads) {
  Stages stages(R"x("params": { "block": 16, "blocks": 8, "shift": 3 },
    "operands": { "doc": { "shape": ["batch", "kv_len"], "dtype": "i32" }, "slope": { "shape": ["q_heads"], "dtype": "f32" },
                  "of_residue": { "shape": ["block"], "dtype": "i32" }, "of_block": { "shape": ["blocks"], "dtype": "i32" },
                  "table": { "shape": [7], "dtype": "f32" }, "parent": { "shape": ["batch", "kv_len"], "dtype": "i32" } },
    "mask": "doc[b, k] == of_residue[k % block] and of_block[k // block] > 0 and ancestor(parent[b], q, k)",
    "score": "s * slope[h] + table[clamp(q - k, -3, 3) + 3] + table[q - k + shift]")x");
  std::string text = passes::checkReads(*stages.tiled).text;
  for (const char *line :
       {"read doc[b, k]: in range: proved from 0 <= b, b < batch; in range: proved from 0 <= k, k < kv_len\n",
        "read of_residue[k % block]: in range: proved from the index itself\n",
        "read of_block[k // block]: clamped to 0 <= k // block < blocks\n",
        "read table[min(3, max(-3, q - k)) + 3]: in range: proved from the index itself\n",
        "read table[q + shift - k]: clamped to 0 <= q + shift - k < 7\n",
        "read slope[h]: in range: proved from 0 <= h, h < q_heads\n",
        "read parent[b, parents]: in range: proved from 0 <= b, b < batch; in range: a search ends where the tensor "
        "does\n",
        "read q[row]: in range: rows past the last one repeat it\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "not in\n" << text;
}

} // namespace
