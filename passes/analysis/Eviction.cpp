//===- Eviction.cpp - Whether unseen keys stay unseen -----------------------===//
#include "passes/analysis/Eviction.h"

#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Impossible.h"

using namespace attn::mask;

namespace {

bool isProved(const Expr &mask, const Facts &facts) {
  Expr q = Expr::symbol("q"), k = Expr::symbol("k");
  Expr later = mask.substitute([&](const std::string &name) { return name == "q" ? q + Expr::integer(1) : Expr(); });
  return isImpossible(Expr::make(Op::And, {Expr::integer(0) <= k, k <= q, !mask, later}), facts);
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
