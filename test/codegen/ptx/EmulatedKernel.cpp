//===- EmulatedKernel.cpp - Runs GPU kernels in the emulator ---------------===//
#include "EmulatedKernel.h"

#include "codegen/ptx/PTX.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

void test::EmulatedKernel::compile(const std::string &mlir, const std::string &arch) {
  DialectRegistry registry;
  ptx::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto source = parseSourceString<ModuleOp>(mlir, &context);
  ASSERT_TRUE(source) << mlir;
  auto machine = ptx::describe(arch);
  ASSERT_TRUE(succeeded(machine));
  auto lowered = ptx::lowerTileKernels(llvm::to_vector(source->getOps<tile::KernelOp>()), *machine);
  ASSERT_TRUE(lowered) << mlir;
  ASSERT_TRUE(succeeded(mlir::verify(*lowered)));
  ptx::KernelInfo info = ptx::kernelInfos(*lowered).front();
  entry = info.entry;
  threads = info.threads;
  sharedBytes = info.sharedBytes;
  auto compiled = ptx::compile(*lowered, *machine, ptx::Output::PTX);
  ASSERT_TRUE(succeeded(compiled));
  text = *compiled;
  std::string error;
  module = emu::Module::load(text, error);
  ASSERT_TRUE(module) << error;
}

void test::EmulatedKernel::run(Problem &problem, const emu::Options &options, const std::vector<int64_t> &more) const {
  std::vector<int64_t> words = problem.prepare(more);
  emu::Buffers buffers;
  for (Problem::Tensor *t : {&problem.q, &problem.k, &problem.v})
    buffers.add(t->bytes.data(), t->bytes.size(), /*writable=*/false);
  for (Problem::Tensor *t : {&problem.out, &problem.lse})
    buffers.add(t->bytes.data(), t->bytes.size(), /*writable=*/true);
  buffers.add(problem.requests.data(), problem.requests.size() * sizeof(attn_request), /*writable=*/false);
  buffers.add(&problem.status, sizeof problem.status, /*writable=*/true);
  emu::Launch launch;
  launch.kernel = entry;
  launch.grid[0] = uint32_t(problem.tasks());
  launch.block[0] = uint32_t(threads);
  launch.dynamicShared = uint32_t(sharedBytes);
  launch.params.resize(words.size() * sizeof(int64_t));
  std::memcpy(launch.params.data(), words.data(), launch.params.size());
  launch.options = options;
  emu::Result result = emu::launch(*module, buffers, launch);
  ASSERT_FALSE(result.fault) << result.fault->text();
}

void test::check(Problem &&problem, const std::string &arch, const Problem::Mask &mask, const Problem::Score &score,
                 const std::vector<int64_t> &more) {
  EmulatedKernel kernel(problem.text.str(), arch);
  if (!kernel.ok())
    return;
  for (auto completion : {emu::Completion::Early, emu::Completion::Late, emu::Completion::Random}) {
    emu::Options options;
    options.completion = completion;
    options.seed = 1;
    kernel.run(problem, options, more);
    if (!::testing::Test::HasFatalFailure())
      problem.compare(mask, score, arch);
    if (::testing::Test::HasFatalFailure())
      return;
  }
  auto out = problem.out.bytes, lse = problem.lse.bytes;
  problem.poison(mask);
  kernel.run(problem, {}, more);
  EXPECT_EQ(problem.out.bytes, out) << arch << ": NaN in unseen rows changes the result";
  EXPECT_EQ(problem.lse.bytes, lse) << arch;
}
