//===- Text.h - printf to a string ---------------------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_TEXT_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_TEXT_H

#include <cstdarg>
#include <cstdio>
#include <string>

namespace attn::emu {

__attribute__((format(printf, 1, 2))) inline std::string format(const char *pattern, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, pattern);
  vsnprintf(buffer, sizeof buffer, pattern, arguments);
  va_end(arguments);
  return buffer;
}

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_TEXT_H
