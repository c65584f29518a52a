//===- Manifest.h - The manifest of an artifact ---------------------*- C++ -*-===//
//
// What the runtime must know of compiled code: signature, parameters, launch schedule, scratch sizes, code blobs. The
// format is described in docs/artifact.md and read by runtime/artifact.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_MANIFEST_H
#define ATTN_CODEGEN_JIT_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace attn::codegen {

/// A kernel and its code.
struct CompiledKernel {
  std::string symbol;
  std::string isa;
  std::string code; ///< ELF relocatable, or PTX
  int64_t scratchBytes = 0;
  // Of GPU code.
  std::string entry; ///< its name in PTX; empty: CPU code
  int64_t threads = 0, sharedBytes = 0;
  std::vector<std::pair<std::string, std::string>> cubins; ///< architecture and machine code
  std::string report; ///< what ptxas says: an error if there is no code, else one line for each of them
};

/// One (variant, ISA) of every entry point.
struct CompiledVariant {
  std::string dtype;
  int64_t keyDim = 0, valueDim = 0;
  std::string isa;
  llvm::json::Object entries; ///< entry name -> its `steps`
};

/// Name, positions, params, operands, caches and entries (without variants) of the one pattern of `module`, an imported
/// spec before any pass.
llvm::json::Object describePattern(mlir::ModuleOp module);

/// The `steps` of every entry of a tiled module. `kernels` are those of the module; the code of kernel i is blob
/// `firstCode` + i, cubins are the blobs from `firstCubin` on, in the order of the kernels.
llvm::json::Object describeSchedules(mlir::ModuleOp tiled, llvm::ArrayRef<CompiledKernel> kernels, int64_t firstCode,
                                     int64_t firstCubin);

/// The artifact file of `variants` of the entries of `pattern`; kernel i gives blob i, cubins give the blobs after
/// them. `spec` is the normalised spec, kept as text: the order of its keys has a meaning, and 50.0 is not 50.
std::string writeArtifact(llvm::json::Object pattern, llvm::StringRef spec, std::vector<CompiledVariant> variants,
                          std::vector<CompiledKernel> kernels);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_MANIFEST_H
