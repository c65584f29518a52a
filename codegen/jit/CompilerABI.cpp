//===- CompilerABI.cpp - attn_compile of libattn ------------------------------===//
#include "attn/compiler.h"
#include "codegen/jit/Compiler.h"
#include "codegen/jit/LastError.h"
#include "runtime/plan/Call.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdlib>
#include <cstring>

using namespace attn;
using namespace attn::codegen;

std::string &codegen::lastError() {
  static thread_local std::string message;
  return message;
}

int32_t codegen::fail(int32_t code, std::string message) {
  lastError() = std::move(message);
  return code;
}

/// The code of a compile error from the first word of its text.
static int32_t codeOf(llvm::StringRef error) {
  if (error.starts_with("COMPILER"))
    return ATTN_ERR_COMPILER;
  return error.starts_with("UNSUPPORTED") ? ATTN_ERR_UNSUPPORTED : ATTN_ERR_SPEC;
}

extern "C" {

const char *attn_compiler_last_error(void) { return lastError().c_str(); }

void attn_free(void *memory) { std::free(memory); }

int32_t attn_compile(const char *spec, size_t size, const attn_compile_options *given, void **artifact,
                     size_t *artifactSize) {
  if (!spec || !artifact || !artifactSize)
    return fail(ATTN_ERR_INVALID_ARGUMENT, "attn_compile: spec, artifact and artifact_size must not be null");
  CompileOptions options;
  options.useCache = true;
  options.verify = false;
  if (given) {
    attn_compile_options copy;
    if (rt::Status status = rt::readStruct(given, "attn_compile_options", &copy, sizeof(copy)))
      return fail(status.code, status.message);
    if (copy.targets) {
      llvm::SmallVector<llvm::StringRef> names;
      llvm::StringRef(copy.targets).split(names, ',');
      options.targets.assign(names.begin(), names.end());
    }
    options.assemble = copy.assemble != 0;
    if (copy.variant_count > 0)
      options.variants.assign(copy.variants, copy.variants + copy.variant_count);
  }
  CompileResult result = compile({spec, size}, Emit::Artifact, options);
  if (!result.ok)
    return fail(codeOf(result.error), result.error);
  void *bytes = std::malloc(result.output.size());
  if (!bytes)
    return fail(ATTN_ERR_OUT_OF_MEMORY, "attn_compile: out of memory");
  std::memcpy(bytes, result.output.data(), result.output.size());
  *artifact = bytes;
  *artifactSize = result.output.size();
  return ATTN_OK;
}

} // extern "C"
