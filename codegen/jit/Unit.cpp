//===- Unit.cpp - One variant of a pattern for one instruction set ----------===//
#include "codegen/jit/Unit.h"

#include "codegen/cpu/CPU.h"
#include "codegen/jit/Ptxas.h"
#include "codegen/jit/Target.h"
#include "codegen/ptx/PTX.h"
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/SpecToIR.h"
#include "mlir/IR/Verifier.h"
#include "passes/Passes.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/tile/Explain.h"
#include "passes/verify/Check.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

void codegen::addTime(StageTimes &times, const std::string &stage, double ms) {
  for (auto &[known, total] : times)
    if (known == stage) {
      total += ms;
      return;
    }
  times.push_back({stage, ms});
}

void Stopwatch::stage(const char *name) {
  auto now = std::chrono::steady_clock::now();
  addTime(times, name, std::chrono::duration<double, std::milli>(now - last).count());
  last = now;
}

static DialectRegistry dialects() {
  DialectRegistry registry;
  registry.insert<ir::AttnDialect, tile::TileDialect>();
  cpu::registerDialects(registry);
  ptx::registerDialects(registry);
  return registry;
}

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << '\n';
  return text;
}

/// The range programs of a tiled module, as text.
static std::string rangePrograms(ModuleOp tiled) {
  std::string text;
  tiled.walk([&](tile::ForKeysOp loop) {
    auto visible = passes::regionToExpr(loop.getVisible());
    if (failed(visible))
      return;
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    auto program = passes::rangeProgram(kernel, *visible);
    text += "// " + kernel.getSymName().str() + ": " + visible->str() +
            (program.exact() ? "\n" : "\n// not exact: some tiles may be classified as partial\n") + program.str();
  });
  return text;
}

/// What this thread does, for the errors that come up.
namespace {
struct Work {
  size_t kernel = 0;
  bool isLimit = false; ///< errors say what the target does not have
};
} // namespace
static thread_local Work work;

Unit::Unit(spec::Variant variant, tile::Machine machine, std::vector<std::string> targets,
           const CompileOptions &options)
    : variant(variant), machine(machine), targets(std::move(targets)), options(options),
      context(dialects(), MLIRContext::Threading::DISABLED), handler(&context, [this](Diagnostic &diagnostic) {
        // One at a time: the engine holds a lock.
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          kernelErrors[work.kernel] += (work.isLimit ? "UNSUPPORTED: " : "COMPILER: ") + diagnostic.str() + "\n";
        return success();
      }) {}

void Unit::collectErrors(bool ok) {
  for (auto &[kernel, text] : kernelErrors)
    error += text;
  kernelErrors.clear();
  if (!ok && error.empty())
    error = "COMPILER: failed without a message\n";
}

void Unit::lower(const spec::Pattern &source, Emit emit) {
  Stopwatch watch(times);
  context.loadAllAvailableDialects();
  watch.stage("context");
  module = spec::import(source, variant, context);
  watch.stage("import");
  collectErrors(module && lowerModule(emit, watch));
}

bool Unit::lowerModule(Emit emit, Stopwatch &watch) {
  if (options.verify && failed(mlir::verify(*module)))
    return false;
  pattern = describePattern(*module);
  if (emit == Emit::Attn)
    return true;
  PassManager passes(&context);
  passes.enableVerifier(options.verify);
  passes::TileAttentionOptions sizes;
  sizes.rows = options.rows;
  sizes.keys = options.keys;
  passes::buildTilePipeline(passes, machine, sizes);
  if (emit == Emit::Check ? !check(passes) : failed(passes.run(*module)))
    return false;
  kernels = llvm::to_vector(module->getOps<tile::KernelOp>());
  watch.stage("passes");
  if (emit == Emit::Artifact && kernels.size() > 1)
    context.enableMultithreading(); // From here on several threads use the context.
  return true;
}

/// Which targets run code of another one.
std::string Unit::describeTargets() const {
  std::string text;
  for (const std::string &target : targets)
    if (machine.tensorCores && target != machine.name)
      text += target + " has no code of its own yet: it runs that of " + machine.name + "\n";
  return text;
}

bool Unit::check(PassManager &passes) {
  passes::VisiblePairs pairs, launches;
  OwningOpRef<ModuleOp> split = module->clone();
  PassManager toLaunches(&context);
  passes::buildLaunchPipeline(toLaunches);
  auto partitions = passes::checkPartitions(*module);
  if (failed(pairs.read(*module)) || failed(toLaunches.run(*split)) || failed(launches.read(*split)) ||
      failed(passes.run(*module)))
    return false;
  for (const passes::CheckReport &report :
       {partitions, pairs.checkLaunches(*module, launches), passes::checkReads(*module)}) {
    checked += report.text;
    for (const std::string &message : report.errors)
      error += message + "\n";
  }
  return error.empty();
}

std::string Unit::explain() {
  ir::PatternOp declarations = *module->getOps<ir::PatternOp>().begin();
  for (const auto &[name, value] : options.params) {
    auto param = declarations.lookupSymbol<ir::ParamOp>(name);
    if (!param || !param.getType().isInteger(64))
      error += "UNKNOWN_NAME: '" + name + "' is no integer parameter of the pattern\n";
  }
  if (!error.empty())
    return {};
  return describeTargets() + passes::explain(*module, {options.qLen, options.kvLen, 1, 1, options.params});
}

std::string Unit::emitText(Emit emit) {
  Stopwatch watch(times);
  if (emit == Emit::Attn || emit == Emit::Tiled)
    return print(*module);
  if (emit == Emit::Ranges)
    return rangePrograms(*module);
  if (emit == Emit::Explain)
    return explain();
  if (emit == Emit::Check)
    return checked;
  work = {0, machine.tensorCores};
  auto text = emitKernels(kernels, machine, emit, options.verify, [&](const char *stage) {
    work.isLimit = false;
    watch.stage(stage);
  });
  collectErrors(succeeded(text));
  if (failed(text))
    return {};
  if (emit != Emit::Cubin)
    return std::move(*text);
  Assembled assembled = assemble(*text, targets[0]);
  watch.stage("ptxas");
  (assembled.cubin.empty() ? error : notes) = assembled.report;
  return std::move(assembled.cubin);
}

bool Unit::assembleAll(CompiledKernel &kernel, std::string &text) const {
  for (const std::string &target : targets) {
    Assembled assembled = assemble(kernel.code, target);
    if (assembled.cubin.empty()) {
      text = assembled.report;
      return false;
    }
    text += kernel.symbol + " " + target + ": " + assembled.report + "\n";
    kernel.cubins.push_back({target, std::move(assembled.cubin)});
  }
  return true;
}

CompiledKernel Unit::compileKernel(size_t index, StageTimes &kernelTimes) {
  Stopwatch watch(kernelTimes);
  work = {index, machine.tensorCores};
  CompiledKernel result = codegen::compileKernel(kernels[index], machine, options.verify, [&](const char *stage) {
    work.isLimit = false;
    watch.stage(stage);
  });
  if (options.assemble && machine.tensorCores && !result.code.empty()) {
    if (!assembleAll(result, result.report))
      result.code.clear();
    watch.stage("ptxas");
  }
  return result;
}

void Unit::finish(llvm::ArrayRef<CompiledKernel> compiled) {
  bool whole = true;
  for (auto [index, kernel] : llvm::enumerate(compiled)) {
    (kernel.code.empty() ? kernelErrors[index] : notes) += kernel.report;
    whole = whole && !kernel.code.empty();
  }
  collectErrors(whole);
}
