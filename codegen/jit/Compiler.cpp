//===- Compiler.cpp - From spec text to an artifact --------------------------===//
#include "codegen/jit/Compiler.h"

#include "codegen/cpu/CPU.h"
#include "codegen/jit/Cache.h"
#include "codegen/jit/Manifest.h"
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Print.h"
#include "dialect/spec/Read.h"
#include "dialect/spec/SpecToIR.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/tile/Explain.h"

#include <chrono>
#include <thread>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
namespace json = llvm::json;

namespace {

/// Adds the time since the last call to a stage.
class Stopwatch {
public:
  explicit Stopwatch(StageTimes &times) : times(times) {}
  void stage(const char *name) {
    auto now = Clock::now();
    double ms = std::chrono::duration<double, std::milli>(now - last).count();
    last = now;
    for (auto &[known, total] : times)
      if (known == name) {
        total += ms;
        return;
      }
    times.push_back({name, ms});
  }

private:
  using Clock = std::chrono::steady_clock;
  StageTimes &times;
  Clock::time_point last = Clock::now();
};

/// One (variant, ISA) on its way, with a context of its own.
struct Unit {
  spec::Variant variant;
  tile::Machine machine;
  // Results.
  CompiledUnit compiled;
  json::Object pattern; ///< describePattern, of the first unit only
  std::string text;     ///< of an Emit that stops on the way
  std::string error;
  StageTimes times;

  bool run(const spec::Pattern &pattern, Emit emit, const CompileOptions &options);

private:
  bool lower(ModuleOp module, Emit emit, const CompileOptions &options, Stopwatch &watch);
};

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << '\n';
  return text;
}

/// The range programs of a tiled module, as text.
std::string rangePrograms(ModuleOp tiled) {
  std::string text;
  tiled.walk([&](tile::ForKeysOp loop) {
    auto visible = passes::regionToExpr(loop.getVisible());
    if (failed(visible))
      return;
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    std::map<std::string, mask::TensorFacts> facts;
    std::set<std::string> positive;
    if (auto names = kernel.getSorted())
      for (auto name : names->getAsRange<StringAttr>())
        facts[name.str()].sorted = true;
    if (auto names = kernel.getPositive())
      for (auto name : names->getAsRange<StringAttr>())
        positive.insert(name.str());
    auto program = mask::RangeProgram::compile(*visible, facts, positive);
    text += "// " + kernel.getSymName().str() + ": " + visible->str() +
            (program.exact() ? "\n" : "\n// not exact: some tiles may be classified as partial\n") + program.str();
  });
  return text;
}

} // namespace

bool Unit::run(const spec::Pattern &source, Emit emit, const CompileOptions &options) {
  Stopwatch watch(times);
  DialectRegistry registry;
  registry.insert<ir::AttnDialect, tile::TileDialect>();
  cpu::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      error += "COMPILER: " + diagnostic.str() + "\n";
    return success();
  });
  watch.stage("context");
  auto module = spec::import(source, variant, context);
  watch.stage("import");
  if (module && lower(*module, emit, options, watch))
    return true;
  if (error.empty())
    error = "COMPILER: failed without a message\n";
  return false;
}

