//===- Command.cpp - What the compiling tools' command lines share --------===//
#include "tools/command/Command.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <sys/prctl.h>

namespace cl = llvm::cl;

static int refuse(const llvm::Twine &message) {
  llvm::errs() << message << "\n";
  return 1;
}

void attn::tool::hideLibraryOptions(cl::OptionCategory &category, const char *version) {
  llvm::SmallVector<cl::Option *> others;
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    if (name == "help" || name == "version")
      option->setDescription(name == "help" ? "Print this and stop" : "Print the version and stop");
    else if (!llvm::is_contained(option->Categories, &category))
      others.push_back(option);
  }
  for (cl::Option *option : others)
    option->removeArgument();
  cl::SetVersionPrinter([version](llvm::raw_ostream &out) { out << version << "\n"; });
}

int attn::tool::runInWorker(int argc, char **argv, unsigned deadline) {
  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&runInWorker));
  std::vector<llvm::StringRef> arguments(argv, argv + argc);
  std::string option = std::string("--") + workerOption;
  arguments.insert(arguments.begin() + 1, option);
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

void attn::tool::dieWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

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
