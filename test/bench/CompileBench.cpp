//===- CompileBench.cpp - Time from spec to runnable kernel ------------------===//
//
// BM_Warm       spec text -> artifact -> loaded plan, in a process that has compiled before; one counter a stage (ms)
// BM_DiskCache  the same with the artifact in the disk cache
// BM_Variants   an artifact of several variants, compiled side by side
//
// The CPU column is of the calling thread, which compiles the first kernel; the others compile the rest. The cold figure
// is the wall time of `attn-compile --in-process --no-cache`.
//===----------------------------------------------------------------------===//
#include "attn/attn.h"
#include "codegen/jit/Compiler.h"

#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace attn::codegen;

static std::string readPattern(const char *name) {
  std::ifstream file(std::string(ATTN_PATTERNS_DIR) + "/" + name + ".json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static void fail(benchmark::State &state, const std::string &what) { state.SkipWithError(what.c_str()); }

/// Compiles and opens the artifact, as a caller does before the first plan.
static bool compileAndLoad(benchmark::State &state, const std::string &spec, const CompileOptions &options,
                           StageTimes &times) {
  CompileResult result = compile(spec, Emit::Artifact, options);
  if (!result.ok)
    return fail(state, result.error), false;
  attn_artifact *artifact = nullptr;
  if (attn_artifact_open_bytes(result.output.data(), result.output.size(), &artifact) != ATTN_OK)
    return fail(state, attn_last_error()), false;
  attn_artifact_close(artifact);
  for (auto &[stage, ms] : result.times) {
    bool found = false;
    for (auto &[known, total] : times)
      if (known == stage) {
        total += ms;
        found = true;
      }
    if (!found)
      times.push_back({stage, ms});
  }
  return true;
}

static void run(benchmark::State &state, const char *pattern, const CompileOptions &options) {
  std::string spec = readPattern(pattern);
  StageTimes times;
  if (!compileAndLoad(state, spec, options, times))
    return;
  times.clear();
  for (auto _ : state)
    if (!compileAndLoad(state, spec, options, times))
      return;
  for (auto &[stage, ms] : times)
    state.counters[stage] = benchmark::Counter(ms, benchmark::Counter::kAvgIterations);
}

static void BM_Warm(benchmark::State &state, const char *pattern) {
  CompileOptions options;
  options.verify = false;
  run(state, pattern, options);
}
BENCHMARK_CAPTURE(BM_Warm, dense, "dense")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Warm, causal, "causal")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Warm, duoattention, "duoattention")->Unit(benchmark::kMillisecond);

static void BM_DiskCache(benchmark::State &state, const char *pattern) {
  CompileOptions options;
  options.useCache = true;
  run(state, pattern, options);
}
BENCHMARK_CAPTURE(BM_DiskCache, causal, "causal")->Unit(benchmark::kMillisecond);

static void BM_Variants(benchmark::State &state) {
  CompileOptions options;
  options.verify = false;
  options.variants.clear();
  for (const char *dtype : {"f32", "f16", "bf16"})
    for (const char *d : {"64", "128"})
      options.variants.push_back(std::string("dtype=") + dtype + ",d=" + d);
  run(state, "causal", options);
}
BENCHMARK(BM_Variants)->Unit(benchmark::kMillisecond);

int main(int argc, char **argv) {
  char directory[] = "/tmp/attn-bench-XXXXXX"; // not the user's cache
  if (!mkdtemp(directory))
    return 1;
  setenv("ATTN_CACHE_DIR", directory, 1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  std::string remove = std::string("rm -r ") + directory;
  return std::system(remove.c_str());
}
