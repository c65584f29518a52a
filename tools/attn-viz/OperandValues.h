//===- OperandValues.h - The values of an operand -------------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_VIZ_OPERANDVALUES_H
#define ATTN_TOOLS_ATTN_VIZ_OPERANDVALUES_H

#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Pattern.h"
#include "tools/attn-run/Random.h"

namespace attn::viz {

/// Fills `tensor` with values of the operand `declared`, whose sizes are `shape`: those of a file (`doc.npy`), of a
/// list
/// (`0, 1*10, 3..8` is 0, ten times 1, and 3 to 7), or where `given` is empty made up within its domain; `keys` is the
/// number of keys. Returns an empty string, or what is wrong.
std::string operandValues(const spec::Operand &declared, const std::vector<int64_t> &shape, const std::string &given,
                          tool::Random &random, int64_t keys, mask::Environment::Tensor &tensor);

/// The values that the pattern itself has for an operand, which must have some.
mask::Environment::Tensor ownValues(const spec::Operand &declared);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_OPERANDVALUES_H
