//===- CodeBuilder.h - Building integer code -----------------------*- C++ -*-===//
//
// Builds the CodeBlock of a range program. Values are looked up before they are computed again (per
// block and the blocks around it), constants are folded, and what is not used is dropped at the
// end; nothing else is optimised.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_CODEBUILDER_H
#define ATTN_DIALECT_MASK_CODEBUILDER_H

#include "dialect/mask/RangeProgram.h"

#include <functional>
#include <optional>
#include <tuple>

namespace attn::mask {

/// What is known of names: tensors that are sorted along their last dimension, symbols that are at least 1.
struct Facts {
  std::set<std::string> sorted;
  std::set<std::string> positive;
};
/// True if `e` is known to be at least 1, whatever its symbols are.
bool isPositive(const Expr &e, const Facts &facts);

/// Values of the symbols that vary: q, k, h. Other symbols are inputs of the code.
using Bindings = std::map<std::string, int>;

class CodeBuilder {
public:
  explicit CodeBuilder(const Facts &facts) : facts(facts), scopes(1) {}

  int constant(int64_t value);
  int boolean(bool value);
  int input(const std::string &name);
  int add(int a, int b);
  int sub(int a, int b);
  int mul(int a, int b);
  /// Division by a value that is neither 0 nor -1.
  int floorDiv(int a, int b);
  int mod(int a, int b);
  int min(int a, int b);
  int max(int a, int b);
  int lt(int a, int b);
  int le(int a, int b);
  int eq(int a, int b);
  int isPow2(int a);
  int element(const std::string &tensor, std::vector<int> indices) {
    return define(Code::Element, std::move(indices), 0, tensor);
  }
  int size(const std::string &tensor, int64_t dimension) { return define(Code::TensorSize, {}, dimension, tensor); }
  /// `floor` or a comparison of floats, left to the consumer.
  int evaluate(const Expr &e, const Bindings &bindings);
  int land(int a, int b);
  int lor(int a, int b);
  int lnot(int a);
  int select(int condition, int a, int b);
  /// `while (condition(v)) v = body(v)` from v = initial; returns the last v.
  using Carried = std::vector<int>;
  Carried loop(const Carried &initial, const std::function<int(const Carried &)> &condition,
               const std::function<Carried(const Carried &)> &body);

  /// The value of an integer or boolean expression. A zero divisor counts as 1.
  int emit(const Expr &e, const Bindings &bindings);
  /// The least element from `x` up in the list that a Member searches (by bisection if it is sorted).
  struct Listed {
    int exists, value;
  };
  Listed leastMember(const Expr &e, int x, const Bindings &bindings);

  std::optional<int64_t> constantOf(int id) const; ///< the value of an I constant, or of a B one as 0 or 1
  bool isTrue(int id) const { return definitions[id].code == Code::True; }
  bool isFalse(int id) const { return definitions[id].code == Code::False; }

  /// Ends the code. The ids of the result are numbered anew in order of definition; `values` is their number.
  CodeBlock finish(std::vector<int> results, int &values);

private:
  using Key = std::tuple<Code, int64_t, std::string, std::vector<int>>;
  struct Scope {
    CodeBlock block;
    std::map<Key, int> known;
  };
  struct Definition {
    Code code;
    int64_t imm;
    std::vector<int> args;
    bool isArgument = false;
  };
  int define(Code code, std::vector<int> args, int64_t imm = 0, const std::string &name = {}, const Expr &expr = {});
  Carried arguments(size_t count);
  bool is(int id, Code code) const { return !definitions[id].isArgument && definitions[id].code == code; }
  int division(const Expr &e, const Bindings &bindings);
  int member(const Expr &e, const Bindings &bindings);
  int ancestor(const Expr &e, const Bindings &bindings);

  Facts facts;
  std::vector<Scope> scopes; ///< innermost last
  std::vector<Definition> definitions;
};

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_CODEBUILDER_H