bool Unit::lower(ModuleOp module, Emit emit, const CompileOptions &options, Stopwatch &watch) {
  if (options.verify && failed(mlir::verify(module)))
    return false;
  pattern = describePattern(module);
  if (emit == Emit::Attn) {
    text = print(module);
    return true;
  }
  PassManager passes(module.getContext());
  passes.enableVerifier(options.verify);
  passes::TileAttentionOptions sizes;
  sizes.rows = options.rows;
  sizes.keys = options.keys;
  passes::buildTilePipeline(passes, machine, sizes);
  if (failed(passes.run(module)))
    return false;
  watch.stage("passes");
  if (emit == Emit::Tiled || emit == Emit::Ranges || emit == Emit::Explain) {
    text = emit == Emit::Tiled ? print(module) : emit == Emit::Ranges ? rangePrograms(module) : passes::explain(module);
    return true;
  }
  auto lowered = cpu::lowerTileKernels(module, machine);
  watch.stage("lower");
  if (!lowered)
    return false;
  std::map<std::string, int64_t> scratch;
  for (const cpu::KernelInfo &info : cpu::kernelInfos(*lowered))
    scratch[info.symbol] = info.scratchBytes;
  auto output = emit == Emit::LLVM  ? cpu::Output::LLVM
                : emit == Emit::Asm ? cpu::Output::Assembly
                                    : cpu::Output::Object;
  auto bytes = cpu::compile(*lowered, machine, output);
  watch.stage("codegen");
  if (failed(bytes))
    return false;
  if (emit != Emit::Artifact) {
    text = std::move(*bytes);
    return true;
  }
  compiled.isa = machine.name;
  compiled.object = std::move(*bytes);
  compiled.entries = describeSchedules(module, scratch);
  return true;
}

CompileResult attn::codegen::compile(std::string_view specText, Emit emit, const CompileOptions &options) {
  CompileResult result;
  Stopwatch watch(result.times);
  spec::Diagnostics diagnostics;
  auto pattern = spec::read(specText, diagnostics);
  if (!pattern) {
    result.error = diagnostics.str();
    return result;
  }
  std::string normalised = spec::print(*pattern);
  watch.stage("read");
  if (emit == Emit::Spec) {
    result.output = std::move(normalised);
    result.ok = true;
    return result;
  }

  std::vector<Unit> units;
  for (const std::string &request : options.variants) {
    auto variant = spec::variantOf(*pattern, request, diagnostics);
    if (!variant) {
      result.error = diagnostics.str();
      return result;
    }
    for (const std::string &isa : options.isas) {
      auto machine = cpu::describe(isa == "host" || isa == "cpu" ? cpu::hostIsa() : isa);
      if (failed(machine)) {
        result.error = "TARGET: no instruction set '" + isa + "'; expected host, x86-64-v4, x86-64-v3 or generic\n";
        return result;
      }
      Unit unit;
      unit.variant = *variant;
      unit.machine = *machine;
      units.push_back(std::move(unit));
    }
  }
  bool single = emit != Emit::Artifact;
  if (single)
    units.resize(1);

  std::string key;
  if (!single && options.useCache) {
    key = cacheKey(normalised, units.size(), options);
    for (const Unit &unit : units)
      key += "|" + unit.variant.str() + "|" + unit.machine.name;
    if (auto hit = cacheLookup(key)) {
      result.output = std::move(*hit);
      result.ok = true;
      watch.stage("cache");
      return result;
    }
  }

  // Kernels of different variants and instruction sets are compiled side by side.
  std::vector<std::thread> workers;
  for (size_t i = 1; i < units.size(); ++i)
    workers.emplace_back([&, i] { units[i].run(*pattern, emit, options); });
  units[0].run(*pattern, emit, options);
  for (std::thread &worker : workers)
    worker.join();

  std::vector<CompiledUnit> compiled;
  for (Unit &unit : units) {
    result.error += unit.error;
    for (auto &[name, ms] : unit.times)
      result.times.push_back({name, ms});
    unit.compiled.dtype = spec::dtypeNames[int(unit.variant.dtype)];
    unit.compiled.keyDim = unit.variant.d;
    unit.compiled.valueDim = unit.variant.dv;
    compiled.push_back(std::move(unit.compiled));
  }
  if (!result.error.empty())
    return result;
  result.ok = true;
  if (single) {
    result.output = std::move(units[0].text);
    return result;
  }
  watch.stage("compile (wall)");
  result.output = writeArtifact(std::move(units[0].pattern), normalised, std::move(compiled));
  watch.stage("artifact");
  if (!key.empty())
    cachePublish(key, result.output);
  return result;
}
