//===- Partitioning.cpp - Is every element in exactly one part ------------===//
#include "dialect/mask/Partitioning.h"

#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Impossible.h"

#include <algorithm>
#include <optional>
#include <random>

namespace attn::mask {

static const char *const coordinates[] = {"b", "h", "g", "l", "q", "k"};
static const char *const sizes[] = {"batch", "q_heads", "kv_heads", "layers", "q_len", "kv_len"};
/// Positions of a length that is tried, and elements tried in all.
static constexpr int64_t length = 12, maxElements = 1 << 16;

namespace {

/// Looks for an element that is in no part, in two, or in one outside of the whole.
class Search {
public:
  Search(const Expr &whole, const std::vector<Part> &parts, const Facts &facts, const Environment &defaults);
  std::optional<std::string> run();
  int64_t tried = 0;

private:
  struct Tensor {
    size_t rank;
    Type type;
  };
  void collect(const Expr &e);
  void choose(bool useDefaults);
  int64_t number(int64_t most) { return int64_t(random() % uint64_t(most)); }
  std::optional<std::string> look(size_t axis);
  std::optional<std::string> judge();
  std::string values() const;

  const Expr &whole;
  const std::vector<Part> &parts;
  const Facts &facts;
  const Environment &defaults;
  std::map<std::string, Type> symbols;
  std::map<std::string, Tensor> tensors;
  std::set<int64_t> points; ///< of every axis
  std::vector<std::string> axes;
  Environment env;
  std::mt19937 random{1};
};

} // namespace

Search::Search(const Expr &whole, const std::vector<Part> &parts, const Facts &facts, const Environment &defaults)
    : whole(whole), parts(parts), facts(facts), defaults(defaults) {
  for (int64_t i = 0; i < length; ++i)
    points.insert(i);
  collect(whole);
  for (const Part &part : parts)
    collect(part.condition);
  for (const char *coordinate : coordinates)
    if (symbols.erase(coordinate))
      axes.push_back(coordinate);
}

void Search::collect(const Expr &e) {
  if (e.op() == Op::Symbol)
    symbols[e.name()] = e.type();
  if (e.op() == Op::Element)
    tensors[e.name()] = {e.args().size(), e.type()};
  if (e.op() == Op::Member || e.op() == Op::Ancestor)
    tensors[e.name()] = {e.args().size() - (e.op() == Op::Member ? 2 : 1), Type::Int};
  if (e.op() == Op::ConstInt && e.intValue() > 0 && e.intValue() < (1 << 20) && points.size() < 64)
    points.insert({e.intValue() - 1, e.intValue(), e.intValue() + 1});
  for (const Expr &arg : e.args())
    collect(arg);
}

void Search::choose(bool useDefaults) {
  env = useDefaults ? defaults : Environment{};
  for (const char *size : sizes)
    env.values[size] = 1 + number(length);
  for (const auto &[name, type] : symbols)
    if (type == Type::Float)
      env.reals.insert({name, double(number(9) - 4) / 2});
    else
      env.values.insert({name, facts.positive.count(name) ? 1 + number(length) : number(length) - 2});
  for (const auto &[name, tensor] : tensors) {
    Environment::Tensor &values = env.tensors[name];
    values.sizes.assign(tensor.rank, 4);
    for (int64_t i = 0, count = int64_t(1) << (2 * tensor.rank); i < count; ++i)
      if (tensor.type == Type::Float)
        values.reals.push_back(double(number(9) - 4) / 2);
      else
        values.data.push_back(number(tensor.type == Type::Bool ? 2 : 5));
    if (facts.sorted.count(name))
      for (size_t row = 0; row < values.data.size(); row += 4)
        std::sort(values.data.begin() + row, values.data.begin() + row + 4);
  }
}

std::string Search::values() const {
  std::string text;
  auto add = [&](const std::string &name, const std::string &value) {
    text += (text.empty() ? "" : ", ") + name + " = " + value;
  };
  for (const std::string &axis : axes)
    add(axis, std::to_string(env.values.at(axis)));
  for (const auto &[name, type] : symbols)
    add(name, type == Type::Float ? Expr::real(env.reals.at(name)).str() : std::to_string(env.values.at(name)));
  for (const auto &[name, tensor] : tensors) {
    const Environment::Tensor &of = env.tensors.at(name);
    std::string list;
    for (size_t i = 0; i < std::max(of.data.size(), of.reals.size()); ++i)
      list += (i ? ", " : "") + (of.reals.empty() ? std::to_string(of.data[i]) : Expr::real(of.reals[i]).str());
    add(name, "[" + list + "]");
  }
  return text;
}

/// Nothing if the element is where it belongs, or has no value.
std::optional<std::string> Search::judge() {
  ++tried;
  Value inWhole = evaluate(whole, env);
  std::string names;
  int64_t count = 0;
  for (const Part &part : parts) {
    Value inPart = evaluate(part.condition, env);
    if (!inPart.ok())
      return std::nullopt;
    if (inPart.integer) {
      names += (count ? " and " : "") + part.name;
      ++count;
    }
  }
  if (!inWhole.ok() || count == inWhole.integer)
    return std::nullopt;
  std::string where = values();
  return (where.empty() ? "every element" : "the element " + where) + " is in " + (count ? names : "no part") +
         (count == 1 ? ", outside of the whole" : "");
}

std::optional<std::string> Search::look(size_t axis) {
  if (axis == axes.size())
    return judge();
  for (int64_t point : points) {
    if (tried >= maxElements)
      break;
    // More than four axes with all points are too many for one choice of parameters.
    if (axes.size() > 2 && point >= length && number(4))
      continue;
    env.values[axes[axis]] = point;
    if (auto found = look(axis + 1))
      return found;
  }
  return std::nullopt;
}

std::optional<std::string> Search::run() {
  int64_t choices = symbols.empty() && tensors.empty() ? 1 : 64;
  for (int64_t i = 0; i < choices && tried < maxElements; ++i) {
    choose(i == 0);
    if (auto found = look(0))
      return found;
  }
  return std::nullopt;
}

static Expr anyOf(const std::vector<Part> &parts) {
  Expr any;
  for (const Part &part : parts)
    any = any ? any || part.condition : part.condition;
  return any ? any : Expr::boolean(false);
}

Partitioning partitioningOf(const Expr &whole, const std::vector<Part> &parts, const Facts &facts,
                            const Environment &defaults) {
  Expr any = anyOf(parts);
  bool proved = isImpossible(whole && !any, facts) && isImpossible(any && !whole, facts);
  for (size_t i = 0; i < parts.size() && proved; ++i)
    for (size_t j = i + 1; j < parts.size() && proved; ++j)
      proved = isImpossible(parts[i].condition && parts[j].condition, facts);
  if (proved) {
    std::string pairs = std::to_string(parts.size() * (parts.size() - 1) / 2);
    return {Partitioning::Proved, parts.size() == 1 ? "the part is the whole"
                                  : parts.size() == 2
                                      ? "the two parts exclude each other, and together are the whole"
                                      : "the " + pairs + " pairs of parts exclude each other, and all are the whole"};
  }
  Search search(whole, parts, facts, defaults);
  if (auto found = search.run())
    return {Partitioning::Refuted, *found};
  return {Partitioning::NotProved, "no counterexample among " + std::to_string(search.tried) + " elements"};
}

} // namespace attn::mask
