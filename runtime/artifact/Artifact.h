//===- Artifact.h - An opened artifact -----------------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_ARTIFACT_ARTIFACT_H
#define ATTN_RUNTIME_ARTIFACT_ARTIFACT_H

#include "runtime/artifact/Manifest.h"
#include "runtime/artifact/ObjectLoader.h"
#include "runtime/device/Device.h"

#include <mutex>

namespace attn::rt {

/// A manifest and its code, checked against the checksums. Immutable but for the caches of loaded code, which a mutex
/// guards: may be used by several threads.
class Artifact {
public:
  /// Takes the bytes of a file.
  static Status open(std::string bytes, std::shared_ptr<const Artifact> &artifact);
  static Status openFile(const char *path, std::shared_ptr<const Artifact> &artifact);

  const Manifest &manifest() const { return contents; }
  /// The mapped code blob `index`; mapped by the first call.
  Status code(int index, std::shared_ptr<const CodeImage> &image) const;
  /// The kernel of a form of GPU code on a device; loaded by the first call.
  Status kernel(const Form &form, const Device &device, std::shared_ptr<const DeviceKernel> &kernel) const;

private:
  Artifact() = default;
  Status read();
  std::string_view blob(int index) const;

  std::string bytes;
  Manifest contents;
  uint64_t codeBase = 0;
  mutable std::mutex mutex;
  mutable std::vector<std::shared_ptr<const CodeImage>> images; ///< guarded by mutex
  /// By name of the device and code; guarded by mutex.
  mutable std::map<std::pair<std::string, int>, std::shared_ptr<const DeviceKernel>> kernels;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_ARTIFACT_ARTIFACT_H
