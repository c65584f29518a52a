//===- IntervalChoice.cpp - Tile sizes for narrow masks --------------------===//
#include "passes/tile/IntervalChoice.h"

#include "dialect/mask/RangeProgram.h"
#include "dialect/mask/Simplify.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using mask::Environment;
using mask::Expr;
using mask::TileClass;

/// The sequence that is looked at: its second half, whose rows have as many keys before them.
constexpr int64_t length = 4096;

/// Ranges of tiles that are looked at before the choice is given up.
constexpr int64_t mostRanges = 4000;

/// Mask code per pair of a partial tile, in query-key pairs of a full one, and the share of the time that fewer rows
/// must save: each of them reads keys and values once more.
constexpr double maskCost = 0.1, leastGain = 0.05;

/// The conjunction `mask` (canonical) without the parts that read tensors.
static Expr withoutTensors(const Expr &mask) {
  auto readsTensor = [](const Expr &e) {
    std::set<std::string> symbols, tensors;
    e.collect(symbols, tensors);
    return !tensors.empty();
  };
  if (mask.op() != mask::Op::And)
    return readsTensor(mask) ? Expr::boolean(true) : mask;
  Expr rest = Expr::boolean(true);
  for (const Expr &part : mask.args())
    if (!readsTensor(part))
      rest = rest && part;
  return canonicalize(rest);
}

/// The defaults of the pattern and the sizes of a call; nothing if `mask` reads a parameter without a default.
static std::optional<Environment> defaults(const Expr &mask, ir::PatternOp pattern) {
  Environment env;
  for (auto param : pattern.getBody().getOps<ir::ParamOp>()) {
    std::string name = param.getSymName().str();
    if (auto integer = dyn_cast_or_null<IntegerAttr>(param.getValueAttr()))
      env.values[name] = integer.getInt();
    else if (auto real = dyn_cast_or_null<FloatAttr>(param.getValueAttr()))
      env.reals[name] = real.getValueAsDouble();
  }
  for (const char *name : {"b", "g", "h", "l", ".h_first", ".h_last"})
    env.values[name] = 0;
  for (const char *name : {"batch", "q_heads", "kv_heads"})
    env.values[name] = 1;
  env.values[".q_pos"] = env.values["q_len"] = length / 2;
  env.values["kv_len"] = env.values["sequence.kv_len"] = length;
  std::set<std::string> symbols, tensors;
  mask.collect(symbols, tensors);
  for (const std::string &name : symbols)
    if (name != "q" && name != "k" && !env.values.count(name) && !env.reals.count(name))
      return {};
  return env;
}

/// The cost of the visited tiles in pairs; infinite if there are too many ranges to count.
static double visitedCost(const mask::RangeProgram &program, Environment &env, TileSizes sizes) {
  double cost = 0;
  int64_t ranges = 0;
  env.values[".tile"] = sizes.keys;
  for (int64_t row = length / 2; row < length; row += sizes.rows) {
    int64_t rows = std::min(sizes.rows, length - row);
    env.values[".q_first"] = row, env.values[".q_last"] = row + rows - 1;
    for (int64_t k = 0; k < length;) {
      env.values[".k0"] = k;
      auto [kind, next] = program.classify(env);
      next = std::min(next, length);
      if (++ranges > mostRanges || next <= k)
        return HUGE_VAL;
      double perPair = kind == TileClass::Empty ? 0 : kind == TileClass::Full ? 1 : 1 + maskCost;
      cost += perPair * double(rows) * double(next - k);
      k = next;
    }
  }
  return cost;
}

TileSizes attn::passes::chooseIntervals(const Expr &mask, ir::PatternOp pattern, TileSizes usual, int64_t lanes) {
  Expr known = withoutTensors(canonicalize(mask));
  // At most two thirds of the rows; vectors in fours are as good for the registers as threes.
  TileSizes fewer{usual.rows * 2 / 3 / (4 * lanes) * (4 * lanes), usual.keys};
  auto env = known.isConst() ? std::optional<Environment>() : defaults(known, pattern);
  if (!env || fewer.rows == 0)
    return usual;
  auto program = mask::RangeProgram::compile(known);
  double cost = visitedCost(program, *env, usual);
  return cost < HUGE_VAL && visitedCost(program, *env, fewer) < cost * (1 - leastGain) ? fewer : usual;
}
