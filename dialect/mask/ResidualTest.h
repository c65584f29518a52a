//===- ResidualTest.h - Is there a member in a range of values -----*- C++ -*-===//
//
// Code that asks whether some integer x in [first, last] satisfies residuals (Region.h) of one direction.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_RESIDUALTEST_H
#define ATTN_DIALECT_MASK_RESIDUALTEST_H

#include "dialect/mask/Region.h"

namespace attn::mask {

/// B: some x in [first, last] satisfies all of `residuals`; false if first > last. `bindings` bind
/// q to the piece's first query (and h). Remainders and powers of two in closed form, else one x after the other.
int existsMember(CodeBuilder &code, Direction direction, const std::vector<Residual> &residuals, int first, int last,
                 const Facts &facts, const Bindings &bindings);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_RESIDUALTEST_H
