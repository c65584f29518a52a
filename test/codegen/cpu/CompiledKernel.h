//===- CompiledKernel.h - Runs tile kernels in tests ----------------*- C++ -*-===//
#ifndef ATTN_TEST_CODEGEN_CPU_COMPILEDKERNEL_H
#define ATTN_TEST_CODEGEN_CPU_COMPILEDKERNEL_H

#include "attn/KernelABI.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
}
namespace attn::rt {
class CodeImage;
}

namespace attn::test {

/// A kernel compiled from MLIR text and mapped by the runtime's loader.
class CompiledKernel {
public:
  /// Compiles the kernel @kernel of `mlir`, after `edit`; fails the current test and leaves ok() false on an error.
  CompiledKernel(const std::string &mlir, const std::string &isa,
                 const std::function<void(mlir::ModuleOp)> &edit = {}) {
    compile(mlir, isa, edit);
  }
  bool ok() const { return function != nullptr; }
  /// Runs tasks [0, tasks) in two calls, on scratch memory filled with garbage.
  void run(const std::vector<int64_t> &words, int64_t tasks) const;

private:
  void compile(const std::string &mlir, const std::string &isa, const std::function<void(mlir::ModuleOp)> &edit);

  std::shared_ptr<const rt::CodeImage> image;
  void (*function)(const int64_t *, void *, int64_t, int64_t) = nullptr;
  int64_t scratchBytes = 0;
};

/// The ISAs that this machine runs, best first.
std::vector<std::string> hostIsas();

} // namespace attn::test

#endif // ATTN_TEST_CODEGEN_CPU_COMPILEDKERNEL_H
