//===- RangeProgram.cpp - Which key tiles a query tile visits -------------===//
#include "dialect/mask/RangeProgram.h"
#include "dialect/mask/PairTest.h"
#include "dialect/mask/Polygon.h"
#include "dialect/mask/ResidualTest.h"
#include "dialect/mask/Simplify.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

namespace {
/// What is known of a union of regions while its regions are visited one after the other.
struct Cover {
  int hit;   ///< B: some pair of the tile is in the union
  int last;  ///< if hit: the tile of this key, and all tiles before it from k0 on, hit too
  int ahead; ///< if not hit: the tile of this key is the first that may
};

/// Emits the code for the union of the mask's regions (`visible`) and of its negation's (`hidden`).
class Emitter {
public:
  Emitter(CodeBuilder &code, const Facts &facts) : code(code), facts(facts) {
    k0 = code.input(".k0"), tile = code.input(".tile"), keys = code.input("kv_len");
    first = code.input(".q_first"), last = code.input(".q_last");
    tileEnd = code.add(k0, tile);
    lastKey = code.sub(keys, code.constant(1));
  }
  using State = std::vector<int>; ///< hit, last, ahead of both covers

  State start() {
    int limit = code.add(lastKey, tile), no = code.boolean(false);
    return {no, k0, limit, no, k0, limit};
  }
  State regions(const std::vector<Region> (&sides)[2], State state, const Bindings &bindings);
  std::vector<int> finish(const State &state);

private:
  void region(const Region &region, int from, int to, Bindings bindings, int side, State &state);
  int nextCandidate(const Region &region, const Bindings &bindings);
  int boundary(const Search &search, const Bindings &bindings);
  std::map<Expr, int, ExprLess> boundaries; ///< of this piece, by the predicate that holds from there on

  CodeBuilder &code;
  const Facts &facts;
  int k0, tile, keys, first, last, tileEnd, lastKey;
};
} // namespace

/// The first key in [0, kv_len] from which on the search's predicate has its final value.
int Emitter::boundary(const Search &search, const Bindings &bindings) {
  Expr final = search.rises ? search.predicate : negated(search.predicate);
  auto [known, isNew] = boundaries.emplace(final, 0);
  if (!isNew)
    return known->second;
  auto found = code.loop(
      {code.constant(0), keys}, [&](const CodeBuilder::Carried &v) { return code.lt(v[0], v[1]); },
      [&](const CodeBuilder::Carried &v) {
        int middle = code.floorDiv(code.add(v[0], v[1]), code.constant(2));
        Bindings at = bindings;
        at["k"] = middle;
        int isFinal = code.emit(final, at);
        return CodeBuilder::Carried{code.select(isFinal, v[0], code.add(middle, code.constant(1))),
                                    code.select(isFinal, middle, v[1])};
      });
  return known->second = found[0];
}

/// The first key from the end of the tile on that a residual may hold of: of the keys whose `x` is listed, the next.
int Emitter::nextCandidate(const Region &region, const Bindings &bindings) {
  auto keyResiduals = region.residuals.find({0, 1});
  if (keyResiduals == region.residuals.end())
    return tileEnd;
  for (const Residual &residual : keyResiduals->second) {
    const Expr &list = residual.predicate;
    if (residual.kind != Residual::Predicate || list.op() != Op::Member ||
        trend(list.args()[0], "k", facts) != Trend::Up)
      continue;
    if (std::any_of(list.args().begin() + 1, list.args().end(), [](const Expr &arg) { return arg.uses("k"); }))
      continue;
    Bindings at = bindings;
    auto x = [&](int key) {
      at["k"] = key;
      return code.emit(list.args()[0], at);
    };
    CodeBuilder::Listed next = code.leastMember(list, x(tileEnd), bindings);
    int end = code.max(tileEnd, keys);
    return code.loop(
        {tileEnd, code.select(next.exists, end, tileEnd), end},
        [&](const CodeBuilder::Carried &v) { return code.lt(v[0], v[1]); },
        [&](const CodeBuilder::Carried &v) {
          int middle = code.floorDiv(code.add(v[0], v[1]), code.constant(2));
          int isBelow = code.lt(x(middle), next.value);
          int low = code.select(isBelow, code.add(middle, code.constant(1)), v[0]);
          int high = code.select(isBelow, v[1], middle);
          return CodeBuilder::Carried{low, high, high};
        })[2];
  }
  return tileEnd;
}

