//===- Dnf.cpp - Masks as unions of simple regions ------------------------===//
#include "dialect/mask/Dnf.h"
#include "dialect/mask/Simplify.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

/// Beyond this many conjunctions a factor of a product is left out, which keeps the form a cover of the mask.
static constexpr size_t maxConjunctions = 64;
/// Nodes of literals looked at before what is left counts as true.
static constexpr int64_t maxWork = 1 << 18;

namespace {
class Builder {
public:
  explicit Builder(const Facts &facts) : facts(facts) {}
  std::vector<Conjunction> build(const Expr &e);
  bool exact = true;

private:
  std::vector<Conjunction> both(std::vector<Conjunction> a, std::vector<Conjunction> b);
  std::vector<Conjunction> either(std::vector<Conjunction> a, std::vector<Conjunction> b);
  std::vector<Conjunction> anything() {
    exact = false;
    return std::vector<Conjunction>(1);
  }

  const Facts &facts;
  int64_t work = 0;
};
} // namespace

/// Sorts a conjunction and drops what the rest implies. False if no point satisfies it.
static bool tidy(Conjunction &literals) {
  std::sort(literals.begin(), literals.end(), ExprLess());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  for (const Expr &literal : literals)
    if (std::binary_search(literals.begin(), literals.end(), negated(literal), ExprLess()))
      return false;
  std::vector<std::optional<Linear>> bounds;
  for (const Expr &literal : literals)
    bounds.push_back(boundOf(literal));
  Conjunction kept;
  for (size_t i = 0; i < literals.size(); ++i) {
    bool implied = false;
    for (size_t j = 0; bounds[i] && j < literals.size(); ++j) {
      if (i == j || !bounds[j])
        continue;
      Linear sum = *bounds[i], difference = *bounds[i];
      if (sum.add(*bounds[j], 1) && sum.isConstant() && sum.constant > 0)
        return false; // f <= 0 and g <= 0, but f + g > 0
      if (difference.add(*bounds[j], -1) && difference.isConstant() && difference.constant < 0)
        implied = true; // f < g <= 0
    }
    if (!implied)
      kept.push_back(literals[i]);
  }
  literals = std::move(kept);
  return true;
}

/// Drops conjunctions that hold all literals of a shorter one.
static std::vector<Conjunction> absorb(std::vector<Conjunction> all) {
  std::sort(all.begin(), all.end(), [](const Conjunction &x, const Conjunction &y) {
    if (x.size() != y.size())
      return x.size() < y.size();
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), ExprLess());
  });
  std::vector<Conjunction> kept;
  for (Conjunction &longer : all) {
    bool absorbed = std::any_of(kept.begin(), kept.end(), [&](const Conjunction &shorter) {
      return std::includes(longer.begin(), longer.end(), shorter.begin(), shorter.end(), ExprLess());
    });
    if (!absorbed)
      kept.push_back(std::move(longer));
  }
  return kept;
}

std::vector<Conjunction> Builder::either(std::vector<Conjunction> a, std::vector<Conjunction> b) {
  a.insert(a.end(), std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()));
  a = absorb(std::move(a));
  return a.size() <= maxConjunctions ? a : anything();
}

std::vector<Conjunction> Builder::both(std::vector<Conjunction> a, std::vector<Conjunction> b) {
  std::vector<Conjunction> products;
  for (size_t i = 0; i < a.size() && work <= maxWork; ++i)
    for (const Conjunction &other : b) {
      Conjunction product = a[i];
      product.insert(product.end(), other.begin(), other.end());
      for (const Expr &literal : product)
        work += literal.size();
      if (tidy(product))
        products.push_back(std::move(product));
    }
  if (work <= maxWork) {
    products = absorb(std::move(products));
    if (products.size() <= maxConjunctions)
      return products;
  }
  exact = false;
  return a.size() < b.size() ? a : b;
}

std::vector<Conjunction> Builder::build(const Expr &e) {
  if (e.op() == Op::ConstBool)
    return std::vector<Conjunction>(e.boolValue() ? 1 : 0);
  if (e.size() > Expr::maxSize || ++work > maxWork)
    return anything();
  if (!varies(e)) // the same for all pairs: one literal
    return {Conjunction{e}};
  switch (e.op()) {
  case Op::Or: {
    std::vector<Conjunction> result;
    for (const Expr &arg : e.args())
      result = either(std::move(result), build(arg));
    return result;
  }
  case Op::And: {
    std::vector<Conjunction> result(1);
    for (const Expr &arg : e.args())
      result = both(std::move(result), build(arg));
    return result;
  }
  case Op::Select: {
    const Expr &condition = e.args()[0];
    auto taken = both(build(condition), build(e.args()[1]));
    return either(std::move(taken), both(build(negated(condition)), build(e.args()[2])));
  }
  default:
    work += e.size();
    if (std::optional<Expr> opened = openLiteral(e, facts))
      return build(canonicalize(*opened));
    return {Conjunction{e}};
  }
}

Dnf disjunctiveForm(const Expr &mask, bool negate, const Facts &facts) {
  Builder builder(facts);
  Dnf dnf;
  dnf.conjunctions = builder.build(canonicalize(negate ? !mask : mask));
  dnf.exact = builder.exact;
  return dnf;
}

} // namespace attn::mask
