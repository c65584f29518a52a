//===- Interpreter.h - fp64 interpreter of attn IR -----------------*- C++ -*-===//
//
// The arbiter of what is right: slow and obvious, one query row at a time, every key position in
// turn, in fp64. It walks the operations of the regions itself and shares no code with the
// lowering.
//
// What AttnOps.td leaves open is settled here:
//  * the kernel maps that may apply to one row must all be softmax with the same seed, or all be
//  linear; one softmax
//    then runs over the keys of all of them;
//  * the lse of a row with a linear weight is NaN: it has none;
//  * a key with score -inf has weight 0; a row whose weights are all 0 has out = 0 and lse = -inf;
//  * the score of a hidden pair is not computed, so a zero divisor there is no error.
//
// Contract: the module is verified, the arguments are untrusted. Whatever is missing, misshapen,
// unsupported or divides by zero is an error that names the argument or operation. No state is
// kept; calls may run concurrently on a context that nobody changes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_REFERENCE_INTERPRETER_H
#define ATTN_CODEGEN_REFERENCE_INTERPRETER_H

#include "codegen/reference/Precision.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace attn::codegen::reference {

/// A dense row-major array.
template <typename T> struct Array {
  std::vector<int64_t> shape;
  std::vector<T> values;
};
using Tensor = Array<double>;
using IntTensor = Array<int64_t>;

/// The run-time values of one call.
struct Arguments {
  /// Query rows and keys of each request; their number is the batch size.
  std::vector<int64_t> qLen, kvLen;
  /// Position of query row 0 of each request: exactly for patterns with positions(tensor).
  std::vector<int64_t> qPos;
  int64_t layer = 0;
  Precision precision = Precision::F64;
  /// The entry point's arguments by attn.name, `[batch, head, row, dim]`. Rows from a request's
  /// length on are not looked at. Tensors of a cache with layout sink_ring are given by slot.
  std::map<std::string, Tensor> tensors;
  /// Operands with integer or i1 elements, and operands with float elements. One that is not given holds the values
  /// of its declaration.
  std::map<std::string, IntTensor> intOperands;
  std::map<std::string, Tensor> floatOperands;
  /// Parameters that differ from their defaults: one value, or one per request.
  std::map<std::string, std::vector<int64_t>> intParams;
  std::map<std::string, std::vector<double>> floatParams;
};

using Results = std::map<std::string, Tensor>;

/// Runs entry point `entry` of the module's only attn.pattern. Gives the entry point's results by
/// attn.name; rows from a request's q_len on are 0 (out) and -inf (lse).
llvm::Expected<Results> run(mlir::ModuleOp module, llvm::StringRef entry, Arguments arguments);

} // namespace attn::codegen::reference

#endif // ATTN_CODEGEN_REFERENCE_INTERPRETER_H
