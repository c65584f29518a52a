//===- Call.cpp - The call that is drawn -----------------------------------===//
#include "tools/attn-viz/Call.h"

#include "attn/attn.h"
#include "dialect/spec/Diagnostics.h"
#include "tools/attn-viz/OperandValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <set>

using namespace attn;
using namespace attn::viz;
using attn::spec::Operand;
using attn::spec::Pattern;

namespace {

class CallMaker {
public:
  CallMaker(const Pattern &pattern, const Request &request, Call &call)
      : pattern(pattern), request(request), call(call), random(uint64_t(request.seed)) {}

  std::string run();

private:
  std::string params();
  std::string lengths();
  std::optional<int64_t> gridSize() const;
  std::string tiles();
  std::string operands();
  std::string operand(const Operand &declared);
  int64_t size(const std::variant<int64_t, std::string> &dimension) const;
  std::set<std::string> operandsOfMasks() const;

  const Pattern &pattern;
  const Request &request;
  Call &call;
  tool::Random random;
};

std::string limit(const char *what, int64_t got, int64_t most) {
  return "LIMIT: " + std::to_string(got) + " " + what + ", at most " + std::to_string(most);
}

} // namespace

std::string CallMaker::params() {
  auto &env = call.environment;
  for (const spec::Param &param : pattern.params) {
    if (param.isFloat())
      env.reals[param.name] = std::get<double>(param.value);
    else
      env.values[param.name] = std::get<int64_t>(param.value);
  }
  for (auto &[name, text] : request.params) {
    if (auto real = env.reals.find(name); real != env.reals.end()) {
      if (!llvm::to_float(text, real->second) || !std::isfinite(real->second))
        return "--param " + name + ": expected a number, got '" + text + "'";
    } else if (auto integer = env.values.find(name); integer != env.values.end()) {
      if (!llvm::to_integer(text, integer->second, 10) || integer->second == INT64_MIN ||
          std::abs(integer->second) >= int64_t(1) << 31)
        return "--param " + name + ": expected an integer below 2^31 in magnitude, got '" + text + "'";
    } else {
      return "--param " + name + ": the pattern has no such parameter";
    }
  }
  return "";
}

/// The tokens of the pattern's grid, if they are not too many for a picture.
std::optional<int64_t> CallMaker::gridSize() const {
  int64_t tokens = 1;
  for (const spec::GridAxis &axis : pattern.grid) {
    int64_t one = std::max<int64_t>(size(axis.size), 1);
    if (__builtin_mul_overflow(tokens, one, &tokens) || tokens > int64_t(1) << 17)
      return std::nullopt;
  }
  return pattern.grid.empty() ? std::nullopt : std::optional<int64_t>(tokens);
}

std::string CallMaker::lengths() {
  call.qHeads = request.qHeads.value_or(request.kvHeads.value_or(4));
  call.kvHeads = request.kvHeads.value_or(call.qHeads);
  if (call.qHeads < 1 || call.kvHeads < 1 || call.qHeads % call.kvHeads)
    return "--q-heads must be a multiple of --kv-heads";
  if (call.qHeads > maxHeads)
    return limit("query heads", call.qHeads, maxHeads);
  if (int64_t(request.layers.size()) > maxLayers)
    return limit("layers", int64_t(request.layers.size()), maxLayers);
  int64_t largest = 32; // four times the largest parameter shows most patterns
  for (auto &[name, value] : call.environment.values)
    if (value <= 1024)
      largest = std::max(largest, value);
  int64_t natural = gridSize().value_or(int64_t(llvm::PowerOf2Ceil(uint64_t(4 * largest))));
  call.kvLen = request.kvLen.value_or(request.qLen.value_or(natural));
  call.qLen = request.qLen.value_or(call.kvLen);
  call.sequence = call.kvLen;
  if (request.slots < 0 || request.slots > maxTilesPerSide)
    return "--slots must be from 0 to " + std::to_string(maxTilesPerSide);
  if (call.qLen < 1 || call.kvLen < 1)
    return "--q and --kv must be at least 1";
  if (std::max(call.qLen, call.kvLen) > ATTN_MAX_LENGTH)
    return limit("rows", std::max(call.qLen, call.kvLen), ATTN_MAX_LENGTH);
  if (!pattern.positions && call.qLen != call.kvLen)
    return "the pattern has no position rule, so --q must equal --kv";
  bool atEnd = pattern.positions != spec::Positions::TopLeft && pattern.positions;
  call.qPos = atEnd ? call.kvLen - call.qLen : 0;
  if (request.qPos && pattern.positions != spec::Positions::Tensor)
    return "--q-pos is for patterns whose positions are a tensor";
  call.qPos = request.qPos.value_or(call.qPos);
  if (!request.steps.empty() && (!atEnd || call.qLen > call.kvLen))
    return "--steps draws rows that stand at the end of the keys: it takes positions at the bottom right and --q "
           "at most --kv";
  return "";
}

