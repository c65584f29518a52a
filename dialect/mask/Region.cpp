//===- Region.cpp - One conjunction as a region of the (q, k) plane -------===//
#include "dialect/mask/Region.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

/// Coefficients stay below this, so that products of two with a position fit into 64 bits.
static constexpr int64_t maxCoefficient = 1 << 15;
static bool isSmall(int64_t coefficient) { return coefficient >= -maxCoefficient && coefficient <= maxCoefficient; }

namespace {
/// Builds a region. With `singleQuery` every piece is one query and q is a constant; without, a
/// literal that needs this makes `add` return false.
class Builder {
public:
  Builder(const Facts &facts, bool singleQuery) : facts(facts), singleQuery(singleQuery) {
    if (singleQuery)
      region.pieces.insert(q);
  }
  bool add(const Expr &literal);
  bool finish();
  Region region;

private:
  /// The parts of an expression that vary along an axis: coefficient of q, of k, and the rest.
  struct Split {
    int64_t q, k;
    Linear rest;
    bool restUsesKeys;
  };
  Split split(const Linear &form) const;
  bool sort(const Expr &literal);
  size_t countResiduals() const;
  bool addBound(const Linear &form, const Expr &literal);
  bool addRemainder(const Linear &form, const Expr &term);
  bool addPowerOfTwo(const Expr &literal);
  bool addGeneral(const Expr &literal);
  bool addResidual(const Split &argument, Residual residual);
  bool constantOnPieces(const Expr &e);
  bool isEliminationExact() const;
  bool addPair(const Expr &literal) {
    region.pairs.push_back(literal);
    return true;
  }

  const Facts &facts;
  bool singleQuery;
  std::vector<Expr> residualLiterals;
  Expr q = Expr::symbol("q"), k = Expr::symbol("k");
};
} // namespace

Builder::Split Builder::split(const Linear &form) const {
  Split result{singleQuery ? 0 : form.coefficient(q), form.coefficient(k), form, false};
  if (!singleQuery)
    result.rest.terms.erase(q);
  result.rest.terms.erase(k);
  for (const auto &term : result.rest.terms)
    result.restUsesKeys |= term.first.uses("k");
  return result;
}

/// Takes the parts of `e` that are constant on pieces into the pieces. False if q itself is among
/// them, and need not be.
bool Builder::constantOnPieces(const Expr &e) {
  if (singleQuery)
    return true;
  ExprSet parts;
  pieces(e, "q", facts, parts);
  if (parts.count(q))
    return false;
  region.pieces.insert(parts.begin(), parts.end());
  return true;
}

bool Builder::addResidual(const Split &argument, Residual residual) {
  Direction direction;
  residual.factor = reduce(argument.q, argument.k, direction);
  residual.offset = argument.rest.expr();
  if (direction.q > 1 || !isSmall(direction.k) || direction.q < 0 || !constantOnPieces(residual.offset))
    return false;
  region.residuals[direction].push_back(std::move(residual));
  return true;
}

/// n * (x % m) + rest <= 0.
bool Builder::addRemainder(const Linear &form, const Expr &term) {
  Linear rest = form;
  int64_t n = form.coefficient(term);
  rest.terms.erase(term);
  Expr limit = rest.expr();
  Residual residual{Residual::Remainder, 0, {}, term.args()[1], {}, {}, {}};
  if (n > 0) // x % m <= -rest // n
    residual.most = integer(Expr::make(Op::FloorDiv, {Expr::make(Op::Neg, {limit}), Expr::integer(n)}));
  else // x % m >= -(-rest // -n), with rest = -n * (x % m) at most
    residual.least =
        integer(Expr::make(Op::Neg, {Expr::make(Op::FloorDiv, {Expr::make(Op::Neg, {limit}), Expr::integer(-n)})}));
  return constantOnPieces(limit) && constantOnPieces(residual.modulus) &&
         addResidual(split(Linear::of(term.args()[0])), residual);
}

bool Builder::addPowerOfTwo(const Expr &literal) {
  bool isNot = literal.op() == Op::Not;
  const Expr &x = isNot ? literal.args()[0].args()[0] : literal.args()[0];
  Residual residual{isNot ? Residual::NotPowerOfTwo : Residual::PowerOfTwo, 0, {}, {}, {}, {}, {}};
  return addResidual(split(Linear::of(x)), residual);
}

/// A predicate of no special form.
bool Builder::addGeneral(const Expr &literal) {
  ExprSet parts;
  pieces(literal, "q", facts, parts);
  bool seesQuery = parts.count(q) != 0;
  Trend t = trend(literal, "k", facts);
  if (t != Trend::Unknown && (singleQuery || !seesQuery)) {
    region.pieces.insert(parts.begin(), parts.end());
    region.searches.push_back({literal, t == Trend::Up});
    return true;
  }
  Residual residual{Residual::Predicate, 0, {}, {}, {}, {}, literal};
  std::set<Direction> seen;
  directions(literal, seen);
  if (!seesQuery) { // a predicate of the key on each piece
    region.pieces.insert(parts.begin(), parts.end());
    region.residuals[{0, 1}].push_back(residual);
    return true;
  }
  if (!singleQuery && seen.size() == 1 && seen.begin()->q == 1 && isSmall(seen.begin()->k)) {
    region.residuals[*seen.begin()].push_back(residual);
    return true;
  }
  if (t != Trend::Unknown)
    return false; // a search for every query
  return addPair(literal);
}

