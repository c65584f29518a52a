//===- CompilerABI.cpp - attn_compile of libattn ------------------------------===//
#include "attn/compiler.h"
#include "codegen/jit/Compiler.h"
#include "codegen/jit/LastError.h"

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
    if (given->struct_size != sizeof(attn_compile_options) || given->version != ATTN_STRUCT_VERSION)
      return fail(ATTN_ERR_INVALID_ARGUMENT,
                  "attn_compile: struct_size or version of the options is not of this library");
    if (given->targets) {
      llvm::SmallVector<llvm::StringRef> names;
      llvm::StringRef(given->targets).split(names, ',');
      options.isas.assign(names.begin(), names.end());
    }
    if (given->variant_count > 0)
      options.variants.assign(given->variants, given->variants + given->variant_count);
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
