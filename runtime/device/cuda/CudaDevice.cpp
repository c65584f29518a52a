//===- CudaDevice.cpp - An NVIDIA GPU as a device ------------------*- C++ -*-===//

#include "runtime/device/cuda/CudaDevice.h"

#include "runtime/device/cuda/Driver.h"

#include <map>
#include <mutex>
#include <unistd.h>

namespace attn::rt {
namespace {

using namespace cuda;

/// What kernels and memory share with their device; lives as long as the process.
struct Gpu {
  const Driver &driver;
  Context context = nullptr;
  Stream stream = nullptr; ///< for copies of the runtime's own
  pid_t owner = 0;         ///< process that opened it
};

/// Makes the context of a GPU current in this thread for a while.
class Current {
public:
  explicit Current(const Gpu &gpu) : gpu(gpu) {
    if (getpid() != gpu.owner)
      status = error(ATTN_ERR_DEVICE, "CUDA cannot be used in a child of the process that initialised it");
    else
      status = gpu.driver.check(gpu.driver.pushContext(gpu.context), "cuCtxPushCurrent");
  }
  ~Current() {
    Context previous;
    if (!status)
      gpu.driver.popContext(&previous);
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

  Status status;

private:
  const Gpu &gpu;
};

Address addressOf(const void *memory) { return Address(reinterpret_cast<uintptr_t>(memory)); }

class CudaKernel : public DeviceKernel {
public:
  CudaKernel(const Gpu &gpu, Module module, Function function, const KernelCode &code)
      : gpu(gpu), module(module), function(function), threads(code.threads), shared(code.shared) {}
  ~CudaKernel() override {
    Current current(gpu);
    if (!current.status)
      gpu.driver.unloadModule(module);
  }

  Status launch(uint32_t blocks, const int64_t *words, size_t wordCount, const RunContext &run) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    size_t bytes = wordCount * sizeof(int64_t);
    void *extra[] = {kParamPointer, const_cast<int64_t *>(words), kParamSize, &bytes, kParamEnd};
    return gpu.driver.check(gpu.driver.launch(function, blocks, 1, 1, threads, 1, 1, shared,
                                              static_cast<Stream>(run.stream), nullptr, extra),
                            "cuLaunchKernel");
  }

private:
  const Gpu &gpu;
  Module module;
  Function function;
  uint32_t threads, shared;
};

class CudaDevice : public Device {
public:
  CudaDevice(Gpu gpu, int32_t index, int capability)
      : gpu(gpu), capability(capability), text("cuda:" + std::to_string(index)) {}

  const std::string &name() const override { return text; }
  int rank(std::string_view isa) const override { return archRank(isa, capability); }
  bool isAsynchronous() const override { return true; }

  bool owns(const void *address) const override {
    unsigned type = 0;
    Current current(gpu);
    return !current.status && gpu.driver.pointerAttribute(&type, kMemoryType, addressOf(address)) == 0;
  }

  Status load(const KernelCode &code, std::shared_ptr<const DeviceKernel> &kernel) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    Module module = nullptr;
    if (Status s = loadModule(code, module))
      return s;
    Function function = nullptr;
    Status status = gpu.driver.check(gpu.driver.getFunction(&function, module, code.entry.c_str()),
                                     ("kernel '" + code.entry + "'").c_str());
    // Asking for an attribute also makes a driver that loads lazily load it now, not at the first launch.
    if (!status)
      status = gpu.driver.check(gpu.driver.setAttribute(function, kMaxDynamicShared, int(code.shared)),
                                (std::to_string(code.shared) + " bytes of shared memory").c_str());
    if (status)
      gpu.driver.unloadModule(module);
    else
      kernel = std::make_shared<CudaKernel>(gpu, module, function, code);
    return status;
  }

