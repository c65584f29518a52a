//===- Format.h - Layout of an artifact file -----------------------*- C++ -*-===//
//
// An artifact (`.attn`) is one file:
//
//   0   8 bytes   magic "ATTNART1"
//   8   u64 LE    length of the manifest in bytes
//   16  32 bytes  SHA-256 of the manifest
//   48            manifest (JSON, UTF-8)
//       zeros up to a multiple of kCodeAlignment: the code base
//       code blobs, each at its `offset` from the code base, in order, zeros between them, nothing after the last
//
// The manifest's `code` array gives offset, size and SHA-256 of every blob, so each byte of the file is covered: a file
// with a flipped bit or a missing end is refused. The checksums find damage; they are no protection against a forger.
//
// Shared by the compiler, which writes artifacts, and the runtime, which reads them.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_ARTIFACT_FORMAT_H
#define ATTN_RUNTIME_ARTIFACT_FORMAT_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

constexpr std::string_view kArtifactMagic = "ATTNART1";
constexpr size_t kArtifactHeaderSize = 48;
constexpr size_t kCodeAlignment = 64;
/// Value of the manifest's `attn_artifact`.
constexpr int64_t kArtifactVersion = 1;
constexpr size_t kMaxManifestSize = size_t(16) << 20;
constexpr size_t kMaxCodeSize = size_t(256) << 20;

/// Smallest multiple of kCodeAlignment that is >= n.
constexpr uint64_t alignCode(uint64_t n) { return (n + kCodeAlignment - 1) / kCodeAlignment * kCodeAlignment; }

/// SHA-256 of `bytes`, as 32 bytes.
std::string sha256(std::string_view bytes);
/// The same as 64 lower-case hexadecimal digits, as in the manifest.
std::string sha256Hex(std::string_view bytes);

/// Offsets that the manifest must state for these blobs, in order.
std::vector<uint64_t> codeOffsets(const std::vector<std::string> &blobs);
/// The artifact file of a manifest and its blobs, placed at codeOffsets(blobs).
std::string assembleArtifact(std::string_view manifest, const std::vector<std::string> &blobs);

} // namespace attn::rt

#endif // ATTN_RUNTIME_ARTIFACT_FORMAT_H
