//===- PTX.h - The NVIDIA target: tiled kernels to PTX --------------*- C++ -*-===//
//
// tile.kernel -> func/scf/arith/llvm dialects and NVVM intrinsics -> LLVM IR -> PTX text, in process. Every tile.kernel
// becomes one `.entry` whose only parameter holds, by value, the words of runtime/include/attn/KernelABI.h: the header
// and the words of each argument. Addresses in them are device addresses. One thread block runs one task: block i of a
// one-dimensional grid is task i.
//
// Architectures: "sm_80" (cp.async, ldmatrix, mma.sync). Its PTX is forward compatible: every later GPU runs it.
//
// Names: '.' is not allowed in PTX, so `attend.0.prefill` is the entry `attend$0$prefill`.
//
// Thread safety: as of codegen/cpu.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_PTX_H
#define ATTN_CODEGEN_PTX_PTX_H

#include "dialect/tile/Machine.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
}

namespace attn::codegen::ptx {

/// Facts of an architecture; failure (without a message) if there is none of this name.
mlir::FailureOr<tile::Machine> describe(llvm::StringRef arch);

/// What the runtime must know of one compiled kernel.
struct KernelInfo {
  std::string symbol;      ///< of the tile.kernel
  std::string entry;       ///< its name in PTX
  int64_t threads = 0;     ///< of a block
  int64_t sharedBytes = 0; ///< dynamic shared memory of a block
};

/// Lowers kernels, of which there is at least one, to functions in a new module; they are not changed. Null, with an
/// error at the op, if some kernel uses what this target does not have.
mlir::OwningOpRef<mlir::ModuleOp> lowerTileKernels(llvm::ArrayRef<tile::KernelOp> kernels,
                                                   const tile::Machine &machine);

/// The kernels of a module made by lowerTileKernels.
std::vector<KernelInfo> kernelInfos(mlir::ModuleOp lowered);

enum class Output { LLVM, PTX };

/// Compiles a module made by lowerTileKernels, which is consumed, to text. `verify` runs LLVM's verifier. Failure comes
/// with an error at the module.
mlir::FailureOr<std::string> compile(mlir::ModuleOp lowered, const tile::Machine &machine, Output output,
                                     bool verify = true);

/// Adds the dialects and translations that the functions above need.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_PTX_H
