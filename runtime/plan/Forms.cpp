//===- Forms.cpp - Which tile form a step runs ---------------------*- C++ -*-===//

#include "runtime/plan/Forms.h"

#include <algorithm>
#include <cmath>

namespace attn::rt {
namespace {

/// Cost of a tile besides its rows, in rows: walking the keys and reading K and V once.
constexpr double kTileCost = 16;

/// Logical rows that a request has for one head of tasks.
int64_t logicalRows(const Form &form, const Call &call, const attn_request &r) {
  return form.pack ? r.q_len * call.group() : r.q_len; // < 2^31 * 2^20
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The value of a literal or of a param for request `b`. Params that are sizes are positive (bindParams).
int64_t valueOf(const Size &size, size_t b, const std::vector<ParamValues> &params) {
  if (size.kind == Size::Literal)
    return size.literal;
  const ParamValues &param = params[size_t(size.param)];
  return std::max<int64_t>(param.ints[param.perRequest ? b : 0], 1);
}

} // namespace

int64_t taskHeads(const Form &form, const Call &call) { return form.pack ? call.kvHeads : call.qHeads; }

int64_t rowTiles(const Form &form, const Call &call, size_t b, const std::vector<ParamValues> &params) {
  const attn_request &r = call.requests[b];
  if (form.grid.empty())
    return ceilDiv(logicalRows(form, call, r), form.rows);
  // As mask::emitBox counts (dialect/mask/TokenGrid.h). Sizes are below 2^31: the product of two fits.
  int64_t slab = 1;
  for (size_t i = 1; i < form.grid.size(); ++i)
    slab *= valueOf(form.grid[i].size, b, params);
  int64_t start = r.q_pos % slab;
  int64_t end = (start < 0 ? start + slab : start) + r.q_len; // from the start of the first slab
  int64_t stride = 1, tiles = 1;
  for (size_t i = form.grid.size(); i-- > 0;) {
    int64_t extent = end / stride + (end % stride != 0);
    if (i > 0) {
      int64_t size = valueOf(form.grid[i].size, b, params);
      extent = std::min(extent, size);
      stride *= size;
    }
    int64_t step = std::max<int64_t>(std::min(valueOf(form.grid[i].dilation, b, params), extent), 1);
    tiles *= ceilDiv(ceilDiv(extent, step), form.grid[i].rows) * step;
  }
  return tiles;
}

const Form *chooseForm(const std::vector<Form> &forms, const Call &call, const std::vector<ParamValues> &params) {
  bool square = std::all_of(call.requests.begin(), call.requests.end(),
                            [](const attn_request &r) { return r.q_len == r.kv_len; });
  const Form *best = nullptr;
  double bestCost = HUGE_VAL;
  for (const Form &form : forms) {
    if (form.scan && !square)
      continue;
    double cost = 0;
    for (size_t b = 0; b < call.requests.size(); ++b)
      cost += double(rowTiles(form, call, b, params));
    cost *= (double(form.rows) + kTileCost) * double(taskHeads(form, call));
    if (cost < bestCost) {
      best = &form;
      bestCost = cost;
    }
  }
  return best;
}

} // namespace attn::rt
