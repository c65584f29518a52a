//===- Cache.h - Artifacts on disk -----------------------------------*- C++ -*-===//
//
// One file per key in $ATTN_CACHE_DIR, else $XDG_CACHE_HOME/attn, else $HOME/.cache/attn. The file name is the SHA-256
// of the key, so no text of a spec reaches a path. The directory is created with mode 0700 and used only if it is a
// real directory of this user that no one else can write. An object is published by writing a temporary file (O_EXCL),
// fsync and rename, and is loaded only if it is a regular file of this user whose stored key and checksum match: a
// torn, foreign or damaged object is a miss. Errors of the file system are misses, never failures of a compilation.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_JIT_CACHE_H
#define ATTN_CODEGEN_JIT_CACHE_H

#include <optional>
#include <string>
#include <string_view>

namespace attn::codegen {

struct CompileOptions;

/// What identifies a compilation besides its units: the normalised spec, the options, the version of this compiler.
std::string cacheKey(std::string_view spec, size_t units, const CompileOptions &options);

/// The object published under `key`, if there is a sound one.
std::optional<std::string> cacheLookup(std::string_view key);

/// Publishes `object` under `key`. Does nothing if that is not possible.
void cachePublish(std::string_view key, std::string_view object);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_JIT_CACHE_H
