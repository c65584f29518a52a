//===- CodeBuilder.cpp - Building integer code ----------------------------===//
#include "dialect/mask/CodeBuilder.h"
#include "dialect/mask/Linear.h"

#include <algorithm>
#include <cassert>

namespace attn::mask {

//===----------------------------------------------------------------------===//
// Definitions
//===----------------------------------------------------------------------===//

int CodeBuilder::define(Code code, std::vector<int> args, int64_t imm, const std::string &name, const Expr &expr) {
  Key key(code, imm, name, args);
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (auto it = scope->known.find(key); it != scope->known.end())
      return it->second;
  // Constants and inputs are defined once, in the outermost block.
  bool isLeaf = code == Code::Const || code == Code::True || code == Code::False || code == Code::Input;
  Scope &scope = isLeaf ? scopes.front() : scopes.back();
  int id = static_cast<int>(definitions.size());
  definitions.push_back({code, imm, args});
  scope.known.emplace(std::move(key), id);
  scope.block.body.push_back({code, imm, name, std::move(args), {id}, {}, expr});
  return id;
}

CodeBuilder::Carried CodeBuilder::arguments(size_t count) {
  Carried ids;
  for (size_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<int>(definitions.size()));
    definitions.push_back({Code::Input, 0, {}, true});
  }
  return ids;
}

CodeBuilder::Carried CodeBuilder::loop(const Carried &initial, const std::function<int(const Carried &)> &condition,
                                       const std::function<Carried(const Carried &)> &body) {
  Instruction instruction{Code::While, 0, {}, initial, {}, {}, {}};
  auto block = [&](auto &&build) {
    scopes.emplace_back();
    Carried carried = arguments(initial.size());
    scopes.back().block.arguments = carried;
    std::vector<int> results = build(carried);
    scopes.back().block.results = results;
    instruction.blocks.push_back(std::move(scopes.back().block));
    scopes.pop_back();
  };
  block([&](const Carried &carried) { return Carried{condition(carried)}; });
  block(body);
  instruction.results = arguments(initial.size());
  scopes.back().block.body.push_back(instruction);
  return instruction.results;
}

std::optional<int64_t> CodeBuilder::constantOf(int id) const {
  if (is(id, Code::Const))
    return definitions[id].imm;
  if (is(id, Code::True) || is(id, Code::False))
    return is(id, Code::True);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

int CodeBuilder::constant(int64_t value) { return define(Code::Const, {}, value); }
int CodeBuilder::boolean(bool value) { return define(value ? Code::True : Code::False, {}); }
int CodeBuilder::input(const std::string &name) { return define(Code::Input, {}, 0, name); }

static int64_t wrappingAdd(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
static int64_t wrappingSub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }

int CodeBuilder::add(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (x && y)
    return constant(wrappingAdd(*x, *y));
  if (x) // a constant stands on the right
    return add(b, a);
  if (y && *y == 0)
    return a;
  if (is(b, Code::Sub) && constantOf(definitions[b].args[0]) == 0) // a + (0 - c)
    return sub(a, definitions[b].args[1]);
  if (is(a, Code::Sub) && constantOf(definitions[a].args[0]) == 0)
    return sub(b, definitions[a].args[1]);
  if (y && is(a, Code::Add))
    if (auto inner = constantOf(definitions[a].args[1]))
      return add(definitions[a].args[0], constant(wrappingAdd(*inner, *y)));
  if (y && is(a, Code::Sub))
    if (auto inner = constantOf(definitions[a].args[0]))
      return sub(constant(wrappingAdd(*inner, *y)), definitions[a].args[1]);
  return define(Code::Add, {a, b});
}

int CodeBuilder::sub(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b)
    return constant(0);
  if (y)
    return add(a, constant(wrappingSub(0, *y)));
  if (x && is(b, Code::Sub)) {
    auto [c, d] = std::pair(definitions[b].args[0], definitions[b].args[1]);
    if (*x == 0)
      return sub(d, c);
    if (auto inner = constantOf(c))
      return add(d, constant(wrappingSub(*x, *inner)));
  }
  if (x && is(b, Code::Add))
    if (auto inner = constantOf(definitions[b].args[1]))
      return sub(constant(wrappingSub(*x, *inner)), definitions[b].args[0]);
  if (is(b, Code::Sub) && constantOf(definitions[b].args[0]) == 0) // a - (0 - c)
    return add(a, definitions[b].args[1]);
  return define(Code::Sub, {a, b});
}

int CodeBuilder::mul(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (x && y)
    return constant(int64_t(uint64_t(*x) * uint64_t(*y)));
  if (x)
    return mul(b, a);
  if (y && (*y == 0 || *y == 1))
    return *y == 0 ? b : a;
  if (y && *y == -1)
    return sub(constant(0), a);
  return define(Code::Mul, {a, b});
}

