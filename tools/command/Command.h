//===- Command.h - What the compiling tools' command lines share ----*- C++ -*-===//
//
// Such a tool starts itself again as a worker with a deadline and a memory limit, so that nothing a spec can do kills
// or hangs it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_COMMAND_COMMAND_H
#define ATTN_TOOLS_COMMAND_COMMAND_H

#include "llvm/Support/CommandLine.h"

namespace attn::tool {

/// The hidden option `--in-process` that marks the worker; every tool declares it in its category.
inline constexpr char workerOption[] = "in-process";

/// Leaves only the options of `category`, --help and --version: the LLVM library brings hundreds of its own.
void hideLibraryOptions(llvm::cl::OptionCategory &category, const char *version);

/// Runs this program again with --in-process under the deadline (seconds; 0: none) and 4 GiB of memory. Returns its
/// exit code, or 1 with a message on standard error.
int runInWorker(int argc, char **argv, unsigned deadline);

/// Called by the worker: it ends with its parent, which keeps the deadline.
void dieWithParent();

/// Writes `bytes` to the file `path` (- is standard output). Returns the exit code, with a message where it is not 0.
int writeFile(llvm::StringRef tool, llvm::StringRef path, llvm::StringRef bytes);

} // namespace attn::tool

#endif // ATTN_TOOLS_COMMAND_COMMAND_H
