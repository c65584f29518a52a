//===- Manifest.h - The manifest of an artifact ---------------------*- C++ -*-===//
//
// What the runtime must know of compiled code: signature, parameters, launch schedule, scratch sizes, code blobs. The
// format is described in docs/artifact.md and read by runtime/artifact.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_MANIFEST_H
#define ATTN_CODEGEN_JIT_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <map>
#include <string>
#include <vector>

namespace attn::codegen {

/// One compiled (variant, ISA) of every entry point.
struct CompiledUnit {
  std::string dtype;
  int64_t keyDim = 0, valueDim = 0;
  std::string isa;
  std::string object;         ///< ELF relocatable
  llvm::json::Object entries; ///< entry name -> its `steps`
};

/// Name, positions, params, operands, caches and entries (without variants) of the one pattern of `module`, an imported
/// spec before any pass.
llvm::json::Object describePattern(mlir::ModuleOp module);

/// The `steps` of every entry of a tiled module. `scratch` gives the scratch bytes of each kernel symbol.
llvm::json::Object describeSchedules(mlir::ModuleOp tiled, const std::map<std::string, int64_t> &scratch);

/// The artifact file of the units, which become the variants of the entries of `pattern`. `spec` is the normalised spec,
/// kept as text: the order of its keys has a meaning, and 50.0 is not 50.
std::string writeArtifact(llvm::json::Object pattern, llvm::StringRef spec, std::vector<CompiledUnit> units);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_MANIFEST_H
