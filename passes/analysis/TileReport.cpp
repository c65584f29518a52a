//===- TileReport.cpp - What a mask costs on a call ------------------------===//
#include "passes/analysis/TileReport.h"

#include "dialect/mask/Evaluate.h"

#include <algorithm>
#include <numeric>
#include <set>

using namespace attn::passes;
using attn::mask::BoxLayout;
using attn::mask::BoxProgram;
using attn::mask::Environment;
using attn::mask::Expr;
using attn::mask::RangeProgram;
using attn::mask::Side;
using attn::mask::TileClass;
using attn::mask::TokenGrid;

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

/// A row of a tile.
struct Row {
  int64_t query, head;
};

/// Counts the row tiles of one lane: a query head, or with `pack` a KV head.
class Lane {
public:
  Lane(const Expr &mask, const TileCall &call, int64_t head, int64_t &budget)
      : env(call.environment), call(call), group(call.qHeads / call.kvHeads),
        firstHead(call.pack ? head * group : head), mask(mask), budget(budget) {
    set("b", call.request), set("g", call.pack ? head : head / group), set("l", call.layer), set("h", firstHead);
    set("batch", call.batch), set("q_heads", call.qHeads), set("kv_heads", call.kvHeads);
    set("q_len", call.qLen), set("kv_len", call.kvLen), set(".q_pos", call.qPos);
    env.values.emplace("sequence.kv_len", call.kvLen), set(".tile", call.keys);
  }

  TileCounts counts;
  std::string error;

protected:
  void set(const char *name, int64_t value) { env.values[name] = value; }
  /// Counts one tile and adds its character to `line`. A tile that is not `whole` runs the partial body.
  void countTile(const std::vector<Row> &rows, const std::vector<int64_t> &keys, TileClass kind, bool whole,
                 int64_t computed, std::string &line);

  Environment env;
  const TileCall &call;
  int64_t group, firstHead;

private:
  int64_t visibleIn(const std::vector<Row> &rows, const std::vector<int64_t> &keys);

  const Expr &mask;
  int64_t &budget;
};

/// Row and key tiles that are intervals.
class IntervalLane : public Lane {
public:
  IntervalLane(const Expr &mask, const RangeProgram &program, const TileCall &call, int64_t head, int64_t &budget)
      : Lane(mask, call, head, budget), program(program) {}
  void run(TilePicture *picture);

private:
  void setBox(int64_t first, int64_t last);
  const RangeProgram &program;
};

/// Row and key tiles that are boxes.
class BoxLane : public Lane {
public:
  BoxLane(const Expr &mask, const BoxProgram &program, const TokenGrid &grid, const TileCall &call, int64_t head,
          int64_t &budget)
      : Lane(mask, call, head, budget), program(program), grid(grid) {}
  void run(TilePicture *picture);

private:
  const BoxProgram &program;
  const TokenGrid &grid;
};

} // namespace

/// Visible pairs of a tile, one by one; -1 with `error` set if the mask has no value.
int64_t Lane::visibleIn(const std::vector<Row> &rows, const std::vector<int64_t> &keys) {
  int64_t visible = 0;
  int64_t &q = env.values["q"], &h = env.values["h"], &k = env.values["k"];
  for (const Row &row : rows) {
    q = row.query, h = row.head;
    for (int64_t key : keys) {
      k = key;
      auto value = evaluate(mask, env);
      if (!value.ok()) {
        error = value.error;
        return -1;
      }
      visible += value.integer;
    }
  }
  h = firstHead;
  return visible;
}

void Lane::countTile(const std::vector<Row> &rows, const std::vector<int64_t> &keys, TileClass kind, bool whole,
                     int64_t computed, std::string &line) {
  int64_t pairs = int64_t(rows.size()) * int64_t(keys.size());
  line += kind == TileClass::Empty ? '.' : kind == TileClass::Full && whole ? '#' : '+';
  if (kind == TileClass::Empty) {
    ++counts.empty;
    return;
  }
  ++(kind == TileClass::Full && whole ? counts.full : counts.partial);
  counts.visitedPairs += computed;
  if (kind == TileClass::Full) {
    counts.visiblePairs += pairs;
    return;
  }
  if (budget < pairs) {
    ++counts.notCounted;
    return;
  }
  budget -= pairs;
  int64_t visible = visibleIn(rows, keys);
  counts.visiblePairs += std::max<int64_t>(visible, 0);
  counts.spuriousFull += whole && visible == pairs;
  counts.spuriousEmpty += visible == 0;
}

