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

std::string attn::viz::compile(const spec::Pattern &pattern, Kernels &kernels) {
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
  passes::buildTilePipeline(manager, tile::Machine());
  if (failed(manager.run(*module)))
    return error.empty() ? "COMPILER: failed without a message\n" : error;
  auto readsSlots = [&](tile::KernelOp kernel) {
    return llvm::any_of(pattern.caches, [&](const spec::Cache &cache) {
      return cache.layout == spec::Layout::Slots &&
             llvm::is_contained(kernel.getArgs().getAsValueRange<StringAttr>(), "k." + cache.name);
    });
  };
  module->walk([&](tile::ForKeysOp loop) {
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    llvm::StringRef name = kernel.getSymName();
    if (!name.ends_with(".prefill") || readsSlots(kernel)) // slots are no positions
      return;
    auto visible = passes::regionToExpr(loop.getVisible());
    if (succeeded(visible))
      kernels.loops.push_back(
          {name.split('.').first.str(), name.str(), *visible, passes::rangeProgram(kernel, *visible)});
  });
  return error;
}
