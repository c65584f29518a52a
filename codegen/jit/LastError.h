//===- LastError.h - The error message of the compiler's C ABI ---------*- C++ -*-===//
#ifndef ATTN_CODEGEN_JIT_LASTERROR_H
#define ATTN_CODEGEN_JIT_LASTERROR_H

#include <cstdint>
#include <string>

namespace attn::codegen {

/// The message that attn_compiler_last_error returns in this thread.
std::string &lastError();

/// Sets the message and returns `code`.
int32_t fail(int32_t code, std::string message);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_LASTERROR_H
