//===- Artifact.cpp - An opened artifact ---------------------------*- C++ -*-===//

#include "runtime/artifact/Artifact.h"

#include "runtime/artifact/Format.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace attn::rt {

Status Artifact::open(std::string bytes, std::shared_ptr<const Artifact> &artifact) {
  std::shared_ptr<Artifact> result(new Artifact());
  result->bytes = std::move(bytes);
  if (Status s = result->read())
    return s;
  artifact = std::move(result);
  return {};
}

Status Artifact::read() {
  std::string_view file = bytes;
  if (file.substr(0, kArtifactMagic.size()) != kArtifactMagic)
    return error(ATTN_ERR_ARTIFACT, "not an attn artifact: it does not begin with %s", kArtifactMagic.data());
  uint64_t length = 0;
  for (int byte = 7; byte >= 0 && file.size() >= kArtifactHeaderSize; --byte)
    length = length << 8 | (unsigned char)file[8 + byte];
  if (file.size() < kArtifactHeaderSize || length > kMaxManifestSize || length > file.size() - kArtifactHeaderSize)
    return error(ATTN_ERR_ARTIFACT,
                 "damaged artifact: the manifest (%" PRIu64 " bytes) does not fit the file (%zu bytes)", length,
                 file.size());
  std::string_view manifest = file.substr(kArtifactHeaderSize, length);
  if (file.substr(16, 32) != sha256(manifest))
    return error(ATTN_ERR_ARTIFACT, "damaged artifact: wrong checksum of the manifest");
  if (Status s = parseManifest(manifest, contents))
    return s;

  codeBase = alignCode(kArtifactHeaderSize + length);
  uint64_t end = kArtifactHeaderSize + length;
  for (size_t i = 0; i < contents.code.size(); ++i) {
    const CodeBlob &blob = contents.code[i];
    uint64_t start = 0, blobEnd = 0;
    if (__builtin_add_overflow(codeBase, blob.offset, &start) || start % kCodeAlignment || start != alignCode(end) ||
        __builtin_add_overflow(start, blob.size, &blobEnd) || blobEnd > file.size())
      return error(ATTN_ERR_ARTIFACT, "damaged artifact: code %zu does not lie in the file", i);
    if (file.substr(end, start - end).find_first_not_of('\0') != std::string_view::npos)
      return error(ATTN_ERR_ARTIFACT, "damaged artifact: bytes between the parts");
    if (sha256Hex(file.substr(start, blob.size)) != blob.sha256)
      return error(ATTN_ERR_ARTIFACT, "damaged artifact: wrong checksum of code %zu", i);
    end = blobEnd;
  }
  if (end != file.size())
    return error(ATTN_ERR_ARTIFACT, "damaged artifact: %" PRIu64 " bytes after the end", file.size() - end);
  images.resize(contents.code.size());
  return {};
}

Status Artifact::openFile(const char *path, std::shared_ptr<const Artifact> &artifact) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path, "rb"), std::fclose);
  if (!file)
    return error(ATTN_ERR_IO, "cannot open '%s': %s", path, std::strerror(errno));
  std::string bytes;
  char chunk[1 << 16];
  const size_t limit = kMaxManifestSize + kMaxCodeSize;
  while (size_t n = std::fread(chunk, 1, sizeof(chunk), file.get())) {
    bytes.append(chunk, n);
    if (bytes.size() > limit)
      break;
  }
  if (std::ferror(file.get()))
    return error(ATTN_ERR_IO, "cannot read '%s': %s", path, std::strerror(errno));
  if (bytes.size() > limit)
    return error(ATTN_ERR_ARTIFACT, "'%s' is larger than %zu bytes", path, limit);
  Status status = open(std::move(bytes), artifact);
  if (status)
    status.message = "'" + std::string(path) + "': " + status.message;
  return status;
}

Status Artifact::code(int index, std::shared_ptr<const CodeImage> &image) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (!images[index]) {
    if (Status s = CodeImage::load(blob(index), images[index]))
      return s;
  }
  image = images[index];
  return {};
}

std::string_view Artifact::blob(int index) const {
  const CodeBlob &blob = contents.code[size_t(index)];
  return std::string_view(bytes).substr(codeBase + blob.offset, blob.size);
}

Status Artifact::kernel(const Form &form, const Device &device, std::shared_ptr<const DeviceKernel> &kernel) const {
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const DeviceKernel> &loaded = kernels[{device.name(), form.code}];
  if (!loaded) {
    KernelCode code{blob(form.code), {}, form.entry, uint32_t(form.threads), uint32_t(form.shared)};
    for (const Cubin &cubin : form.cubins)
      code.cubins.push_back({cubin.arch, blob(cubin.code)});
    if (Status s = device.load(code, loaded))
      return s;
  }
  kernel = loaded;
  return {};
}

} // namespace attn::rt
