//===- Attend.h - attn.attend, attn.merge and attn.gated_sum in fp64 -*- C++ -*-===//
#ifndef ATTN_CODEGEN_REFERENCE_ATTEND_H
#define ATTN_CODEGEN_REFERENCE_ATTEND_H

#include "codegen/reference/Interpreter.h"
#include "dialect/attn/AttnDialect.h"

namespace attn::codegen::reference {

/// The two results of attention.
struct Partial {
  Tensor out; ///< [batch, q_heads, rows, value dim]
  Tensor lse; ///< [batch, q_heads, rows]
};

/// The value of every tensor that the entry point has computed so far.
using TensorValues = llvm::DenseMap<mlir::Value, const Tensor *>;

/// Checks the operands' shapes and computes every row. `qPos` is the position of query row 0 of
/// each request.
llvm::Expected<Partial> attend(ir::AttendOp op, const TensorValues &values, const std::vector<int64_t> &qPos,
                               const Arguments &arguments);

llvm::Expected<Partial> merge(ir::MergeOp op, const TensorValues &values, const Rounding &rounding);

/// The sum is `out`; there is no lse. Heads and requests are those of the arguments.
llvm::Expected<Partial> gatedSum(ir::GatedSumOp op, const TensorValues &values, const std::vector<int64_t> &qPos,
                                 const Arguments &arguments);

} // namespace attn::codegen::reference

#endif // ATTN_CODEGEN_REFERENCE_ATTEND_H
