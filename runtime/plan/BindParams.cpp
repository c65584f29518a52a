//===- BindParams.cpp - Scalars of a call --------------------------*- C++ -*-===//

#include "runtime/plan/Bind.h"

#include <algorithm>
#include <cinttypes>

namespace attn::rt {
namespace {

constexpr double kScalarLimit = 2147483648.0; // exclusive

Status checkInteger(const Param &param, int64_t value) {
  if (value < -ATTN_MAX_LENGTH || value > ATTN_MAX_LENGTH)
    return error(ATTN_ERR_RANGE, "scalar '%s' must be below 2^31 in magnitude, got %" PRId64, param.name.c_str(),
                 value);
  if (param.positive && value < 1)
    return error(ATTN_ERR_RANGE, "scalar '%s' must be at least 1, got %" PRId64, param.name.c_str(), value);
  return {};
}

Status checkFloat(const Param &param, double value) {
  if (!(value > -kScalarLimit && value < kScalarLimit))
    return error(ATTN_ERR_RANGE, "scalar '%s' must be finite and below 2^31 in magnitude, got %g", param.name.c_str(),
                 value);
  // The check is on the value the kernel gets: 1e-50 is zero as a float.
  if (param.positive && !(float(value) > 0))
    return error(ATTN_ERR_RANGE, "scalar '%s' must be above 0, got %g", param.name.c_str(), value);
  return {};
}

Status bindParam(const Param &param, const Scalar *given, ParamValues &values) {
  std::vector<int64_t> ints;
  std::vector<double> floats;
  if (given) {
    ints = given->ints;
    floats = given->floats;
  } else if (!param.hasDefault) {
    return error(ATTN_ERR_MISSING, "scalar '%s' is missing and has no default", param.name.c_str());
  } else if (param.isFloat) {
    floats.push_back(param.floatDefault);
  } else {
    ints.push_back(param.intDefault);
  }
  if (!floats.empty() && !param.isFloat)
    return error(ATTN_ERR_DTYPE, "scalar '%s' must be an integer", param.name.c_str());
  for (int64_t value : ints)
    if (Status s = checkInteger(param, value))
      return s;
  for (double value : floats)
    if (Status s = checkFloat(param, value))
      return s;
  values.perRequest = ints.size() + floats.size() > 1;
  if (param.isFloat) {
    values.floats.assign(floats.begin(), floats.end());
    values.floats.insert(values.floats.end(), ints.begin(), ints.end());
  } else {
    values.ints = ints;
  }
  return {};
}

} // namespace

int64_t ParamValues::largest() const { return ints.empty() ? 0 : *std::max_element(ints.begin(), ints.end()); }

Status bindParams(const Manifest &manifest, const Call &call, std::vector<ParamValues> &values) {
  values.assign(manifest.params.size(), {});
  for (size_t i = 0; i < manifest.params.size(); ++i) {
    const Param &param = manifest.params[i];
    auto given = call.scalars.find(param.name);
    bool isGiven = given != call.scalars.end() && !(given->second.ints.empty() && given->second.floats.empty());
    if (Status s = bindParam(param, isGiven ? &given->second : nullptr, values[i]))
      return s;
  }
  return {};
}

Words scalarWords(const ParamValues &values, Constants &constants) {
  bool isFloat = !values.floats.empty();
  Words words(2);
  words.setConstant(0, isFloat ? constants.add(values.floats) : constants.add(values.ints));
  words.values[1] = !values.perRequest ? 0 : isFloat ? sizeof(float) : sizeof(int64_t);
  return words;
}

Status checkNames(const Manifest &manifest, const Entry &entry, const Call &call) {
  auto has = [](const auto &items, const std::string &name) {
    return std::any_of(items.begin(), items.end(), [&](auto &item) { return item.name == name; });
  };
  for (auto &[name, tensor] : call.tensors)
    if (!has(entry.inputs, name) && !has(entry.outputs, name) && !has(manifest.operands, name))
      return error(ATTN_ERR_UNKNOWN_NAME, "'%s' has no argument '%s'; inputs: %s; outputs: %s; operands: %s",
                   entry.name.c_str(), name.c_str(), quotedNames(entry.inputs).c_str(),
                   quotedNames(entry.outputs).c_str(), quotedNames(manifest.operands).c_str());
  for (auto &[name, scalar] : call.scalars)
    if (!has(manifest.params, name))
      return error(ATTN_ERR_UNKNOWN_NAME, "there is no scalar '%s'; params: %s", name.c_str(),
                   quotedNames(manifest.params).c_str());
  return {};
}

} // namespace attn::rt
