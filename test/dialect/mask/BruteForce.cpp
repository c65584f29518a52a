//===- BruteForce.cpp - Range programs against every pair -----------------===//
#include "test/dialect/mask/BruteForce.h"

#include <algorithm>

namespace attn::mask::test {

Grid::Grid(const Expr &mask, Environment environment, int64_t qLow, int64_t qHigh, int64_t heads)
    : env(std::move(environment)), qLow(qLow), queries(qHigh - qLow + 1), keys(env.values.at("kv_len")) {
  visible.reserve(heads * queries * keys);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t q = qLow; q <= qHigh; ++q)
      for (int64_t k = 0; k < keys; ++k) {
        env.values["h"] = h, env.values["q"] = q, env.values["k"] = k;
        Value value = evaluate(mask, env);
        if (!value.ok())
          evaluationError = value.error;
        visible.push_back(value.integer != 0);
      }
  // What the code may not look at.
  env.values.erase("h"), env.values.erase("q"), env.values.erase("k");
}

TileClass Grid::truth(int64_t qFirst, int64_t qLast, int64_t hFirst, int64_t hLast, int64_t k0, int64_t tile) const {
  bool any = false, all = true;
  for (int64_t h = hFirst; h <= hLast; ++h)
    for (int64_t q = qFirst; q <= qLast; ++q)
      for (int64_t k = k0; k < std::min(k0 + tile, keys); ++k) {
        bool v = visible[(h * queries + q - qLow) * keys + k];
        any |= v, all &= v;
      }
  return any ? (all ? TileClass::Full : TileClass::Partial) : TileClass::Empty;
}

static const char *name(TileClass kind) {
  return kind == TileClass::Full ? "full" : kind == TileClass::Empty ? "empty" : "partial";
}

void Grid::check(const RangeProgram &program, int64_t qFirst, int64_t qLast, int64_t hFirst, int64_t hLast,
                 int64_t tile, Report &report) {
  env.values[".q_first"] = qFirst, env.values[".q_last"] = qLast;
  env.values[".h_first"] = hFirst, env.values[".h_last"] = hLast;
  env.values[".tile"] = tile;
  std::vector<RangeProgram::Result> results;
  for (int64_t k0 = 0; k0 < keys; k0 += tile) {
    env.values[".k0"] = k0;
    results.push_back(program.classify(env));
  }
  auto fail = [&](int64_t k0, const std::string &what) {
    if (report.error.empty())
      report.error = what + " at k0 " + std::to_string(k0) + ", tile " + std::to_string(tile) + ", queries " +
                     std::to_string(qFirst) + ".." + std::to_string(qLast) + ", heads " + std::to_string(hFirst) +
                     ".." + std::to_string(hLast) + ", keys " + std::to_string(keys);
  };
  for (size_t i = 0; i < results.size(); ++i) {
    int64_t k0 = int64_t(i) * tile, next = results[i].next;
    TileClass is = truth(qFirst, qLast, hFirst, hLast, k0, tile), said = results[i].kind;
    ++report.tiles;
    if (said != is && said != TileClass::Partial)
      fail(k0, std::string("called ") + name(said) + ", is " + name(is));
    report.spurious += said != is && said == TileClass::Partial;
    if (next <= k0 || next % tile != 0 || next >= keys + tile)
      fail(k0, "next is " + std::to_string(next));
    else
      for (int64_t j = int64_t(i) + 1; j * tile < next; ++j)
        if (results[j].kind != said)
          fail(k0, std::string("next ") + std::to_string(next) + " passes a tile called " + name(results[j].kind) +
                       " after one called " + name(said));
  }
}

} // namespace attn::mask::test
