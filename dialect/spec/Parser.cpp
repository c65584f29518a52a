//===- Parser.cpp - Expression text as terms --------------------------------===//
#include "dialect/spec/Parser.h"

#include "dialect/spec/Forms.h"
#include "dialect/spec/Lexer.h"

#include <algorithm>

using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

static const char coordinateNames[] = "bhglqk";
static constexpr int maxNesting = 64;

namespace {

const char *const functionNames[] = {"min", "max",  "abs",  "clamp", "is_pow2", "select", "exp",
                                     "log", "tanh", "sqrt", "floor", "float",   "member", "ancestor"};

/// Parses one text into terms of `build`. After an error, `token` is End, so every loop ends.
class Parser {
public:
  Parser(std::string_view text, TermBuilder &build, const Scope &scope, const Place &place)
      : lexer(text), build(build), scope(scope), place(place) {
    advance();
  }

  Term whole() {
    Term term = expression();
    if (token.kind != Token::End)
      syntax("an operator or the end");
    return term;
  }

private:
  // Tokens.
  void advance() {
    token = build.failed() ? Token{} : lexer.next();
    build.at(token.column);
    if (token.kind == Token::Bad) {
      build.fail(Code::ExprSyntax, token.text);
      token = Token{};
    }
  }
  bool isSign(std::string_view sign) const { return token.kind == Token::Sign && token.text == sign; }
  bool isWord(std::string_view word) const { return token.kind == Token::Name && token.text == word; }
  bool accept(std::string_view sign) {
    bool found = isSign(sign);
    if (found)
      advance();
    return found;
  }
  bool acceptWord(std::string_view word) {
    bool found = isWord(word);
    if (found)
      advance();
    return found;
  }
  void expect(std::string_view sign) {
    if (!accept(sign))
      syntax(quote(sign));
  }
  Term syntax(const std::string &expected) {
    std::string found = token.kind == Token::End ? "the end" : quote(spelling());
    fail(Code::ExprSyntax, "expected " + expected + ", found " + found);
    return {};
  }
  std::string spelling() const {
    return token.kind == Token::Int     ? std::to_string(token.integer)
           : token.kind == Token::Float ? "a number"
                                        : token.text;
  }
  Term fail(Code code, std::string message) {
    build.fail(code, std::move(message));
    token = Token{};
    return {};
  }
  /// Runs `make` with errors referring to `column`, then to the current token again.
  template <typename F> Term located(int column, F make) {
    build.at(column);
    Term term = make();
    build.at(token.column);
    if (build.failed())
      token = Token{};
    return term;
  }

