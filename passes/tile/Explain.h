//===- Explain.h - How a pattern is compiled, in words -------------*- C++ -*-===//
//
// Text for `attn-compile --explain`: per kernel of a tiled module the mask, the range program, the tiles that a call
// visits, work, memory traffic and the reason for the tile sizes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_TILE_EXPLAIN_H
#define ATTN_PASSES_TILE_EXPLAIN_H

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace attn::passes {

/// The call that is counted. Kernels that pack the heads of a group (decode) get one query, the others `qLen`. Lengths
/// of 0 stand for the tokens of the pattern's grid, or 4096 without one.
struct ExplainCall {
  int64_t qLen = 0, kvLen = 0;
  int64_t qHeads = 1, kvHeads = 1;
  std::map<std::string, int64_t> params; ///< integer parameters that differ from their defaults
};

/// Explains a tiled module. Operands are not known here: a mask that reads one is counted with zeros, and the text says
/// so.
std::string explain(mlir::ModuleOp tiled, const ExplainCall &call = {});

} // namespace attn::passes

#endif // ATTN_PASSES_TILE_EXPLAIN_H