std::string CallMaker::tiles() {
  int64_t side = std::max<int64_t>(int64_t(llvm::PowerOf2Ceil(uint64_t(std::max(call.qLen, call.kvLen)))) / 16, 1);
  call.rows = request.rows.value_or(std::min<int64_t>(side, 64));
  call.keys = request.keys.value_or(std::min<int64_t>(side, 64));
  if (call.rows < 1 || call.keys < 1)
    return "--tile must be at least 1x1";
  int64_t most = std::max((call.qLen - 1) / call.rows, (call.kvLen - 1) / call.keys) + 1;
  return most > maxTilesPerSide ? limit("tiles on a side", most, maxTilesPerSide) : "";
}

int64_t CallMaker::size(const std::variant<int64_t, std::string> &dimension) const {
  if (auto *number = std::get_if<int64_t>(&dimension))
    return *number;
  const std::string &name = std::get<std::string>(dimension);
  if (name == "batch")
    return call.request + 1;
  if (name == "q_heads")
    return call.qHeads;
  if (name == "kv_heads")
    return call.kvHeads;
  if (name == "layers")
    return *llvm::max_element(call.layers) + 1;
  if (name == "q_len")
    return call.qLen;
  if (name == "kv_len")
    return call.kvLen;
  int64_t d = pattern.types.d.value_or(64);
  if (name == "d" || name == "d/2")
    return name == "d" ? d : d / 2;
  if (name == "dv")
    return pattern.types.dv.value_or(d);
  return std::max<int64_t>(call.environment.values.at(name), 0);
}

std::string CallMaker::operand(const Operand &declared) {
  std::vector<int64_t> shape;
  int64_t elements = 1;
  for (auto &dimension : declared.shape) {
    shape.push_back(size(dimension));
    if (__builtin_mul_overflow(elements, shape.back(), &elements) || elements > maxOperandElements)
      return "operand '" + declared.name + "': " + limit("elements", elements, maxOperandElements);
  }
  auto given = request.operands.find(declared.name);
  if (given == request.operands.end() && !declared.sizes.empty()) {
    call.environment.tensors[declared.name] = ownValues(declared);
    return "";
  }
  if (given == request.operands.end())
    call.madeUp.push_back(declared.name);
  return operandValues(declared, shape, given == request.operands.end() ? "" : given->second, random, call.kvLen,
                       call.environment.tensors[declared.name]);
}

/// The operands that say which pairs are visible; the others (biases, rotations) leave no trace in a picture.
std::set<std::string> CallMaker::operandsOfMasks() const {
  std::set<std::string> symbols, tensors;
  for (const spec::Entry &entry : pattern.entries)
    for (const spec::KernelMap &map : entry.attend.maps) {
      map.mask.collect(symbols, tensors);
      for (auto [partition, index] : map.classes)
        for (const spec::Partition::Class &c : pattern.partitions[partition].classes)
          if (c.rule)
            c.rule.collect(symbols, tensors);
    }
  return tensors;
}

std::string CallMaker::operands() {
  for (auto &given : request.operands)
    if (llvm::none_of(pattern.operands, [&](const Operand &o) { return o.name == given.first; }))
      return "--operand " + given.first + ": the pattern has no such operand";
  std::set<std::string> read = operandsOfMasks();
  for (const Operand &declared : pattern.operands)
    if (read.count(declared.name))
      if (std::string problem = operand(declared); !problem.empty())
        return problem;
  return "";
}

std::string CallMaker::run() {
  call.layers = request.layers;
  call.request = request.request;
  call.seed = request.seed;
  for (auto step : {&CallMaker::params, &CallMaker::lengths, &CallMaker::tiles, &CallMaker::operands})
    if (std::string problem = (this->*step)(); !problem.empty())
      return problem;
  return "";
}

std::string attn::viz::makeCall(const Pattern &pattern, const Request &request, Call &call) {
  return CallMaker(pattern, request, call).run();
}
