//===- Cases.h - Masks whose loops must be exact -------------------*- C++ -*-===//
#ifndef ATTN_TEST_EXACTNESS_CASES_H
#define ATTN_TEST_EXACTNESS_CASES_H

#include "test/exactness/Loops.h"

namespace attn::exactness {

struct Case {
  const char *name;
  std::string spec;
  int64_t heads = 1, group = 1;
  /// Sets the operands of a call with its lengths; empty: random values as declared.
  std::function<void(mask::Environment &operands, int64_t keys)> fill;
};

/// The masks of the systems and libraries of the field.
const std::vector<Case> &cases();

/// A call of `queries` (the last ones) and `keys` with the operands of `test`.
Call makeCall(const Case &test, const Compiled &pattern, int64_t queries, int64_t keys);

} // namespace attn::exactness

#endif // ATTN_TEST_EXACTNESS_CASES_H