/// Adds one region, on the queries [from, to], to the cover of `side` (0 visible, 1 hidden).
void Emitter::region(const Region &region, int from, int to, Bindings bindings, int side, State &state) {
  int one = code.constant(1), zero = code.constant(0);
  bindings["q"] = from;
  std::vector<Row> rows = {{-1, 0, from, true}, {1, 0, code.sub(zero, to), true}};
  for (const Bound &bound : region.bounds)
    rows.push_back({bound.q, bound.k, code.emit(bound.rest, bindings)});
  Interval interval = eliminate(code, rows);
  int feasible = interval.feasible;
  for (const Expr &guard : region.guards)
    feasible = code.land(feasible, code.emit(guard, bindings));

  // The keys of the region: [least, most].
  std::optional<int> least = interval.least, most = interval.most;
  for (const Search &search : region.searches) {
    int key = boundary(search, bindings);
    if (search.rises)
      least = least ? code.max(*least, key) : key;
    else
      most = most ? code.min(*most, code.sub(key, one)) : code.sub(key, one);
  }
  bool fromStart = !least;
  least = least ? code.max(*least, zero) : zero;
  most = most ? code.min(*most, lastKey) : lastKey;

  int begins = fromStart ? code.boolean(true) : code.lt(*least, tileEnd);
  int nonempty = fromStart ? code.boolean(true) : code.le(*least, *most);
  int valid = code.land(feasible, nonempty);
  int inTile = code.land(valid, code.land(begins, code.le(k0, *most)));
  int isAhead = code.land(valid, code.lnot(begins));
  int hit = inTile, until = *most;

  Cover cover{state[3 * side], state[3 * side + 1], state[3 * side + 2]};
  if (!fromStart)
    cover.ahead = code.min(cover.ahead, code.select(isAhead, *least, cover.ahead));

  // Residuals decide tile by tile.
  int keyFirst = code.max(*least, k0), keyLast = code.min(*most, code.sub(tileEnd, one));
  for (const auto &[direction, residuals] : region.residuals) {
    Interval x{keyFirst, keyLast, 0};
    if (direction.q != 0) { // q = x - K * k; eliminate k
      std::vector<Row> inX = {{-1, 0, keyFirst}, {1, 0, code.sub(zero, keyLast)}};
      for (const Row &row : rows)
        inX.push_back({row.y - row.x * direction.k, row.x, row.c});
      x = eliminate(code, inX);
      hit = code.land(hit, x.feasible);
      if (!isClosedForm(residuals)) { // a loop: bounded by the box, even where the bounds' arithmetic wraps around
        int nearest = code.constant(direction.k), farthest = code.mul(code.sub(tileEnd, one), nearest);
        nearest = code.mul(k0, nearest);
        x.least = code.max(*x.least, code.add(from, direction.k > 0 ? nearest : farthest));
        x.most = code.min(*x.most, code.add(to, direction.k > 0 ? farthest : nearest));
      }
    }
    hit = code.land(hit, existsMember(code, direction, residuals, *x.least, *x.most, facts, bindings));
  }
  if (!region.pairs.empty())
    hit = existsPair(code, region, {from, to}, {keyFirst, keyLast}, code.land(hit, code.lnot(cover.hit)), bindings);
  if (!region.residuals.empty() || !region.pairs.empty()) {
    until = code.sub(tileEnd, one);
    cover.ahead = code.min(cover.ahead, code.select(inTile, nextCandidate(region, bindings), cover.ahead));
  }
  if (code.isFalse(cover.hit))
    cover.last = until;
  else
    cover.last = code.max(code.select(cover.hit, cover.last, k0), code.select(hit, until, k0));
  cover.hit = code.lor(cover.hit, hit);
  state[3 * side] = cover.hit, state[3 * side + 1] = cover.last, state[3 * side + 2] = cover.ahead;
}

