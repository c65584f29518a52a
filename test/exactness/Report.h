//===- Report.h - docs/exactness.md --------------------------------*- C++ -*-===//
#ifndef ATTN_TEST_EXACTNESS_REPORT_H
#define ATTN_TEST_EXACTNESS_REPORT_H

#include "test/exactness/Cases.h"

namespace attn::exactness {

constexpr int64_t millionKeys = 1 << 20;
constexpr int64_t millionRows = 16; ///< of a row tile
constexpr int millionTiles = 20;

/// A line of a table: `length` queries and keys, all row tiles or `rowTiles` random ones.
std::string rowOf(const Case &test, int64_t length, int rowTiles);

} // namespace attn::exactness

#endif // ATTN_TEST_EXACTNESS_REPORT_H
