//===- Expression.cpp - The expression language -----------------------------===//
#include "dialect/spec/Expression.h"

#include "dialect/spec/Forms.h"
#include "dialect/spec/Parser.h"

#include <algorithm>

using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

static constexpr size_t maxText = 16384;

bool isReserved(const std::string &name) {
  static const std::set<std::string> words = {"b",      "h",       "g",         "l",      "q",     "k",      "s",
                                              "batch",  "q_heads", "kv_heads",  "layers", "q_len", "kv_len", "d",
                                              "dv",     "and",     "or",        "not",    "in",    "true",   "false",
                                              "causal", "full",    "otherwise", "all",    "v",     "out",    "lse"};
  return words.count(name) != 0;
}

namespace {

/// Expressions written as JSON: text, constants, named forms and the combinators.
class JsonReader {
public:
  JsonReader(const Scope &scope, const Place &place) : scope(scope), place(place) {}

  TermBuilder build;

  Term read(const Json &json, const std::string &pointer) {
    build.at(pointer, json.line());
    switch (json.kind()) {
    case Json::Kind::Bool: return TermBuilder::boolean(json.boolean());
    case Json::Kind::Int: return TermBuilder::integer(json.integer());
    case Json::Kind::Float: return TermBuilder::real(json.real());
    case Json::Kind::String:
      if (json.string().size() > maxText)
        return build.fail(Code::Limit, "the expression is longer than 16384 bytes");
      return parseText(json.string(), build, scope, place);
    case Json::Kind::Object: return object(json, pointer);
    default: return build.fail(Code::WrongType, "expected an expression or a named form, got " + json.describe());
    }
  }

private:
  Term object(const Json &json, const std::string &pointer) {
    if (json.members().size() != 1)
      return build.fail(Code::BadValue, "expected an object with one key, the named form, got " +
                                            counted(json.members().size(), "key"));
    const auto &[key, value] = json.members()[0];
    std::string at = child(pointer, key);
    if (key == "and" || key == "or")
      return combined(key == "and" ? Op::And : Op::Or, key, value, at);
    if (key == "not") {
      Term term = read(value, at);
      build.at(pointer, json.line());
      return build.logic(Op::Not, {term});
    }
    const Form *form = findForm(key);
    if (!form) {
      std::vector<std::string> known = formNames();
      known.insert(known.end(), {"and", "or", "not"});
      build.at(at, value.line());
      return build.fail(Code::UnknownKey, "there is no named form " + quote(key) + suggestion(key, known));
    }
    std::vector<FormArgument> arguments(form->parameters.size());
    if (value.is(Json::Kind::Object))
      named(*form, arguments, value, at);
    else if (!arguments.empty())
      argument(form->parameters[0], arguments[0], value, at);
    else
      build.fail(Code::BadValue, quote(key) + " has no arguments, expected {}");
    build.at(at, value.line());
    return build.failed() ? Term{} : expandForm(*form, build, scope, std::move(arguments));
  }
  Term combined(Op op, const std::string &key, const Json &value, const std::string &at) {
    build.at(at, value.line());
    if (!value.is(Json::Kind::Array) || value.items().size() < 2)
      return build.fail(Code::WrongType, quote(key) + " takes an array of two or more, got " + value.describe());
    std::vector<Term> terms;
    for (size_t i = 0; i < value.items().size() && !build.failed(); ++i)
      terms.push_back(read(value.items()[i], child(at, i)));
    build.at(at, value.line());
    return build.logic(op, terms);
  }
  void named(const Form &form, std::vector<FormArgument> &arguments, const Json &value, const std::string &at) {
    std::vector<std::string> known;
    for (const FormParameter &p : form.parameters)
      known.push_back(p.name);
    for (const auto &[key, json] : value.members()) {
      auto it = std::find(known.begin(), known.end(), key);
      if (it == known.end()) {
        build.at(child(at, key), json.line());
        build.fail(Code::UnknownKey, quote(form.name) + " has no argument " + quote(key) + suggestion(key, known));
        return;
      }
      size_t i = it - known.begin();
      argument(form.parameters[i], arguments[i], json, child(at, key));
    }
  }
  void argument(const FormParameter &p, FormArgument &result, const Json &json, const std::string &at) {
    build.at(at, json.line());
    if (p.isTensor()) {
      if (!json.is(Json::Kind::String) || !scope.tensors.count(json.string()))
        build.fail(Code::UnknownName, quote(p.name) + " is the name of an operand, not " + json.describe());
      else
        result.tensor = json.string();
    } else if (json.is(Json::Kind::Array)) {
      result.isList = true;
      for (size_t i = 0; i < json.items().size(); ++i)
        result.terms.push_back(read(json.items()[i], child(at, i)));
      if (json.items().empty())
        build.fail(Code::BadValue, quote(p.name) + " is an empty list");
    } else {
      result.terms.push_back(read(json, at));
    }
  }

  const Scope &scope;
  const Place &place;
};

} // namespace

std::optional<Term> parseExpression(const Json &json, const std::string &pointer, const Scope &scope,
                                    const Place &place, Diagnostics &diagnostics) {
  JsonReader reader(scope, place);
  TermBuilder &build = reader.build;
  Term term = reader.read(json, pointer);
  build.at(pointer, json.line());
  if (json.is(Json::Kind::String))
    build.at(1);
  // Named forms and `let` may read coordinates that have no meaning here.
  std::set<std::string> symbols, tensors;
  if (!build.failed())
    term.e.collect(symbols, tensors);
  for (char c : std::string_view("bhglqks"))
    if (symbols.count(std::string(1, c)) && place.coordinates.find(c) == std::string::npos)
      build.fail(Code::ExprScope,
                 "the expression reads " + quote(std::string(1, c)) + ", which has no meaning in " + place.what);
  if (!build.failed() && place.type && term.type() != *place.type) {
    if (*place.type == Type::Float && term.type() == Type::Int)
      term = build.toFloat(term);
    else
      build.fail(Code::ExprType,
                 std::string(place.what) + " is " + typeName(*place.type) + ", not " + typeName(term.type()));
  }
  if (!build.failed())
    return term;
  diagnostics.add(build.firstError());
  return std::nullopt;
}

} // namespace attn::spec
