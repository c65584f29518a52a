//===- Visibility.cpp - Which pairs the pattern shows ---------------------===//
#include "tools/attn-viz/Visibility.h"

#include "dialect/mask/Evaluate.h"

#include <set>

using namespace attn;
using namespace attn::viz;
using attn::mask::Environment;
using attn::mask::Expr;
using attn::mask::Op;
using attn::spec::Partition;
using attn::spec::Pattern;

static Expr allOf(std::vector<Expr> terms) {
  if (terms.empty())
    return Expr::boolean(true);
  return terms.size() == 1 ? terms[0] : Expr::make(Op::And, std::move(terms));
}

/// Holds where class `index` of the partition is the first whose rule holds.
static Expr inClass(const Partition &partition, size_t index) {
  std::vector<Expr> terms;
  for (size_t i = 0; i < index; ++i)
    if (partition.classes[i].rule) // else a cache, whose keys are no positions
      terms.push_back(!partition.classes[i].rule);
  if (partition.classes[index].rule)
    terms.push_back(partition.classes[index].rule);
  return allOf(std::move(terms));
}

/// The positions that a cache holds.
static Expr resident(const attn::spec::Cache &cache) {
  if (cache.layout != attn::spec::Layout::SinkRing)
    return Expr::boolean(true);
  Expr k = Expr::symbol("k"), ring = Expr::symbol("kv_len") - Expr::symbol(cache.ring);
  return k < Expr::symbol(cache.sink) || ring <= k;
}

Visibility::Visibility(const Pattern &pattern, const spec::Attend &attend) {
  std::set<size_t> keyPartitions;
  for (const spec::KernelMap &map : attend.maps) {
    std::vector<Expr> terms;
    std::string name;
    for (auto [partition, entry] : map.classes) {
      const Partition &p = pattern.partitions[partition];
      terms.push_back(inClass(p, entry));
      if (p.axis == spec::Axis::Key)
        keyPartitions.insert(partition);
      name += (name.empty() ? "" : " & ") + p.name + "." + p.classes[entry].name;
    }
    rules.push_back(
        {name.empty() ? "all" : name, allOf(std::move(terms)), map.mask && resident(pattern.caches[map.cache])});
  }
  for (size_t partition : keyPartitions) {
    keyRules.emplace_back();
    for (const Partition::Class &entry : pattern.partitions[partition].classes)
      if (entry.rule)
        keyRules.back().push_back(entry.rule);
  }
}

int64_t Visibility::keyClass(const Environment &env) const {
  int64_t number = 0;
  for (const std::vector<Expr> &rules : keyRules) {
    size_t i = 0;
    while (i < rules.size() && !evaluate(rules[i], env).integer)
      ++i;
    number = number * int64_t(rules.size() + 1) + int64_t(i);
  }
  return number;
}

int Visibility::map(const Environment &env) {
  auto holds = [&](const Expr &e) {
    auto value = evaluate(e, env);
    if (!value.ok())
      error = value.error;
    return value.ok() && value.integer;
  };
  for (size_t i = 0; i < rules.size() && error.empty(); ++i)
    if (holds(rules[i].applies))
      return holds(rules[i].visible) ? int(i) : error.empty() ? -1 : -2;
  return error.empty() ? -1 : -2;
}

bool Visibility::usesHeads() const {
  for (const Rule &rule : rules)
    for (const char *head : {"h", "g"})
      if (rule.applies.uses(head) || rule.visible.uses(head))
        return true;
  return false;
}

std::string attn::viz::headClasses(const Pattern &pattern, const spec::Attend &attend, const Environment &env) {
  std::set<size_t> named;
  for (const spec::KernelMap &map : attend.maps)
    for (auto [partition, entry] : map.classes)
      named.insert(partition);
  std::string text;
  for (size_t index : named) {
    const Partition &partition = pattern.partitions[index];
    if (partition.axis != spec::Axis::KVHead && partition.axis != spec::Axis::QHead)
      continue;
    for (size_t i = 0; i < partition.classes.size(); ++i) {
      auto value = evaluate(inClass(partition, i), env);
      if (value.ok() && value.integer) {
        text += (text.empty() ? "" : ", ") + partition.classes[i].name;
        break;
      }
    }
  }
  return text;
}
