//===- Elements.cpp - Elements of C ABI tensors as doubles and integers ----===//
#include "codegen/jit/Elements.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace attn;
using llvm::APFloat;

template <typename T> static T load(const char *data) {
  T value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

static const llvm::fltSemantics &semantics(int32_t dtype) {
  return dtype == ATTN_F16 ? APFloat::IEEEhalf() : APFloat::BFloat();
}

double codegen::readFloat(const char *data, int32_t dtype) {
  switch (dtype) {
  case ATTN_F64: return load<double>(data);
  case ATTN_F32: return load<float>(data);
  default: break;
  }
  return APFloat(semantics(dtype), llvm::APInt(16, load<uint16_t>(data))).convertToDouble();
}

int64_t codegen::readInteger(const char *data, int32_t dtype) {
  switch (dtype) {
  case ATTN_I64: return load<int64_t>(data);
  case ATTN_I32: return load<int32_t>(data);
  case ATTN_I8: return load<int8_t>(data);
  default: return load<uint8_t>(data) != 0;
  }
}

template <typename T> static void store(char *data, T value) { std::memcpy(data, &value, sizeof(value)); }

void codegen::writeFloat(char *data, int32_t dtype, double value) {
  if (dtype == ATTN_F64)
    return store(data, value);
  if (dtype == ATTN_F32)
    return store(data, float(value));
  APFloat converted(value);
  bool losesInfo;
  converted.convert(semantics(dtype), APFloat::rmNearestTiesToEven, &losesInfo);
  store(data, uint16_t(converted.bitcastToAPInt().getZExtValue()));
}
