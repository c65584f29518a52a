//===- RandomExpr.cpp - Random masks and their inputs ---------------------===//
#include "test/dialect/mask/RandomExpr.h"

#include <algorithm>
#include <cstdlib>

namespace attn::mask::test {

int64_t setting(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

static const Expr q = Expr::symbol("q"), k = Expr::symbol("k"), h = Expr::symbol("h"), b = Expr::symbol("b");
static Expr constant(int64_t x) { return Expr::integer(x); }
static Expr make(Op op, std::vector<Expr> args) { return Expr::make(op, std::move(args)); }
static Expr tensor(const char *name, std::vector<Expr> indices) {
  return Expr::element(name, std::move(indices), Type::Int);
}
static Expr doc(Expr position) { return tensor("doc", {b, std::move(position)}); }

static constexpr Op comparisons[] = {Op::Lt, Op::Le, Op::Eq, Op::Ne};

//===----------------------------------------------------------------------===//
// Masks that range programs decide exactly
//===----------------------------------------------------------------------===//

/// The same for all pairs of one head.
Expr RandomExpr::uniform() {
  switch (between(0, 7)) {
  case 0: return Expr::symbol("window");
  case 1: return Expr::symbol("sink");
  case 2: return h * constant(between(1, 5));
  case 3: return Expr::symbol("window") - constant(between(0, 6));
  case 4: return tensor("is_global", {h}) * constant(9);
  default: return constant(between(-8, 40));
  }
}

Expr RandomExpr::divisor() { return chance(70) ? constant(between(1, 9)) : Expr::symbol("stride"); }

/// A form in q and k with coefficients -1, 0, 1, mostly both.
Expr RandomExpr::affine() {
  switch (between(0, 7)) {
  case 0: return q;
  case 1: return k;
  case 2: return q + k;
  case 3: return k - q;
  case 4: return constant(0) - q - k;
  default: return q - k;
  }
}

Expr RandomExpr::affineAtom() {
  Expr form = chance(12) ? q * constant(between(-3, 3)) + k * constant(between(-3, 3)) : affine();
  return make(comparisons[between(0, 3)], {form, uniform()});
}

/// Terms that are constant on pieces of the query tile, and divisions of keys.
Expr RandomExpr::pieceAtom() {
  Op op = comparisons[between(0, 3)];
  Expr c = divisor();
  switch (between(0, 6)) {
  case 0: return make(op, {make(Op::FloorDiv, {q, c}), make(Op::FloorDiv, {k, c})});
  case 1: return make(op, {make(Op::FloorDiv, {k, c}), constant(between(-2, 8))});
  case 2: return make(op, {make(Op::FloorDiv, {affine(), c}), uniform()});
  case 3: return make(op, {make(Op::Mod, {q + uniform(), c}), constant(between(-1, 5))});
  case 4: return make(op, {k, make(Op::FloorDiv, {q, c}) * constant(between(1, 4))});
  case 5: return make(op, {k, tensor("limit", {q})});
  default: return make(op, {k, tensor("start", {q}) + uniform()});
  }
}

Expr RandomExpr::documentAtom() {
  Op op = comparisons[between(0, 3)];
  switch (between(0, 5)) {
  case 5: return make(op, {make(Op::FloorDiv, {doc(k) + k, divisor()}), constant(between(-1, 6))});
  case 0: return make(op, {doc(k), constant(between(-1, 6))});
  case 1: return make(op, {doc(q), constant(between(-1, 6))});
  case 2: return make(op, {doc(k + constant(between(-3, 3))), doc(q)});
  default: return make(op, {doc(k), doc(q)});
  }
}

/// Cases inside comparisons.
Expr RandomExpr::caseAtom() {
  Op op = chance(50) ? Op::Lt : Op::Le;
  switch (between(0, 3)) {
  case 0: return make(op, {make(Op::Abs, {affine()}), uniform()});
  case 1: return make(op, {make(chance(50) ? Op::Min : Op::Max, {affine(), affine()}), uniform()});
  case 2: return make(op, {uniform(), make(Op::Min, {q, k, uniform()})});
  default: return make(op, {make(Op::Select, {affineAtom(), affine(), uniform()}), uniform()});
  }
}

/// Floats that are exact in single precision too.
Expr RandomExpr::floatAtom() {
  auto real = [](Expr e) { return make(Op::ToFloat, {std::move(e)}); };
  Expr factor = Expr::real(0.25 * double(between(-4, 12)));
  Expr length = make(Op::Floor, {factor * real(Expr::symbol("kv_len")) + real(h) * Expr::real(1.5)});
  switch (between(0, 3)) {
  case 0: return make(comparisons[between(0, 3)], {factor * real(affine()), real(uniform())});
  case 1: return make(Op::FloorDiv, {q, constant(4)}) - make(Op::FloorDiv, {k, constant(4)}) < length;
  default: return make(comparisons[between(0, 3)], {affine(), length});
  }
}

/// Block lists and trees.
Expr RandomExpr::searchAtom() {
  Expr blocks = constant(between(1, 6)), row = make(Op::FloorDiv, {q, blocks}), x = make(Op::FloorDiv, {k, divisor()});
  switch (between(0, 3)) {
  case 0: return Expr::search(Op::Ancestor, "parent", {q - uniform(), k - uniform(), b});
  case 1: return Expr::search(Op::Member, "start", {x, tensor("limit", {row}), tensor("limit", {row + constant(1)})});
  case 2: return Expr::search(Op::Member, "limit", {chance(80) ? x : affine(), row, row + constant(between(0, 9))});
  default: return Expr::search(Op::Member, "bits", {x, constant(0), uniform(), chance(80) ? row : q - k});
  }
}

/// A remainder in a range or a power of two.
Expr RandomExpr::residualAtom(const Expr &form) {
  Expr x = (chance(20) ? form * constant(2) : form) + (chance(50) ? constant(between(-5, 5)) : uniform());
  if (chance(40))
    return make(Op::IsPow2, {chance(30) ? constant(3) - x : x});
  return make(comparisons[between(0, 3)], {make(Op::Mod, {x, divisor()}), constant(between(-1, 6))});
}

Expr RandomExpr::combination(int depth, const std::vector<Expr> &atoms) {
  if (depth == 0 || chance(15)) {
    Expr atom = atoms[between(0, atoms.size() - 1)];
    return chance(25) ? !atom : atom;
  }
  Expr x = combination(depth - 1, atoms), y = combination(depth - 1, atoms);
  Expr both = chance(55) ? (x && y) : (x || y);
  return chance(10) ? !both : both;
}

Expr RandomExpr::exactMask() {
  std::vector<Expr> atoms = {affineAtom(), affineAtom(), k <= q};
  int64_t style = between(0, 9);
  if (style < 2)
    atoms.insert(atoms.end(), {caseAtom(), floatAtom()});
  else if (style < 4)
    atoms.insert(atoms.end(), {pieceAtom(), pieceAtom()});
  else if (style < 6)
    atoms.insert(atoms.end(), {documentAtom(), chance(50) ? searchAtom() : pieceAtom()});
  else if (style == 6)
    atoms = {make(comparisons[between(0, 3)], {affine(), uniform()}), k <= q,
             Expr::element("keep", {b, k}, Type::Bool)};
  else if (style > 6) { // one residual, or two on one form
    if (chance(30)) {   // with a band along the other diagonal
      Expr low = constant(between(0, 30));
      atoms.push_back(low <= q + k && q + k <= low + constant(between(0, 6)));
    }
    Expr form = affine();
    atoms.push_back(residualAtom(form));
    if (chance(30))
      atoms.push_back(residualAtom(form));
  }
  return combination(static_cast<int>(between(1, 3)), atoms);
}

//===----------------------------------------------------------------------===//
// Any masks
//===----------------------------------------------------------------------===//

Expr RandomExpr::leaf() {
  switch (between(0, 11)) {
  case 0:
  case 1:
  case 2: return q;
  case 3:
  case 4:
  case 5: return k;
  case 6: return h;
  case 7: return Expr::symbol("g");
  case 8: return Expr::symbol(chance(50) ? "window" : "kv_len");
  default: return constant(between(-6, 20));
  }
}

Expr RandomExpr::integer(int depth) {
  if (depth == 0 || chance(20))
    return leaf();
  auto x = [&] { return integer(depth - 1); };
  auto nonzero = [&]() -> Expr {
    return chance(70) ? (chance(85) ? divisor() : constant(-between(1, 5))) : make(Op::Max, {x(), constant(1)});
  };
  switch (between(0, 15)) {
  case 0:
  case 1: return x() + x();
  case 2:
  case 3: return x() - x();
  case 4: return x() * (chance(70) ? constant(between(-3, 3)) : x());
  case 5: return make(Op::FloorDiv, {x(), nonzero()});
  case 6: return make(Op::Mod, {x(), nonzero()});
  case 7: return make(Op::Min, {x(), x()});
  case 8: return make(Op::Max, {x(), x(), x()});
  case 9: return make(chance(50) ? Op::Abs : Op::Neg, {x()});
  case 10: return make(Op::Select, {boolean(depth - 1), x(), x()});
  case 11: return doc(x());
  case 12: return tensor(chance(50) ? "limit" : "start", {x()});
  case 13: return tensor("table", {x()});
  case 14: return tensor("bits", {x(), x()});
  default: return q - k;
  }
}

Expr RandomExpr::boolean(int depth) {
  if (depth > 0 && chance(60)) {
    Expr x = boolean(depth - 1);
    switch (between(0, 5)) {
    case 0: return !x;
    case 1:
    case 2: return x && boolean(depth - 1);
    case 3:
    case 4: return x || boolean(depth - 1);
    default: return make(Op::Select, {x, boolean(depth - 1), boolean(depth - 1)});
    }
  }
  switch (between(0, 11)) {
  case 11: return searchAtom();
  case 10: return floatAtom();
  case 0: return affineAtom();
  case 1: return pieceAtom();
  case 2: return residualAtom(affine());
  case 3: return Expr::element("keep", {b, chance(80) ? k : integer(1)}, Type::Bool);
  case 4: return make(Op::IsPow2, {integer(1)});
  case 5: return Expr::boolean(chance(50));
  default: return make(comparisons[between(0, 3)], {integer(2), integer(2)});
  }
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

std::map<std::string, TensorFacts> RandomExpr::facts() { return {{"doc", {true}}, {"start", {true}}}; }

Environment RandomExpr::environment(int64_t keys) {
  Environment env;
  env.values = {{"kv_len", keys}, {"q_len", 12}, {"batch", 2}, {"q_heads", 4}, {"kv_heads", 2}, {"l", 3}};
  env.values["b"] = between(0, 1), env.values["g"] = between(0, 1);
  env.values["window"] = between(-2, 20), env.values["sink"] = between(0, 9);
  env.values["stride"] = chance(85) ? between(1, 9) : -between(1, 4);
  auto fill = [&](std::vector<int64_t> sizes, int64_t low, int64_t high, bool sorted) {
    Environment::Tensor t{std::move(sizes), {}, {}};
    int64_t count = 1;
    for (int64_t size : t.sizes)
      count *= size;
    for (int64_t i = 0; i < count; ++i)
      t.data.push_back(between(low, high));
    for (int64_t i = 0; sorted && i < count; i += t.sizes.back())
      std::sort(t.data.begin() + i, t.data.begin() + i + t.sizes.back());
    return t;
  };
  int64_t documents = between(0, 8);
  env.tensors["doc"] = fill({2, 50}, 0, documents, true);
  env.tensors["limit"] = fill({50}, -1, 48, false);
  env.tensors["start"] = fill({50}, 0, 48, true);
  env.tensors["keep"] = fill({2, 48}, 0, 1, false);
  env.tensors["bits"] = fill({16, 16}, 0, 1, false);
  env.tensors["table"] = fill({20}, -4, 4, false);
  env.tensors["parent"] = fill({2, 40}, -1, 39, false);
  env.tensors["is_global"] = fill({4}, 0, 1, false);
  return env;
}

} // namespace attn::mask::test
