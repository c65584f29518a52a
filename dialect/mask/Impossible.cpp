//===- Impossible.cpp - Proofs that a condition never holds ---------------===//
#include "dialect/mask/Impossible.h"

#include "dialect/mask/Dnf.h"
#include "dialect/mask/Simplify.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

namespace attn::mask {

namespace {

/// Forms that are at most 0.
using System = std::vector<Linear>;
using Literals = std::vector<Expr>;

constexpr size_t maxRows = 400;    ///< of a system, while unknowns are eliminated
constexpr int maxSystems = 2000;   ///< that are tried for one proof
constexpr int64_t maxNodes = 2048; ///< of a condition

class Refutation {
public:
  explicit Refutation(const Facts &facts) : facts(facts) {}
  /// True if no values satisfy all of `literals` and `choices` (each an Or).
  bool refutes(Literals literals, std::vector<Expr> choices);

private:
  bool contradicts(const Literals &literals);
  bool isInfeasible(System system);
  void addLaws(System &system);
  void addMonotony(System &system, const std::vector<Expr> &terms, const System &known);
  std::optional<std::pair<Expr, Expr>> monotone(const Expr &term) const;
  bool implies(const System &known, const Expr &least, const Expr &most);

  const Facts &facts;
  int budget = maxSystems;
};

} // namespace

/// True if `system` has no solution in the reals, each term being an unknown.
bool Refutation::isInfeasible(System system) {
  if (--budget < 0)
    return false;
  for (;;) {
    const Expr *unknown = nullptr;
    for (const Linear &row : system) {
      if (row.isConstant() && row.constant > 0)
        return true;
      if (!row.isConstant() && !unknown)
        unknown = &row.terms.begin()->first;
    }
    if (!unknown)
      return false;
    Expr term = *unknown;
    System next;
    for (const Linear &upper : system) {
      int64_t a = upper.coefficient(term);
      if (a == 0 && !upper.isConstant())
        next.push_back(upper);
      for (const Linear &lower : system) {
        int64_t b = lower.coefficient(term);
        Linear sum;
        if (a > 0 && b < 0 && sum.add(upper, -b) && sum.add(lower, a))
          next.push_back(std::move(sum));
      }
    }
    if (next.size() > maxRows)
      return false;
    system = std::move(next);
  }
}

/// Whether the rows imply least <= most.
bool Refutation::implies(const System &known, const Expr &least, const Expr &most) {
  Linear above = Linear::of(most); // most < least must be impossible
  if (!above.add(Linear::of(least), -1) || !checkedAdd(above.constant, 1, above.constant))
    return false;
  System test = known;
  test.push_back(above);
  return isInfeasible(std::move(test));
}

/// The argument in which a term rises and what else tells it apart, or nothing.
std::optional<std::pair<Expr, Expr>> Refutation::monotone(const Expr &term) const {
  if (term.op() == Op::FloorDiv && isPositive(term.args()[1], facts))
    return std::pair(term.args()[0], Expr::make(Op::FloorDiv, {Expr::integer(0), term.args()[1]}));
  if (term.op() == Op::Element && term.type() == Type::Int && facts.sorted.count(term.name())) {
    std::vector<Expr> others(term.args().begin(), term.args().end());
    others.back() = Expr::integer(0);
    return std::pair(term.args().back(), Expr::element(term.name(), std::move(others), Type::Int));
  }
  return std::nullopt;
}

/// Adds `f(x) <= f(y)` where the system implies x <= y, for the rising functions f that occur in it.
void Refutation::addMonotony(System &system, const std::vector<Expr> &terms, const System &known) {
  for (const Expr &low : terms)
    for (const Expr &high : terms) {
      auto x = monotone(low), y = monotone(high);
      Linear row;
      if (low != high && x && y && x->second == y->second && implies(known, x->first, y->first) &&
          row.addTerm(low, 1) && row.addTerm(high, -1))
        system.push_back(row);
    }
}

/// Adds what is known of the quotients, remainders and sorted tensors that occur in the system.
void Refutation::addLaws(System &system) {
  std::vector<Expr> terms;
  for (const Linear &row : system)
    for (const auto &entry : row.terms)
      if (std::find(terms.begin(), terms.end(), entry.first) == terms.end())
        terms.push_back(entry.first);
  auto bound = [&](const Expr &least, const Expr &most) {
    if (std::optional<Linear> row = boundOf(least <= most))
      system.push_back(*row);
  };
  System known = system;
  Expr zero = Expr::integer(0);
  for (const Expr &term : terms) {
    bool isQuotient = term.op() == Op::FloorDiv;
    if ((!isQuotient && term.op() != Op::Mod) || !isPositive(term.args()[1], facts))
      continue;
    const Expr &x = term.args()[0], &divisor = term.args()[1];
    if (!isQuotient) {
      bound(zero, term);
      bound(term + Expr::integer(1), divisor);
    } else if (divisor.isConst()) {
      bound(term * divisor, x);
      bound(x + Expr::integer(1), term * divisor + divisor);
    } else if (implies(known, zero, x)) {
      bound(zero, term);
      bound(term, x);
    }
  }
  addMonotony(system, terms, known);
}

/// True if no values satisfy all literals.
bool Refutation::contradicts(const Literals &literals) {
  System system;
  for (const Expr &literal : literals) {
    if (std::find(literals.begin(), literals.end(), negated(literal)) != literals.end())
      return true;
    if (std::optional<Linear> row = boundOf(literal))
      system.push_back(*row);
    else if (literal.op() == Op::Eq && literal.args()[0].type() == Type::Int)
      for (bool less : {false, true})
        if (auto row = boundOf(literal.args()[less] <= literal.args()[!less]))
          system.push_back(*row);
  }
  if (isInfeasible(system))
    return true;
  size_t rows = system.size();
  addLaws(system);
  return system.size() != rows && isInfeasible(std::move(system));
}

static bool hasCases(const Expr &e) {
  return e.op() == Op::Min || e.op() == Op::Max || e.op() == Op::Abs || e.op() == Op::Select ||
         std::any_of(e.args().begin(), e.args().end(), hasCases);
}

bool Refutation::refutes(Literals literals, std::vector<Expr> choices) {
  // Conjunctions and min, max, abs and select are opened, choices kept for later.
  for (size_t i = 0; i < literals.size(); ++i) {
    Expr e = literals[i];
    if (e.op() == Op::ConstBool && !e.boolValue())
      return true;
    if (e.op() == Op::And) {
      literals[i] = Expr::boolean(true);
      literals.insert(literals.end(), e.args().begin(), e.args().end());
    } else if (e.op() == Op::Or) {
      literals[i] = Expr::boolean(true);
      choices.push_back(e);
    } else if (std::optional<Expr> cases = hasCases(e) ? openLiteral(e, facts) : std::nullopt) {
      literals[i] = Expr::boolean(true);
      literals.push_back(canonicalize(*cases));
    }
  }
  if (contradicts(literals))
    return true;
  if (choices.empty()) // the sides of an inequation are the last thing to be split
    for (size_t i = 0; i < literals.size(); ++i) {
      Expr e = literals[i];
      if (e.op() != Op::Ne || e.args()[0].type() != Type::Int)
        continue;
      literals[i] = Expr::boolean(true);
      choices.push_back((e.args()[0] < e.args()[1]) || (e.args()[1] < e.args()[0]));
      break;
    }
  if (choices.empty() || budget < 0)
    return false;
  // Each arm of the choice with the fewest, without the arms before it.
  auto fewest = std::min_element(choices.begin(), choices.end(),
                                 [](const Expr &a, const Expr &b) { return a.args().size() < b.args().size(); });
  Expr choice = *fewest;
  choices.erase(fewest);
  for (const Expr &arm : choice.args()) {
    Literals with = literals;
    with.push_back(arm);
    if (!refutes(std::move(with), choices))
      return false;
    literals.push_back(negated(arm));
  }
  return true;
}

bool isImpossible(const Expr &condition, const Facts &facts) {
  if (condition.size() > maxNodes)
    return false;
  return Refutation(facts).refutes({canonicalize(condition)}, {});
}

} // namespace attn::mask
