//===- Polygon.h - Fourier-Motzkin elimination as code -------------*- C++ -*-===//
//
// Rows x * X + y * Y + c <= 0 with constant coefficients and run-time c. Eliminating X gives the interval of Y.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_POLYGON_H
#define ATTN_DIALECT_MASK_POLYGON_H

#include "dialect/mask/CodeBuilder.h"

namespace attn::mask {

struct Row {
  int64_t x, y;
  int c;              ///< value id
  bool isBox = false; ///< bounds of X that are known not to contradict each other
};

/// The integers Y for which some integer X satisfies all rows: least <= Y <= most, none if not
/// `feasible`. An absent bound is infinite. Exact if of two rows with opposite signs of x one has a unit.
struct Interval {
  std::optional<int> least, most;
  int feasible;
};
Interval eliminate(CodeBuilder &code, const std::vector<Row> &rows);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_POLYGON_H
