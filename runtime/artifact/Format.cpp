//===- Format.cpp - Writing artifacts ------------------------------*- C++ -*-===//

#include "runtime/artifact/Format.h"

namespace attn::rt {

std::vector<uint64_t> codeOffsets(const std::vector<std::string> &blobs) {
  std::vector<uint64_t> offsets;
  uint64_t end = 0;
  for (const std::string &blob : blobs) {
    offsets.push_back(alignCode(end));
    end = offsets.back() + blob.size();
  }
  return offsets;
}

std::string assembleArtifact(std::string_view manifest, const std::vector<std::string> &blobs) {
  std::string file(kArtifactMagic);
  for (int byte = 0; byte < 8; ++byte)
    file.push_back(char(uint64_t(manifest.size()) >> (8 * byte)));
  file += sha256(manifest);
  file += manifest;
  uint64_t base = alignCode(file.size());
  std::vector<uint64_t> offsets = codeOffsets(blobs);
  for (size_t i = 0; i < blobs.size(); ++i) {
    file.resize(base + offsets[i], '\0');
    file += blobs[i];
  }
  return file;
}

} // namespace attn::rt
