//===- Compiler.cpp - From spec text to an artifact --------------------------===//
#include "codegen/jit/Compiler.h"

#include "codegen/jit/Cache.h"
#include "codegen/jit/Ptxas.h"
#include "codegen/jit/Target.h"
#include "codegen/jit/Unit.h"
#include "dialect/spec/Print.h"
#include "dialect/spec/Read.h"
#include "llvm/ADT/StringExtras.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

/// Calls `body` for 0 to count - 1, side by side on at most as many threads as the machine has.
static void parallelFor(size_t count, llvm::function_ref<void(size_t)> body) {
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next++) < count;)
      body(i);
  };
  std::vector<std::thread> helpers;
  size_t threads = std::min<size_t>(count, std::thread::hardware_concurrency());
  for (size_t i = 1; i < threads; ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
}

/// The machines of targets, each with all of the targets that run its code. Sets `error` if some target is wrong.
static std::vector<std::pair<tile::Machine, std::vector<std::string>>> machinesOf(llvm::ArrayRef<std::string> targets,
                                                                                  Emit emit, std::string &error) {
  std::vector<std::pair<tile::Machine, std::vector<std::string>>> machines;
  for (const std::string &target : targets) {
    auto machine = machineOf(target);
    if (failed(machine)) {
      error = "TARGET: no target '" + target + "'; there are " + targetNames() + "\n";
      return {};
    }
    error = refuseEmit(emit, *machine);
    if (!error.empty())
      return {};
    auto known = llvm::find_if(machines, [&](auto &item) { return item.first.name == machine->name; });
    if (known == machines.end())
      known = machines.insert(known, {*machine, {}});
    if (!llvm::is_contained(known->second, target))
      known->second.push_back(target);
  }
  return machines;
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

  auto machines = machinesOf(options.targets, emit, result.error);
  if (!result.error.empty())
    return result;
  std::vector<std::unique_ptr<Unit>> units;
  for (const std::string &request : options.variants) {
    auto variant = spec::variantOf(*pattern, request, diagnostics);
    if (!variant) {
      result.error = diagnostics.str();
      return result;
    }
    for (auto &[machine, names] : machines)
      units.push_back(std::make_unique<Unit>(*variant, machine, names, options));
  }
  bool single = emit != Emit::Artifact;
  if (single)
    units.resize(1);

  std::string key;
  if (!single && options.useCache) {
    key = cacheKey(normalised, units.size(), options);
    for (auto &unit : units)
      key += "|" + unit->variant.str() + "|" + unit->machine.name + "|" + llvm::join(unit->targets, ",");
    if (options.assemble) {
      bool found;
      key += "|ptxas " + ptxasVersion(found);
    }
    if (auto hit = cacheLookup(key)) {
      result.output = std::move(*hit);
      result.ok = true;
      watch.stage("cache");
      return result;
    }
  }

  parallelFor(units.size(), [&](size_t i) { units[i]->lower(*pattern, emit); });
  if (single && units[0]->error.empty())
    result.output = units[0]->emitText(emit);
  auto collect = [&] { // errors and times of the units
    for (auto &unit : units) {
      result.error += unit->error;
      result.notes += unit->notes;
      for (auto &[stage, ms] : unit->times)
        addTime(result.times, stage, ms);
    }
    return result.error.empty();
  };
  bool lowered = llvm::all_of(units, [](auto &unit) { return unit->error.empty(); });
  if (single || !lowered) {
    result.ok = collect();
    return result;
  }

  // The blobs of the artifact: the kernels of the first unit, of the second, ...
  std::vector<std::pair<Unit *, size_t>> jobs;
  for (auto &unit : units)
    for (size_t i = 0; i < unit->kernelCount(); ++i)
      jobs.push_back({unit.get(), i});
  std::vector<CompiledKernel> kernels(jobs.size());
  std::vector<StageTimes> kernelTimes(jobs.size());
  std::mutex progressMutex;
  size_t done = 0;
  parallelFor(jobs.size(), [&](size_t i) {
    kernels[i] = jobs[i].first->compileKernel(jobs[i].second, kernelTimes[i]);
    if (!options.progress)
      return;
    std::lock_guard lock(progressMutex);
    options.progress(++done, jobs.size());
  });
  size_t first = 0;
  for (auto &unit : units) {
    unit->finish(llvm::ArrayRef(kernels).slice(first, unit->kernelCount()));
    first += unit->kernelCount();
  }
  result.ok = collect();
  for (const StageTimes &times : kernelTimes)
    for (auto &[stage, ms] : times)
      addTime(result.times, stage, ms);
  if (!result.ok)
    return result;
  watch.stage("compile (wall)");

  std::vector<CompiledVariant> variants;
  first = 0;
  size_t cubins = kernels.size();
  for (auto &unit : units) {
    auto own = llvm::ArrayRef(kernels).slice(first, unit->kernelCount());
    variants.push_back({spec::dtypeNames[int(unit->variant.dtype)], unit->variant.d, unit->variant.dv,
                        unit->machine.name, describeSchedules(unit->tiled(), own, int64_t(first), int64_t(cubins))});
    for (const CompiledKernel &kernel : own)
      cubins += kernel.cubins.size();
    first += unit->kernelCount();
  }
  result.output = writeArtifact(std::move(units[0]->pattern), normalised, std::move(variants), std::move(kernels));
  watch.stage("artifact");
  if (!key.empty())
    cachePublish(key, result.output);
  return result;
}