  Status allocate(size_t size, void *&memory) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    Address address = 0;
    Status status = gpu.driver.check(gpu.driver.allocate(&address, size ? size : 1), "cuMemAlloc");
    if (!status)
      memory = reinterpret_cast<void *>(uintptr_t(address));
    return status;
  }
  void release(void *memory) const override {
    Current current(gpu);
    if (!current.status)
      gpu.driver.release(addressOf(memory));
  }
  Status write(const void *source, void *target, size_t size) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    // A stream of our own: the default one would wait for the caller's work.
    if (Status s =
            gpu.driver.check(gpu.driver.copyToDevice(addressOf(target), source, size, gpu.stream), "cuMemcpyHtoD"))
      return s;
    return gpu.driver.check(gpu.driver.synchronize(gpu.stream), "cuStreamSynchronize");
  }

  Status read(const void *source, void *target, size_t size, void *stream) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    auto on = static_cast<Stream>(stream);
    if (Status s = gpu.driver.check(gpu.driver.copyToHost(target, addressOf(source), size, on), "cuMemcpyDtoH"))
      return s;
    return gpu.driver.check(gpu.driver.synchronize(on), "cuStreamSynchronize");
  }

  Status clear(void *memory, size_t size, const RunContext &run) const override {
    Current current(gpu);
    if (current.status)
      return current.status;
    return gpu.driver.check(gpu.driver.fill(addressOf(memory), 0, size, static_cast<Stream>(run.stream)), "cuMemsetD8");
  }

private:
  /// Machine code for this very GPU if there is some, else the PTX, which the driver compiles (and keeps on disk).
  Status loadModule(const KernelCode &code, Module &module) const {
    for (const KernelCode::Cubin &cubin : code.cubins) {
      bool isOurs =
          cubin.arch == "sm_" + std::to_string(capability) || cubin.arch == "sm_" + std::to_string(capability) + "a";
      if (isOurs)
        return gpu.driver.check(gpu.driver.loadModule(&module, cubin.bytes.data(), 0, nullptr, nullptr),
                                ("machine code of '" + code.entry + "'").c_str());
    }
    std::string text(code.ptx); // ends with a zero byte, as the driver needs
    char log[4096] = "";
    int options[] = {kErrorLog, kErrorLogSize};
    void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
    Status status = gpu.driver.check(gpu.driver.loadModule(&module, text.c_str(), 2, options, values),
                                     ("PTX of '" + code.entry + "'").c_str());
    log[sizeof(log) - 1] = 0;
    if (status && log[0])
      status.message += std::string("; ") + log;
    return status;
  }

  const Gpu gpu;
  const int capability;
  const std::string text;
};

Status open(int32_t index, std::shared_ptr<const Device> &device) {
  const Driver *driver = nullptr;
  if (Status s = loadDriver(driver))
    return s;
  int count = 0, major = 0, minor = 0;
  if (Status s = driver->check(driver->deviceCount(&count), "cuDeviceGetCount"))
    return s;
  if (index >= count)
    return error(ATTN_ERR_NO_DEVICE, "device_index must be below %d, the number of GPUs, got %d", count, index);
  Ordinal ordinal = 0;
  Gpu gpu{*driver};
  gpu.owner = getpid();
  if (Status s = driver->check(driver->deviceGet(&ordinal, index), "cuDeviceGet"))
    return s;
  if (Status s =
          driver->check(driver->deviceAttribute(&major, kComputeCapabilityMajor, ordinal), "cuDeviceGetAttribute"))
    return s;
  if (Status s =
          driver->check(driver->deviceAttribute(&minor, kComputeCapabilityMinor, ordinal), "cuDeviceGetAttribute"))
    return s;
  if (Status s = driver->check(driver->retainContext(&gpu.context, ordinal), "cuDevicePrimaryCtxRetain"))
    return s;
  Current current(gpu);
  if (current.status)
    return current.status;
  if (Status s = driver->check(driver->createStream(&gpu.stream, kNonBlocking), "cuStreamCreate"))
    return s;
  device = std::make_shared<CudaDevice>(gpu, index, major * 10 + minor);
  return {};
}

} // namespace

Status openCudaDevice(int32_t index, std::shared_ptr<const Device> &device) {
  // Never destroyed: plans of static storage duration may outlive everything else.
  static auto &mutex = *new std::mutex;
  static auto &devices = *new std::map<int32_t, std::shared_ptr<const Device>>;
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const Device> &opened = devices[index];
  if (!opened)
    if (Status s = open(index, opened))
      return s;
  device = opened;
  return {};
}

} // namespace attn::rt
