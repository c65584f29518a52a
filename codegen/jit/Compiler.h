//===- Compiler.h - From spec text to an artifact -------------------*- C++ -*-===//
//
// The compiler driver: read, import, passes, codegen, artifact. Tools run it in a child process; libattn offers it in
// process (CompilerABI.cpp).
//
// Thread safety: every call works on contexts of its own; calls may run concurrently.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_COMPILER_H
#define ATTN_CODEGEN_JIT_COMPILER_H

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attn::codegen {

/// What to produce. Everything but Artifact and Spec is text (Obj, Cubin: bytes) of the first variant and target.
enum class Emit { Spec, Attn, Tiled, Ranges, LLVM, Asm, Obj, PTX, Cubin, Explain, Check, Artifact };

struct CompileOptions {
  /// Variants to compile, each as `dtype=bf16,d=128,dv=128`; what is left out the spec's `types` give, else f32, d 64.
  std::vector<std::string> variants = {""};
  /// Instruction sets and GPU architectures (Target.h). One code blob per kernel of each (variant, machine).
  std::vector<std::string> targets = {"cpu"};
  bool assemble = false;      ///< of GPU architectures, put machine code into the artifact too (ptxas)
  int64_t rows = 0, keys = 0; ///< tile sizes of the prefill form; 0: the cost model chooses
  /// The call that Emit::Explain counts: lengths (0: the tokens of the pattern's grid, or 4096 without one) and integer
  /// parameters that differ from their defaults.
  int64_t qLen = 0, kvLen = 0;
  std::map<std::string, int64_t> params;
  bool useCache = false; ///< look the artifact up in the disk cache first, and publish it there
  bool verify = true;    ///< run the verifiers of MLIR, between passes, and of LLVM
  /// Called after each kernel of an artifact, one call at a time, from any thread.
  std::function<void(size_t done, size_t total)> progress;
};

/// Milliseconds of each stage, summed over variants, ISAs and kernels, which are compiled side by side; "compile
/// (wall)" is what passed.
using StageTimes = std::vector<std::pair<std::string, double>>;

struct CompileResult {
  bool ok = false;
  std::string output; ///< what was asked for
  std::string error;  ///< one error a line: `code at /pointer: message`
  StageTimes times;
  std::string notes; ///< what ptxas says of each kernel, one a line
};

/// Never throws and never prints.
CompileResult compile(std::string_view specText, Emit emit, const CompileOptions &options);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_COMPILER_H
