//===- Job.cpp - One run of attn-run -------------------------------*- C++ -*-===//

#include "tools/attn-run/Job.h"

#include <algorithm>

namespace attn::tool {
namespace {

bool isKeySide(const attn_argument_info &argument) {
  return argument.role == ATTN_ROLE_KEY || argument.role == ATTN_ROLE_VALUE;
}

/// First rows of requests that lie one after the other.
std::vector<int64_t> starts(const std::vector<int64_t> &lens) {
  std::vector<int64_t> result;
  int64_t next = 0;
  for (int64_t len : lens) {
    result.push_back(next);
    next += len;
  }
  return result;
}

/// Lengths from the command line for `batch` requests: none given, one for all, or one each.
std::string spread(const char *option, std::vector<int64_t> given, int64_t batch, int64_t otherwise,
                   std::vector<int64_t> &lens) {
  if (given.size() > 1 && int64_t(given.size()) != batch)
    return std::string(option) + ": expected one value or one for each of " + std::to_string(batch) + " requests";
  if (given.size() == 1 || given.empty())
    given.assign(size_t(batch), given.empty() ? otherwise : given[0]);
  lens = std::move(given);
  return "";
}

} // namespace

std::string Signature::read(const attn_artifact *artifact, const char *entry) {
  int32_t code = ATTN_OK;
  for (int64_t i = 0;; ++i) {
    auto info = init<attn_argument_info>();
    if ((code = attn_artifact_argument(artifact, entry, i, &info)))
      break;
    bool isOutput = info.role == ATTN_ROLE_OUT || info.role == ATTN_ROLE_LSE;
    (info.role == ATTN_ROLE_OPERAND ? operands : isOutput ? outputs : inputs).push_back(info);
  }
  if (code != ATTN_ERR_RANGE)
    return std::string(attn_code_name(code)) + ": " + attn_last_error();
  auto param = init<attn_param_info>();
  for (int64_t i = 0; attn_artifact_param(artifact, i, &param) == ATTN_OK; ++i)
    params.push_back(param);
  auto variant = init<attn_variant_info>();
  for (int64_t i = 0; attn_artifact_variant(artifact, entry, i, &variant) == ATTN_OK; ++i)
    variants.push_back(variant);
  return "";
}

const attn_param_info *Signature::param(const std::string &name) const {
  for (const attn_param_info &info : params)
    if (name == info.name)
      return &info;
  return nullptr;
}

bool isGpu(const attn_variant_info &variant) { return std::string(variant.isa).rfind("sm_", 0) == 0; }

const Array &Job::array(int32_t role) const {
  for (const attn_argument_info &input : signature.inputs)
    if (input.role == role)
      return arrays.at(input.name);
  std::abort(); // every entry point has a query, a key and a value
}

std::string Job::prepare() {
  for (std::string (Job::*step)() :
       {&Job::readFiles, &Job::readHeadMaps, &Job::inferSizes, &Job::makeRandom, &Job::inferLengths}) {
    std::string problem = (this->*step)();
    if (!problem.empty())
      return problem;
  }
  return "";
}

std::string Job::readFiles() {
  for (auto &[name, path] : options.args) {
    std::string problem = readNpy(path, options.uint16IsBf16, arrays[name]);
    if (!problem.empty())
      return problem;
  }
  if (!options.isRandom)
    for (const auto *list : {&signature.inputs, &signature.operands})
      for (const attn_argument_info &argument : *list)
        if (argument.required && !arrays.count(argument.name))
          return std::string("argument '") + argument.name + "' is missing: give --arg " + argument.name +
                 "=FILE.npy, or --random";
  return "";
}

std::string Job::readHeadMaps() {
  for (auto &[name, text] : options.headMaps) {
    std::vector<int64_t> values;
    if (!parseIntegers(text, values))
      return "--head-map: expected integers such as 0,-1,1, got '" + text + "'";
    headMaps[name].assign(values.begin(), values.end());
  }
  return "";
}

int64_t Job::randomKey(const char *key, int64_t otherwise) const {
  auto found = options.random.find(key);
  std::vector<int64_t> values;
  if (found == options.random.end() || !parseIntegers(found->second, values))
    return otherwise;
  return values[0];
}

std::string Job::inferSizes() {
  int64_t requests = int64_t(std::max(options.qLens.size(), options.kvLens.size()));
  batch = randomKey("batch", std::max<int64_t>(requests, 1));
  qHeads = randomKey("q_heads", 4);
  kvHeads = randomKey("kv_heads", qHeads);
  for (const attn_argument_info &input : signature.inputs) {
    auto found = arrays.find(input.name);
    if (found == arrays.end())
      continue;
    const std::vector<int64_t> &shape = found->second.shape;
    if (shape.size() != 3 && shape.size() != 4)
      return std::string("argument '") + input.name +
             "': expected [batch, head, row, dim] or [total rows, head, dim], got rank " + std::to_string(shape.size());
    bool ragged = shape.size() == 3;
    if (!ragged)
      batch = shape[0];
    auto map = headMaps.find(input.name);
    if (isKeySide(input)) {
      kvHeads = map == headMaps.end() ? shape[1] : int64_t(map->second.size());
      raggedKeys = input.slots ? raggedKeys : ragged;
    } else
      qHeads = shape[1], raggedQueries = ragged;
    if (ragged && (isKeySide(input) ? options.kvLens : options.qLens).empty())
      return std::string("argument '") + input.name + "' is ragged: give " +
             (isKeySide(input) ? "--kv-lens" : "--q-lens");
  }
  return "";
}

std::string Job::inferLengths() {
  const Array &query = array(ATTN_ROLE_QUERY);
  dv = array(ATTN_ROLE_VALUE).shape.back();
  queryRows = query.shape[raggedQueries ? 0 : 2];
  int64_t keyRows = -1; // of keys whose rows are positions
  for (const attn_argument_info &input : signature.inputs)
    if (isKeySide(input) && !input.ring_param && !input.slots && !raggedKeys) {
      int64_t rows = arrays.at(input.name).shape[2];
      keyRows = keyRows < 0 ? rows : std::min(keyRows, rows);
    }
  if (keyRows < 0 && kvLens.empty() && options.kvLens.empty())
    return "the keys lie in rings: give --kv-lens";
  if (qLens.empty()) { // else makeRandom has set them
    std::string problem = spread("--q-lens", options.qLens, batch, queryRows, qLens);
    if (problem.empty())
      problem = spread("--kv-lens", options.kvLens, batch, keyRows, kvLens);
    if (!problem.empty())
      return problem;
  }
  if (!options.qPos.empty() && int64_t(options.qPos.size()) != batch)
    return "--q-pos: expected one value for each of " + std::to_string(batch) + " requests";
  qStarts = starts(qLens);
  kvStarts = starts(kvLens);
  return "";
}

std::string Job::fill(Call &call) const {
  call.lengths(qLens, kvLens).layer(options.layer).threads(int32_t(options.threads));
  if (raggedQueries)
    call.queryRows(qStarts);
  if (raggedKeys)
    call.keyRows(kvStarts);
  if (!options.qPos.empty())
    call.queryPositions(options.qPos);
  if (!options.isa.empty())
    call.isa(options.isa);
  for (auto &[name, array] : arrays) {
    auto map = headMaps.find(name);
    if (map != headMaps.end() && int64_t(map->second.size()) != kvHeads)
      return "--head-map " + name + ": expected " + std::to_string(kvHeads) + " values";
    call.tensor(name, array.data.data(), array.dtype, array.shape, {},
                map == headMaps.end() ? nullptr : map->second.data());
  }
  for (auto &[name, text] : options.params) {
    const attn_param_info *info = signature.param(name);
    std::vector<int64_t> ints;
    std::vector<double> floats;
    if (info && info->dtype == ATTN_F32) {
      const char *at = text.c_str();
      for (char *end;; at = end + 1) {
        floats.push_back(std::strtod(at, &end));
        if (end == at || (*end && *end != ','))
          return "--param " + name + ": expected numbers, got '" + text + "'";
        if (!*end)
          break;
      }
      call.scalars(name, floats);
    } else if (parseIntegers(text, ints)) {
      call.scalars(name, ints);
    } else {
      return "--param " + name + ": expected integers, got '" + text + "'";
    }
  }
  return "";
}

Array Job::makeOutput(const attn_argument_info &output, int32_t dtype) const {
  std::vector<int64_t> shape = {batch, qHeads, queryRows};
  if (raggedQueries)
    shape = {queryRows, qHeads};
  if (output.role == ATTN_ROLE_OUT)
    shape.push_back(dv);
  return Array::zeros(dtype, shape);
}

void Job::addOutput(Call &call, const attn_argument_info &output, Array &array) const {
  call.tensor(output.name, array.data.data(), array.dtype, array.shape);
}

std::vector<int64_t> Job::writtenElements(const attn_argument_info &output, const Array &array) const {
  int64_t width = output.role == ATTN_ROLE_OUT ? dv : 1;
  std::vector<int64_t> indices;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < qHeads; ++h)
      for (int64_t i = 0; i < qLens[size_t(b)]; ++i) {
        int64_t row = raggedQueries ? (qStarts[size_t(b)] + i) * qHeads + h : (b * qHeads + h) * queryRows + i;
        for (int64_t d = 0; d < width && (row + 1) * width <= array.size(); ++d)
          indices.push_back(row * width + d);
      }
  return indices;
}

} // namespace attn::tool
