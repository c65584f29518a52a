//===- Elements.h - Elements of C ABI tensors as doubles and integers -*- C++ -*-===//
#ifndef ATTN_CODEGEN_JIT_ELEMENTS_H
#define ATTN_CODEGEN_JIT_ELEMENTS_H

#include "attn/attn.h"

#include <cstdint>

namespace attn::codegen {

inline bool isFloat(int32_t dtype) {
  return dtype == ATTN_F32 || dtype == ATTN_F16 || dtype == ATTN_BF16 || dtype == ATTN_F64;
}

/// The element at `data`; `dtype` is a float type.
double readFloat(const char *data, int32_t dtype);
/// The element at `data`; `dtype` is bool or an integer type.
int64_t readInteger(const char *data, int32_t dtype);
/// Rounds to nearest even; `dtype` is a float type.
void writeFloat(char *data, int32_t dtype, double value);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_ELEMENTS_H
