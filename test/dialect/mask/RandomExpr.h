//===- RandomExpr.h - Random masks and their inputs ----------------*- C++ -*-===//
#ifndef ATTN_TEST_DIALECT_MASK_RANDOMEXPR_H
#define ATTN_TEST_DIALECT_MASK_RANDOMEXPR_H

#include "dialect/mask/RangeProgram.h"

#include <random>

namespace attn::mask::test {

/// The value of an environment variable, or `otherwise`.
int64_t setting(const char *name, int64_t otherwise);

/// Makes expressions over b, h, g, k, q, kv_len (also as floats), the parameters window, sink, stride (never 0), and
/// the tensors doc (sorted along keys), limit and start (per query position; start is sorted), keep (per key), bits
/// (per query and key), table (per distance), is_global (per head), parent (of tree nodes).
class RandomExpr {
public:
  explicit RandomExpr(uint64_t seed) : random(seed) {}

  /// A boolean combination of atoms for which range programs promise to be exact.
  Expr exactMask();
  /// Any boolean expression.
  Expr anyMask() { return boolean(3); }
  Expr integer(int depth);
  Expr boolean(int depth);

  /// What is promised of the tensors.
  static std::map<std::string, TensorFacts> facts();
  /// Values for everything but the box; `keys` is kv_len.
  Environment environment(int64_t keys);
  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

private:
  bool chance(int percent) { return between(1, 100) <= percent; }
  Expr combination(int depth, const std::vector<Expr> &atoms);
  Expr uniform();
  Expr divisor();
  Expr affine();
  Expr affineAtom();
  Expr pieceAtom();
  Expr documentAtom();
  Expr caseAtom();
  Expr floatAtom();
  Expr searchAtom();
  Expr residualAtom(const Expr &form);
  Expr leaf();

  std::mt19937_64 random;
};

} // namespace attn::mask::test

#endif // ATTN_TEST_DIALECT_MASK_RANDOMEXPR_H
