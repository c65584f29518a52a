//===- ReferenceCall.h - A call of the C ABI for the reference -----*- C++ -*-===//
//
// Strided, ragged and head-mapped tensors of any element type become the dense fp64 arrays of the interpreter, and its
// results go back. Only memory inside the stated shapes is read or written.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_REFERENCECALL_H
#define ATTN_CODEGEN_JIT_REFERENCECALL_H

#include "codegen/reference/Interpreter.h"
#include "dialect/attn/AttnDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/plan/Call.h"

namespace attn::codegen {

/// The arguments of `entry` in the call. Rows and heads that a tensor does not hold read as NaN. Parameters are rounded
/// to float, as kernels get them.
rt::Status readArguments(ir::PatternOp pattern, mlir::func::FuncOp entry, const rt::Call &call,
                         reference::Arguments &arguments);

/// Checks that the outputs of the call are results of `entry` with the right shapes and float types.
rt::Status checkOutputs(mlir::func::FuncOp entry, const rt::Call &call);

/// Writes the rows of every request to the outputs that the call has; those are checked.
void writeResults(mlir::func::FuncOp entry, const reference::Results &results, const rt::Call &call);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_REFERENCECALL_H