int CodeBuilder::floorDiv(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  int64_t quotient;
  if (y && *y == 1)
    return a;
  if (x && y && checkedFloorDiv(*x, *y, quotient))
    return constant(quotient);
  return define(Code::FloorDiv, {a, b});
}

int CodeBuilder::mod(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  int64_t remainder;
  if (y && *y == 1)
    return constant(0);
  if (x && y && checkedFloorMod(*x, *y, remainder))
    return constant(remainder);
  return define(Code::Mod, {a, b});
}

int CodeBuilder::min(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b)
    return a;
  if (x && y)
    return *x < *y ? a : b;
  return define(Code::Min, {std::min(a, b), std::max(a, b)});
}

int CodeBuilder::max(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b)
    return a;
  if (x && y)
    return *x < *y ? b : a;
  return define(Code::Max, {std::min(a, b), std::max(a, b)});
}

int CodeBuilder::lt(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b || (x && y))
    return boolean(a != b && *x < *y);
  return define(Code::Lt, {a, b});
}

int CodeBuilder::le(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b || (x && y))
    return boolean(a == b || *x <= *y);
  return define(Code::Le, {a, b});
}

int CodeBuilder::eq(int a, int b) {
  auto x = constantOf(a), y = constantOf(b);
  if (a == b || (x && y))
    return boolean(a == b || *x == *y);
  return define(Code::Eq, {a, b});
}

int CodeBuilder::isPow2(int a) {
  if (auto x = constantOf(a))
    return boolean(*x > 0 && (*x & (*x - 1)) == 0);
  return define(Code::IsPow2, {a});
}

int CodeBuilder::evaluate(const Expr &e, const Bindings &bindings) {
  std::vector<int> args;
  for (const char *name : {"h", "q", "k"})
    if (e.uses(name))
      args.push_back(bindings.count(name) ? bindings.at(name) : input(name));
  return define(Code::Evaluate, std::move(args), 0, e.str(), e);
}

int CodeBuilder::land(int a, int b) {
  if (a == b || isTrue(b) || isFalse(a))
    return a;
  if (isTrue(a) || isFalse(b))
    return b;
  return define(Code::And, {a, b});
}

int CodeBuilder::lor(int a, int b) {
  if (a == b || isFalse(b) || isTrue(a))
    return a;
  if (isFalse(a) || isTrue(b))
    return b;
  return define(Code::Or, {a, b});
}

int CodeBuilder::lnot(int a) {
  if (auto x = constantOf(a))
    return boolean(!*x);
  if (is(a, Code::Not))
    return definitions[a].args[0];
  if (is(a, Code::Lt))
    return le(definitions[a].args[1], definitions[a].args[0]);
  if (is(a, Code::Le))
    return lt(definitions[a].args[1], definitions[a].args[0]);
  return define(Code::Not, {a});
}

int CodeBuilder::select(int condition, int a, int b) {
  if (a == b || isTrue(condition))
    return a;
  if (isFalse(condition))
    return b;
  return define(Code::SelectI, {condition, a, b});
}

//===----------------------------------------------------------------------===//
// The end
//===----------------------------------------------------------------------===//

/// Drops instructions without a use; `used` is extended by what the kept ones use.
static void dropUnused(CodeBlock &block, std::vector<bool> &used) {
  for (int id : block.results)
    used[id] = true;
  std::vector<Instruction> kept;
  for (auto it = block.body.rbegin(); it != block.body.rend(); ++it) {
    if (std::none_of(it->results.begin(), it->results.end(), [&](int id) { return used[id]; }))
      continue;
    for (CodeBlock &inner : it->blocks)
      dropUnused(inner, used);
    for (int id : it->args)
      used[id] = true;
    kept.push_back(std::move(*it));
  }
  block.body.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

static void renumber(CodeBlock &block, std::vector<int> &names, int &next) {
  auto use = [&](std::vector<int> &ids) {
    for (int &id : ids)
      id = names[id];
  };
  auto declare = [&](std::vector<int> &ids) {
    for (int &id : ids)
      id = names[id] = next++;
  };
  declare(block.arguments);
  for (Instruction &instruction : block.body) {
    use(instruction.args);
    for (CodeBlock &inner : instruction.blocks)
      renumber(inner, names, next);
    declare(instruction.results);
  }
  use(block.results);
}

CodeBlock CodeBuilder::finish(std::vector<int> results, int &values) {
  assert(scopes.size() == 1 && "inside a loop");
  CodeBlock block = std::move(scopes.back().block);
  block.results = std::move(results);
  std::vector<bool> used(definitions.size());
  dropUnused(block, used);
  std::vector<int> names(definitions.size());
  values = 0;
  renumber(block, names, values);
  return block;
}

} // namespace attn::mask
