//===- Job.h - One run of attn-run ---------------------------------*- C++ -*-===//
//
// From the command line to a call: reads or makes up the arrays, infers sizes from their shapes, and keeps all that the
// call borrows.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_RUN_JOB_H
#define ATTN_TOOLS_ATTN_RUN_JOB_H

#include "attn/attn.hpp"
#include "tools/attn-run/Npy.h"
#include "tools/attn-run/Options.h"
#include "tools/attn-run/Random.h"

#include <memory>

namespace attn::tool {

/// Whether a variant is code for GPUs.
bool isGpu(const attn_variant_info &variant);

/// What an entry point takes and gives, read through the C ABI.
struct Signature {
  std::vector<attn_argument_info> inputs, outputs, operands;
  std::vector<attn_param_info> params;
  std::vector<attn_variant_info> variants;

  /// Returns an empty string or the runtime's message.
  std::string read(const attn_artifact *artifact, const char *entry);
  const attn_param_info *param(const std::string &name) const;
};

class Job {
public:
  Job(const Options &options, const Signature &signature) : options(options), signature(signature) {}

  /// Reads the arrays and infers the sizes. Returns an empty string, or what is wrong.
  std::string prepare();
  /// Adds everything but the outputs to a call of sizes batch, qHeads and kvHeads.
  std::string fill(Call &call) const;
  /// An output array filled with zeros, and its place in a call.
  Array makeOutput(const attn_argument_info &output, int32_t dtype) const;
  void addOutput(Call &call, const attn_argument_info &output, Array &array) const;
  /// The elements of an output that belong to a row of a request, as indices.
  std::vector<int64_t> writtenElements(const attn_argument_info &output, const Array &array) const;
  /// The first array with this role.
  const Array &array(int32_t role) const;

  int64_t batch = 1, qHeads = 1, kvHeads = 1;

private:
  std::string readFiles();
  std::string readHeadMaps();
  std::string inferSizes();
  std::string makeRandom();
  std::string inferLengths();
  Array randomArray(const attn_argument_info &argument, const attn_variant_info &variant);
  Array randomOperand(const attn_argument_info &operand);
  int64_t randomKey(const char *key, int64_t otherwise) const;
  int64_t sizeNamed(const std::string &name) const;
  int64_t paramValue(const std::string &name) const;

  const Options &options;
  const Signature &signature;
  std::map<std::string, Array> arrays;
  std::map<std::string, std::vector<int32_t>> headMaps;
  std::vector<int64_t> qLens, kvLens, qStarts, kvStarts;
  bool raggedQueries = false, raggedKeys = false;
  int64_t dv = 0, queryRows = 0; ///< of outputs
  Random random;
};

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_JOB_H
