//===- ObjectLoader.h - Runs code from an ELF object file ----------*- C++ -*-===//
//
// Maps an ELF64 x86-64 relocatable object (one `.o`) into memory: code read+execute, constants read-only, relocated
// inside the object only. What a kernel object may hold is small, and anything else is an error that says so: no
// undefined symbols, no writable data, no thread-local storage, no GOT, no constructors.
//
// The object is trusted to compute what it should, but every offset and size in it is checked, so that a damaged file
// gives an error.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_ARTIFACT_OBJECTLOADER_H
#define ATTN_RUNTIME_ARTIFACT_OBJECTLOADER_H

#include "runtime/artifact/Status.h"

#include <map>
#include <memory>
#include <string_view>

namespace attn::rt {

/// Mapped code. Immutable; unmapped by the destructor.
class CodeImage {
public:
  static Status load(std::string_view object, std::shared_ptr<const CodeImage> &image);
  ~CodeImage();
  CodeImage(const CodeImage &) = delete;
  CodeImage &operator=(const CodeImage &) = delete;

  /// Address of a global function, null if there is none of that name.
  const void *find(const std::string &symbol) const;

private:
  CodeImage() = default;

  void *base = nullptr;
  size_t size = 0;
  std::map<std::string, const void *> functions;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_ARTIFACT_OBJECTLOADER_H