/// Adds the regions of both sides: those that need no pieces at once, the others in loops over the same pieces.
Emitter::State Emitter::regions(const std::vector<Region> (&sides)[2], State state, const Bindings &bindings) {
  auto before = [](const ExprSet &a, const ExprSet &b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), ExprLess());
  };
  using Members = std::vector<std::pair<int, const Region *>>;
  std::map<ExprSet, Members, decltype(before)> groups(before);
  for (int side : {0, 1})
    for (const Region &region : sides[side])
      groups[region.pieces].push_back({side, &region});
  for (const auto &group : groups) {
    const ExprSet &parts = group.first;
    const Members &members = group.second;
    auto addAll = [&](int from, int to, State &current) {
      boundaries.clear();
      for (const auto &[side, member] : members)
        region(*member, from, to, bindings, side, current);
    };
    if (parts.empty()) {
      addAll(first, last, state);
      continue;
    }
    State carried = {first};
    carried.insert(carried.end(), state.begin(), state.end());
    carried = code.loop(
        carried, [&](const State &v) { return code.le(v[0], last); },
        [&](const State &v) {
          int to = last;
          for (const Expr &part : parts)
            to = code.min(to, pieceEnd(code, part, "q", v[0], last, facts, bindings));
          State current(v.begin() + 1, v.end());
          addAll(v[0], to, current);
          current.insert(current.begin(), code.add(to, code.constant(1)));
          return current;
        });
    state.assign(carried.begin() + 1, carried.end());
  }
  return state;
}

/// The results of the program: any, all, next.
std::vector<int> Emitter::finish(const State &state) {
  // The first key whose tile may differ: where nothing is visible all is hidden, and the other way round.
  int any = state[0], all = code.land(any, code.lnot(state[3]));
  int partial = code.add(code.min(state[1], state[4]), tile);
  int next = code.select(any, code.select(all, state[5], partial), state[2]);
  next = code.min(next, code.add(lastKey, tile));
  int rounded = code.mul(code.floorDiv(next, tile), tile);
  return {any, all, code.max(rounded, tileEnd)};
}

RangeProgram RangeProgram::compile(const Expr &mask, const std::map<std::string, TensorFacts> &facts,
                                   const std::set<std::string> &positive) {
  Facts known;
  known.positive = positive;
  for (const auto &[name, fact] : facts)
    if (fact.sorted)
      known.sorted.insert(name);

  RangeProgram program;
  Expr canonical = canonicalize(mask);
  std::vector<Region> sides[2];
  for (int side : {0, 1}) {
    Dnf dnf = disjunctiveForm(canonical, side == 1, known);
    if (Region whole = pairsOf(side == 1 ? negated(canonical) : canonical); !dnf.exact && whole.exact) {
      sides[side].push_back(whole);
      continue;
    }
    program.isExact &= dnf.exact;
    for (const Conjunction &conjunction : dnf.conjunctions) {
      sides[side].push_back(regionOf(conjunction, known));
      program.isExact &= sides[side].back().exact;
    }
  }

  CodeBuilder code(known);
  Emitter emitter(code, known);
  Emitter::State state = emitter.start();
  bool isPerHead = canonical.size() <= Expr::maxSize && canonical.uses("h");
  if (!isPerHead) {
    state = emitter.regions(sides, state, {});
  } else {
    Emitter::State carried = {code.input(".h_first")};
    carried.insert(carried.end(), state.begin(), state.end());
    carried = code.loop(
        carried, [&](const Emitter::State &v) { return code.le(v[0], code.input(".h_last")); },
        [&](const Emitter::State &v) {
          Emitter::State current(v.begin() + 1, v.end());
          current = emitter.regions(sides, current, {{"h", v[0]}});
          current.insert(current.begin(), code.add(v[0], code.constant(1)));
          return current;
        });
    state.assign(carried.begin() + 1, carried.end());
  }
  program.block = code.finish(emitter.finish(state), program.values);
  return program;
}

} // namespace attn::mask
