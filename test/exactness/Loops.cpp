//===- Loops.cpp - The key loops of a compiled pattern ---------------------===//
#include "test/exactness/Loops.h"

#include "codegen/cpu/CPU.h"
#include "dialect/spec/Read.h"
#include "dialect/spec/SpecToIR.h"
#include "dialect/spec/Variant.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/analysis/MaskRegion.h"
#include "test/exactness/RowMask.h"

#include <algorithm>
#include <random>

using namespace attn::mask;

namespace attn::exactness {

static constexpr int64_t tileKeys = 64;

/// The run-time values that the pattern declares, parameters at their defaults.
static void declarations(const spec::Pattern &pattern, Compiled &result) {
  for (const spec::Param &param : pattern.params) {
    if (param.isFloat())
      result.defaults.reals[param.name] = std::get<double>(param.value);
    else
      result.defaults.values[param.name] = std::get<int64_t>(param.value);
  }
  result.operands = pattern.operands;
  result.topLeft = pattern.positions == spec::Positions::TopLeft;
}

Compiled compile(const std::string &text, int64_t rows) {
  Compiled result;
  spec::Diagnostics diagnostics;
  auto pattern = spec::read(text, diagnostics);
  if (!pattern) {
    result.error = diagnostics.str();
    return result;
  }
  result.name = pattern->name;
  declarations(*pattern, result);
  auto variant = spec::variantOf(*pattern, "", diagnostics);
  mlir::DialectRegistry registry;
  codegen::cpu::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = spec::import(*pattern, *variant, context);
  mlir::PassManager passes(&context);
  passes::TileAttentionOptions sizes;
  sizes.rows = rows, sizes.keys = tileKeys;
  passes::buildTilePipeline(passes, {}, sizes);
  if (!module || failed(passes.run(*module))) {
    result.error = "the pattern cannot be lowered";
    return result;
  }
  module->walk([&](tile::ForKeysOp loop) {
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    auto visible = passes::regionToExpr(loop.getVisible());
    if (failed(visible)) {
      result.error = "a mask that is no expression";
      return;
    }
    result.loops.push_back({kernel.getSymName().str(), kernel.getSchedule().getPack(), rows, *visible,
                            passes::rangeProgram(kernel, *visible)});
  });
  return result;
}

Counts &Counts::operator+=(const Counts &other) {
  tiles += other.tiles, visited += other.visited, partial += other.partial;
  mustVisit += other.mustVisit, mustMask += other.mustMask, runs += other.runs;
  if (error.empty())
    error = other.error;
  return *this;
}

namespace {
/// The box of one row tile.
struct Box {
  int64_t qFirst, qLast, hFirst, hLast;
};

/// What each key tile is to the box, pair by pair.
std::vector<TileClass> bruteForce(RowMask &mask, const Box &box, int64_t keys) {
  constexpr int64_t chunk = 128 * tileKeys;
  int64_t tiles = (keys + tileKeys - 1) / tileKeys;
  std::vector<uint8_t> any(tiles, 0), all(tiles, 1), row(chunk);
  for (int64_t from = 0; from < keys; from += chunk) {
    int64_t count = std::min(chunk, keys - from);
    auto isOpen = [&] { // some tile of the chunk may still turn out otherwise
      for (int64_t k = from; k < from + count; k += tileKeys)
        if (!any[k / tileKeys] || all[k / tileKeys])
          return true;
      return false;
    };
    for (int64_t h = box.hFirst; h <= box.hLast; ++h)
      for (int64_t q = box.qFirst; q <= box.qLast && isOpen(); ++q) {
        mask.row(q, h, from, count, row.data());
        for (int64_t k = 0; k < count; k += tileKeys) {
          int64_t seen = 0, size = std::min(tileKeys, count - k);
          for (int64_t i = 0; i < size; ++i)
            seen += row[k + i];
          any[(from + k) / tileKeys] |= seen != 0;
          all[(from + k) / tileKeys] &= seen == size;
        }
      }
  }
  std::vector<TileClass> result;
  for (int64_t i = 0; i < tiles; ++i)
    result.push_back(any[i] ? (all[i] ? TileClass::Full : TileClass::Partial) : TileClass::Empty);
  return result;
}

std::vector<TileClass> classify(const RangeProgram &program, Environment env, const Box &box, int64_t keys,
                                Counts &counts) {
  env.values[".q_first"] = box.qFirst, env.values[".q_last"] = box.qLast;
  env.values[".h_first"] = box.hFirst, env.values[".h_last"] = box.hLast;
  env.values[".tile"] = tileKeys;
  std::vector<TileClass> result;
  for (int64_t k0 = 0; k0 < keys; ++counts.runs) {
    env.values[".k0"] = k0;
    auto [kind, next] = program.classify(env);
    for (; k0 < std::min(next, keys); k0 += tileKeys)
      result.push_back(kind);
  }
  return result;
}
} // namespace

Counts compare(const Loop &loop, const Call &call, int64_t head, const std::vector<int64_t> &rows) {
  Counts counts;
  Environment env = call.environment;
  int64_t group = call.group, kvHead = head / group, position = call.topLeft ? 0 : call.keys - call.queries;
  env.values["b"] = 0, env.values["g"] = kvHead, env.values["l"] = 0, env.values["batch"] = 1;
  env.values["q_heads"] = call.heads, env.values["kv_heads"] = call.heads / group;
  env.values["q_len"] = call.queries, env.values["kv_len"] = call.keys;
  RowMask mask(loop.mask, env);
  for (int64_t row : rows) {
    Box box{position + row, position + std::min(row + loop.rows, call.queries) - 1, head, head};
    if (loop.isDecode)
      box = {position + row, position + row, kvHead * group, kvHead * group + group - 1};
    std::vector<TileClass> said = classify(loop.program, env, box, call.keys, counts);
    std::vector<TileClass> is = bruteForce(mask, box, call.keys);
    for (size_t i = 0; i < is.size(); ++i) {
      ++counts.tiles;
      counts.visited += said[i] != TileClass::Empty, counts.partial += said[i] == TileClass::Partial;
      counts.mustVisit += is[i] != TileClass::Empty, counts.mustMask += is[i] == TileClass::Partial;
      if (said[i] != is[i] && counts.error.empty()) {
        static const char *names[] = {"empty", "partial", "full"};
        counts.error = loop.kernel + ": head " + std::to_string(head) + ", row " + std::to_string(row) +
                       ", keys from " + std::to_string(i * tileKeys) + ": called " + names[int(said[i])] + ", is " +
                       names[int(is[i])];
      }
    }
    if (!mask.error().empty() && counts.error.empty())
      counts.error = mask.error();
  }
  return counts;
}

Counts compareAll(const Loop &loop, const Call &call) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < call.queries; row += loop.isDecode ? 1 : loop.rows)
    rows.push_back(row);
  Counts counts;
  for (int64_t head = 0; head < call.heads; head += loop.isDecode ? call.group : 1)
    counts += compare(loop, call, head, rows);
  return counts;
}

Counts compareSome(const Loop &loop, const Call &call, int count) {
  int64_t step = loop.isDecode ? 1 : loop.rows, tiles = (call.queries + step - 1) / step;
  std::mt19937_64 source(call.keys);
  Counts counts;
  for (int i = 0; i < count; ++i) {
    int64_t row = std::uniform_int_distribution<int64_t>(0, tiles - 1)(source) * step;
    counts += compare(loop, call, i % call.heads, {row});
  }
  return counts;
}

} // namespace attn::exactness