  // The grammar, from loose to tight.
  Term nested(Term (Parser::*rule)()) {
    if (++nesting > maxNesting)
      return fail(Code::Limit, "the expression is nested more than 64 deep");
    Term term = (this->*rule)();
    --nesting;
    return term;
  }
  Term expression() { return nested(&Parser::disjunction); }
  Term disjunction() { return chain("or", Op::Or, &Parser::conjunction); }
  Term conjunction() { return chain("and", Op::And, &Parser::negation); }
  Term chain(const char *word, Op op, Term (Parser::*rule)()) {
    std::vector<Term> terms = {(this->*rule)()};
    int column = token.column;
    while (acceptWord(word))
      terms.push_back((this->*rule)());
    return terms.size() == 1 ? terms[0] : located(column, [&] { return build.logic(op, terms); });
  }
  Term negation() {
    int column = token.column;
    if (!acceptWord("not"))
      return comparison();
    Term term = nested(&Parser::negation);
    return located(column, [&] { return build.logic(Op::Not, {term}); });
  }
  Term comparison() {
    Term left = sum();
    int column = token.column;
    if (isWord("in") || isWord("not"))
      return membership(left);
    std::vector<Term> conditions;
    while (token.kind == Token::Sign &&
           (token.text[0] == '<' || token.text[0] == '>' || token.text == "==" || token.text == "!=")) {
      std::string sign = token.text;
      int at = token.column;
      advance();
      Term right = sum();
      conditions.push_back(located(at, [&] { return build.compare(sign, left, right); }));
      left = right;
    }
    if (conditions.empty())
      return left;
    return conditions.size() == 1 ? conditions[0] : located(column, [&] { return build.logic(Op::And, conditions); });
  }
  Term membership(const Term &x) {
    int column = token.column;
    bool inverse = acceptWord("not");
    if (!acceptWord("in"))
      return syntax("\"in\"");
    Term low = sum();
    expect("..");
    Term high = sum();
    return located(column, [&] {
      Term term = build.both(build.compare("<=", low, x), build.compare("<", x, high));
      return inverse ? build.logic(Op::Not, {term}) : term;
    });
  }
  Term sum() {
    Term left = product();
    while (isSign("+") || isSign("-"))
      left = binary(left, &Parser::product);
    return left;
  }
  Term product() {
    Term left = unary();
    while (isSign("*") || isSign("/") || isSign("//") || isSign("%"))
      left = binary(left, &Parser::unary);
    return left;
  }
  Term binary(const Term &left, Term (Parser::*rule)()) {
    std::string sign = token.text;
    int column = token.column;
    advance();
    Term right = (this->*rule)();
    Op op = sign == "+"    ? Op::Add
            : sign == "-"  ? Op::Sub
            : sign == "*"  ? Op::Mul
            : sign == "/"  ? Op::Div
            : sign == "//" ? Op::FloorDiv
                           : Op::Mod;
    return located(column, [&] { return build.arithmetic(op, left, right, sign.c_str()); });
  }
  Term unary() {
    int column = token.column;
    if (!accept("-"))
      return primary();
    if (token.kind == Token::Int) { // here and not in primary(), for -2^63
      Term term = TermBuilder::integer(static_cast<int64_t>(~token.integer + 1));
      advance();
      return term;
    }
    Term term = nested(&Parser::unary);
    return located(column, [&] { return build.negate(term); });
  }
  Term primary() {
    Token first = token;
    switch (token.kind) {
    case Token::Int:
      if (token.integer >> 63)
        return fail(Code::ExprSyntax, "number " + quote(spelling()) + " does not fit in 64 bits");
      advance();
      return TermBuilder::integer(static_cast<int64_t>(first.integer));
    case Token::Float: advance(); return TermBuilder::real(first.real);
    case Token::Name: return named();
    case Token::Sign:
      if (accept("(")) {
        Term term = expression();
        expect(")");
        return term;
      }
      [[fallthrough]];
    default: return syntax("a value");
    }
  }

