//===- Status.cpp - Result of a runtime function -------------------*- C++ -*-===//

#include "runtime/artifact/Status.h"

#include <cstdarg>
#include <cstdio>

namespace attn::rt {

Status error(int32_t code, const char *format, ...) {
  char text[1024]; // A longer message is cut: names in it come from the caller.
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return {code, text};
}

} // namespace attn::rt
