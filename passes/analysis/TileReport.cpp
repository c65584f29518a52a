//===- TileReport.cpp - What a mask costs on a call ------------------------===//
#include "passes/analysis/TileReport.h"

#include "dialect/mask/Evaluate.h"

#include <algorithm>
#include <set>

using namespace attn::passes;
using attn::mask::Environment;
using attn::mask::Expr;
using attn::mask::RangeProgram;
using attn::mask::TileClass;

TileCounts &TileCounts::operator+=(const TileCounts &other) {
  full += other.full;
  partial += other.partial;
  empty += other.empty;
  pairs += other.pairs;
  visiblePairs += other.visiblePairs;
  visitedPairs += other.visitedPairs;
  spuriousFull += other.spuriousFull;
  spuriousEmpty += other.spuriousEmpty;
  notCounted += other.notCounted;
  return *this;
}

namespace {

/// Counts the row tiles of one lane: a query head, or with `pack` a KV head.
class Lane {
public:
  Lane(const Expr &mask, const RangeProgram &program, const TileCall &call, int64_t head, int64_t &budget)
      : mask(mask), program(program), call(call), env(call.environment), budget(budget),
        group(call.qHeads / call.kvHeads), firstHead(call.pack ? head * group : head) {
    set("b", call.request), set("g", call.pack ? head : head / group), set("l", call.layer);
    set("batch", call.batch), set("q_heads", call.qHeads), set("kv_heads", call.kvHeads);
    set("q_len", call.qLen), set("kv_len", call.kvLen), set("sequence.kv_len", call.kvLen), set("tile", call.keys),
        set("group", group);
  }

  int64_t logicalRows() const { return call.qLen * (call.pack ? group : 1); }
  /// The row tile from logical row `row0` on; one character per key tile is added to `line`.
  void countRowTile(int64_t row0, std::string &line);

  TileCounts counts;
  std::string error;

private:
  void set(const char *name, int64_t value) { env.values[name] = value; }
  void setBox(int64_t first, int64_t last);
  void countTile(int64_t row0, int64_t rows, int64_t k0, TileClass kind, std::string &line);
  int64_t visibleIn(int64_t row0, int64_t rows, int64_t k0, int64_t keys);

  const Expr &mask;
  const RangeProgram &program;
  const TileCall &call;
  Environment env;
  int64_t &budget;
  int64_t group, firstHead;
};

} // namespace

/// The box of queries and heads that logical rows first .. last lie in.
void Lane::setBox(int64_t first, int64_t last) {
  int64_t heads = call.pack ? group : 1;
  bool oneQuery = first / heads == last / heads;
  set("q_first", call.qPos + first / heads), set("q_last", call.qPos + last / heads);
  set("h_first", firstHead + (oneQuery ? first % heads : 0));
  set("h_last", firstHead + (oneQuery ? last % heads : heads - 1));
}

/// Visible pairs of a tile, one by one; -1 with `error` set if the mask has no value.
int64_t Lane::visibleIn(int64_t row0, int64_t rows, int64_t k0, int64_t keys) {
  int64_t visible = 0, heads = call.pack ? group : 1;
  int64_t &q = env.values["q"], &h = env.values["h"], &k = env.values["k"];
  for (int64_t row = row0; row < row0 + rows; ++row) {
    q = call.qPos + row / heads;
    h = firstHead + row % heads;
    for (k = k0; k < k0 + keys; ++k) {
      auto value = evaluate(mask, env);
      if (!value.ok()) {
        error = value.error;
        return -1;
      }
      visible += value.integer;
    }
  }
  return visible;
}

void Lane::countTile(int64_t row0, int64_t rows, int64_t k0, TileClass kind, std::string &line) {
  int64_t keys = std::min(call.keys, call.kvLen - k0), pairs = rows * keys;
  bool whole = keys == call.keys; // a tile with keys past the end runs the partial body
  line += kind == TileClass::Empty ? '.' : kind == TileClass::Full && whole ? '#' : '+';
  if (kind == TileClass::Empty) {
    ++counts.empty;
    return;
  }
  ++(kind == TileClass::Full && whole ? counts.full : counts.partial);
  counts.visitedPairs += call.rows * call.keys;
  if (kind == TileClass::Full) {
    counts.visiblePairs += pairs;
    return;
  }
  if (budget < pairs) {
    ++counts.notCounted;
    return;
  }
  budget -= pairs;
  int64_t visible = visibleIn(row0, rows, k0, keys);
  counts.visiblePairs += std::max<int64_t>(visible, 0);
  counts.spuriousFull += visible == pairs;
  counts.spuriousEmpty += visible == 0;
}

void Lane::countRowTile(int64_t row0, std::string &line) {
  int64_t rows = std::min(call.rows, logicalRows() - row0);
  setBox(row0, row0 + rows - 1);
  counts.pairs += rows * call.kvLen;
  for (int64_t k = 0; k < call.kvLen && error.empty();) {
    set("k0", k);
    auto [kind, next] = program.classify(env);
    for (; k < std::min(next, call.kvLen) && error.empty(); k += call.keys)
      countTile(row0, rows, k, kind, line);
  }
}

/// The first name that `mask` reads and the call does not give, or empty.
static std::string missingName(const Expr &mask, const Environment &env) {
  static const std::set<std::string> known = {"b",     "h",       "g",        "l",     "q",      "k",
                                              "batch", "q_heads", "kv_heads", "q_len", "kv_len", "sequence.kv_len"};
  std::set<std::string> symbols, tensors;
  mask.collect(symbols, tensors);
  for (const std::string &name : symbols)
    if (!known.count(name) && !env.values.count(name) && !env.reals.count(name))
      return name;
  for (const std::string &name : tensors)
    if (!env.tensors.count(name))
      return name;
  return {};
}

TileReport attn::passes::countTiles(const Expr &mask, const RangeProgram &program, const TileCall &call,
                                    TilePicture *picture, int64_t pictureHead) {
  TileReport report;
  if (std::string name = missingName(mask, call.environment); !name.empty()) {
    report.error = "no value for '" + name + "'";
    return report;
  }
  int64_t budget = call.pairBudget;
  for (int64_t head = 0; head < (call.pack ? call.kvHeads : call.qHeads); ++head) {
    Lane lane(mask, program, call, head, budget);
    for (int64_t row0 = 0; row0 < lane.logicalRows(); row0 += call.rows) {
      std::string line;
      lane.countRowTile(row0, line);
      if (picture && head == pictureHead)
        picture->push_back(line);
    }
    if (!lane.error.empty()) {
      report.error = lane.error;
      return report;
    }
    report.heads.push_back(lane.counts);
    report.total += lane.counts;
  }
  return report;
}
