//===- Reference.h - The compiler's reference, found at run time -------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_RUN_REFERENCE_H
#define ATTN_TOOLS_ATTN_RUN_REFERENCE_H

#include "attn/compiler.h"

#include <string>

namespace attn::tool {

/// attn_reference_run of libattn. attn-run works without that library; only --compare loads it, from beside the
/// executable (its folder, ../lib) and nowhere else.
class Reference {
public:
  /// Returns an empty string, or why there is no reference.
  std::string load();
  /// Returns an empty string, or the reference's error.
  std::string run(const attn_artifact *artifact, const std::string &entry, const attn_plan_desc *desc,
                  int32_t precision) const;

private:
  decltype(&attn_reference_run) call = nullptr;
  decltype(&attn_compiler_last_error) lastError = nullptr;
};

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_REFERENCE_H
