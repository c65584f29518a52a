//===- CompiledKernel.cpp - Runs tile kernels in tests ---------------------===//
#include "CompiledKernel.h"

#include "codegen/cpu/CPU.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "runtime/artifact/ObjectLoader.h"

#include <array>
#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

void test::CompiledKernel::compile(const std::string &text, const std::string &isa,
                                   const std::function<void(ModuleOp)> &edit) {
  DialectRegistry registry;
  cpu::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  if (edit)
    edit(*module);
  ASSERT_TRUE(succeeded(mlir::verify(*module)));
  auto machine = cpu::describe(isa);
  ASSERT_TRUE(succeeded(machine));
  auto lowered = cpu::lowerTileKernels(*module, *machine);
  ASSERT_TRUE(lowered) << text;
  ASSERT_TRUE(succeeded(mlir::verify(*lowered)));
  scratchBytes = cpu::kernelInfos(*lowered).front().scratchBytes;
  auto object = cpu::compile(*lowered, *machine, cpu::Output::Object);
  ASSERT_TRUE(succeeded(object));
  rt::Status status = rt::CodeImage::load(*object, image);
  ASSERT_FALSE(status) << status.message;
  std::memcpy(&function, std::array<const void *, 1>{image->find("kernel")}.data(), sizeof function);
  ASSERT_TRUE(function);
}

void test::CompiledKernel::run(const std::vector<int64_t> &words, int64_t tasks) const {
  // 0xFF bytes are NaNs: what a kernel reads without having written it shows.
  std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, (scratchBytes + 63) / 64 * 64), std::free);
  std::memset(scratch.get(), 0xFF, scratchBytes);
  function(words.data(), scratch.get(), 0, tasks / 2);
  std::memset(scratch.get(), 0xFF, scratchBytes);
  function(words.data(), scratch.get(), tasks / 2, tasks);
}

std::vector<std::string> test::hostIsas() {
  std::vector<std::string> all = {"x86-64-v4-bf16", "x86-64-v4", "x86-64-v3", "generic"};
  while (all.front() != cpu::hostIsa())
    all.erase(all.begin());
  return all;
}
