//===- FakeCuda.cpp - A CUDA driver that only takes notes ----------*- C++ -*-===//

#include "test/runtime/device/FakeCuda.h"

#include <cstdlib>
#include <cstring>

namespace attn::fake {
Driver &driver() {
  static Driver instance;
  return instance;
}
} // namespace attn::fake

using attn::fake::driver;

namespace {

/// Notes a call; gives its result.
int note(const char *name) {
  driver().calls.push_back(name);
  return driver().failing == name ? driver().failure : 0;
}
int quiet(const char *name) { return driver().failing == name ? driver().failure : 0; }

struct Code {
  std::string image, entry;
};

} // namespace

extern "C" {

int cuInit(unsigned) { return quiet("cuInit"); }
int cuDriverGetVersion(int *version) { return *version = driver().version, 0; }
int cuGetErrorName(int result, const char **text) {
  *text = result == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : result == 218 ? "CUDA_ERROR_INVALID_PTX" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
int cuGetErrorString(int, const char **text) { return *text = "as the test wanted", 0; }
int cuDeviceGetCount(int *count) { return *count = driver().gpus, 0; }
int cuDeviceGet(int *device, int index) { return *device = index, 0; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? driver().capability / 10 : driver().capability % 10;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &driver(), quiet("cuDevicePrimaryCtxRetain"); }
int cuCtxPushCurrent_v2(void *) { return ++driver().contexts, 0; }
int cuCtxPopCurrent_v2(void **context) { return *context = nullptr, --driver().contexts, 0; }

int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options, void **values) {
  int result = note("cuModuleLoadDataEx");
  driver().image = static_cast<const char *>(image);
  driver().jitOptions = count;
  for (unsigned i = 0; i < count && result; ++i)
    if (options[i] == 5)
      std::strcpy(static_cast<char *>(values[i]), driver().jitLog.c_str());
  if (!result) {
    *module = new Code{driver().image, ""};
    ++driver().modules;
  }
  return result;
}
int cuModuleUnload(void *module) {
  delete static_cast<Code *>(module);
  return --driver().modules, note("cuModuleUnload");
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  auto *code = static_cast<Code *>(module);
  code->entry = name;
  *function = module;
  return code->image.find(name) == std::string::npos ? 500 : note("cuModuleGetFunction");
}
int cuFuncSetAttribute(void *, int, int) { return note("cuFuncSetAttribute"); }

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **, void **extra) {
  auto *words = static_cast<const int64_t *>(extra[1]);
  size_t bytes = *static_cast<size_t *>(extra[3]);
  driver().launches.push_back({static_cast<Code *>(function)->entry,
                               {gx, gy, gz},
                               {bx, by, bz},
                               shared,
                               stream,
                               {words, words + bytes / sizeof(int64_t)}});
  return note("cuLaunchKernel");
}

int cuMemAlloc_v2(unsigned long long *address, size_t size) {
  int result = note("cuMemAlloc");
  if (!result) {
    *address = reinterpret_cast<uintptr_t>(std::malloc(size));
    ++driver().allocated;
  }
  return result;
}
int cuMemFree_v2(unsigned long long address) {
  std::free(reinterpret_cast<void *>(address));
  return --driver().allocated, note("cuMemFree");
}
int cuMemcpyHtoDAsync_v2(unsigned long long target, const void *source, size_t size, void *) {
  std::memcpy(reinterpret_cast<void *>(target), source, size);
  return note("cuMemcpyHtoDAsync");
}
int cuMemcpyDtoHAsync_v2(void *target, unsigned long long source, size_t size, void *) {
  std::memcpy(target, reinterpret_cast<void *>(source), size);
  return note("cuMemcpyDtoHAsync");
}
int cuMemsetD8Async(unsigned long long target, unsigned char value, size_t size, void *) {
  std::memset(reinterpret_cast<void *>(target), value, size);
  return note("cuMemsetD8Async");
}
int cuStreamCreate(void **stream, unsigned) { return *stream = &driver().gpus, 0; }
int cuStreamSynchronize(void *) { return note("cuStreamSynchronize"); }
int cuPointerGetAttribute(void *value, int, unsigned long long) {
  *static_cast<unsigned *>(value) = 2;
  return quiet("cuPointerGetAttribute");
}

} // extern "C"
