//===- Driver.h - The CUDA driver, loaded at run time --------------*- C++ -*-===//
//
// The declarations of libcuda.so.1 that the runtime needs, so that one binary works with and without a driver, and no
// CUDA header is needed to build it. Names and values are those of the driver's stable ABI.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_CUDA_DRIVER_H
#define ATTN_RUNTIME_DEVICE_CUDA_DRIVER_H

#include "runtime/artifact/Status.h"

#include <cstddef>
#include <cstdint>

namespace attn::rt::cuda {

using Result = int; ///< CUresult; 0 is success
using Ordinal = int;
using Address = unsigned long long; ///< CUdeviceptr
using Context = struct ContextTag *;
using Module = struct ModuleTag *;
using Function = struct FunctionTag *;
using Stream = struct StreamTag *;

constexpr Result kOutOfMemory = 2;
constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76; // CUdevice_attribute
constexpr int kErrorLog = 5, kErrorLogSize = 6;                           // CUjit_option
constexpr int kMaxDynamicShared = 8;                                      // CUfunction_attribute
constexpr int kMemoryType = 2;                                            // CUpointer_attribute
constexpr unsigned kNonBlocking = 1;                                      // CUstream_flags
inline void *const kParamPointer = reinterpret_cast<void *>(1), *const kParamSize = reinterpret_cast<void *>(2),
                   *const kParamEnd = nullptr; // CU_LAUNCH_PARAM_*

/// Name, symbol and signature of every function.
#define ATTN_CUDA_FUNCTIONS(X)                                                                                         \
  X(init, "cuInit", (unsigned flags))                                                                                  \
  X(driverVersion, "cuDriverGetVersion", (int *version))                                                               \
  X(errorName, "cuGetErrorName", (Result result, const char **text))                                                   \
  X(errorString, "cuGetErrorString", (Result result, const char **text))                                               \
  X(deviceCount, "cuDeviceGetCount", (int *count))                                                                     \
  X(deviceGet, "cuDeviceGet", (Ordinal * device, int index))                                                           \
  X(deviceAttribute, "cuDeviceGetAttribute", (int *value, int attribute, Ordinal device))                              \
  X(retainContext, "cuDevicePrimaryCtxRetain", (Context * context, Ordinal device))                                    \
  X(pushContext, "cuCtxPushCurrent_v2", (Context context))                                                             \
  X(popContext, "cuCtxPopCurrent_v2", (Context * context))                                                             \
  X(loadModule, "cuModuleLoadDataEx",                                                                                  \
    (Module * module, const void *image, unsigned count, int *options, void **values))                                 \
  X(unloadModule, "cuModuleUnload", (Module module))                                                                   \
  X(getFunction, "cuModuleGetFunction", (Function * function, Module module, const char *name))                        \
  X(setAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                                 \
  X(launch, "cuLaunchKernel",                                                                                          \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,              \
     unsigned blockZ, unsigned shared, Stream stream, void **params, void **extra))                                    \
  X(allocate, "cuMemAlloc_v2", (Address * address, size_t size))                                                       \
  X(release, "cuMemFree_v2", (Address address))                                                                        \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (Address target, const void *source, size_t size, Stream stream))            \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void *target, Address source, size_t size, Stream stream))                    \
  X(fill, "cuMemsetD8Async", (Address target, unsigned char value, size_t size, Stream stream))                        \
  X(createStream, "cuStreamCreate", (Stream * stream, unsigned flags))                                                 \
  X(synchronize, "cuStreamSynchronize", (Stream stream))                                                               \
  X(pointerAttribute, "cuPointerGetAttribute", (void *value, int attribute, Address address))

struct Driver {
#define ATTN_CUDA_MEMBER(NAME, SYMBOL, SIGNATURE) Result(*NAME) SIGNATURE = nullptr;
  ATTN_CUDA_FUNCTIONS(ATTN_CUDA_MEMBER)
#undef ATTN_CUDA_MEMBER

  /// An error if `result` is one. `what` says what was tried: "launch of 'attend'".
  Status check(Result result, const char *what) const;
};

/// The driver, initialised; loaded by the first call that succeeds.
Status loadDriver(const Driver *&driver);

} // namespace attn::rt::cuda

#endif // ATTN_RUNTIME_DEVICE_CUDA_DRIVER_H
