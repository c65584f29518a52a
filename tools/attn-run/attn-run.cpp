//===- attn-run.cpp - Runs artifacts on .npy files -----------------*- C++ -*-===//
//
// Exit codes: 0 done, 1 refused or wrong, 2 usage.
//===----------------------------------------------------------------------===//

#include "tools/attn-run/Compare.h"
#include "tools/attn-run/Job.h"
#include "tools/attn-run/Placement.h"
#include "tools/attn-run/Reference.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <stdexcept>

using namespace attn;
using namespace attn::tool;

namespace {

/// Outputs of one way to compute a call, by name.
using Outputs = std::map<std::string, Array>;

int refuse(const std::string &message) {
  std::fprintf(stderr, "attn-run: %s\n", message.c_str());
  return 1;
}

int refuse(int32_t code) { return refuse(std::string(attn_code_name(code)) + ": " + attn_last_error()); }

const char *dtypeName(int32_t dtype) {
  switch (dtype) {
  case ATTN_F32: return "f32";
  case ATTN_F16: return "f16";
  case ATTN_BF16: return "bf16";
  case ATTN_BOOL: return "bool";
  case ATTN_I8: return "i8";
  case ATTN_I32: return "i32";
  case ATTN_I64: return "i64";
  default: return "the variant's dtype";
  }
}

void printArguments(const char *title, const std::vector<attn_argument_info> &arguments) {
  for (const attn_argument_info &argument : arguments) {
    std::printf("  %s %s: %s", title, argument.name, dtypeName(argument.dtype));
    for (int32_t i = 0; i < argument.rank; ++i)
      std::printf("%s%s%s", i ? ", " : " [", argument.shape[i], i + 1 == argument.rank ? "]" : "");
    if (argument.ring_param)
      std::printf(", ring of %s slots after %s", argument.ring_param, argument.sink_param);
    if (argument.slots)
      std::printf(", keys numbered by slot");
    if (argument.role == ATTN_ROLE_OPERAND && !argument.required)
      std::printf(", has values");
    std::printf("\n");
  }
}

int printInfo(const attn_artifact *artifact) {
  static const char *positions[] = {"not stated", "bottom_right", "top_left", "tensor"};
  std::printf("positions: %s\n", positions[attn_artifact_positions(artifact)]);
  for (int64_t i = 0; const char *entry = attn_artifact_entry_name(artifact, i); ++i) {
    std::printf("entry %s\n", entry);
    Signature signature;
    std::string problem = signature.read(artifact, entry);
    if (!problem.empty())
      return refuse(problem);
    printArguments("input", signature.inputs);
    printArguments("output", signature.outputs);
    printArguments("operand", signature.operands);
    for (const attn_param_info &param : signature.params)
      std::printf(param.has_default ? "  param %s: %s, default %g\n" : "  param %s: %s\n", param.name,
                  dtypeName(param.dtype), param.dtype == ATTN_F32 ? param.float_default : double(param.int_default));
    for (const attn_variant_info &variant : signature.variants)
      std::printf("  variant %s d=%lld dv=%lld %s%s\n", dtypeName(variant.dtype), (long long)variant.d,
                  (long long)variant.dv, variant.isa, variant.usable ? "" : isGpu(variant) ? " (GPU)" : " (not for this machine)");
  }
  return 0;
}

/// Adds the outputs that are wanted to `call`; floats other than lse in `dtype`, lse in `lseDtype`.
void addOutputs(const Options &options, const Signature &signature, const Job &job, int32_t dtype, int32_t lseDtype,
                Call &call, Outputs &outputs) {
  for (const attn_argument_info &output : signature.outputs) {
    bool isLse = output.role == ATTN_ROLE_LSE;
    if (isLse && !options.outs.count(output.name) && options.compare.empty())
      continue;
    Array &array = outputs[output.name] = job.makeOutput(output, isLse ? lseDtype : dtype);
    job.addOutput(call, output, array);
  }
}

/// Runs the plan `count` more times and prints the median and the shortest time.
int32_t measure(const attn_plan *plan, const Placement &placement, int64_t count) {
  std::vector<double> times;
  for (int64_t i = 0; i < count; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (int32_t code = attn_run(plan, placement.workspace(), placement.workspaceSize()))
      return code;
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("%s\ntime: median %.4g ms, shortest %.4g ms, of %lld\n", attn_plan_summary(plan), times[times.size() / 2],
              times[0], (long long)count);
  return ATTN_OK;
}

double largestMagnitude(const Array &array) {
  double largest = 0;
  for (int64_t i = 0; i < array.size(); ++i)
    if (std::isfinite(array.at(i)))
      largest = std::max(largest, std::fabs(array.at(i)));
  return largest;
}

int compare(const Options &options, const Signature &signature, const Job &job, const attn_artifact *artifact,
            const Outputs &outputs) {
  Reference reference;
  std::string problem = reference.load();
  if (!problem.empty())
    return refuse(problem);
  int32_t dtype = job.array(ATTN_ROLE_QUERY).dtype;
  Outputs exact, naive;
  for (int32_t precision : {int32_t(ATTN_F64), dtype}) {
    Call call(job.batch, job.qHeads, job.kvHeads);
    problem = job.fill(call);
    addOutputs(options, signature, job, ATTN_F64, ATTN_F64, call, precision == ATTN_F64 ? exact : naive);
    if (problem.empty())
      problem = reference.run(artifact, options.entry, call.desc(), precision);
    if (!problem.empty())
      return refuse("reference: " + problem);
  }
  bool within = true;
  for (const attn_argument_info &output : signature.outputs) {
    const Array &got = outputs.at(output.name), &want = exact.at(output.name);
    std::vector<int64_t> indices = job.writtenElements(output, got);
    Verdict verdict = output.role == ATTN_ROLE_LSE ? compareLse(got, want, indices)
                                                   : compareOut(got, want, naive.at(output.name), indices,
                                                                largestMagnitude(job.array(ATTN_ROLE_VALUE)));
    std::printf("%s: %s: %s\n", output.name, verdict.within ? "agrees" : "DIFFERS", verdict.text.c_str());
    within = within && verdict.within;
  }
  return within ? 0 : 1;
}

/// Plans and runs a call on the device of the options.
int32_t execute(const Options &options, const attn_artifact *artifact, attn_plan_desc desc, Placement &placement,
                Plan &plan) {
  if (int32_t code = placement.place(desc))
    return code;
  const char *entry = options.entry.empty() ? nullptr : options.entry.c_str();
  if (int32_t code = attn_plan_create(artifact, entry, &desc, out(plan)))
    return code;
  if (int32_t code = placement.makeWorkspace(plan.get()))
    return code;
  if (int32_t code = attn_run(plan.get(), placement.workspace(), placement.workspaceSize()))
    return code;
  return options.time ? measure(plan.get(), placement, options.time) : ATTN_OK;
}

int run(const Options &options) {
  Artifact artifact;
  if (int32_t code = attn_artifact_open(options.artifact.c_str(), out(artifact)))
    return refuse(code);
  if (options.info)
    return printInfo(artifact.get());
  const char *entry = options.entry.empty() ? nullptr : options.entry.c_str();
  Signature signature;
  std::string problem = signature.read(artifact.get(), entry);
  if (!problem.empty())
    return refuse(problem);

  Job job(options, signature);
  problem = job.prepare();
  Call call(job.batch, job.qHeads, job.kvHeads);
  if (problem.empty())
    problem = job.fill(call);
  if (!problem.empty())
    return refuse(problem);
  Outputs outputs;
  addOutputs(options, signature, job, job.array(ATTN_ROLE_QUERY).dtype, ATTN_F32, call, outputs);
  for (auto &[name, path] : options.outs)
    if (!outputs.count(name))
      return refuse("there is no output '" + name + "'");

  Placement placement(options.device);
  Plan plan;
  if (int32_t code = execute(options, artifact.get(), *call.desc(), placement, plan))
    return refuse(code);
  std::vector<std::string> names;
  for (auto &[name, array] : outputs)
    names.push_back(name);
  if (int32_t code = placement.read(names))
    return refuse(code);
  for (auto &[name, path] : options.outs) {
    problem = writeNpy(path, outputs.at(name));
    if (!problem.empty())
      return refuse(problem);
  }
  return options.compare.empty() ? 0 : compare(options, signature, job, artifact.get(), outputs);
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  std::string problem = parseOptions(argc, argv, options);
  if (!problem.empty()) {
    std::fprintf(stderr, "attn-run: %s\nTry attn-run --help.\n", problem.c_str());
    return 2;
  }
  if (options.help || options.version) {
    std::string text = options.help ? helpText() : std::string("attn-run ") + attn_version() + "\n";
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  try {
    return run(options);
  } catch (const std::bad_alloc &) {
    return refuse("out of memory");
  } catch (const std::length_error &) {
    return refuse("out of memory");
  }
}
