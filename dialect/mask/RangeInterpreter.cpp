//===- RangeInterpreter.cpp - Range programs run and printed in C++ -------===//
#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Linear.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace attn::mask {

namespace {
/// Runs blocks over one array of values; B values are 0 and 1.
class Interpreter {
public:
  Interpreter(const Environment &env, const std::vector<FloatTerm> &terms, int count)
      : env(env), terms(terms), values(count) {}

  void run(const CodeBlock &block) {
    for (const Instruction &instruction : block.body) {
      if (instruction.code == Code::While)
        loop(instruction);
      else if (instruction.code == Code::If)
        branch(instruction);
      else
        values[instruction.results[0]] = compute(instruction);
    }
  }
  int64_t value(int id) const { return values[id]; }

private:
  void assign(const std::vector<int> &to, const std::vector<int> &from) {
    std::vector<int64_t> copy;
    for (int id : from)
      copy.push_back(values[id]);
    for (size_t i = 0; i < to.size(); ++i)
      values[to[i]] = copy[i];
  }

  void loop(const Instruction &instruction) {
    const CodeBlock &condition = instruction.blocks[0], &body = instruction.blocks[1];
    assign(condition.arguments, instruction.args);
    for (run(condition); values[condition.results[0]]; run(condition)) {
      assign(body.arguments, condition.arguments);
      run(body);
      assign(condition.arguments, body.results);
    }
    assign(instruction.results, condition.arguments);
  }

  void branch(const Instruction &instruction) {
    const CodeBlock &taken = instruction.blocks[values[instruction.args[0]] ? 0 : 1];
    run(taken);
    assign(instruction.results, taken.results);
  }

  /// The value of a term that is computed with floats, for a head where it depends on one.
  std::optional<int64_t> floatTerm(const std::string &name, std::optional<int64_t> head) const {
    for (const FloatTerm &t : terms)
      if (t.name == name)
        return evaluate(t.term.substitute([&](const std::string &symbol) {
                 return head && symbol == "h" ? Expr::integer(*head) : Expr();
               }),
                        env)
            .integer;
    return std::nullopt;
  }

  int64_t element(const Instruction &instruction) const {
    if (auto value = floatTerm(instruction.name, values[instruction.args[0]]))
      return *value;
    auto it = env.tensors.find(instruction.name);
    assert(it != env.tensors.end() && "a tensor without data");
    const Environment::Tensor &tensor = it->second;
    int64_t offset = 0;
    for (size_t i = 0; i < instruction.args.size(); ++i) {
      int64_t size = tensor.sizes[i];
      offset = offset * size + std::clamp<int64_t>(values[instruction.args[i]], 0, std::max<int64_t>(size - 1, 0));
    }
    return offset < int64_t(tensor.data.size()) ? tensor.data[offset] : 0;
  }

  int64_t evaluated(const Instruction &i) const {
    size_t next = 0;
    std::map<std::string, int64_t> bound;
    for (const char *name : {"h", "q", "k"})
      if (i.expr.uses(name))
        bound[name] = values[i.args[next++]];
    Expr e = i.expr.substitute([&](const std::string &name) {
      auto it = bound.find(name);
      return it == bound.end() ? Expr() : Expr::integer(it->second);
    });
    return evaluate(e, env).integer;
  }

