//===- Region.h - One conjunction as a region of the (q, k) plane --*- C++ -*-===//
//
// Sorts the literals of a conjunction into what the code can do with them. On a piece of queries
// (where the parts in `pieces` are constant) the region is a polygon cut by intervals of keys and by residuals:
//
//  * guards: booleans that are constant on the piece;
//  * bounds: q * Q + k * K + rest <= 0, eliminated by Fourier-Motzkin;
//  * searches: predicates monotone in k, whose boundary is found by bisection;
//  * residuals: predicates of q and k through one direction x = q * Q + k * K, tested on the values
//  x takes in the tile;
//  * pairs: predicates without such structure, tested on one pair after the other.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_REGION_H
#define ATTN_DIALECT_MASK_REGION_H

#include "dialect/mask/Dnf.h"

namespace attn::mask {

struct Bound {
  int64_t q, k;
  Expr rest;
};

struct Search {
  Expr predicate;
  bool rises; ///< false for small keys and true for large ones, or the other way round
};

/// For all kinds but Predicate the argument is factor * x + offset.
struct Residual {
  enum Kind : uint8_t { Remainder, PowerOfTwo, NotPowerOfTwo, Predicate } kind;
  int64_t factor = 0;
  Expr offset;
  Expr modulus, least,
      most;       ///< Remainder: least <= argument % modulus <= most; least or most may be absent
  Expr predicate; ///< Predicate
};

struct Region {
  ExprSet pieces; ///< parts over q that must be constant; the symbol q makes every piece one query
  std::vector<Expr> guards;
  std::vector<Bound> bounds;
  std::vector<Search> searches;
  std::map<Direction, std::vector<Residual>> residuals; ///< at most one direction, (0, 1) or (1, K); none beside pairs
  std::vector<Expr> pairs;
  bool exact = true; ///< false if a literal was left out; the region is then too large

  bool isSingleQuery() const { return pieces.count(Expr::symbol("q")) != 0; }
};

Region regionOf(const Conjunction &literals, const Facts &facts);
/// The region of all pairs for which `e` holds, found pair by pair.
Region pairsOf(const Expr &e);

/// True if the residuals of one direction have a closed form; else the values of x are tried one by one.
bool isClosedForm(const std::vector<Residual> &residuals);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_REGION_H
