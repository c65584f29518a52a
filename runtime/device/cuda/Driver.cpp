//===- Driver.cpp - The CUDA driver, loaded at run time ------------*- C++ -*-===//

#include "runtime/device/cuda/Driver.h"

#include <dlfcn.h>
#include <mutex>

namespace attn::rt::cuda {
namespace {

constexpr const char *kLibrary = "libcuda.so.1";
/// The first driver that knows PTX 8.0.
constexpr int kOldestVersion = 12000;

Status open(Driver &driver) {
  void *library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return error(ATTN_ERR_NO_DEVICE, "there is no CUDA driver: %s", dlerror());
  struct Symbol {
    const char *name;
    void **target;
  };
#define ATTN_CUDA_SYMBOL(NAME, SYMBOL, SIGNATURE) {SYMBOL, reinterpret_cast<void **>(&driver.NAME)},
  const Symbol symbols[] = {ATTN_CUDA_FUNCTIONS(ATTN_CUDA_SYMBOL)};
#undef ATTN_CUDA_SYMBOL
  for (const Symbol &symbol : symbols) {
    *symbol.target = dlsym(library, symbol.name);
    if (!*symbol.target)
      return error(ATTN_ERR_NO_DEVICE, "the CUDA driver is too old: %s has no function %s", kLibrary, symbol.name);
  }
  int version = 0;
  if (driver.driverVersion(&version) != 0 || version < kOldestVersion)
    return error(ATTN_ERR_NO_DEVICE, "the CUDA driver is too old: it supports CUDA %d.%d, at least %d.%d is needed",
                 version / 1000, version % 1000 / 10, kOldestVersion / 1000, kOldestVersion % 1000 / 10);
  Status status = driver.check(driver.init(0), "cuInit");
  if (status)
    status.code = ATTN_ERR_NO_DEVICE;
  return status;
}

} // namespace

Status Driver::check(Result result, const char *what) const {
  if (result == 0)
    return {};
  const char *name = nullptr, *text = nullptr;
  if (errorName(result, &name) != 0 || !name)
    name = "unknown error";
  if (errorString(result, &text) != 0 || !text)
    text = "no description";
  return error(result == kOutOfMemory ? ATTN_ERR_OUT_OF_MEMORY : ATTN_ERR_DEVICE, "CUDA: %s: %s (%d): %s", what, name,
               result, text);
}

Status loadDriver(const Driver *&driver) {
  static std::mutex mutex;
  static Driver loaded;
  static bool isLoaded = false;
  std::lock_guard<std::mutex> lock(mutex);
  if (!isLoaded) {
    Driver fresh;
    if (Status s = open(fresh))
      return s;
    loaded = fresh;
    isLoaded = true;
  }
  driver = &loaded;
  return {};
}

} // namespace attn::rt::cuda
