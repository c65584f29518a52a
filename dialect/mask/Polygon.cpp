//===- Polygon.cpp - Fourier-Motzkin elimination as code ------------------===//
#include "dialect/mask/Polygon.h"

namespace attn::mask {

/// Narrows `interval` by y * Y + c <= 0.
static void narrow(CodeBuilder &code, int64_t y, int c, Interval &interval) {
  int zero = code.constant(0);
  if (y == 0) {
    interval.feasible = code.land(interval.feasible, code.le(c, zero));
  } else if (y > 0) { // Y <= -c // y
    int most = code.floorDiv(code.sub(zero, c), code.constant(y));
    interval.most = interval.most ? code.min(*interval.most, most) : most;
  } else { // Y >= -(-c // -y)
    int quotient = code.floorDiv(code.sub(zero, c), code.constant(-y));
    int least = code.sub(zero, quotient);
    interval.least = interval.least ? code.max(*interval.least, least) : least;
  }
}

/// Of rows with the same coefficients only the tightest matters.
static std::vector<Row> tightest(CodeBuilder &code, const std::vector<Row> &rows) {
  std::vector<Row> result;
  for (const Row &row : rows) {
    bool merged = false;
    for (Row &other : result)
      if (other.x == row.x && other.y == row.y && !(other.isBox && row.isBox)) {
        other.c = code.max(other.c, row.c);
        other.isBox = false;
        merged = true;
        break;
      }
    if (!merged)
      result.push_back(row);
  }
  return result;
}

Interval eliminate(CodeBuilder &code, const std::vector<Row> &rows) {
  Interval interval{std::nullopt, std::nullopt, code.boolean(true)};
  std::vector<Row> all = tightest(code, rows);
  for (const Row &upper : all) {
    if (upper.x == 0)
      narrow(code, upper.y, upper.c, interval);
    if (upper.x <= 0)
      continue;
    for (const Row &lower : all) {
      if (lower.x >= 0 || (upper.isBox && lower.isBox))
        continue;
      // X <= (-y X - c) / x of the one and X >= ... of the other: their combination without X.
      int c = code.add(code.mul(lower.c, code.constant(upper.x)), code.mul(upper.c, code.constant(-lower.x)));
      narrow(code, upper.x * lower.y - lower.x * upper.y, c, interval);
    }
  }
  return interval;
}

} // namespace attn::mask
