//===- Command.h - What the compiling tools' command lines share ----*- C++ -*-===//
//
// Such a tool starts itself again as a worker with a deadline and a memory limit, so that nothing a spec can do kills
// or hangs it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_COMMAND_COMMAND_H
#define ATTN_TOOLS_COMMAND_COMMAND_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/CommandLine.h"

namespace attn::tool {

/// The category of the options that the command line takes: those of the tool, and of this library --deadline and the
/// hidden --in-process, which marks the worker.
llvm::cl::OptionCategory &category();

/// The main function of a tool: reads the command line and runs `work` in a worker, under the deadline (seconds; 0:
/// none) and 4 GiB of memory. Returns the exit code of `work`; 1 with a message on standard error where the worker did
/// not end by itself, 2 for a wrong command line.
int runCommand(int argc, char **argv, const char *version, const char *overview, llvm::function_ref<int()> work);

/// Writes `bytes` to the file `path` (- is standard output). Returns the exit code, with a message where it is not 0.
int writeFile(llvm::StringRef tool, llvm::StringRef path, llvm::StringRef bytes);

} // namespace attn::tool

#endif // ATTN_TOOLS_COMMAND_COMMAND_H
