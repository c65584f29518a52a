//===- EmulatedKernel.h - Runs GPU kernels in the emulator ----------*- C++ -*-===//
#ifndef ATTN_TEST_CODEGEN_PTX_EMULATEDKERNEL_H
#define ATTN_TEST_CODEGEN_PTX_EMULATEDKERNEL_H

#include "../cpu/Attention.h"
#include "runtime/device/emulator/Emulator.h"

#include <memory>
#include <string>

namespace attn::test {

/// A kernel compiled from MLIR text to PTX and loaded by the emulator.
class EmulatedKernel {
public:
  /// Compiles the kernel @kernel of `mlir`; fails the current test and leaves ok() false on an error.
  EmulatedKernel(const std::string &mlir, const std::string &arch) { compile(mlir, arch); }
  bool ok() const { return module != nullptr; }
  const std::string &ptx() const { return text; }

  /// Runs a call of the kernel; a fault fails the current test.
  void run(Problem &problem, const emu::Options &options = {}, const std::vector<int64_t> &more = {}) const;

private:
  void compile(const std::string &mlir, const std::string &arch);

  std::string text, entry;
  int64_t threads = 0, sharedBytes = 0;
  std::unique_ptr<emu::Module> module;
};

/// Compiles the problem's kernel for `arch`, runs it with copies and products that complete early, late, and at random,
/// and compares with fp64 attention; then sets all rows of k and v that no query sees to NaN and expects the same bits.
void check(Problem &&problem, const std::string &arch, const Problem::Mask &mask, const Problem::Score &score = {},
           const std::vector<int64_t> &more = {});

} // namespace attn::test

#endif // ATTN_TEST_CODEGEN_PTX_EMULATEDKERNEL_H
