//===- CudaDevice.h - An NVIDIA GPU as a device --------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_CUDA_CUDADEVICE_H
#define ATTN_RUNTIME_DEVICE_CUDA_CUDADEVICE_H

#include "runtime/device/Device.h"

namespace attn::rt {

/// GPU `index` in its primary context, which the process then keeps. The first call that succeeds opens it. A child of
/// fork() cannot use what its parent has opened: that is an error.
Status openCudaDevice(int32_t index, std::shared_ptr<const Device> &device);

} // namespace attn::rt

#endif // ATTN_RUNTIME_DEVICE_CUDA_CUDADEVICE_H