  // Names.
  Term named() {
    Token name = token;
    static const char *const words[] = {"and", "or", "not", "in"};
    if (std::find(std::begin(words), std::end(words), name.text) != std::end(words))
      return syntax("a value");
    advance();
    if (isSign("("))
      return call(name);
    if (isSign("["))
      return element(name);
    if (isSign("."))
      return coordinate(name);
    if (name.text == "true" || name.text == "false")
      return TermBuilder::boolean(name.text == "true");
    if (name.text == "causal" || name.text == "full")
      return located(name.column, [&] { return form(*findForm(name.text), {}); });
    return located(name.column, [&] { return value(name.text); });
  }
  Term value(const std::string &name) {
    if (name == "s" || (name.size() == 1 && std::string_view(coordinateNames).find(name) != std::string_view::npos)) {
      if (place.coordinates.find(name) == std::string::npos)
        return build.fail(Code::ExprScope, quote(name) + " has no meaning in " + place.what);
      return TermBuilder::symbol(name, name == "s" ? Type::Float : Type::Int);
    }
    if (auto it = scope.values.find(name); it != scope.values.end())
      return it->second;
    if (scope.tensors.count(name))
      return build.fail(Code::ExprType, quote(name) + " is a tensor: index it, as in " + name + "[q]");
    if (findForm(name))
      return build.fail(Code::UnknownName, quote(name) +
                                               " is not declared; the named form is "
                                               "written with its arguments, as in " +
                                               name + "(...)");
    std::vector<std::string> known;
    for (const auto &[candidate, term] : scope.values)
      known.push_back(candidate);
    for (const auto &[candidate, tensor] : scope.tensors)
      known.push_back(candidate);
    return build.fail(Code::UnknownName, quote(name) + " is not declared" + suggestion(name, known));
  }
  Term coordinate(const Token &name) {
    advance();
    std::string axis = token.text;
    if (token.kind != Token::Name)
      return syntax("the name of a grid axis");
    advance();
    return located(name.column, [&]() -> Term {
      if (name.text != "q" && name.text != "k")
        return build.fail(Code::UnknownName, "only q and k have grid coordinates, not " + quote(name.text));
      if (place.coordinates.find(name.text) == std::string::npos)
        return value(name.text);
      std::vector<std::string> axes;
      for (size_t i = 0; i < scope.grid.size(); ++i) {
        axes.push_back(scope.grid[i].name);
        if (axes.back() == axis)
          return gridCoordinate(build, scope, name.text.c_str(), i);
      }
      return build.fail(Code::UnknownName,
                        axes.empty() ? "the pattern has no grid"
                                     : "the grid has no axis " + quote(axis) + ", expected " + alternatives(axes));
    });
  }
  Term element(const Token &name) {
    advance();
    std::vector<Term> indices = {expression()};
    while (accept(","))
      indices.push_back(expression());
    expect("]");
    return located(name.column, [&]() -> Term {
      if (scope.tensors.count(name.text))
        return elementAt(build, scope, name.text, indices);
      std::vector<std::string> known;
      for (const auto &[candidate, tensor] : scope.tensors)
        known.push_back(candidate);
      return build.fail(Code::UnknownName, quote(name.text) + " is not an operand" + suggestion(name.text, known));
    });
  }

