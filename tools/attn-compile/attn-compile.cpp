//===- attn-compile.cpp - Compile a pattern ----------------------------------===//
//
// The parent starts itself again as a worker with a deadline and a memory limit, so that nothing a spec can do kills or
// hangs the tool. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
//===----------------------------------------------------------------------===//
#include "codegen/jit/Compiler.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;
using attn::codegen::Emit;

static cl::OptionCategory category("Options");
static cl::opt<std::string> input(cl::Positional, cl::desc("<pattern.json>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("Output file (- is standard output)"), cl::value_desc("file"),
                                   cl::init("-"), cl::cat(category));
static cl::list<std::string> targets("target",
                                     cl::desc("Instruction sets: cpu (this machine), x86-64-v4, x86-64-v3, generic"),
                                     cl::value_desc("name"), cl::CommaSeparated, cl::cat(category));
static cl::list<std::string> variants("variant", cl::desc("What is fixed at compile time, as dtype=bf16,d=128,dv=128"),
                                      cl::value_desc("list"), cl::cat(category));
static cl::opt<Emit>
    emit("emit", cl::desc("What to write"), cl::init(Emit::Artifact),
         cl::values(clEnumValN(Emit::Artifact, "artifact", "compiled artifact (default)"),
                    clEnumValN(Emit::Spec, "spec", "the spec, normalised"),
                    clEnumValN(Emit::Attn, "attn", "attn dialect"), clEnumValN(Emit::Tiled, "tiled", "tile dialect"),
                    clEnumValN(Emit::Ranges, "ranges", "range programs of the masks"),
                    clEnumValN(Emit::LLVM, "llvm", "LLVM IR"), clEnumValN(Emit::Asm, "asm", "assembly"),
                    clEnumValN(Emit::Obj, "obj", "object file")),
         cl::cat(category));
static cl::opt<bool> printSpec("print-spec", cl::desc("The same as --emit=spec"), cl::cat(category));
static cl::opt<bool> explain("explain", cl::desc("Say how the pattern is compiled"), cl::cat(category));
static cl::opt<bool> check("check", cl::desc("Only check the pattern; write nothing"), cl::cat(category));
static cl::opt<int64_t> rows("rows", cl::desc("Rows of the prefill tile (default: cost model)"), cl::init(0),
                             cl::cat(category));
static cl::opt<int64_t> keys("keys", cl::desc("Keys of a tile (default: cost model)"), cl::init(0), cl::cat(category));
static cl::opt<bool> noCache("no-cache", cl::desc("Do not use the disk cache"), cl::cat(category));
static cl::opt<bool> times("times", cl::desc("Print the time of each stage"), cl::cat(category));
static cl::opt<unsigned> deadline("deadline", cl::desc("Seconds before the compilation is given up (default 60)"),
                                  cl::init(60), cl::cat(category));
static cl::opt<bool> worker("in-process", cl::desc("Compile in this process, without a deadline"), cl::Hidden,
                            cl::cat(category));

static int usage(const llvm::Twine &message) {
  llvm::errs() << "attn-compile: " << message << "\n";
  return 2;
}
static int refuse(const llvm::Twine &message) {
  llvm::errs() << message;
  return 1;
}

static int compileHere() {
  attn::codegen::CompileOptions options;
  if (!variants.empty())
    options.variants.assign(variants.begin(), variants.end());
  if (!targets.empty())
    options.isas.assign(targets.begin(), targets.end());
  if (rows < 0 || rows > 1024 || keys < 0 || keys > 1024)
    return usage("--rows and --keys are 0 to 1024");
  options.rows = rows;
  options.keys = keys;
  options.useCache = !noCache;
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(input, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse("attn-compile: " + input + ": " + buffer.getError().message() + "\n");
  Emit what = explain ? Emit::Explain : printSpec ? Emit::Spec : check ? Emit::Tiled : emit.getValue();
  auto result = attn::codegen::compile({(*buffer)->getBufferStart(), (*buffer)->getBufferSize()}, what, options);
  if (times)
    for (auto &[stage, ms] : result.times)
      llvm::errs() << llvm::format("%-16s %8.2f ms\n", stage.c_str(), ms);
  if (!result.ok)
    return refuse(result.error);
  if (check)
    return 0;
  std::error_code problem;
  llvm::ToolOutputFile file(output, problem, llvm::sys::fs::OF_None);
  if (problem)
    return refuse("attn-compile: " + output + ": " + problem.message() + "\n");
  file.os() << result.output;
  file.os().flush();
  if (file.os().has_error()) {
    problem = file.os().error();
    file.os().clear_error();
    return refuse("attn-compile: " + output + ": " + problem.message() + "\n");
  }
  file.keep();
  return 0;
}

/// Runs this program again with --in-process under the deadline and 4 GiB of memory.
static int compileInChild(int argc, char **argv) {
  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&compileInChild));
  std::vector<llvm::StringRef> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, "--in-process");
  std::string message;
  bool failed = false;
  int status =
      llvm::sys::ExecuteAndWait(self, arguments, std::nullopt, {}, deadline, /*MemoryLimit=*/4096, &message, &failed);
  if (failed)
    return refuse("COMPILER_START: " + message + "\n");
  if (status == -2 && llvm::StringRef(message).contains("timed out"))
    return refuse("COMPILER_TIMEOUT: not done after " + llvm::Twine(deadline) + " s; --deadline raises the limit\n");
  if (status < 0)
    return refuse("COMPILER_CRASH: " + message + "\n");
  return status;
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, "Compile an attention pattern (JSON) to an artifact for attn-run\n",
                                   &llvm::errs()))
    return 2;
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0]);
  return worker ? compileHere() : compileInChild(argc, argv);
}
