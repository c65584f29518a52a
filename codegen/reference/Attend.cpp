//===- Attend.cpp - attn.attend in fp64 ------------------------------------===//
//
// For each request, query row and query head: find the kernel maps that may apply, list the visible
// keys with their scores, then weigh their values. Nothing is tiled, skipped or reordered.
//===----------------------------------------------------------------------===//
#include "codegen/reference/Attend.h"
#include "codegen/reference/Attention.h"

#include <cmath>
#include <limits>

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace attn::codegen::reference {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {

/// A key that the row sees.
struct Visible {
  KernelMap *map;
  const double *value; ///< null: zeros
  double score;
  int64_t distance; ///< q - k
};

/// One query row of one head. `point` has its coordinates; the key is that which is looked at.
class Row {
public:
  Row(Attention &attention, const Point &point, const double *query)
      : a(attention), env(attention.env), r(env.rounding()), point(point), query(query) {}

  /// Writes the row of out and lse, which hold 0 and -inf.
  Error compute(double *out, double *lse);

private:
  Expected<std::vector<KernelMap *>> candidates();
  Expected<bool> holds(KernelMap &map, bool overKeys);
  Expected<std::optional<Visible>> look(KernelMap &map);
  Expected<const Cache *> cacheOf(KernelMap &map);
  Expected<double> score(KernelMap &map, const double *key);
  void add(double *out, double weight, const double *value);
  void softmax(const std::vector<Visible> &keys, const Tensor *seed, double *out, double *lse);
  Error linear(const std::vector<Visible> &keys, double *out, double *lse);

  Attention &a;
  const Environment &env;
  Rounding r;
  Point point;
  const double *query;
};

} // namespace

/// Row `row` of head `head` of a tensor of rank 4.
static const double *rowOf(const Tensor &t, int64_t b, int64_t head, int64_t row) {
  return t.values.data() + ((b * t.shape[1] + head) * t.shape[2] + row) * t.shape[3];
}

/// `x` with its pairs of channels rotated by the angle of `position`.
static std::vector<double> rotate(const double *x, int64_t dim, const Rope &rope, int64_t position, const Rounding &r) {
  int64_t half = dim / 2, p = std::clamp<int64_t>(position, 0, rope.cos->shape[0] - 1);
  std::vector<double> result(dim);
  for (int64_t i = 0; i < half; ++i) {
    int64_t first = rope.interleaved ? 2 * i : i, second = rope.interleaved ? 2 * i + 1 : i + half;
    double c = rope.cos->values[p * half + i], s = rope.sin->values[p * half + i];
    result[first] = r.store(r.compute(x[first] * c) - r.compute(x[second] * s));
    result[second] = r.store(r.compute(x[second] * c) + r.compute(x[first] * s));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Kernel maps
//===----------------------------------------------------------------------===//

/// The first class whose rule holds.
static Expected<size_t> classOf(Partition &partition, const Point &point) {
  for (size_t i = 0; i < partition.rules.size(); ++i) {
    auto holds = partition.rules[i].integer(point);
    if (!holds)
      return holds.takeError();
    if (*holds)
      return i;
  }
  return partition.rules.size();
}

/// Whether the classes of `map` hold: those over keys, or the others.
Expected<bool> Row::holds(KernelMap &map, bool overKeys) {
  for (auto [partition, index] : map.classes) {
    if (partition->overKeys != overKeys)
      continue;
    auto actual = classOf(*partition, point);
    if (!actual)
      return actual.takeError();
    if (*actual != index)
      return false;
  }
  return true;
}

/// The kernel maps that some key of the row may have, in order.
Expected<std::vector<KernelMap *>> Row::candidates() {
  std::vector<KernelMap *> result;
  for (KernelMap &map : a.maps) {
    auto applies = holds(map, /*overKeys=*/false);
    if (!applies)
      return applies.takeError();
    if (!*applies)
      continue;
    if (!result.empty() && (map.softmax != result[0]->softmax || map.seed != result[0]->seed))
      return createStringError("the keys of one row have different weights");
    result.push_back(&map);
    if (llvm::none_of(map.classes, [](auto &c) { return c.first->overKeys; }))
      break;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

Expected<const Cache *> Row::cacheOf(KernelMap &map) {
  int64_t index = map.cache;
  if (map.which) {
    auto chosen = map.which->integer(point);
    if (!chosen)
      return chosen.takeError();
    index = *chosen;
  }
  if (index < 0 || index >= int64_t(a.caches.size()))
    return createStringError("there is no cache " + llvm::Twine(index));
  return &a.caches[index];
}

Expected<double> Row::score(KernelMap &map, const double *key) {
  const double *x = query, *y = key;
  std::vector<double> rotatedQuery, rotatedKey;
  if (map.rope) {
    rotatedQuery = rotate(x, a.dim, *map.rope, point[ir::Query], r);
    rotatedKey = rotate(y, a.dim, *map.rope, point[ir::Key], r);
    x = rotatedQuery.data();
    y = rotatedKey.data();
  }
  double dot = 0;
  for (int64_t d = 0; d < a.dim; ++d)
    dot = r.compute(dot + r.compute(x[d] * y[d]));
  double score = r.store(r.store(dot) * ofRequest(a.scale, point[ir::Batch]));
  if (!map.score)
    return score;
  auto changed = map.score->real(point, score);
  return changed ? r.store(*changed) : std::move(changed);
}

/// The key of `point` under its kernel map, or nothing where it is hidden.
Expected<std::optional<Visible>> Row::look(KernelMap &map) {
  int64_t b = point[ir::Batch], g = point[ir::KVHead], k = point[ir::Key];
  auto visible = map.mask.integer(point);
  if (!visible)
    return visible.takeError();
  if (!*visible)
    return std::nullopt;
  auto cache = cacheOf(map);
  if (!cache)
    return cache.takeError();
  auto slot = (*cache)->slot(b, k, env.arguments.kvLen[b]);
  if (!slot)
    return std::nullopt;
  auto result = score(map, rowOf(*(*cache)->keys, b, g, *slot));
  if (!result)
    return result.takeError();
  const double *value = map.zeroValue ? nullptr : rowOf(*(*cache)->values, b, g, *slot);
  return Visible{&map, value, *result, point[ir::Query] - k};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// out += weight * value.
void Row::add(double *out, double weight, const double *value) {
  for (int64_t d = 0; d < a.valueDim; ++d)
    out[d] = r.compute(out[d] + r.compute(weight * value[d]));
}

/// Softmax over the visible keys and the seed, which has no value.
void Row::softmax(const std::vector<Visible> &keys, const Tensor *seed, double *out, double *lse) {
  double m = seed ? seed->values[point[ir::QHead]] : -kInfinity, sum = 0;
  for (const Visible &key : keys)
    m = std::fmax(m, key.score);
  auto weight = [&](double score) { return score == -kInfinity ? 0.0 : r.compute(std::exp(r.compute(score - m))); };
  if (seed)
    sum = weight(seed->values[point[ir::QHead]]);
  for (const Visible &key : keys)
    sum = r.compute(sum + weight(key.score));
  if (sum == 0)
    return;
  for (const Visible &key : keys)
    if (key.value)
      add(out, r.store(weight(key.score) / sum), key.value);
  *lse = r.compute(m + r.compute(std::log(sum)));
}

/// out = sum over visible k of decay^(q - k) * score * value.
Error Row::linear(const std::vector<Visible> &keys, double *out, double *lse) {
  for (const Visible &key : keys) {
    auto decay = key.map->decay->real(point);
    if (!decay)
      return decay.takeError();
    add(out, r.store(r.compute(std::pow(*decay, double(key.distance))) * key.score), key.value);
  }
  *lse = std::numeric_limits<double>::quiet_NaN();
  return Error::success();
}

Error Row::compute(double *out, double *lse) {
  auto possible = candidates();
  if (!possible)
    return possible.takeError();
  if (possible->empty())
    return Error::success();
  std::vector<Visible> keys;
  for (int64_t k = 0; k < a.keys(point[ir::Batch]); ++k) {
    point[ir::Key] = k;
    for (KernelMap *map : *possible) {
      auto applies = holds(*map, /*overKeys=*/true);
      if (!applies)
        return applies.takeError();
      if (!*applies)
        continue;
      auto visible = look(*map);
      if (!visible)
        return visible.takeError();
      if (*visible)
        keys.push_back(**visible);
      break;
    }
  }
  point[ir::Key] = 0;
  const KernelMap &first = *possible->front();
  Error error = Error::success();
  if (first.softmax)
    softmax(keys, first.seed, out, lse);
  else
    error = linear(keys, out, lse);
  for (int64_t d = 0; d < a.valueDim; ++d)
    out[d] = r.store(out[d]);
  return error;
}

Expected<Partial> attend(ir::AttendOp op, const TensorValues &values, const std::vector<int64_t> &qPos,
                         const Arguments &arguments) {
  auto attention = Attention::read(op, values, arguments);
  if (!attention)
    return attention.takeError();
  Attention &a = **attention;
  int64_t batch = a.env.batch, heads = a.env.qHeads;
  size_t count = a.query->values.size() / a.dim;
  Partial result{{{batch, heads, a.rows, a.valueDim}, std::vector<double>(count * a.valueDim, 0.0)},
                 {{batch, heads, a.rows}, std::vector<double>(count, -kInfinity)}};
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < arguments.qLen[b]; ++i)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t g = h / (heads / a.env.kvHeads), index = (b * heads + h) * a.rows + i;
        Row row(a, {b, h, g, arguments.layer, qPos[b] + i, 0}, rowOf(*a.query, b, h, i));
        if (Error error = row.compute(&result.out.values[index * a.valueDim], &result.lse.values[index]))
          return std::move(error);
      }
  return std::move(result);
}

} // namespace attn::codegen::reference
