//===- Merge.cpp - attn.merge in fp64 --------------------------------------===//
#include "codegen/reference/Attend.h"

#include <cmath>
#include <limits>

using namespace mlir;
using llvm::createStringError;
using llvm::Expected;

namespace attn::codegen::reference {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

Expected<Partial> merge(ir::MergeOp op, const TensorValues &values, const Rounding &r) {
  std::vector<const Tensor *> outs, lses; // of the first lses; the values of the others are zero
  for (Value value : op.getOuts())
    outs.push_back(values.lookup(value));
  for (Value value : op.getLses())
    lses.push_back(values.lookup(value));
  int64_t dim = cast<RankedTensorType>(op.getOut().getType()).getShape().back();
  std::vector<int64_t> shape = lses[0]->shape;
  shape.push_back(dim);
  auto differs = [](const std::vector<int64_t> &shape) {
    return [&](const Tensor *tensor) { return tensor->shape != shape; };
  };
  if (llvm::any_of(outs, differs(shape)) || llvm::any_of(lses, differs(lses[0]->shape)))
    return createStringError("expected one lse per row of each out, and equal shapes");

  Partial result{{shape, std::vector<double>(lses[0]->values.size() * dim, 0.0)},
                 {lses[0]->shape, std::vector<double>(lses[0]->values.size(), -kInfinity)}};
  for (size_t row = 0; row < lses[0]->values.size(); ++row) {
    double m = -kInfinity, sum = 0;
    for (const Tensor *lse : lses)
      m = std::fmax(m, lse->values[row]);
    auto weight = [&](double lse) { return lse == -kInfinity ? 0.0 : r.compute(std::exp(r.compute(lse - m))); };
    for (const Tensor *lse : lses)
      sum = r.compute(sum + weight(lse->values[row]));
    if (sum == 0)
      continue;
    result.lse.values[row] = r.compute(m + r.compute(std::log(sum)));
    for (int64_t d = 0; d < dim; ++d) {
      double value = 0;
      for (size_t i = 0; i < outs.size(); ++i)
        if (double w = weight(lses[i]->values[row]); w != 0)
          value = r.compute(value + r.compute(r.compute(w / sum) * outs[i]->values[row * dim + d]));
      result.out.values[row * dim + d] = r.store(value);
    }
  }
  return std::move(result);
}

} // namespace attn::codegen::reference
