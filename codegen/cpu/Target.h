//===- Target.h - LLVM's view of an ISA -----------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_CPU_TARGET_H
#define ATTN_CODEGEN_CPU_TARGET_H

#include "dialect/tile/Machine.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace attn::codegen::cpu {

/// A target machine for position-independent ELF code of the ISA; null if LLVM was built without the target.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const tile::Machine &machine);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_TARGET_H
