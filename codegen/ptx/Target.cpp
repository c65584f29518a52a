//===- Target.cpp - Architectures and their facts --------------------------===//
#include "codegen/ptx/Target.h"

#include "codegen/ptx/PTX.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

#include <mutex>

using namespace attn;
using namespace attn::codegen;

mlir::FailureOr<tile::Machine> ptx::describe(llvm::StringRef arch) {
  if (arch != "sm_80")
    return mlir::failure();
  tile::Machine machine;
  machine.name = arch.str();
  machine.lanes = 1;
  machine.registers = 255;
  machine.tensorCores = true;
  machine.sharedBytes = 99 << 10; // what every GPU from sm_80 on has
  return machine;
}

std::unique_ptr<llvm::TargetMachine> ptx::createTargetMachine(const tile::Machine &machine) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  const char *triple = "nvptx64-nvidia-cuda";
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, machine.name, "+ptx80", options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}