  int64_t compute(const Instruction &i) const {
    auto arg = [&](size_t n) { return values[i.args[n]]; };
    auto bits = [&](size_t n) { return static_cast<uint64_t>(values[i.args[n]]); };
    auto all = [&](bool neutral) {
      return std::all_of(i.args.begin(), i.args.end(), [&](int id) { return (values[id] != 0) == neutral; });
    };
    int64_t result = 0;
    switch (i.code) {
    case Code::Const: return i.imm;
    case Code::True: return 1;
    case Code::False: return 0;
    case Code::Input: {
      if (auto value = floatTerm(i.name, std::nullopt))
        return *value;
      auto it = env.values.find(i.name);
      assert(it != env.values.end() && "an input without a value");
      return it->second;
    }
    case Code::Element: return element(i);
    case Code::TensorSize: return env.tensors.at(i.name).data.empty() ? 0 : env.tensors.at(i.name).sizes[i.imm];
    case Code::Add: return int64_t(bits(0) + bits(1));
    case Code::Sub: return int64_t(bits(0) - bits(1));
    case Code::Mul: return int64_t(bits(0) * bits(1));
    case Code::FloorDiv:
    case Code::Mod: {
      bool isSafe =
          i.code == Code::Mod ? checkedFloorMod(arg(0), arg(1), result) : checkedFloorDiv(arg(0), arg(1), result);
      assert(isSafe && "the code guards its divisors");
      (void)isSafe;
      return result;
    }
    case Code::Min: return std::min(arg(0), arg(1));
    case Code::Max: return std::max(arg(0), arg(1));
    case Code::Lt: return arg(0) < arg(1);
    case Code::Le: return arg(0) <= arg(1);
    case Code::Eq: return arg(0) == arg(1);
    case Code::IsPow2: return arg(0) > 0 && (arg(0) & (arg(0) - 1)) == 0;
    case Code::Evaluate: return evaluated(i);
    case Code::And: return all(true);
    case Code::Or: return !all(false);
    case Code::Not: return !arg(0);
    case Code::SelectI:
    case Code::SelectB: return arg(0) ? arg(1) : arg(2);
    case Code::While:
    case Code::If: break;
    }
    return 0;
  }

  const Environment &env;
  const std::vector<FloatTerm> &terms;
  std::vector<int64_t> values;
};
} // namespace

std::vector<int64_t> run(const CodeBlock &code, int valueCount, const Environment &env,
                         const std::vector<FloatTerm> &terms) {
  Interpreter interpreter(env, terms, valueCount);
  interpreter.run(code);
  std::vector<int64_t> results;
  for (int id : code.results)
    results.push_back(interpreter.value(id));
  return results;
}

RangeProgram::Result RangeProgram::classify(const Environment &env) const {
  std::vector<int64_t> results = run(block, values, env, terms);
  return {!results[0] ? TileClass::Empty : results[1] ? TileClass::Full : TileClass::Partial, results[2]};
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static const char *name(Code code) {
  switch (code) {
  case Code::Const: return "const";
  case Code::True: return "true";
  case Code::False: return "false";
  case Code::Input: return "input";
  case Code::Element: return "element";
  case Code::TensorSize: return "size";
  case Code::Add: return "add";
  case Code::Sub: return "sub";
  case Code::Mul: return "mul";
  case Code::FloorDiv: return "floordiv";
  case Code::Mod: return "mod";
  case Code::Min: return "min";
  case Code::Max: return "max";
  case Code::Lt: return "lt";
  case Code::Le: return "le";
  case Code::Eq: return "eq";
  case Code::IsPow2: return "is_pow2";
  case Code::Evaluate: return "evaluate";
  case Code::And: return "and";
  case Code::Or: return "or";
  case Code::Not: return "not";
  case Code::SelectI:
  case Code::SelectB: return "select";
  case Code::While: return "while";
  case Code::If: return "if";
  }
  return "";
}

static std::string ids(const std::vector<int> &list) {
  std::string text;
  for (int id : list)
    text += (text.empty() ? "%" : ", %") + std::to_string(id);
  return text;
}

static void print(const CodeBlock &block, int depth, std::string &text) {
  std::string indent(2 * depth, ' ');
  for (const Instruction &i : block.body) {
    text += indent + ids(i.results) + " = " + name(i.code);
    if (!i.name.empty())
      text += " " + i.name;
    if (i.code == Code::Const || i.code == Code::TensorSize)
      text += " " + std::to_string(i.imm);
    if (!i.args.empty())
      text += " " + ids(i.args);
    text += "\n";
    for (size_t n = 0; n < i.blocks.size(); ++n) {
      const CodeBlock &inner = i.blocks[n];
      text += indent + (i.code == Code::While ? (n ? "do" : "test") : (n ? "else" : "then"));
      text += inner.arguments.empty() ? " {\n" : " (" + ids(inner.arguments) + ") {\n";
      print(inner, depth + 1, text);
      text += indent + "}\n";
    }
  }
  text += indent + "yield " + ids(block.results) + "\n";
}

std::string RangeProgram::str() const {
  std::string text;
  print(block, 0, text);
  return text;
}

} // namespace attn::mask
