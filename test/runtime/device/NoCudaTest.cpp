//===- NoCudaTest.cpp - Drivers that cannot be used -------------------------===//
//
// Opens a GPU, which must fail with NO_DEVICE and a message that begins with the first argument.
//===----------------------------------------------------------------------===//

#include "runtime/device/Device.h"

#include <cstdio>

int main(int argc, char **argv) {
  std::shared_ptr<const attn::rt::Device> device;
  attn::rt::Status status = attn::rt::openDevice(ATTN_DEVICE_CUDA, 0, device);
  bool isRight = argc == 2 && status.code == ATTN_ERR_NO_DEVICE && status.message.rfind(argv[1], 0) == 0;
  if (!isRight)
    std::fprintf(stderr, "code %d: %s\n", status.code, status.message.c_str());
  return isRight ? 0 : 1;
}
