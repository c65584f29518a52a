//===- Pipeline.cpp - Kernels to the LLVM dialect and to object code -------===//
#include "codegen/cpu/CPU.h"
#include "codegen/cpu/Kernel.h"
#include "codegen/cpu/Math.h"
#include "codegen/cpu/Target.h"
#include "codegen/emit/Lowering.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

void cpu::registerDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  scf::SCFDialect, vector::VectorDialect, tile::TileDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

OwningOpRef<ModuleOp> cpu::lowerTileKernels(ArrayRef<tile::KernelOp> kernels, const tile::Machine &machine) {
  tile::KernelOp front = kernels.front();
  MLIRContext *context = front->getContext();
  context->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(front->getParentOp()->getLoc());
  Emitter emitter(*module, machine, functions);
  for (tile::KernelOp kernel : kernels)
    if (failed(lowerKernel(emitter, kernel)))
      return {};
  return module;
}

OwningOpRef<ModuleOp> cpu::lowerTileKernels(ModuleOp source, const tile::Machine &machine) {
  auto kernels = llvm::to_vector(source.getOps<tile::KernelOp>());
  return kernels.empty() ? ModuleOp::create(source.getLoc()) : lowerTileKernels(kernels, machine);
}

std::vector<cpu::KernelInfo> cpu::kernelInfos(ModuleOp lowered) {
  std::vector<KernelInfo> infos;
  for (auto function : lowered.getOps<func::FuncOp>())
    if (auto scratch = function->getAttrOfType<IntegerAttr>("attn.scratch"))
      infos.push_back({function.getSymName().str(), scratch.getInt()});
  return infos;
}

//===----------------------------------------------------------------------===//
// LLVM dialect, LLVM IR
//===----------------------------------------------------------------------===//

/// Light on purpose: kernels come in the form they are to have, and the full -O3 costs 25 times as much time for the
/// same speed.
static void optimize(llvm::Module &module, llvm::TargetMachine &target) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, "function(early-cse)"));
  passes.run(module, modules);
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

/// The runtime maps objects without a linker: every symbol must be defined in it and every address be relative.
static std::string problemOf(StringRef object) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(object, "kernel"));
  if (!file)
    return llvm::toString(file.takeError());
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return "unreadable symbol table";
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) && !name->empty())
      return "the code refers to the external symbol '" + name->str() + "'";
  }
  for (const llvm::object::SectionRef &section : (*file)->sections()) {
    for (const llvm::object::RelocationRef &relocation : section.relocations()) {
      uint64_t type = relocation.getType();
      if (type != llvm::ELF::R_X86_64_PC32 && type != llvm::ELF::R_X86_64_PLT32 && type != llvm::ELF::R_X86_64_PC64) {
        llvm::SmallString<32> name;
        relocation.getTypeName(name);
        return "the code needs a relocation of type " + name.str().str();
      }
    }
  }
  return {};
}

FailureOr<std::string> cpu::compile(ModuleOp lowered, const tile::Machine &machine, Output output, bool verify) {
  auto target = createTargetMachine(machine);
  if (!target)
    return lowered.emitError("LLVM was built without the x86 target");
  if (failed(lowerToLLVM(lowered)))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(lowered, context, "attn", /*disableVerification=*/!verify);
  if (!module)
    return lowered.emitError("translation to LLVM IR failed");
  module->setDataLayout(target->createDataLayout());
  module->setTargetTriple(target->getTargetTriple().str());
  for (llvm::Function &function : *module)
    if (!function.isDeclaration())
      function.addFnAttr(llvm::Attribute::NoUnwind); // no unwind tables
  optimize(*module, *target);

  std::string result;
  llvm::raw_string_ostream text(result);
  if (output == Output::LLVM) {
    module->print(text, nullptr);
    return result;
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  auto type = output == Output::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (target->addPassesToEmitFile(passes, stream, nullptr, type))
    return lowered.emitError("the target cannot emit this kind of file");
  passes.run(*module);
  result.assign(bytes.begin(), bytes.end());
  if (output == Output::Object)
    if (std::string problem = problemOf(result); !problem.empty())
      return lowered.emitError(problem);
  return result;
}
