//===- Pipeline.cpp - Kernels to PTX ---------------------------------------===//
#include "codegen/emit/Lowering.h"
#include "codegen/ptx/Kernel.h"
#include "codegen/ptx/Target.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Pass.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Scalar.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

void ptx::registerDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  NVVM::NVVMDialect, scf::SCFDialect, vector::VectorDialect, tile::TileDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

OwningOpRef<ModuleOp> ptx::lowerTileKernels(ArrayRef<tile::KernelOp> kernels, const tile::Machine &machine) {
  tile::KernelOp front = kernels.front();
  MLIRContext *context = front->getContext();
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                       math::MathDialect, NVVM::NVVMDialect, scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(front->getParentOp()->getLoc());
  WarpEmitter emitter(*module, machine);
  for (tile::KernelOp kernel : kernels)
    if (failed(lowerKernel(emitter, kernel)))
      return {};
  return module;
}

std::vector<ptx::KernelInfo> ptx::kernelInfos(ModuleOp lowered) {
  std::vector<KernelInfo> infos;
  for (auto function : lowered.getOps<func::FuncOp>()) {
    auto number = [&](StringRef name) { return function->getAttrOfType<IntegerAttr>(name).getInt(); };
    infos.push_back({function->getAttrOfType<StringAttr>(symbolAttr).str(), function.getSymName().str(),
                     number(threadsAttr), number(sharedAttr)});
  }
  return infos;
}

/// What makes a function an entry point: the attributes of NVVM, and its words by value in constant memory.
static void markKernels(ModuleOp module) {
  Builder b(module.getContext());
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto threads = function->getAttrOfType<IntegerAttr>(ptx::threadsAttr);
    if (!threads)
      continue;
    int64_t words = function->getAttrOfType<IntegerAttr>(ptx::wordsAttr).getInt();
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), b.getDenseI32ArrayAttr({int32_t(threads.getInt())}));
    // One block a multiprocessor will do: without this, ptxas spills to make room for more.
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(1));
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), words);
    function.setArgAttr(0, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(type));
    function.setArgAttr(0, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(8));
    function.setArgAttr(0, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    for (StringRef name : {ptx::symbolAttr, ptx::threadsAttr, ptx::sharedAttr, ptx::wordsAttr})
      function->removeAttr(name);
  }
}

FailureOr<std::string> ptx::compile(ModuleOp lowered, const tile::Machine &machine, Output output, bool verify) {
  auto target = createTargetMachine(machine);
  if (!target)
    return lowered.emitError("LLVM was built without the NVPTX target");
  if (failed(lowerToLLVM(lowered)))
    return failure();
  markKernels(lowered);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(lowered, context, "attn", /*disableVerification=*/!verify);
  if (!module)
    return lowered.emitError("translation to LLVM IR failed");
  module->setDataLayout(target->createDataLayout());
  module->setTargetTriple(target->getTargetTriple().str());
  for (llvm::Function &function : *module)
    if (!function.isDeclaration()) {
      function.addFnAttr(llvm::Attribute::NoUnwind);
      function.addFnAttr(llvm::Attribute::Convergent);
    }
  std::string result;
  llvm::raw_string_ostream text(result);
  if (output == Output::LLVM) {
    module->print(text, nullptr);
    return result;
  }
  // Light on purpose: kernels come in the form they are to have.
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  passes.add(llvm::createEarlyCSEPass());
  if (target->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return lowered.emitError("the target cannot emit PTX");
  passes.run(*module);
  return std::string(bytes.begin(), bytes.end());
}
