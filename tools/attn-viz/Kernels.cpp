//===- Kernels.cpp - The loops that a pattern compiles to -----------------===//
#include "tools/attn-viz/Kernels.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/spec/SpecToIR.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/analysis/Facts.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn;

/// Largest tile sizes that the pipeline takes.
static constexpr int64_t maxTileSide = 1024;

std::string attn::viz::compile(spec::Pattern pattern, const Call &call, Kernels &kernels) {
  for (spec::Param &param : pattern.params)
    if (auto value = call.environment.values.find(param.name); value != call.environment.values.end())
      param.value = value->second;
  DialectRegistry registry;
  registry.insert<ir::AttnDialect, tile::TileDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string error;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      error += "COMPILER: " + diagnostic.str() + "\n";
    return success();
  });
  spec::Diagnostics diagnostics;
  auto variant = spec::variantOf(pattern, "", diagnostics);
  if (!variant)
    return diagnostics.str();
  OwningOpRef<ModuleOp> module = spec::import(pattern, *variant, context);
  for (auto declared : module->getOps<ir::PatternOp>())
    kernels.positive = passes::positiveParams(declared);
  PassManager manager(&context);
  passes::TileAttentionOptions options;
  options.rows = std::min(call.rows, maxTileSide);
  options.keys = std::min(call.keys, maxTileSide);
  passes::buildTilePipeline(manager, tile::Machine(), options);
  if (failed(manager.run(*module)))
    return error.empty() ? "COMPILER: failed without a message\n" : error;
  module->walk([&](tile::ForKeysOp loop) {
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    llvm::StringRef name = kernel.getSymName();
    if (!name.ends_with(".prefill"))
      return;
    auto visible = passes::regionToExpr(loop.getVisible());
    if (failed(visible))
      return;
    kernels.loops.push_back({name.split('.').first.str(),
                             name.str(),
                             *visible,
                             passes::rangeProgram(kernel, *visible),
                             passes::tokenGrid(kernel),
                             {}});
    if (Loop &added = kernels.loops.back(); added.grid)
      added.boxes = passes::boxProgram(kernel, *added.grid, *visible);
  });
  return error;
}
