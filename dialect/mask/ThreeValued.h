//===- ThreeValued.h - Expressions over intervals as code ----------*- C++ -*-===//
//
// Emits code for an expression whose varying symbols range over intervals: an interval that holds every value it takes,
// or for a boolean one whether it may be and whether it must be true.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_THREEVALUED_H
#define ATTN_DIALECT_MASK_THREEVALUED_H

#include "dialect/mask/CodeBuilder.h"

namespace attn::mask {

/// A varying symbol: lo <= value <= hi. Where `modulus` is given, all its values have one remainder by it.
struct Varying {
  int lo, hi;
  Expr modulus;
};

class ThreeValued {
public:
  struct Truth {
    int may, must; ///< B
  };

  /// Symbols without an entry in `varying` are fixed.
  ThreeValued(CodeBuilder &code, const Facts &facts, std::map<std::string, Varying> varying)
      : code(code), facts(facts), varying(std::move(varying)) {}
  Truth truth(const Expr &e);

private:
  /// An absent bound is infinite.
  struct Range {
    std::optional<int> lo, hi;
    bool isSingle() const { return lo && lo == hi; }
  };
  Range range(const Expr &e);
  Range product(const Range &a, const Range &b);
  Range quotient(const Expr &e);
  Range remainder(const Expr &e);
  Range choice(const Expr &e);
  Truth comparison(const Expr &e);
  bool varies(const Expr &e) const;
  bool hasOneRemainder(const Expr &e, const Expr &modulus) const;

  CodeBuilder &code;
  const Facts &facts;
  std::map<std::string, Varying> varying;
};

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_THREEVALUED_H
