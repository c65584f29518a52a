//===- Ptxas.cpp - NVIDIA's assembler -----------------------------------------===//
#include "codegen/jit/Ptxas.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace attn;
using namespace attn::codegen;
using llvm::StringRef;

namespace {

/// Seconds that one kernel may take.
constexpr unsigned deadline = 120;

struct Ptxas {
  std::string path; ///< empty: none
  std::string version;
};

/// A temporary file that removes itself.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix) : failed(bool(llvm::sys::fs::createTemporaryFile("attn", suffix, path))) {
    remover.setFile(path);
  }
  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  llvm::SmallString<128> path;
  bool failed;
  llvm::FileRemover remover;
};

/// Runs ptxas; what it writes goes to `log`. False if it failed.
bool run(StringRef program, llvm::ArrayRef<StringRef> options, std::string &log) {
  TemporaryFile output("log");
  llvm::SmallVector<StringRef> arguments{program};
  arguments.append(options.begin(), options.end());
  std::optional<StringRef> redirects[] = {StringRef(), output.path.str(), output.path.str()};
  std::string problem;
  int code = output.failed
                 ? -1
                 : llvm::sys::ExecuteAndWait(program, arguments, std::nullopt, redirects, deadline, 0, &problem);
  log = output.read() + problem;
  return code == 0;
}

Ptxas find() {
  llvm::SmallVector<std::string, 2> first;
  if (const char *home = std::getenv("CUDA_HOME"); home && *home)
    first.push_back(std::string(home) + "/bin");
  llvm::SmallVector<StringRef> folders(first.begin(), first.end());
  auto program = folders.empty() ? std::make_error_code(std::errc::no_such_file_or_directory)
                                 : llvm::sys::findProgramByName("ptxas", folders);
  if (!program)
    program = llvm::sys::findProgramByName("ptxas");
  if (!program)
    program = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"});
  if (!program)
    return {"", "UNSUPPORTED: ptxas of the CUDA toolkit is not installed: it is not in $CUDA_HOME/bin, $PATH or "
                "/usr/local/cuda/bin\n"};
  std::string log;
  if (!run(*program, {"--version"}, log))
    return {"", "UNSUPPORTED: " + *program + " --version fails: " + StringRef(log).trim().str() + "\n"};
  return {*program,
          StringRef(log).rsplit('V').second.take_while([](char c) { return c == '.' || llvm::isDigit(c); }).str()};
}

const Ptxas &ptxas() {
  static const Ptxas found = find();
  return found;
}

/// The lines of `ptxas -v` that say what a kernel uses.
std::string summarise(StringRef log) {
  llvm::SmallVector<StringRef> lines;
  log.split(lines, '\n');
  std::string text;
  for (StringRef line : lines) {
    auto [before, used] = line.split("Used ");
    bool isStack = line.contains("stack frame"), isWarning = line.contains("warning");
    StringRef part = !used.empty() ? used.split(',').first : isStack || isWarning ? line.trim() : "";
    if (!part.empty())
      text += (text.empty() ? "" : ", ") + part.str();
  }
  return text;
}

} // namespace

const std::string &codegen::ptxasVersion(bool &found) {
  found = !ptxas().path.empty();
  return ptxas().version;
}

Assembled codegen::assemble(StringRef ptx, StringRef arch) {
  Assembled result;
  if (ptxas().path.empty()) {
    result.report = ptxas().version;
    return result;
  }
  TemporaryFile source("ptx"), target("cubin");
  std::error_code problem;
  {
    llvm::raw_fd_ostream stream(source.path, problem);
    if (!problem)
      stream << ptx;
    stream.close();
    if (stream.has_error())
      problem = stream.error();
    stream.clear_error();
  }
  if (source.failed || target.failed || problem) {
    result.report = "COMPILER: cannot write temporary files for ptxas\n";
    return result;
  }
  std::string log, option = "-arch=" + arch.str();
  if (!run(ptxas().path, {option, "-v", source.path, "-o", target.path}, log)) {
    result.report = "COMPILER: ptxas refuses a kernel for " + arch.str() + ": " +
                    StringRef(log).trim().take_front(1000).str() + "\n";
    return result;
  }
  result.cubin = target.read();
  result.report = summarise(log);
  return result;
}
