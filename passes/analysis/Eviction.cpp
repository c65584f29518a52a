//===- Eviction.cpp - Whether unseen keys stay unseen -----------------------===//
#include "passes/analysis/Eviction.h"

#include "dialect/mask/Dependence.h"
#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Simplify.h"
#include "dialect/mask/SimplifyArithmetic.h"

#include <algorithm>

using namespace attn::mask;

namespace {

using Literals = std::vector<Expr>;
/// Forms that are at most 0.
using System = std::vector<Linear>;

constexpr size_t maxCases = 256, maxRows = 400;

/// The cases of a canonical boolean; false if there are too many.
bool casesOf(const Expr &e, std::vector<Literals> &cases) {
  if (e.op() == Op::And) {
    cases = {{}};
    for (const Expr &arg : e.args()) {
      std::vector<Literals> more, products;
      if (!casesOf(arg, more) || cases.size() * more.size() > maxCases)
        return false;
      for (const Literals &a : cases)
        for (const Literals &b : more) {
          products.push_back(a);
          products.back().insert(products.back().end(), b.begin(), b.end());
        }
      cases = std::move(products);
    }
    return true;
  }
  if (e.op() == Op::Or) {
    for (const Expr &arg : e.args()) {
      std::vector<Literals> more;
      if (!casesOf(arg, more) || cases.size() + more.size() > maxCases)
        return false;
      cases.insert(cases.end(), more.begin(), more.end());
    }
    return true;
  }
  cases = e.op() == Op::ConstBool ? std::vector<Literals>(e.boolValue()) : std::vector<Literals>{{e}};
  return true;
}

/// True if `system` has no solution in the reals, each term being an unknown.
bool isInfeasible(System system) {
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

/// The argument in which a term rises and what else tells it apart, or nothing.
std::optional<std::pair<Expr, Expr>> monotone(const Expr &term, const Facts &facts) {
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
void addMonotony(System &system, const Facts &facts) {
  std::vector<Expr> terms;
  for (const Linear &row : system)
    for (const auto &entry : row.terms)
      if (monotone(entry.first, facts) && std::find(terms.begin(), terms.end(), entry.first) == terms.end())
        terms.push_back(entry.first);
  System known = system;
  for (const Expr &low : terms)
    for (const Expr &high : terms) {
      auto x = monotone(low, facts), y = monotone(high, facts);
      if (low == high || x->second != y->second)
        continue;
      Linear above = Linear::of(y->first), row; // y < x must be impossible
      System test = known;
      if (!above.add(Linear::of(x->first), -1) || !checkedAdd(above.constant, 1, above.constant))
        continue;
      test.push_back(above);
      if (isInfeasible(std::move(test)) && row.addTerm(low, 1) && row.addTerm(high, -1))
        system.push_back(row);
    }
}

/// True if no values satisfy all literals. Unequal sides are split into two cases as often as `splits` says.
bool isImpossible(const Literals &literals, const Facts &facts, int splits) {
  System system;
  for (size_t i = 0; i < literals.size(); ++i) {
    const Expr &literal = literals[i];
    Expr opposite = negated(literal);
    if (std::find(literals.begin(), literals.end(), opposite) != literals.end())
      return true;
    if (std::optional<Linear> bound = boundOf(literal))
      system.push_back(*bound);
    bool comparesIntegers = (literal.op() == Op::Eq || literal.op() == Op::Ne) && literal.args()[0].type() == Type::Int;
    if (!comparesIntegers)
      continue;
    const Expr &a = literal.args()[0], &b = literal.args()[1];
    if (literal.op() == Op::Eq) {
      system.push_back(*boundOf(a <= b));
      system.push_back(*boundOf(b <= a));
    } else if (splits > 0) {
      Literals less = literals, more = literals;
      less[i] = a < b, more[i] = b < a;
      if (isImpossible(less, facts, splits - 1) && isImpossible(more, facts, splits - 1))
        return true;
    }
  }
  if (isInfeasible(system))
    return true;
  addMonotony(system, facts);
  return isInfeasible(std::move(system));
}

bool isProved(const Expr &mask, const Facts &facts) {
  Expr q = Expr::symbol("q"), k = Expr::symbol("k");
  Expr later = mask.substitute([&](const std::string &name) { return name == "q" ? q + Expr::integer(1) : Expr(); });
  Expr turns = canonicalize(Expr::make(Op::And, {Expr::integer(0) <= k, k <= q, !mask, later}));
  std::vector<Literals> cases;
  return mask.size() <= 512 && casesOf(turns, cases) &&
         std::all_of(cases.begin(), cases.end(), [&](const Literals &c) { return isImpossible(c, facts, 3); });
}

/// Looks at some keys and all queries up to a length at which periods and blocks of usual sizes have shown themselves.
void searchTurn(const Expr &mask, Environment env, attn::passes::Eviction &result) {
  constexpr int64_t length = 4096;
  env.values.insert({{"kv_len", length}, {"q_len", length}, {"batch", 1}, {"q_heads", 8}, {"kv_heads", 8}});
  for (const char *name : {"b", "g", "l"})
    env.values[name] = 0;
  for (int64_t head = 0; head < (mask.uses("h") ? 2 : 1); ++head)
    for (int64_t step : {0, 1, 2, 5, 16, 64, 100, 256, 500, 1024})
      for (int64_t k = step, unseen = -1, q = k; q < length; ++q) {
        env.values["h"] = env.values["g"] = head, env.values["q"] = q, env.values["k"] = k;
        Value visible = evaluate(mask, env);
        if (!visible.ok())
          return;
        if (!visible.integer && unseen < 0)
          unseen = q;
        if (visible.integer && unseen >= 0) {
          result.answer = attn::passes::Eviction::No;
          result.key = k, result.unseen = unseen, result.seen = q, result.head = head;
          return;
        }
      }
}

} // namespace

attn::passes::Eviction attn::passes::evictionOf(const Expr &mask, const Facts &facts, Environment defaults) {
  Eviction result;
  result.dependsOnHead = mask.uses("h") || mask.uses("g");
  if (isProved(mask, facts))
    result.answer = Eviction::Yes;
  else
    searchTurn(mask, std::move(defaults), result);
  return result;
}

std::string attn::passes::Eviction::str() const {
  if (answer == Yes)
    return "yes: a key that a query does not see is seen by no later one";
  if (answer == NotKnown)
    return "not known";
  return "no: key " + std::to_string(key) + " is not seen at q = " + std::to_string(unseen) +
         " but is seen again at q = " + std::to_string(seen) +
         (dependsOnHead ? ", head " + std::to_string(head) : std::string());
}
