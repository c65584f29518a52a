//===- Impossible.h - Proofs that a condition never holds ----------*- C++ -*-===//
//
// A refutation by cases: the condition is opened at its `or`s, and in each case the literals are compared with each
// other and, as far as they are linear, refuted by Fourier-Motzkin elimination over the reals. What is not linear is an
// unknown of which a few laws are known: remainders lie below their divisor, quotients and sorted tensors rise with
// their argument. Holds for all values of the symbols and tensors.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_IMPOSSIBLE_H
#define ATTN_DIALECT_MASK_IMPOSSIBLE_H

#include "dialect/mask/CodeBuilder.h"

namespace attn::mask {

/// True if it is proved that no values make `condition` (Bool) true; false if they may. Bounded in time: beyond a fixed
/// number of cases the answer is false.
bool isImpossible(const Expr &condition, const Facts &facts);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_IMPOSSIBLE_H
