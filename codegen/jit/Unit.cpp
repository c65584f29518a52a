//===- Unit.cpp - One variant of a pattern for one instruction set ----------===//
#include "codegen/jit/Unit.h"

#include "codegen/cpu/CPU.h"
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

Unit::Unit(spec::Variant variant, tile::Machine machine, const CompileOptions &options)
    : variant(variant), machine(machine), options(options), context(dialects(), MLIRContext::Threading::DISABLED),
      handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          error += "COMPILER: " + diagnostic.str() + "\n";
        return success();
      }) {}

void Unit::lower(const spec::Pattern &source, Emit emit) {
  Stopwatch watch(times);
  context.loadAllAvailableDialects();
  watch.stage("context");
  module = spec::import(source, variant, context);
  watch.stage("import");
  if (!(module && lowerModule(emit, watch)) && error.empty())
    error = "COMPILER: failed without a message\n";
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
  if (emit == Emit::Artifact && kernels.size() > 1) {
    // From here on several threads use the context, and their errors come in any order.
    context.enableMultithreading();
    kernelErrors.emplace(&context);
  }
  return true;
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
  return passes::explain(*module, {options.qLen, options.kvLen, 1, 1, options.params});
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
  auto lowered = cpu::lowerTileKernels(kernels, machine);
  watch.stage("lower");
  auto output = emit == Emit::LLVM  ? cpu::Output::LLVM
                : emit == Emit::Asm ? cpu::Output::Assembly
                                    : cpu::Output::Object;
  FailureOr<std::string> text = failure();
  if (lowered)
    text = cpu::compile(*lowered, machine, output, options.verify);
  watch.stage("codegen");
  if (succeeded(text))
    return std::move(*text);
  if (error.empty())
    error = "COMPILER: failed without a message\n";
  return {};
}

CompiledKernel Unit::compileKernel(size_t index, StageTimes &kernelTimes) {
  if (kernelErrors)
    kernelErrors->setOrderIDForThread(index);
  Stopwatch watch(kernelTimes);
  CompiledKernel result;
  result.symbol = kernels[index].getSymName().str();
  result.isa = machine.name;
  if (auto lowered = cpu::lowerTileKernels(kernels[index], machine)) {
    for (const cpu::KernelInfo &info : cpu::kernelInfos(*lowered))
      result.scratchBytes = info.scratchBytes;
    watch.stage("lower");
    auto object = cpu::compile(*lowered, machine, cpu::Output::Object, options.verify);
    watch.stage("codegen");
    if (succeeded(object))
      result.object = std::move(*object);
  }
  if (kernelErrors)
    kernelErrors->eraseOrderIDForThread();
  return result;
}

void Unit::finish(llvm::ArrayRef<CompiledKernel> compiled) {
  kernelErrors.reset();
  bool whole = llvm::all_of(compiled, [](const CompiledKernel &kernel) { return !kernel.object.empty(); });
  if (!whole && error.empty())
    error = "COMPILER: failed without a message\n";
}
