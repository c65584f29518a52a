//===- EmulatorDevice.cpp - The emulator as a device ---------------*- C++ -*-===//

#include "runtime/device/EmulatorDevice.h"

#include "runtime/device/emulator/Emulator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace attn::rt {
namespace {

/// Of allocations, as on a GPU.
constexpr size_t kAlignment = 256;

emu::Completion completionOf(int32_t completion) {
  switch (completion) {
  case ATTN_COMPLETE_LATE: return emu::Completion::Late;
  case ATTN_COMPLETE_RANDOM: return emu::Completion::Random;
  default: return emu::Completion::Early;
  }
}

class EmulatorKernel : public DeviceKernel {
public:
  EmulatorKernel(std::unique_ptr<emu::Module> module, const KernelCode &code)
      : module(std::move(module)), entry(code.entry), threads(code.threads), shared(code.shared) {}

  Status launch(uint32_t blocks, const int64_t *words, size_t wordCount, const RunContext &run) const override {
    emu::Buffers buffers;
    for (const Extent &extent : *run.tensors)
      buffers.add(extent.data, extent.size, extent.writable);
    buffers.add(run.workspace.data, run.workspace.size, true);
    emu::Launch launch;
    launch.kernel = entry;
    launch.grid = {blocks, 1, 1};
    launch.block = {threads, 1, 1};
    launch.dynamicShared = shared;
    auto *bytes = reinterpret_cast<const uint8_t *>(words);
    launch.params.assign(bytes, bytes + wordCount * sizeof(int64_t));
    launch.options.completion = completionOf(run.completion);
    launch.options.seed = run.seed;
    launch.options.threads = run.threads;
    emu::Result result = emu::launch(*module, buffers, launch);
    if (result.fault)
      return error(ATTN_ERR_DEVICE, "emulator: %s", result.fault->text().c_str());
    return {};
  }

private:
  std::unique_ptr<emu::Module> module;
  std::string entry;
  uint32_t threads, shared;
};

class EmulatorDevice : public Device {
public:
  const std::string &name() const override { return text; }
  int rank(std::string_view isa) const override { return std::max(archRank(isa, 9999), archRank(isa, 90)); }
  bool isAsynchronous() const override { return false; }
  bool owns(const void *) const override { return true; }

  Status load(const KernelCode &code, std::shared_ptr<const DeviceKernel> &kernel) const override {
    std::string why;
    auto module = emu::Module::load(code.ptx, why);
    if (!module)
      return error(ATTN_ERR_DEVICE, "emulator: %s", why.c_str());
    std::vector<std::string> kernels = module->kernels();
    if (std::find(kernels.begin(), kernels.end(), code.entry) == kernels.end())
      return error(ATTN_ERR_ARTIFACT, "damaged artifact: no kernel '%s' in its code", code.entry.c_str());
    kernel = std::make_shared<EmulatorKernel>(std::move(module), code);
    return {};
  }

  Status allocate(size_t size, void *&memory) const override {
    memory = std::aligned_alloc(kAlignment, (size / kAlignment + 1) * kAlignment);
    return memory ? Status() : error(ATTN_ERR_OUT_OF_MEMORY, "out of memory");
  }
  void release(void *memory) const override { std::free(memory); }
  Status write(const void *source, void *target, size_t size) const override {
    std::memcpy(target, source, size);
    return {};
  }
  Status read(const void *source, void *target, size_t size, void *) const override {
    std::memcpy(target, source, size);
    return {};
  }
  Status clear(void *memory, size_t size, const RunContext &) const override {
    std::memset(memory, 0, size);
    return {};
  }

private:
  std::string text = "emulator";
};

} // namespace

std::shared_ptr<const Device> emulatorDevice() {
  static const auto device = std::make_shared<const EmulatorDevice>();
  return device;
}

} // namespace attn::rt
