//===- Expr.h - Integer, boolean and float expressions ------------*- C++ -*-===//
//
// The expressions of a pattern (masks, scores, class rules, derived sizes) as an immutable value type. No IR here: the
// attn dialect holds the same expressions as regions, and passes/analysis/MaskRegion.h converts.
//
// Semantics (architecture, section 2):
//  * integers are 64-bit; `//` and `%` round towards minus infinity; a zero divisor is an error of the caller;
//  * floats are computed by the consumer (fp32 in kernels, fp64 in the reference);
//  * there is no implicit conversion from bool; int converts to float where an operator mixes the two.
//
// Leaf symbols: `b` batch, `h` query head, `g` KV head, `l` layer, `q` query position, `k` key position, `s` the raw
// score (score expressions only), the sizes `batch q_heads kv_heads q_len kv_len`, and parameters by name.
//
// Thread safety: an Expr is immutable; copies share their nodes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_EXPR_H
#define ATTN_DIALECT_MASK_EXPR_H

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace attn::mask {

enum class Type : uint8_t { Bool, Int, Float };

// clang-format off
enum class Op : uint8_t {
  // Leaves.
  ConstBool, ConstInt, ConstFloat,
  Symbol,  ///< name()
  Element, ///< element of the tensor name() at args() (one integer index per dimension)
  // Arithmetic; both operands of one type. Div is float only; FloorDiv and Mod are integer only.
  Add, Sub, Mul, Div, FloorDiv, Mod, Min, Max, Neg, Abs,
  // Float functions, natural exp and log.
  Exp, Log, Tanh, Sqrt,
  // Conversions: Int -> Float, Float -> Int (round towards minus infinity).
  ToFloat, Floor,
  // Predicates. Lt, Le, Eq, Ne take two Ints or two Floats. `a > b` is built as `b < a`.
  Lt, Le, Eq, Ne, And, Or, Not,
  IsPow2, ///< Int -> Bool: x is 1, 2, 4, ...; false for x <= 0
  Select, ///< (Bool, T, T) -> T
  // Searches in the tensor name(); the last index of an element is the searched one, the indices before it come last
  // in args(). Positions outside of the tensor hold nothing.
  Member,   ///< (x, from, to, ...) -> Bool: x is the element at some position p, from <= p < to
  Ancestor, ///< (x, y, ...) -> Bool: y is x, or is met on the way x, parent of x, its parent, ... while that decreases
};
// clang-format on

class Expr {
public:
  Expr() = default; ///< empty; only assignment and operator bool are defined on it
  explicit operator bool() const { return node != nullptr; }

  Op op() const;
  Type type() const;
  bool isConst() const; ///< one of the three constants
  bool boolValue() const;
  int64_t intValue() const;
  double floatValue() const;
  const std::string &name() const; ///< Symbol, Element, Member, Ancestor
  const std::vector<Expr> &args() const;
  /// The number of nodes of the tree, shared ones counted each time; at most 2^31. The functions that walk the tree
  /// take time of this order: limit it for expressions from outside.
  int64_t size() const;
  static constexpr int64_t maxSize = 20000; ///< beyond this, nothing is simplified or analysed

  static Expr boolean(bool value);
  static Expr integer(int64_t value);
  static Expr real(double value);
  static Expr symbol(std::string name, Type type = Type::Int);
  static Expr element(std::string tensor, std::vector<Expr> indices, Type type);
  /// Member or Ancestor.
  static Expr search(Op op, std::string tensor, std::vector<Expr> args);
  /// Builds `op` over `args`. The argument types must be those the operator takes (asserted); And, Or, Add, Mul, Min
  /// and Max take two or more. No folding: see Simplify.h.
  static Expr make(Op op, std::vector<Expr> args);

  /// Structural equality and a total structural order (negative, zero, positive).
  friend bool operator==(const Expr &a, const Expr &b) { return compare(a, b) == 0; }
  friend bool operator!=(const Expr &a, const Expr &b) { return !(a == b); }
  static int compare(const Expr &a, const Expr &b);

  /// True if symbol `name` occurs anywhere in the expression.
  bool uses(const std::string &name) const;
  /// Adds every symbol and every tensor that occurs.
  void collect(std::set<std::string> &symbols, std::set<std::string> &tensors) const;
  /// Replaces symbols: `f` returns the replacement, or an empty Expr to keep the symbol.
  Expr substitute(const std::function<Expr(const std::string &)> &f) const;
  /// The expression in the spec's own syntax, fully determined by the structure, with the fewest parentheses.
  std::string str() const;

private:
  struct Node;
  static Expr of(Node node);
  explicit Expr(std::shared_ptr<const Node> n) : node(std::move(n)) {}
  std::shared_ptr<const Node> node;
};

// Shorthands that read like the spec.
inline Expr operator+(Expr a, Expr b) { return Expr::make(Op::Add, {std::move(a), std::move(b)}); }
inline Expr operator-(Expr a, Expr b) { return Expr::make(Op::Sub, {std::move(a), std::move(b)}); }
inline Expr operator*(Expr a, Expr b) { return Expr::make(Op::Mul, {std::move(a), std::move(b)}); }
inline Expr operator&&(Expr a, Expr b) { return Expr::make(Op::And, {std::move(a), std::move(b)}); }
inline Expr operator||(Expr a, Expr b) { return Expr::make(Op::Or, {std::move(a), std::move(b)}); }
inline Expr operator!(Expr a) { return Expr::make(Op::Not, {std::move(a)}); }
inline Expr operator<(Expr a, Expr b) { return Expr::make(Op::Lt, {std::move(a), std::move(b)}); }
inline Expr operator<=(Expr a, Expr b) { return Expr::make(Op::Le, {std::move(a), std::move(b)}); }

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_EXPR_H
