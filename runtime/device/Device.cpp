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
