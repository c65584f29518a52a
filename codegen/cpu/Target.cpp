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
    // name, lanes, registers, fmasPerCycle
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
  return all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}) ? "x86-64-v4" : "x86-64-v3";
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
  std::string name = machine.name == "generic" ? "x86-64" : machine.name;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, name, "", options, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less));
}
