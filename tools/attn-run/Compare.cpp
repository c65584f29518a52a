//===- Compare.cpp - Comparison with the reference -----------------*- C++ -*-===//

#include "tools/attn-run/Compare.h"

#include "attn/attn.h"

#include <cmath>
#include <cstdio>

namespace attn::tool {
namespace {

struct Errors {
  double max = 0, mean = 0;
  int64_t wrongNonFinite = 0;
};

Errors measure(const Array &got, const Array &reference, const std::vector<int64_t> &indices) {
  Errors errors;
  int64_t finite = 0;
  for (int64_t i : indices) {
    double a = got.at(i), b = reference.at(i);
    if (!std::isfinite(b)) {
      errors.wrongNonFinite += std::isnan(b) ? !std::isnan(a) : a != b;
    } else if (!std::isfinite(a)) {
      ++errors.wrongNonFinite;
    } else {
      errors.max = std::max(errors.max, std::fabs(a - b));
      errors.mean += std::fabs(a - b);
      ++finite;
    }
  }
  errors.mean /= finite ? double(finite) : 1;
  return errors;
}

/// 2 * max |(x + 0.3 - 0.3) - x| in the type of `out`: the grain of values of this size.
double grain(int32_t dtype, const Array &reference, const std::vector<int64_t> &indices) {
  Array cell = Array::zeros(dtype, {1});
  auto round = [&](double x) {
    cell.set(0, x);
    return cell.at(0);
  };
  double shift = round(0.3), largest = 0;
  for (int64_t i : indices)
    if (double x = round(reference.at(i)); std::isfinite(x))
      largest = std::max(largest, std::fabs(round(round(x + shift) - shift) - x));
  return 2 * largest;
}

template <typename... Args> std::string format(const char *text, Args... args) {
  char line[256];
  std::snprintf(line, sizeof(line), text, args...);
  return line;
}

std::string nonFinite(int64_t count) {
  return count ? format("; %lld infinite or NaN where the other is not", (long long)count) : "";
}

} // namespace

Verdict compareOut(const Array &out, const Array &reference, const Array &naive, const std::vector<int64_t> &indices,
                   double largestValue) {
  Errors got = measure(out, reference, indices), yardstick = measure(naive, reference, indices);
  double maxBar = 2 * yardstick.max + 4 * 0x1p-23 * largestValue, meanBar = HUGE_VAL;
  if (out.dtype != ATTN_F32) {
    double a = grain(out.dtype, reference, indices);
    maxBar = 2 * yardstick.max + a;
    meanBar = 1.5 * yardstick.mean + a / 16;
  }
  Verdict verdict;
  verdict.within = got.max <= maxBar && got.mean <= meanBar && !got.wrongNonFinite;
  verdict.text = format("max error %.3g (limit %.3g), mean error %.3g", got.max, maxBar, got.mean);
  if (std::isfinite(meanBar))
    verdict.text += format(" (limit %.3g)", meanBar);
  verdict.text += nonFinite(got.wrongNonFinite);
  return verdict;
}

Verdict compareLse(const Array &lse, const Array &reference, const std::vector<int64_t> &indices) {
  Errors got = measure(lse, reference, indices);
  double worst = 0; // error over its bar
  for (int64_t i : indices)
    if (std::isfinite(reference.at(i)) && std::isfinite(lse.at(i)))
      worst =
          std::max(worst, std::fabs(lse.at(i) - reference.at(i)) / (1e-5 * std::fmax(1, std::fabs(reference.at(i)))));
  Verdict verdict;
  verdict.within = worst <= 1 && !got.wrongNonFinite;
  verdict.text = format("max error %.3g, %.2g of its limit", got.max, worst) + nonFinite(got.wrongNonFinite);
  return verdict;
}

} // namespace attn::tool
