//===- Status.h - Result of a runtime function ---------------------*- C++ -*-===//
//
// A code of attn.h and, unless it is ATTN_OK, a message that names the argument, the limit and the value.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_ARTIFACT_STATUS_H
#define ATTN_RUNTIME_ARTIFACT_STATUS_H

#include "attn/attn.h"

#include <string>

namespace attn::rt {

struct [[nodiscard]] Status {
  int32_t code = ATTN_OK;
  std::string message;

  /// True for an error, so that `if (Status s = f()) return s;` reads as intended.
  explicit operator bool() const { return code != ATTN_OK; }
};

/// An error with a printf-style message.
Status error(int32_t code, const char *format, ...) __attribute__((format(printf, 2, 3)));

} // namespace attn::rt

#endif // ATTN_RUNTIME_ARTIFACT_STATUS_H
