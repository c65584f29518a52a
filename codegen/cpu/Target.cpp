//===- Target.cpp - ISAs and their facts -----------------------------------===//
#include "codegen/cpu/Target.h"

#include "codegen/cpu/CPU.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace attn;
using namespace attn::codegen;

static const tile::Machine kMachines[] = {
    // name, lanes, registers, fmasPerCycle, bf16Dots
    {"x86-64-v4-bf16", 16, 32, 32, true},
    {"x86-64-v4", 16, 32, 32},
    {"x86-64-v3", 8, 16, 16},
    {"generic", 4, 16, 4},
};

std::string cpu::hostIsa() {
  auto features = llvm::sys::getHostCPUFeatures();
  auto all = [&](std::initializer_list<const char *> names) {
    return llvm::all_of(names, [&](const char *name) { return features.lookup(name); });
  };
  if (!all({"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"}))
    return "generic";
  if (!all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    return "x86-64-v3";
  return all({"avx512bf16"}) ? "x86-64-v4-bf16" : "x86-64-v4";
}

mlir::FailureOr<tile::Machine> cpu::describe(llvm::StringRef isa) {
  std::string name = isa == "host" ? hostIsa() : isa.str();
  for (const tile::Machine &machine : kMachines)
    if (machine.name == name)
      return machine;
  return mlir::failure();
}

std::unique_ptr<llvm::TargetMachine> cpu::createTargetMachine(const tile::Machine &machine) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  const char *triple = "x86_64-unknown-linux-gnu";
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // A name is a level of the x86-64 psABI and, after it, the feature that it adds.
  const char *features = machine.bf16Dots ? "+avx512bf16" : "";
  std::string name = machine.name == "generic" ? "x86-64" : machine.bf16Dots ? "x86-64-v4" : machine.name;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, name, features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less));
}
