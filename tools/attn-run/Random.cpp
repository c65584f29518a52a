//===- Random.cpp - Made-up arguments -------------------------------*- C++ -*-===//

#include "tools/attn-run/Random.h"

#include "attn/attn.h"

#include <algorithm>
#include <cmath>

namespace attn::tool {

double Random::uniform() { return (double(generator() >> 11) + 0.5) * 0x1p-53; }

double Random::normal() {
  double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

Array Random::operand(int32_t dtype, int32_t domain, const std::vector<int64_t> &shape, int64_t keys) {
  Array array = Array::zeros(dtype, shape);
  bool isFloat = dtype == ATTN_F32 || dtype == ATTN_F16 || dtype == ATTN_BF16;
  int64_t last = shape.empty() ? 1 : shape.back();
  int64_t highest = dtype == ATTN_I8 ? 127 : std::max<int64_t>(keys, 1);
  double sorted = 0;
  for (int64_t i = 0; i < array.size(); ++i) {
    double draw = uniform();
    if (domain == ATTN_DOMAIN_SORTED) {
      sorted = (i % last ? sorted : 0) + (draw < 0.05 && sorted < 127 ? 1 : 0);
      array.set(i, sorted);
    } else if (domain == ATTN_DOMAIN_BOOLEAN || dtype == ATTN_BOOL) {
      array.set(i, draw < 0.5);
    } else {
      array.set(i, isFloat ? draw : std::floor(draw * double(highest)));
    }
  }
  return array;
}

} // namespace attn::tool
