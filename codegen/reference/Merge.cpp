//===- Merge.cpp - attn.merge and attn.gated_sum in fp64 --------------------===//
#include "codegen/reference/Attend.h"
#include "codegen/reference/Expression.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

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

Expected<Partial> gatedSum(ir::GatedSumOp op, const TensorValues &values, const std::vector<int64_t> &qPos,
                           const Arguments &arguments) {
  const std::vector<int64_t> &shape = values.lookup(op.getOuts()[0])->shape;
  Environment env{op->getParentOfType<ir::PatternOp>(), arguments, shape[0], shape[1], 0};
  auto entry = op->getParentOfType<func::FuncOp>();
  for (BlockArgument argument : entry.getArguments())
    if (auto role = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.role"); role && role == "key")
      env.kvHeads = values.lookup(argument)->shape[1];
  if (env.kvHeads < 1 || env.qHeads % env.kvHeads != 0)
    return createStringError("expected an argument with the attn.role \"key\" whose heads divide the query's");
  Rounding r = env.rounding();
  Partial result{{shape, std::vector<double>(values.lookup(op.getOuts()[0])->values.size(), 0.0)}, {}};
  for (auto [value, region] : llvm::zip_equal(op.getOuts(), op.getGates())) {
    const Tensor &out = *values.lookup(value);
    if (out.shape != shape)
      return createStringError("the outs have different shapes");
    auto gate = Expression::decode(region, env);
    if (!gate)
      return gate.takeError();
    for (int64_t b = 0; b < shape[0]; ++b)
      for (int64_t h = 0; h < shape[1]; ++h)
        for (int64_t i = 0; i < arguments.qLen[b]; ++i) {
          auto weight = gate->real({b, h, h / (shape[1] / env.kvHeads), arguments.layer, qPos[b] + i, 0});
          if (!weight)
            return weight.takeError();
          int64_t row = ((b * shape[1] + h) * shape[2] + i) * shape[3];
          for (int64_t d = row; d < row + shape[3]; ++d)
            result.out.values[d] = r.compute(result.out.values[d] + r.compute(*weight * out.values[d]));
        }
  }
  for (double &x : result.out.values)
    x = r.store(x);
  return std::move(result);
}

} // namespace attn::codegen::reference
