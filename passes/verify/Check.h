//===- Check.h - What is proved of a pattern and its kernels -------*- C++ -*-===//
//
// Text for `attn-compile --check`, derived from the IR: of the partitions and launches, that every pair of query and
// key is computed exactly once; of the reads of tensors in expressions, which indices are in range by themselves and
// which are because reads clamp them.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_VERIFY_CHECK_H
#define ATTN_PASSES_VERIFY_CHECK_H

#include "dialect/mask/CodeBuilder.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace attn::passes {

struct CheckReport {
  std::string text;
  std::vector<std::string> errors; ///< counterexamples; what is only not proved is a line of the text
};

/// The classes of every partition of a module in the attn dialect: each element of the axis is in exactly one.
CheckReport checkPartitions(mlir::ModuleOp module);

/// What the attends of a module in the attn dialect make visible.
class VisiblePairs {
public:
  /// Reads the module; it may change or go afterwards. On failure an error has been emitted.
  mlir::LogicalResult read(mlir::ModuleOp module);
  /// That the kernels of `tiled` compute every pair that is visible here exactly once: per entry, branch and cache of
  /// slots. `launches` are the attends that they were made of, one launch each.
  CheckReport checkLaunches(mlir::ModuleOp tiled, const VisiblePairs &launches) const;

private:
  struct Attend {
    std::string name; ///< that of its launch
    mask::Expr visible;
  };
  std::map<std::string, std::vector<Attend>> groups; ///< by what they compute, in words
  mask::Facts facts;
  mask::Environment defaults;
};

/// Every read of a tensor by an index in the kernels of a tiled module: `in range: proved from ...`, or `clamped`.
CheckReport checkReads(mlir::ModuleOp tiled);

} // namespace attn::passes

#endif // ATTN_PASSES_VERIFY_CHECK_H
