//===- Device.h - What runs GPU code -------------------------------*- C++ -*-===//
//
// A plan loads kernels and uploads what their words point to; a run only clears the status word and launches. There are
// two devices: `cuda`, a GPU through its driver, and `emulator`, which executes the PTX on the CPU with every check
// that a GPU does not make. CPU code needs no device: a plan calls it directly.
//
// Thread safety: a device and its kernels may be used by several threads at once.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_DEVICE_H
#define ATTN_RUNTIME_DEVICE_DEVICE_H

#include "runtime/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

/// A kernel as an artifact holds it. The views are valid while the artifact is.
struct KernelCode {
  /// Machine code for one architecture.
  struct Cubin {
    std::string arch; ///< "sm_90"
    std::string_view bytes;
  };
  std::string_view ptx;
  std::vector<Cubin> cubins;
  std::string entry;    ///< name of the function
  uint32_t threads = 0; ///< of a block
  uint32_t shared = 0;  ///< dynamic shared memory of a block, bytes
};

/// Memory that kernels may touch.
struct Extent {
  const void *data = nullptr;
  size_t size = 0;
  bool writable = false;
};

/// One run of a plan.
struct RunContext {
  void *stream = nullptr; ///< of CUDA; null: the default stream
  // What only the emulator reads.
  const std::vector<Extent> *tensors = nullptr;
  Extent workspace;
  int32_t completion = 0; ///< attn_emulator_completion
  uint64_t seed = 0;
  unsigned threads = 1;
};

/// A loaded kernel; unloaded by the destructor.
class DeviceKernel {
public:
  virtual ~DeviceKernel() = default;
  /// Starts `blocks` blocks on the stream of the run. The words are copied. Allocates nothing on a GPU.
  virtual Status launch(uint32_t blocks, const int64_t *words, size_t wordCount, const RunContext &run) const = 0;
};

class Device : public std::enable_shared_from_this<Device> {
public:
  virtual ~Device() = default;

  /// "cuda:0" or "emulator"; devices of the same name can run each other's kernels.
  virtual const std::string &name() const = 0;
  /// How good a choice code for `isa` is: 0 if it does not run here, else more is better.
  virtual int rank(std::string_view isa) const = 0;
  virtual Status load(const KernelCode &code, std::shared_ptr<const DeviceKernel> &kernel) const = 0;

  /// Whether launches return before the work is done.
  virtual bool isAsynchronous() const = 0;
  /// Whether kernels can read what lies at an address of the caller.
  virtual bool owns(const void *address) const = 0;
  virtual Status allocate(size_t size, void *&memory) const = 0;
  virtual void release(void *memory) const = 0;
  /// Copies to the device and returns when it is done. Does not wait for other work.
  virtual Status write(const void *source, void *target, size_t size) const = 0;
  /// Copies from the device after all work of `stream`, and returns when it is done.
  virtual Status read(const void *source, void *target, size_t size, void *stream) const = 0;
  /// Sets memory of the device to zero in the order of the stream.
  virtual Status clear(void *memory, size_t size, const RunContext &run) const = 0;

  /// Memory that holds a copy of the data, and keeps the device.
  Status upload(const void *data, size_t size, std::shared_ptr<const void> &memory) const;
};

/// Opens a device of an attn_device_kind other than ATTN_DEVICE_CPU.
Status openDevice(int32_t kind, int32_t index, std::shared_ptr<const Device> &device);

/// Rank of the architecture "sm_NN" or "sm_NNa" on a GPU of compute capability `capability` (NN). Code for sm_NN runs
/// on every later GPU, code for sm_NNa on that one only. 0 for any other text.
int archRank(std::string_view isa, int capability);

} // namespace attn::rt

#endif // ATTN_RUNTIME_DEVICE_DEVICE_H
