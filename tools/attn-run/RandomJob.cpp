//===- RandomJob.cpp - Made-up arguments (--random) ----------------*- C++ -*-===//

#include "tools/attn-run/Job.h"

#include <algorithm>
#include <cmath>

namespace attn::tool {

int64_t Job::paramValue(const std::string &name) const {
  auto given = options.params.find(name);
  std::vector<int64_t> values;
  if (given != options.params.end() && parseIntegers(given->second, values))
    return *std::max_element(values.begin(), values.end());
  const attn_param_info *info = signature.param(name);
  return info ? info->int_default : 0;
}

int64_t Job::sizeNamed(const std::string &name) const {
  std::vector<int64_t> literal;
  if (parseIntegers(name, literal))
    return literal[0];
  if (name == "batch")
    return batch;
  if (name == "q_heads")
    return qHeads;
  if (name == "kv_heads")
    return kvHeads;
  if (name == "layers")
    return randomKey("layers", options.layer + 1);
  if (name == "q_len" || name == "kv_len") {
    const std::vector<int64_t> &lens = name == "q_len" ? qLens : kvLens;
    return lens.empty() ? 0 : *std::max_element(lens.begin(), lens.end());
  }
  return paramValue(name);
}

Array Job::randomArray(const attn_argument_info &input, const attn_variant_info &variant) {
  bool isQuery = input.role == ATTN_ROLE_QUERY;
  bool ragged = isQuery ? raggedQueries : raggedKeys && !input.slots;
  const std::vector<int64_t> &lens = isQuery ? qLens : kvLens;
  int64_t heads = isQuery ? qHeads : kvHeads, rows = 0;
  auto map = headMaps.find(input.name);
  if (map != headMaps.end() && !map->second.empty())
    heads = *std::max_element(map->second.begin(), map->second.end()) + 1;
  for (int64_t len : lens)
    rows = ragged ? rows + len : std::max(rows, len);
  if (input.ring_param && !ragged)
    rows = std::min(rows, paramValue(input.sink_param) + paramValue(input.ring_param));
  if (input.slots)
    rows = randomKey("slots", 4);
  std::vector<int64_t> shape = {batch, heads, rows};
  if (ragged)
    shape = {rows, heads};
  shape.push_back(input.role == ATTN_ROLE_VALUE ? variant.dv : variant.d);
  Array array = Array::zeros(variant.dtype, shape);
  for (int64_t i = 0; i < array.size(); ++i)
    array.set(i, random.normal());
  return array;
}

Array Job::randomOperand(const attn_argument_info &operand) {
  std::vector<int64_t> shape;
  for (int32_t i = 0; i < operand.rank; ++i)
    shape.push_back(sizeNamed(operand.shape[i]));
  return random.operand(operand.dtype, operand.domain, shape, sizeNamed("kv_len"));
}

std::string Job::makeRandom() {
  if (!options.isRandom)
    return "";
  static const char *known[] = {"batch", "q_heads", "kv_heads", "q_len", "kv_len", "d",
                                "dv",    "dtype",   "layers",   "slots", "seed"};
  for (auto &[key, value] : options.random) {
    std::vector<int64_t> number;
    if (std::find(std::begin(known), std::end(known), key) == std::end(known))
      return "--random: unknown key '" + key + "'";
    if (key != "dtype" && (!parseIntegers(value, number) || number.size() != 1 || number[0] < 0))
      return "--random: expected a number, got '" + key + "=" + value + "'";
  }
  const attn_variant_info *variant = nullptr;
  auto dtype = options.random.find("dtype");
  for (const attn_variant_info &candidate : signature.variants) {
    const char *name = candidate.dtype == ATTN_F16 ? "f16" : candidate.dtype == ATTN_BF16 ? "bf16" : "f32";
    bool fits = (options.device == "cpu" ? candidate.usable : isGpu(candidate)) && randomKey("d", candidate.d) == candidate.d &&
                randomKey("dv", candidate.dv) == candidate.dv &&
                (dtype == options.random.end() || dtype->second == name);
    if (fits && !variant)
      variant = &candidate;
  }
  if (!variant)
    return "--random: the artifact has no variant of that dtype, d and dv for this device (see --info)";
  random = Random(uint64_t(randomKey("seed", 0)));

  // Lengths: those given, else of the arrays given, else of --random.
  auto rows = [&](bool queries, int64_t otherwise) {
    for (const attn_argument_info &input : signature.inputs) {
      auto found = arrays.find(input.name);
      if (found != arrays.end() && found->second.shape.size() == 4 && (input.role == ATTN_ROLE_QUERY) == queries &&
          !input.ring_param && !input.slots)
        return found->second.shape[2];
    }
    return otherwise;
  };
  auto lengths = [&](const std::vector<int64_t> &given, int64_t otherwise) {
    return given.empty()       ? std::vector<int64_t>(size_t(batch), otherwise)
           : given.size() == 1 ? std::vector<int64_t>(size_t(batch), given[0])
                               : given;
  };
  qLens = lengths(options.qLens, rows(true, randomKey("q_len", 128)));
  kvLens = lengths(options.kvLens, rows(false, randomKey("kv_len", rows(true, randomKey("q_len", 128)))));
  if (int64_t(qLens.size()) != batch || int64_t(kvLens.size()) != batch)
    return "--q-lens and --kv-lens: expected one value or one for each of " + std::to_string(batch) + " requests";
  int64_t total = 0;
  for (const auto *lens : {&qLens, &kvLens})
    for (int64_t len : *lens)
      if (len < 0 || len > ATTN_MAX_LENGTH || __builtin_add_overflow(total, len, &total))
        return "lengths must be from 0 to " + std::to_string(ATTN_MAX_LENGTH);
  int64_t bytes = 0;
  if (batch > ATTN_MAX_BATCH || std::max(qHeads, kvHeads) > ATTN_MAX_HEADS ||
      __builtin_mul_overflow(total, std::max(qHeads, kvHeads) * 4 * std::max(variant->d, variant->dv), &bytes) ||
      bytes > int64_t(1) << 40)
    return "--random: the arrays would be larger than a terabyte";

  for (const attn_argument_info &input : signature.inputs)
    if (!arrays.count(input.name))
      arrays[input.name] = randomArray(input, *variant);
  for (const attn_argument_info &operand : signature.operands)
    if (operand.required && !arrays.count(operand.name))
      arrays[operand.name] = randomOperand(operand);
  return "";
}

} // namespace attn::tool
