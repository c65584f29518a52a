//===- Parser.h - PTX text to syntax -------------------------------*- C++ -*-===//
//
// Accepts what LLVM's NVPTX back end writes plus inline assembly: kernels, module variables, nested scopes. Debug
// directives are skipped. Limits bound time and memory for any text.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_PARSER_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_PARSER_H

#include "runtime/device/emulator/Syntax.h"

namespace attn::emu::syntax {

/// False on failure; `error` then reads "line 3: ...". `text` must outlive `module`.
bool parse(std::string_view text, Module &module, std::string &error);

} // namespace attn::emu::syntax

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_PARSER_H
