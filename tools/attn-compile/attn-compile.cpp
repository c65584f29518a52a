//===- attn-compile.cpp - Compile a pattern ----------------------------------===//
//
// Runs as a worker of itself (tools/command). Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
//===----------------------------------------------------------------------===//
#include "codegen/jit/Compiler.h"
#include "tools/command/Command.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;
using attn::codegen::Emit;

static cl::OptionCategory &category = attn::tool::category();
static cl::opt<std::string> input(cl::Positional, cl::desc("<pattern.json>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("Output file (- is standard output)"), cl::value_desc("file"),
                                   cl::init("-"), cl::cat(category));
static cl::list<std::string>
    targets("target", cl::desc("CPUs: cpu (this machine), x86-64-v4-bf16, x86-64-v4, x86-64-v3, generic; "
                               "GPUs: sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_120"),
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
                    clEnumValN(Emit::Obj, "obj", "object file"),
                    clEnumValN(Emit::PTX, "ptx", "PTX of a GPU"),
                    clEnumValN(Emit::Cubin, "cubin", "GPU machine code (needs ptxas)"),
                    clEnumValN(Emit::Explain, "explain", "how the pattern is compiled")),
         cl::cat(category));
static cl::opt<bool> printSpec("print-spec", cl::desc("The same as --emit=spec"), cl::cat(category));
static cl::opt<bool> explain("explain", cl::desc("The same as --emit=explain"), cl::cat(category));
static cl::opt<bool> check("check", cl::desc("Check the pattern in every variant: what is proved of it, and NAME: ok"),
                           cl::cat(category));
static cl::opt<int64_t> rows("rows", cl::desc("Rows of the prefill tile (default: cost model)"), cl::value_desc("n"),
                             cl::init(0), cl::cat(category));
static cl::opt<int64_t> keys("keys", cl::desc("Keys of a tile (default: cost model)"), cl::value_desc("n"), cl::init(0),
                             cl::cat(category));
static cl::list<std::string>
    lengths("lengths", cl::desc("Call that --explain counts, as q=128,kv=4096 (default: the grid, or 4096)"),
            cl::value_desc("list"), cl::CommaSeparated, cl::cat(category));
static cl::list<std::string> params("param", cl::desc("Integer parameter for --explain, as window=128 (repeat)"),
                                    cl::value_desc("name=value"), cl::cat(category));
static cl::opt<bool> assemble("assemble", cl::desc("Put GPU machine code beside the PTX (needs ptxas)"),
                              cl::cat(category));
static cl::opt<bool> noCache("no-cache", cl::desc("Do not use the disk cache"), cl::cat(category));
static cl::opt<bool> times("times", cl::desc("Print the time of each stage"), cl::cat(category));

static int usage(const llvm::Twine &message) {
  llvm::errs() << "attn-compile: " << message << "\n";
  return 2;
}
static int refuse(const llvm::Twine &message) {
  llvm::errs() << message;
  return 1;
}

/// Checks every variant; what is proved is the same text for most of them, and written once.
static attn::codegen::CompileResult checkAll(std::string_view text, const attn::codegen::CompileOptions &options) {
  attn::codegen::CompileResult all;
  std::vector<std::string> reports;
  for (const std::string &variant : options.variants) {
    attn::codegen::CompileOptions one = options;
    one.variants = {variant};
    auto result = attn::codegen::compile(text, Emit::Check, one);
    all.times.insert(all.times.end(), result.times.begin(), result.times.end());
    if (!result.ok) {
      all.error = std::move(result.error);
      return all;
    }
    if (!llvm::is_contained(reports, result.output))
      reports.push_back(std::move(result.output));
  }
  for (const std::string &report : reports)
    all.output += report;
  auto spec = llvm::cantFail(llvm::json::parse(attn::codegen::compile(text, Emit::Spec, options).output));
  all.output += spec.getAsObject()->getString("name")->str() + ": ok\n";
  all.ok = true;
  return all;
}

/// Reads --lengths and --param. Returns false with the message printed.
static bool readCall(attn::codegen::CompileOptions &options) {
  constexpr int64_t most = (int64_t(1) << 31) - 1;
  for (const std::string &text : lengths) {
    auto [name, value] = llvm::StringRef(text).split('=');
    int64_t length = 0;
    if ((name != "q" && name != "kv") || value.getAsInteger(10, length) || length < 1 || length > most)
      return usage("--lengths is q=N, kv=N or both, 1 to 2147483647, not '" + text + "'") == 0;
    (name == "q" ? options.qLen : options.kvLen) = length;
  }
  for (const std::string &text : params) {
    auto [name, value] = llvm::StringRef(text).split('=');
    int64_t number = 0;
    if (name.empty() || value.getAsInteger(10, number) || number < -most || number > most)
      return usage("--param is a name and an integer below 2^31, as window=128, not '" + text + "'") == 0;
    options.params[name.str()] = number;
  }
  return true;
}

static int compileHere() {
  if (rows < 0 || rows > 1024 || keys < 0 || keys > 1024)
    return usage("--rows and --keys are 0 to 1024");
  if (check + explain + printSpec + emit.getNumOccurrences() > 1)
    return usage("--check, --explain, --print-spec and --emit exclude each other");
  attn::codegen::CompileOptions options;
  if (!variants.empty())
    options.variants.assign(variants.begin(), variants.end());
  if (!targets.empty())
    options.targets.assign(targets.begin(), targets.end());
  options.rows = rows;
  options.keys = keys;
  if (!readCall(options))
    return 2;
  if ((!lengths.empty() || !params.empty()) && !explain && emit != Emit::Explain)
    return usage("--lengths and --param go with --explain");
  options.assemble = assemble;
  options.useCache = !noCache;
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(input, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse("attn-compile: " + input + ": " + buffer.getError().message() + "\n");
  std::string_view text((*buffer)->getBufferStart(), (*buffer)->getBufferSize());
  Emit what = explain ? Emit::Explain : printSpec ? Emit::Spec : emit.getValue();
  // Long compilations say how far they are, to a person only.
  if (llvm::errs().is_displayed())
    options.progress = [](size_t done, size_t total) {
      if (total > 4)
        llvm::errs() << "\rkernel " << done << " of " << total << (done == total ? "\n" : "");
    };
  auto result = check ? checkAll(text, options) : attn::codegen::compile(text, what, options);
  if (times) {
    llvm::errs() << result.notes;
    for (auto &[stage, ms] : result.times)
      llvm::errs() << llvm::format("%-16s %8.2f ms\n", stage.c_str(), ms);
  }
  return result.ok ? attn::tool::writeFile("attn-compile", output, result.output) : refuse(result.error);
}

int main(int argc, char **argv) {
  return attn::tool::runCommand(argc, argv, "attn-compile " ATTN_VERSION,
                                "Compile an attention pattern (JSON) to an artifact for attn-run.\n"
                                "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n",
                                compileHere);
}
