//===- RowMask.h - A mask evaluated a row of keys at a time --------*- C++ -*-===//
//
// The oracle of the exactness tests: computes what a query sees operator by operator over arrays of keys. Shares
// nothing with the range programs; RowMaskTest compares it with mask::evaluate.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_EXACTNESS_ROWMASK_H
#define ATTN_TEST_EXACTNESS_ROWMASK_H

#include "dialect/mask/Evaluate.h"
#include "dialect/mask/Linear.h"

namespace attn::exactness {

class RowMask {
public:
  /// `environment` holds every symbol of `mask` but q, k and h, and its tensors.
  RowMask(mask::Expr mask, mask::Environment environment)
      : mask(std::move(mask)), env(std::move(environment)), keys(env.values.at("kv_len")) {}

  /// visible[i] for the keys first + i, i < count.
  void row(int64_t q, int64_t h, int64_t first, int64_t count, uint8_t *visible);
  /// Not empty after a row without a value: a zero divisor.
  const std::string &error() const { return problem; }

private:
  using Numbers = std::vector<double>;
  using Integers = std::vector<int64_t>;
  struct Column {
    bool isUniform = false;
    int64_t integer = 0;
    double real = 0;
    Integers integers; ///< of Bool and Int, unless uniform
    Numbers reals;
  };
  Column column(const mask::Expr &e);
  Column compute(const mask::Expr &e);
  Column element(const mask::Expr &e);
  Column search(const mask::Expr &e);
  Column spread(Column column, bool isReal) const;
  template <typename F> Column zip(const mask::Expr &e, F f);
  const mask::Environment::Tensor &tensor(const mask::Expr &e) const { return env.tensors.at(e.name()); }
  int64_t offset(const mask::Environment::Tensor &t, const std::vector<Column> &indices, int64_t i) const;

  mask::Expr mask;
  mask::Environment env;
  int64_t keys, first = 0, count = 0;
  std::map<mask::Expr, Column, mask::ExprLess> ofKeys; ///< what sees no query, over all keys
  std::string problem;
};

} // namespace attn::exactness

#endif // ATTN_TEST_EXACTNESS_ROWMASK_H
