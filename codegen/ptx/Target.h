//===- Target.h - LLVM's view of a GPU ------------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_PTX_TARGET_H
#define ATTN_CODEGEN_PTX_TARGET_H

#include "dialect/tile/Machine.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace attn::codegen::ptx {

/// Null if LLVM was built without the NVPTX target. `machine` is one of describe(): LLVM aborts on other names.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const tile::Machine &machine);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_TARGET_H
