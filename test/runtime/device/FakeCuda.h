//===- FakeCuda.h - A CUDA driver that only takes notes ------------*- C++ -*-===//
//
// A library called libcuda.so.1 with the functions that runtime/device/cuda loads. "Device memory" is memory of the
// process. Tests say how it fails and read what it was asked to do.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_RUNTIME_DEVICE_FAKECUDA_H
#define ATTN_TEST_RUNTIME_DEVICE_FAKECUDA_H

#include <cstdint>
#include <string>
#include <vector>

namespace attn::fake {

struct Launch {
  std::string kernel;
  unsigned grid[3], block[3], shared;
  void *stream;
  std::vector<int64_t> words;
};

struct Driver {
  // What it is.
  int version = ATTN_FAKE_VERSION, gpus = 2, capability = 90;
  std::string failing; ///< the function that fails
  int failure = 999;   ///< with this CUresult
  std::string jitLog;  ///< of a failing cuModuleLoadDataEx
  // What was asked of it.
  std::vector<std::string> calls; ///< names in order, but for contexts and queries
  std::vector<Launch> launches;
  std::string image;                            ///< the last that was loaded
  unsigned jitOptions = 0;                      ///< of that
  int allocated = 0, modules = 0, contexts = 0; ///< that are alive; current contexts of all threads

  size_t count(const std::string &call) const {
    size_t n = 0;
    for (const std::string &c : calls)
      n += c == call;
    return n;
  }
};

Driver &driver();

} // namespace attn::fake

#endif // ATTN_TEST_RUNTIME_DEVICE_FAKECUDA_H
