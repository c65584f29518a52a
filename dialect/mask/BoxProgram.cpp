//===- BoxProgram.cpp - Which boxes of keys a box of queries visits --------===//
#include "dialect/mask/BoxProgram.h"
#include "dialect/mask/ThreeValued.h"

namespace attn::mask {

namespace {

/// Emits the code for one box of queries and one of keys.
class Emitter {
public:
  Emitter(CodeBuilder &code, const Facts &facts, const TokenGrid &grid, const Expr &mask)
      : code(code), facts(facts), grid(grid), mask(mask), one(code.constant(1)),
        queries(emitBox(code, grid, Side::Query, number(".row0", Side::Query))),
        keys(emitBox(code, grid, Side::Key, number(".k0", Side::Key))) {}
  std::vector<int> emit();

private:
  /// What is known of a key: axes before `axis` as in the box; along `axis` as in the box, anywhere in its residue, or
  /// anywhere; anywhere along the axes after it.
  enum class Extent { Box, Residue, Axis };
  ThreeValued::Truth truth(size_t axis, Extent extent);
  int number(const char *first, Side side) {
    return code.floorDiv(code.input(first), code.constant(grid.tile(side)));
  }
  int minusOne(int a) { return code.sub(a, one); }
  int lastOf(const BoxCode::Axis &axis) { return code.add(axis.first, code.mul(minusOne(axis.count), axis.step)); }
  void addQueries(std::map<std::string, Varying> &varying);

  CodeBuilder &code;
  const Facts &facts;
  const TokenGrid &grid;
  const Expr &mask;
  int one;
  BoxCode queries, keys;
};

} // namespace

void Emitter::addQueries(std::map<std::string, Varying> &varying) {
  int first = code.constant(0), last = first, start = code.input(".q_pos");
  for (size_t i = 0; i < queries.axes.size(); ++i) {
    const BoxCode::Axis &axis = queries.axes[i];
    varying[coordinateSymbol(Side::Query, i).name()] = {axis.first, lastOf(axis), grid.axes[i].dilation};
    first = code.add(first, code.mul(axis.first, axis.stride));
    last = code.add(last, code.mul(lastOf(axis), axis.stride));
  }
  int end = minusOne(code.add(start, code.input("q_len")));
  varying["q"] = {code.max(first, start), code.min(last, end), {}};
}

ThreeValued::Truth Emitter::truth(size_t axis, Extent extent) {
  std::map<std::string, Varying> varying;
  addQueries(varying);
  int first = code.constant(0), last = first;
  for (size_t i = 0; i < keys.axes.size(); ++i) {
    const BoxCode::Axis &a = keys.axes[i];
    Extent here = i < axis ? Extent::Box : i > axis ? Extent::Axis : extent;
    Varying coordinate{code.constant(0), minusOne(a.extent), {}};
    if (here == Extent::Box)
      coordinate = {a.first, lastOf(a), grid.axes[i].dilation};
    else if (here == Extent::Residue) // the last coordinate of the residue is not looked for: an end is enough
      coordinate = {a.residue, minusOne(a.extent), grid.axes[i].dilation};
    varying[coordinateSymbol(Side::Key, i).name()] = coordinate;
    first = code.add(first, code.mul(coordinate.lo, a.stride));
    last = code.add(last, code.mul(coordinate.hi, a.stride));
  }
  varying["k"] = {first, code.min(last, minusOne(code.input("kv_len"))), {}};
  if (mask.size() > Expr::maxSize)
    return {code.boolean(true), code.boolean(false)};
  return ThreeValued(code, facts, std::move(varying)).truth(mask);
}

std::vector<int> Emitter::emit() {
  size_t rank = grid.axes.size();
  auto [any, all] = truth(rank - 1, Extent::Box);
  int last = code.constant(0);
  for (size_t i = 0; i < rank; ++i) {
    const BoxCode::Axis &axis = keys.axes[i];
    any = code.land(any, code.lt(code.constant(0), axis.count));
    all = code.land(all, code.eq(axis.count, code.constant(grid.axes[i].keys)));
    last = code.add(last, code.mul(lastOf(axis), axis.stride));
  }
  all = code.land(all, code.lt(last, code.input("kv_len")));

  // The next box: behind the largest slab in which nothing may be visible.
  int tile = code.constant(grid.tile(Side::Key));
  int next = code.add(code.input(".k0"), tile), boxesBehind = one;
  std::vector<int> outer = {code.constant(0)}; // per axis, the number over the axes before it
  for (size_t i = 0; i + 1 < rank; ++i)
    outer.push_back(code.add(code.mul(outer[i], keys.axes[i].boxes), keys.axes[i].number));
  for (size_t i = rank; i-- > 0;) {
    const BoxCode::Axis &axis = keys.axes[i];
    auto skip = [&](Extent extent, int behind) {
      int start = code.mul(code.mul(code.add(code.mul(outer[i], axis.boxes), behind), boxesBehind), tile);
      next = code.select(truth(i, extent).may, next, start);
    };
    if (i + 1 < rank)
      skip(Extent::Box, code.add(axis.number, one));
    if (axis.step != one)
      skip(Extent::Residue, code.mul(code.add(axis.residue, one), axis.perResidue));
    boxesBehind = code.mul(axis.boxes, boxesBehind);
  }
  return {any, all, next, code.mul(keys.boxes, tile)};
}

BoxProgram BoxProgram::compile(const Expr &mask, const TokenGrid &grid, const std::set<std::string> &positive) {
  Facts facts;
  facts.positive = positive;
  CodeBuilder code(facts);
  Expr canonical = overCoordinates(mask, grid);
  BoxProgram program;
  program.block = code.finish(Emitter(code, facts, grid, canonical).emit(), program.values);
  return program;
}

BoxProgram::Result BoxProgram::classify(const Environment &env) const {
  std::vector<int64_t> results = run(block, values, env);
  TileClass kind = !results[0] ? TileClass::Empty : results[1] ? TileClass::Full : TileClass::Partial;
  return {kind, results[2], results[3]};
}

} // namespace attn::mask
