//===- Target.cpp - What code is made for ------------------------------------===//
#include "codegen/jit/Target.h"

#include "codegen/cpu/CPU.h"
#include "codegen/ptx/PTX.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

FailureOr<tile::Machine> codegen::machineOf(StringRef target) {
  if (target == "cpu" || target == "host")
    return cpu::describe(cpu::hostIsa());
  bool isGpu = llvm::StringSwitch<bool>(target)
                   .Cases("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120", true)
                   .Default(false);
  if (target == "sm_90a")
    return ptx::describe(target);
  return isGpu ? ptx::describe("sm_80") : cpu::describe(target);
}

const char *codegen::targetNames() {
  return "cpu (this machine), x86-64-v4-bf16, x86-64-v4, x86-64-v3, generic, sm_80, sm_86, sm_89, sm_90, sm_90a, "
         "sm_100, sm_120";
}

std::string codegen::refuseEmit(Emit emit, const tile::Machine &machine) {
  bool isForGpu = emit == Emit::PTX || emit == Emit::Cubin, isForCpu = emit == Emit::Obj || emit == Emit::Asm;
  if (machine.tensorCores ? !isForCpu : !isForGpu)
    return {};
  return std::string("UNSUPPORTED: ") + machine.name + " is a " +
         (machine.tensorCores ? "GPU, which has --emit=llvm, ptx and cubin\n"
                              : "CPU, which has --emit=llvm, asm and obj\n");
}

FailureOr<std::string> codegen::emitKernels(ArrayRef<tile::KernelOp> kernels, const tile::Machine &machine, Emit emit,
                                            bool verify, StageDone done) {
  FailureOr<std::string> text = failure();
  if (machine.tensorCores) {
    auto lowered = ptx::lowerTileKernels(kernels, machine);
    done("lower");
    if (lowered)
      text = ptx::compile(*lowered, machine, emit == Emit::LLVM ? ptx::Output::LLVM : ptx::Output::PTX, verify);
  } else {
    auto lowered = cpu::lowerTileKernels(kernels, machine);
    done("lower");
    auto output = emit == Emit::LLVM  ? cpu::Output::LLVM
                  : emit == Emit::Asm ? cpu::Output::Assembly
                                      : cpu::Output::Object;
    if (lowered)
      text = cpu::compile(*lowered, machine, output, verify);
  }
  done("codegen");
  return text;
}

CompiledKernel codegen::compileKernel(tile::KernelOp kernel, const tile::Machine &machine, bool verify,
                                      StageDone done) {
  CompiledKernel result;
  result.symbol = kernel.getSymName().str();
  result.isa = machine.name;
  FailureOr<std::string> code = failure();
  if (machine.tensorCores) {
    auto lowered = ptx::lowerTileKernels(kernel, machine);
    done("lower");
    if (lowered) {
      for (const ptx::KernelInfo &info : ptx::kernelInfos(*lowered)) {
        result.entry = info.entry;
        result.threads = info.threads;
        result.sharedBytes = info.sharedBytes;
      }
      code = ptx::compile(*lowered, machine, ptx::Output::PTX, verify);
    }
  } else {
    auto lowered = cpu::lowerTileKernels(kernel, machine);
    done("lower");
    if (lowered) {
      for (const cpu::KernelInfo &info : cpu::kernelInfos(*lowered))
        result.scratchBytes = info.scratchBytes;
      code = cpu::compile(*lowered, machine, cpu::Output::Object, verify);
    }
  }
  done("codegen");
  if (succeeded(code))
    result.code = std::move(*code);
  return result;
}