/// The box of queries and heads that logical rows first .. last lie in.
void IntervalLane::setBox(int64_t first, int64_t last) {
  int64_t heads = call.pack ? group : 1;
  bool oneQuery = first / heads == last / heads;
  set(".q_first", call.qPos + first / heads), set(".q_last", call.qPos + last / heads);
  set(".h_first", firstHead + (oneQuery ? first % heads : 0));
  set(".h_last", firstHead + (oneQuery ? last % heads : heads - 1));
}

void IntervalLane::run(TilePicture *picture) {
  int64_t heads = call.pack ? group : 1, logicalRows = call.qLen * heads;
  for (int64_t row0 = 0; row0 < logicalRows && error.empty(); row0 += call.rows) {
    std::string line;
    std::vector<Row> rows;
    for (int64_t row = row0; row < std::min(row0 + call.rows, logicalRows); ++row)
      rows.push_back({call.qPos + row / heads, firstHead + row % heads});
    setBox(row0, row0 + int64_t(rows.size()) - 1);
    counts.pairs += int64_t(rows.size()) * call.kvLen;
    for (int64_t k = 0; k < call.kvLen && error.empty();) {
      set(".k0", k);
      auto [kind, next] = program.classify(env);
      for (; k < std::min(next, call.kvLen) && error.empty(); k += call.keys) {
        std::vector<int64_t> keys(std::min(call.keys, call.kvLen - k));
        std::iota(keys.begin(), keys.end(), k);
        countTile(rows, keys, kind, int64_t(keys.size()) == call.keys, call.rows * call.keys, line);
      }
    }
    if (picture)
      picture->push_back(line);
  }
}

void BoxLane::run(TilePicture *picture) {
  BoxLayout rowLayout = boxLayout(grid, Side::Query), keyLayout = boxLayout(grid, Side::Key);
  int64_t rowTile = grid.tile(Side::Query), keyTile = grid.tile(Side::Key);
  for (int64_t n = 0, end = 1; n < end && error.empty(); ++n) {
    attn::mask::Box box = boxOf(grid, rowLayout, Side::Query, n, env);
    end = box.boxes;
    std::vector<Row> rows;
    for (int64_t position : box.positions)
      if (position != attn::mask::Box::padding)
        rows.push_back({position, firstHead});
    if (n >= end || rows.empty()) // the kernel skips the task
      continue;
    std::string line;
    set(".row0", n * rowTile);
    counts.pairs += int64_t(rows.size()) * call.kvLen;
    for (int64_t k = 0, last = 1; k < last && error.empty();) {
      set(".k0", k);
      auto [kind, next, limit] = program.classify(env);
      last = limit;
      for (; k < std::min(next, last) && error.empty(); k += keyTile) {
        std::vector<int64_t> keys;
        if (kind != TileClass::Empty)
          for (int64_t position : boxOf(grid, keyLayout, Side::Key, k / keyTile, env).positions)
            if (position != attn::mask::Box::padding)
              keys.push_back(position);
        countTile(rows, keys, kind, int64_t(keys.size()) == keyTile, rowTile * keyTile, line);
      }
    }
    if (picture)
      picture->push_back(line);
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

/// Runs one lane per head that `makeLane(head, budget)` gives.
template <typename MakeLane>
static TileReport countLanes(const Expr &mask, const TileCall &call, int64_t heads, TilePicture *picture,
                             int64_t pictureHead, MakeLane makeLane) {
  TileReport report;
  if (std::string name = missingName(mask, call.environment); !name.empty()) {
    report.error = "no value for '" + name + "'";
    return report;
  }
  int64_t budget = call.pairBudget;
  for (int64_t head = 0; head < heads; ++head) {
    auto lane = makeLane(head, budget);
    lane.run(head == pictureHead ? picture : nullptr);
    if (!lane.error.empty()) {
      report.error = lane.error;
      return report;
    }
    report.heads.push_back(lane.counts);
    report.total += lane.counts;
  }
  return report;
}

TileReport attn::passes::countTiles(const Expr &mask, const RangeProgram &program, const TileCall &call,
                                    TilePicture *picture, int64_t pictureHead) {
  return countLanes(mask, call, call.pack ? call.kvHeads : call.qHeads, picture, pictureHead,
                    [&](int64_t head, int64_t &budget) { return IntervalLane(mask, program, call, head, budget); });
}

TileReport attn::passes::countTiles(const Expr &mask, const BoxProgram &program, const TokenGrid &grid,
                                    const TileCall &call, TilePicture *picture, int64_t pictureHead) {
  TileCall unpacked = call;
  unpacked.pack = false;
  return countLanes(mask, unpacked, call.qHeads, picture, pictureHead,
                    [&](int64_t head, int64_t &budget) { return BoxLane(mask, program, grid, unpacked, head, budget); });
}
