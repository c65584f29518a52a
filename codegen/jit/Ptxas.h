//===- Ptxas.h - NVIDIA's assembler ---------------------------------*- C++ -*-===//
//
// PTX to machine code ahead of time, where the CUDA toolkit is installed: the program ptxas, found in $CUDA_HOME/bin,
// in $PATH and in /usr/local/cuda/bin. Whole programs only: code compiled to be linked loses registers.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_PTXAS_H
#define ATTN_CODEGEN_JIT_PTXAS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace attn::codegen {

struct Assembled {
  std::string cubin;  ///< empty on failure
  std::string report; ///< "168 registers, 0 bytes stack frame, 0 bytes spill stores, ..."; on failure one error line
};

/// Thread-safe.
Assembled assemble(llvm::StringRef ptx, llvm::StringRef arch);

/// Version of ptxas ("13.0.88"), or what is wrong with it as an error line, in which case `found` is false. Found once
/// per process.
const std::string &ptxasVersion(bool &found);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_PTXAS_H
