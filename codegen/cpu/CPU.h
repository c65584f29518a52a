//===- CPU.h - The CPU target: tiled kernels to object code ---------*- C++ -*-===//
//
// tile.kernel -> func/scf/arith/vector/llvm dialects -> LLVM IR -> relocatable ELF object, in process. Every
// tile.kernel becomes one exported function with the calling convention of runtime/include/attn/KernelABI.h.
//
// ISAs: "x86-64-v4-bf16" (AVX-512 with AVX512_BF16), "x86-64-v4" (AVX-512), "x86-64-v3" (AVX2, FMA, F16C), "generic"
// (x86-64 with SSE2), and "host", the best of these that this machine runs. Objects have no external symbols, no
// constructors and only PC-relative relocations.
//
// Thread safety: functions may run concurrently on modules of different contexts, and on kernels of one context if it
// has multithreading enabled and all dialects of registerDialects loaded.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_CPU_H
#define ATTN_CODEGEN_CPU_CPU_H

#include "dialect/tile/Machine.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
}

namespace attn::codegen::cpu {

/// The best ISA this machine runs.
std::string hostIsa();

/// Facts of an ISA; failure (without a message) if there is none of this name.
mlir::FailureOr<tile::Machine> describe(llvm::StringRef isa);

/// What the runtime must know of one compiled kernel.
struct KernelInfo {
  std::string symbol;
  int64_t scratchBytes = 0;
};

/// Lowers kernels, of which there is at least one, to functions in a new module; they are not changed. Each exported function
/// carries `attn.scratch`, the bytes of scratch memory that it needs. Null, with an error at the op, if some kernel
/// uses what this target does not have.
mlir::OwningOpRef<mlir::ModuleOp> lowerTileKernels(llvm::ArrayRef<tile::KernelOp> kernels,
                                                   const tile::Machine &machine);
/// The same for every tile.kernel of `source`.
mlir::OwningOpRef<mlir::ModuleOp> lowerTileKernels(mlir::ModuleOp source, const tile::Machine &machine);

/// The exported kernels of a module made by lowerTileKernels.
std::vector<KernelInfo> kernelInfos(mlir::ModuleOp lowered);

enum class Output { LLVM, Assembly, Object };

/// Compiles a module made by lowerTileKernels, which is consumed (turned into the LLVM dialect). Object gives the bytes
/// of an ELF file, the others text. `verify` runs LLVM's verifier. Failure comes with an error at the module.
mlir::FailureOr<std::string> compile(mlir::ModuleOp lowered, const tile::Machine &machine, Output output,
                                     bool verify = true);

/// Adds the dialects and translations that the functions above need.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers --attn-tile-to-cpu with the pass registry.
void registerPasses();

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_CPU_H
