//===- Command.cpp - What the compiling tools' command lines share --------===//
#include "tools/command/Command.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <sys/prctl.h>

namespace cl = llvm::cl;

cl::OptionCategory &attn::tool::category() {
  static cl::OptionCategory options("Options");
  return options;
}

static cl::opt<unsigned> deadline("deadline", cl::desc("Seconds before the work is given up (default 60; 0: never)"),
                                  cl::value_desc("s"), cl::init(60), cl::cat(attn::tool::category()));
static cl::opt<bool> worker("in-process", cl::desc("Work in this process, without a deadline"), cl::Hidden,
                            cl::cat(attn::tool::category()));

static int refuse(const llvm::Twine &message) {
  llvm::errs() << message << "\n";
  return 1;
}

/// Leaves only the options of the category, --help and --version: the LLVM library brings hundreds of its own.
static void hideLibraryOptions(const char *version) {
  llvm::SmallVector<cl::Option *> others;
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    if (name == "help" || name == "version")
      option->setDescription(name == "help" ? "Print this and stop" : "Print the version and stop");
    else if (!llvm::is_contained(option->Categories, &attn::tool::category()))
      others.push_back(option);
  }
  for (cl::Option *option : others)
    option->removeArgument();
  cl::SetVersionPrinter([version](llvm::raw_ostream &out) { out << version << "\n"; });
}

/// Runs this program again as the worker. Returns its exit code, or 1 with a message.
static int runInWorker(int argc, char **argv) {
  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&runInWorker));
  std::vector<llvm::StringRef> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, "--in-process");
  std::string message;
  bool failed = false;
  int status =
      llvm::sys::ExecuteAndWait(self, arguments, std::nullopt, {}, deadline, /*MemoryLimit=*/4096, &message, &failed);
  if (failed)
    return refuse("COMPILER_START: " + message);
  if (status == -2 && llvm::StringRef(message).contains("timed out"))
    return refuse("COMPILER_TIMEOUT: not done after " + llvm::Twine(deadline) + " s; --deadline raises the limit");
  if (status < 0 || status > 2)
    return refuse("COMPILER_CRASH: " + (status < 0 ? message : "exit code " + std::to_string(status)));
  return status;
}

int attn::tool::runCommand(int argc, char **argv, const char *version, const char *overview,
                           llvm::function_ref<int()> work) {
  hideLibraryOptions(version);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return 2;
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0]);
  if (!worker)
    return runInWorker(argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGKILL); // end with the parent, which keeps the deadline
  return work();
}

int attn::tool::writeFile(llvm::StringRef tool, llvm::StringRef path, llvm::StringRef bytes) {
  std::error_code problem;
  llvm::ToolOutputFile file(path, problem, llvm::sys::fs::OF_None);
  if (!problem) {
    file.os() << bytes;
    file.os().flush();
    problem = file.os().error();
    file.os().clear_error();
  }
  if (problem)
    return refuse(tool + ": " + path + ": " + problem.message());
  file.keep();
  return 0;
}
