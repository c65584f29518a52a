//===- Unit.h - One variant of a pattern for one instruction set ----*- C++ -*-===//
//
// A unit has an MLIR context of its own. `lower` takes it to tile kernels, which are then compiled one by one, each to
// an object file of its own.
//
// Thread safety: compileKernel may run concurrently on one unit; units share nothing.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_UNIT_H
#define ATTN_CODEGEN_JIT_UNIT_H

#include "codegen/jit/Compiler.h"
#include "codegen/jit/Manifest.h"
#include "dialect/spec/Pattern.h"
#include "dialect/spec/Variant.h"
#include "dialect/tile/Machine.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <map>

namespace attn::codegen {

/// Adds `ms` to a stage.
void addTime(StageTimes &times, const std::string &stage, double ms);

/// Adds the time since the last call to a stage.
class Stopwatch {
public:
  explicit Stopwatch(StageTimes &times) : times(times) {}
  void stage(const char *name);

private:
  StageTimes &times;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

class Unit {
public:
  /// `targets`: names of all targets that the machine stands for, at least one.
  Unit(spec::Variant variant, tile::Machine machine, std::vector<std::string> targets, const CompileOptions &options);

  const spec::Variant variant;
  const tile::Machine machine;
  const std::vector<std::string> targets;
  StageTimes times;           ///< of `lower` and `emitText`
  std::string notes;          ///< what ptxas says, one kernel a line
  std::string error;          ///< one error a line; empty: none
  llvm::json::Object pattern; ///< describePattern, set by `lower`

  /// Import and, but for Emit::Attn, all passes on tiles. Sets `error` on failure.
  void lower(const spec::Pattern &source, Emit emit);

  /// What an Emit other than Spec and Artifact asks for, all kernels in one module. Sets `error` on failure.
  std::string emitText(Emit emit);

  /// The kernels that `lower` has made.
  size_t kernelCount() const { return kernels.size(); }
  /// Compiles a kernel; the code is empty on failure, of which `finish` has the messages.
  CompiledKernel compileKernel(size_t index, StageTimes &kernelTimes);
  /// To be called once all kernels are compiled: collects errors and notes in the order of the kernels.
  void finish(llvm::ArrayRef<CompiledKernel> compiled);

  mlir::ModuleOp tiled() { return *module; }

private:
  /// Moves the errors of kernels to `error`; if it failed there must be one.
  void collectErrors(bool ok);
  bool lowerModule(Emit emit, Stopwatch &watch);
  std::string describeTargets() const;
  std::string explain();
  /// Runs ptxas for every target; reports and errors go to `text`. False on failure.
  bool assembleAll(CompiledKernel &kernel, std::string &text) const;
  /// Lowers to tiles, checking on the way. False with `error` set where something is refuted.
  bool check(mlir::PassManager &passes);

  const CompileOptions &options;
  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler handler;
  std::map<size_t, std::string> kernelErrors; ///< by kernel, since they come in any order
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string checked; ///< what has been proved
  llvm::SmallVector<tile::KernelOp> kernels;
};

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_UNIT_H