bool Builder::addBound(const Linear &form, const Expr &literal) {
  Split parts = split(form);
  if (!parts.restUsesKeys) {
    if (!isSmall(parts.q))
      return false;
    if (!isSmall(parts.k))
      return addGeneral(literal);
    Expr rest = parts.rest.expr();
    if (!constantOnPieces(rest))
      return false;
    if (parts.q == 0 && parts.k == 0)
      region.guards.push_back(literal);
    else
      region.bounds.push_back({parts.q, parts.k, rest});
    return true;
  }
  std::vector<Expr> overKeys;
  for (const auto &term : parts.rest.terms)
    if (term.first.uses("k"))
      overKeys.push_back(term.first);
  if (parts.k == 0 && overKeys.size() == 1 && overKeys[0].op() == Op::Mod && !overKeys[0].args()[1].uses("k")) {
    Split argument = split(Linear::of(overKeys[0].args()[0]));
    if (!argument.restUsesKeys)
      return addRemainder(form, overKeys[0]);
  }
  return addGeneral(literal);
}

bool Builder::add(const Expr &literal) {
  size_t before = countResiduals();
  bool ok = sort(literal);
  if (countResiduals() != before)
    residualLiterals.push_back(literal);
  return ok;
}

bool Builder::sort(const Expr &literal) {
  if (std::optional<Linear> form = boundOf(literal))
    return addBound(*form, literal);
  if (!literal.uses("k")) {
    bool isConstant = constantOnPieces(literal);
    if (isConstant)
      region.guards.push_back(literal);
    return isConstant;
  }
  const Expr &inner = literal.op() == Op::Not ? literal.args()[0] : literal;
  if (inner.op() == Op::IsPow2 && !split(Linear::of(inner.args()[0])).restUsesKeys)
    return addPowerOfTwo(literal);
  return addGeneral(literal);
}

/// Fourier-Motzkin is exact over the integers for two bounds of which one has a unit coefficient.
static bool pairsAreExact(const std::vector<int64_t> &coefficients) {
  auto large = [&](auto test) { return std::any_of(coefficients.begin(), coefficients.end(), test); };
  return !(large([](int64_t c) { return c > 1; }) && large([](int64_t c) { return c < -1; }));
}

bool Builder::isEliminationExact() const {
  std::vector<int64_t> coefficients;
  for (const Bound &bound : region.bounds)
    coefficients.push_back(bound.q);
  if (!pairsAreExact(coefficients))
    return false;
  for (const auto &[direction, residuals] : region.residuals) {
    if (direction.q == 0)
      continue;
    // q = x - K * k in every bound, and in those of the piece.
    coefficients = {direction.k, -direction.k};
    for (const Bound &bound : region.bounds)
      coefficients.push_back(bound.k - bound.q * direction.k);
    if (!pairsAreExact(coefficients))
      return false;
  }
  return true;
}

bool isClosedForm(const std::vector<Residual> &residuals) {
  const Residual &first = residuals.front();
  return first.kind != Residual::Predicate && (first.factor == 1 || first.factor == -1) &&
         std::all_of(residuals.begin() + 1, residuals.end(), [&](const Residual &other) {
           return first.kind == Residual::Remainder && other.kind == Residual::Remainder &&
                  other.factor == first.factor && other.offset == first.offset && other.modulus == first.modulus;
         });
}

size_t Builder::countResiduals() const {
  size_t count = 0;
  for (const auto &entry : region.residuals)
    count += entry.second.size();
  return count;
}

/// Beyond this many nodes, a test of every pair costs more than the tile it may save.
static constexpr int64_t maxPairTest = 256;

/// Ends the region. False if q must be a constant for the tests to be exact.
bool Builder::finish() {
  if (region.residuals.size() > 1 || (!region.pairs.empty() && !region.residuals.empty())) {
    region.pairs.insert(region.pairs.end(), residualLiterals.begin(), residualLiterals.end());
    region.residuals.clear();
  }
  if (region.pairs.empty())
    return isEliminationExact();
  int64_t size = 0;
  for (const Expr &literal : region.pairs)
    size += literal.size();
  if (size > maxPairTest) {
    region.pairs.clear();
    region.exact = false;
  }
  return true;
}

Region pairsOf(const Expr &e) {
  Region region;
  region.exact = e.size() <= maxPairTest;
  if (region.exact)
    region.pairs.push_back(e);
  return region;
}

Region regionOf(const Conjunction &literals, const Facts &facts) {
  for (bool singleQuery : {false, true}) {
    Builder builder(facts, singleQuery);
    std::vector<Expr> refused;
    for (const Expr &literal : literals)
      if (!builder.add(literal))
        refused.push_back(literal);
    if (!builder.region.pairs.empty()) // tested anyway, then these are too
      builder.region.pairs.insert(builder.region.pairs.end(), refused.begin(), refused.end());
    else if (!refused.empty())
      continue;
    if (builder.finish())
      return builder.region;
  }
  // Not even a single query makes the literals simple (huge coefficients).
  return pairsOf(literals.size() == 1 ? literals[0] : Expr::make(Op::And, literals));
}

} // namespace attn::mask