  // Calls.
  Term call(const Token &name) {
    advance();
    bool builtin = std::find(std::begin(functionNames), std::end(functionNames), name.text) != std::end(functionNames);
    if (name.text == "member" || name.text == "ancestor")
      return search(name);
    if (builtin) {
      std::vector<Term> arguments;
      if (!isSign(")"))
        do
          arguments.push_back(expression());
        while (accept(","));
      expect(")");
      return located(name.column, [&] { return function(name.text, arguments); });
    }
    const Form *found = findForm(name.text);
    if (!found) {
      std::vector<std::string> known = formNames();
      known.insert(known.end(), std::begin(functionNames), std::end(functionNames));
      build.at(name.column);
      return fail(Code::UnknownName,
                  "there is no function or named form " + quote(name.text) + suggestion(name.text, known));
    }
    std::vector<FormArgument> arguments(found->parameters.size());
    for (size_t position = 0; !isSign(")") && !build.failed(); ++position) {
      if (position && (expect(","), build.failed()))
        return {};
      formArgument(*found, arguments, position);
    }
    expect(")");
    return located(name.column, [&] { return form(*found, std::move(arguments)); });
  }
  /// member(x, list, from, to) and ancestor(list, x, y), where `list` is a tensor, or a row of it: tensor[i, j].
  Term search(const Token &name) {
    bool isMember = name.text == "member";
    std::vector<Term> arguments, row;
    if (isMember) {
      arguments.push_back(expression());
      expect(",");
    }
    std::string tensor = token.text;
    if (token.kind != Token::Name || !scope.tensors.count(tensor)) {
      std::vector<std::string> known;
      for (const auto &[candidate, type] : scope.tensors)
        known.push_back(candidate);
      return fail(Code::UnknownName, quote(spelling()) + " is not an operand" + suggestion(tensor, known));
    }
    advance();
    if (accept("[")) {
      do
        row.push_back(expression());
      while (accept(","));
      expect("]");
    }
    for (int i = 0; i < 2; ++i) {
      expect(",");
      arguments.push_back(expression());
    }
    expect(")");
    return located(name.column, [&] {
      return searchIn(build, scope, isMember ? Op::Member : Op::Ancestor, tensor, row, arguments);
    });
  }
  /// One argument, by position or as `name = value`.
  void formArgument(const Form &called, std::vector<FormArgument> &arguments, size_t position) {
    const std::vector<FormParameter> &parameters = called.parameters;
    if (token.kind == Token::Name && Lexer(lexer).next().text == "=") {
      position = std::find_if(parameters.begin(), parameters.end(),
                              [&](const FormParameter &p) { return token.text == p.name; }) -
                 parameters.begin();
      if (position == parameters.size()) {
        fail(Code::UnknownKey, quote(called.name) + " has no argument " + quote(token.text));
        return;
      }
      advance();
      advance();
    }
    if (position >= parameters.size()) {
      fail(Code::BadValue, quote(called.name) + " takes " + counted(parameters.size(), "argument"));
      return;
    }
    FormArgument &argument = arguments[position];
    if (!argument.terms.empty() || !argument.tensor.empty()) {
      fail(Code::BadValue, "argument " + quote(parameters[position].name) + " is given twice");
      return;
    }
    if (parameters[position].isTensor()) {
      argument.tensor = token.text;
      if (token.kind != Token::Name || !scope.tensors.count(token.text))
        fail(Code::UnknownName, quote(parameters[position].name) + " of " + quote(called.name) +
                                    " is the name of an operand, not " + quote(spelling()));
      else
        advance();
    } else if (accept("[")) {
      argument.isList = true;
      do
        argument.terms.push_back(expression());
      while (accept(","));
      expect("]");
    } else {
      argument.terms.push_back(expression());
    }
  }
  Term form(const Form &called, std::vector<FormArgument> arguments) {
    arguments.resize(called.parameters.size());
    return expandForm(called, build, scope, std::move(arguments));
  }
  Term function(const std::string &name, const std::vector<Term> &a) {
    bool variadic = name == "min" || name == "max";
    size_t arity = name == "clamp" || name == "select" ? 3 : variadic ? 2 : 1;
    if (variadic ? a.size() < arity : a.size() != arity)
      return build.fail(Code::BadValue, quote(name) + " takes " +
                                            (variadic ? "2 or more arguments" : counted(arity, "argument")) + ", not " +
                                            std::to_string(a.size()));
    if (variadic) {
      Term term = a[0];
      for (size_t i = 1; i < a.size(); ++i)
        term = build.arithmetic(name == "min" ? Op::Min : Op::Max, term, a[i], name.c_str());
      return term;
    }
    if (name == "clamp") // clamp(x, low, high)
      return build.arithmetic(Op::Min, build.arithmetic(Op::Max, a[0], a[1], "clamp"), a[2], "clamp");
    if (name == "select")
      return build.select(a[0], a[1], a[2]);
    if (name == "abs")
      return build.abs(a[0]);
    if (name == "is_pow2")
      return build.isPow2(a[0]);
    if (name == "floor")
      return build.floor(a[0]);
    Op op = name == "exp"    ? Op::Exp
            : name == "log"  ? Op::Log
            : name == "tanh" ? Op::Tanh
            : name == "sqrt" ? Op::Sqrt
                             : Op::ToFloat;
    return build.floatFunction(op, a[0], name.c_str());
  }

  Lexer lexer;
  TermBuilder &build;
  const Scope &scope;
  const Place &place;
  Token token;
  int nesting = 0;
};

} // namespace

Term parseText(std::string_view text, TermBuilder &build, const Scope &scope, const Place &place) {
  return Parser(text, build, scope, place).whole();
}

} // namespace attn::spec
