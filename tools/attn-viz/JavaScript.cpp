//===- JavaScript.cpp - Expressions and code as JavaScript ----------------===//
#include "tools/attn-viz/JavaScript.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn::viz;
using attn::mask::Code;
using attn::mask::CodeBlock;
using attn::mask::Expr;
using attn::mask::Instruction;
using attn::mask::Op;

namespace {

class Printer {
public:
  explicit Printer(const JavaScriptNames &names) : names(names) {}
  std::string print(const Expr &e) const;
  std::string print(const CodeBlock &code) const;

private:
  std::string symbol(const std::string &name) const;
  std::string print(const Instruction &instruction) const;
  std::string call(const char *function, const std::vector<Expr> &args, std::string first = "") const;
  std::string infix(const char *sign, const std::vector<Expr> &args) const;
  std::string fold(const char *function, const std::vector<Expr> &args) const;

  const JavaScriptNames &names;
};

} // namespace

std::string Printer::symbol(const std::string &name) const {
  if (auto param = names.params.find(name); param != names.params.end())
    return "p[" + std::to_string(param->second) + "]";
  if (name.size() == 1)
    return name; // a coordinate
  return (name[0] == '.' ? "n" : "n.") + name; // an input of code, or a size
}

/// `function(first, args...)`
std::string Printer::call(const char *function, const std::vector<Expr> &args, std::string first) const {
  std::string text = std::move(first);
  for (const Expr &arg : args)
    text += (text.empty() ? "" : ", ") + print(arg);
  return std::string(function) + "(" + text + ")";
}

std::string Printer::infix(const char *sign, const std::vector<Expr> &args) const {
  std::string text;
  for (const Expr &arg : args)
    text += (text.empty() ? "(" : sign) + print(arg);
  return text + ")";
}

/// `function(function(a, b), c)`
std::string Printer::fold(const char *function, const std::vector<Expr> &args) const {
  std::string text = print(args[0]);
  for (size_t i = 1; i < args.size(); ++i)
    text = std::string(function) + "(" + text + ", " + print(args[i]) + ")";
  return text;
}

std::string Printer::print(const Expr &e) const {
  const std::vector<Expr> &args = e.args();
  switch (e.op()) {
  case Op::ConstBool: return e.boolValue() ? "true" : "false";
  case Op::ConstInt: return "(" + std::to_string(e.intValue()) + ")";
  case Op::ConstFloat: {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("(%.17g)", e.floatValue());
    return text;
  }
  case Op::Symbol: return symbol(e.name());
  case Op::Element: {
    std::string element = call("at", args, "t[" + std::to_string(names.operands.at(e.name())) + "]");
    return e.type() == attn::mask::Type::Bool ? "(" + element + " !== 0)" : element;
  }
  case Op::Add: return infix(" + ", args);
  case Op::Sub: return infix(" - ", args);
  case Op::Mul: return infix(" * ", args);
  case Op::Div: return infix(" / ", args);
  case Op::FloorDiv: return fold("fdiv", args);
  case Op::Mod: return fold("mod", args);
  case Op::Min: return fold("lo", args);
  case Op::Max: return fold("hi", args);
  case Op::Neg: return "(-" + print(args[0]) + ")";
  case Op::Abs: return call("Math.abs", args);
  case Op::Exp: return call("Math.exp", args);
  case Op::Log: return call("Math.log", args);
  case Op::Tanh: return call("Math.tanh", args);
  case Op::Sqrt: return call("Math.sqrt", args);
  case Op::ToFloat: return print(args[0]);
  case Op::Floor: return call("whole", args);
  case Op::Lt: return infix(" < ", args);
  case Op::Le: return infix(" <= ", args);
  case Op::Eq: return infix(" === ", args);
  case Op::Ne: return infix(" !== ", args);
  case Op::And: return infix(" && ", args);
  case Op::Or: return infix(" || ", args);
  case Op::Not: return "(!" + print(args[0]) + ")";
  case Op::IsPow2: return call("pow2", args);
  case Op::Member:
  case Op::Ancestor:
    return call(e.op() == Op::Member ? "member" : "ancestor", args,
                "t[" + std::to_string(names.operands.at(e.name())) + "]");
  case Op::Select: return "(" + print(args[0]) + " ? " + print(args[1]) + " : " + print(args[2]) + ")";
  }
  llvm_unreachable("every operation is above");
}

std::string Printer::print(const Instruction &i) const {
  auto arg = [&](size_t n) { return "v" + std::to_string(i.args[n]); };
  auto infix = [&](const char *sign) {
    std::string text = arg(0);
    for (size_t n = 1; n < i.args.size(); ++n)
      text += sign + arg(n);
    return text;
  };
  auto call = [&](const char *function) { return function + ("(" + infix(", ") + ")"); };
  switch (i.code) {
  case Code::Const: return std::to_string(i.imm);
  case Code::True: return "true";
  case Code::False: return "false";
  case Code::Input: return symbol(i.name);
  case Code::Add: return infix(" + ");
  case Code::Sub: return infix(" - ");
  case Code::Mul: return infix(" * ");
  case Code::FloorDiv: return call("fdiv");
  case Code::Mod: return call("mod");
  case Code::Min: return call("lo");
  case Code::Max: return call("hi");
  case Code::Lt: return infix(" < ");
  case Code::Le: return infix(" <= ");
  case Code::Eq: return infix(" === ");
  case Code::IsPow2: return call("pow2");
  case Code::And: return infix(" && ");
  case Code::Or: return infix(" || ");
  case Code::Not: return "!" + arg(0);
  case Code::SelectI:
  case Code::SelectB: return arg(0) + " ? " + arg(1) + " : " + arg(2);
  case Code::Element:
  case Code::TensorSize:
  case Code::Evaluate:
  case Code::While:
  case Code::If: break;
  }
  llvm_unreachable("box layouts read no tensor and have no branch");
}

std::string Printer::print(const CodeBlock &code) const {
  std::string text = "(p, n) => {", results;
  for (const Instruction &i : code.body)
    text += " const v" + std::to_string(i.results[0]) + " = " + print(i) + ";";
  for (int id : code.results)
    results += (results.empty() ? "v" : ", v") + std::to_string(id);
  return text + " return [" + results + "]; }";
}

std::string attn::viz::toJavaScript(const CodeBlock &code, const JavaScriptNames &names) {
  return Printer(names).print(code);
}
std::string attn::viz::toJavaScript(const Expr &e, const JavaScriptNames &names) { return Printer(names).print(e); }
