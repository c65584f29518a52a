//===- Device.cpp - What runs GPU code -----------------------------*- C++ -*-===//

#include "runtime/device/Device.h"

#include "runtime/device/EmulatorDevice.h"
#include "runtime/device/cuda/CudaDevice.h"

#include <cstdlib>

namespace attn::rt {

Status openDevice(int32_t kind, int32_t index, std::shared_ptr<const Device> &device) {
  if (kind == ATTN_DEVICE_CUDA)
    return openCudaDevice(index, device);
  device = emulatorDevice();
  return {};
}

Status Device::upload(const void *data, size_t size, std::shared_ptr<const void> &memory) const {
  void *place = nullptr;
  if (Status s = allocate(size, place))
    return s;
  memory =
      std::shared_ptr<const void>(place, [self = shared_from_this(), place](const void *) { self->release(place); });
  return write(data, place, size);
}

int archRank(std::string_view isa, int capability) {
  constexpr std::string_view prefix = "sm_";
  if (isa.substr(0, prefix.size()) != prefix)
    return 0;
  bool isSpecific = isa.back() == 'a';
  std::string_view digits = isa.substr(prefix.size(), isa.size() - prefix.size() - isSpecific);
  if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return 0;
  int number = std::atoi(std::string(digits).c_str());
  bool runs = isSpecific ? number == capability : number <= capability;
  return runs ? 2 * number + isSpecific : 0;
}

} // namespace attn::rt
