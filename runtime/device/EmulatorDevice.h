//===- EmulatorDevice.h - The emulator as a device -----------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATORDEVICE_H
#define ATTN_RUNTIME_DEVICE_EMULATORDEVICE_H

#include "runtime/device/Device.h"

namespace attn::rt {

/// Runs PTX of any architecture in the memory of the process. A fault of a kernel is an error with the PTX line.
std::shared_ptr<const Device> emulatorDevice();

} // namespace attn::rt

#endif // ATTN_RUNTIME_DEVICE_EMULATORDEVICE_H
