//===- Reference.cpp - The compiler's reference, found at run time -----------*- C++ -*-===//

#include "tools/attn-run/Reference.h"

#include "attn/attn.hpp"

#include <climits>
#include <dlfcn.h>
#include <unistd.h>

namespace attn::tool {

std::string Reference::load() {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0 || length == sizeof(path))
    return "cannot find the folder of attn-run";
  std::string folder(path, size_t(length));
  folder.resize(folder.rfind('/') + 1);
  const char *name = "libattn.so.0";
  void *library = nullptr;
  for (const std::string &place : {folder, folder + "../lib/"})
    if (!library && access((place + name).c_str(), R_OK) == 0) {
      library = dlopen((place + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!library)
        return std::string("cannot load the reference: ") + dlerror();
    }
  if (!library)
    return std::string("the reference is in ") + name + ", which is neither in " + folder + " nor in ../lib";
  call = reinterpret_cast<decltype(call)>(dlsym(library, "attn_reference_run"));
  lastError = reinterpret_cast<decltype(lastError)>(dlsym(library, "attn_compiler_last_error"));
  return call && lastError ? "" : std::string(name) + " has no attn_reference_run";
}

std::string Reference::run(const attn_artifact *artifact, const std::string &entry, const attn_plan_desc *desc,
                           int32_t precision) const {
  auto options = init<attn_reference_options>();
  options.precision = precision;
  size_t size;
  const char *spec = attn_artifact_spec(artifact, &size);
  int32_t code = call(spec, size, entry.empty() ? nullptr : entry.c_str(), desc, &options);
  return code ? std::string(attn_code_name(code)) + ": " + lastError() : "";
}

} // namespace attn::tool
