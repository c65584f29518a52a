//===- Cache.cpp - Artifacts on disk -----------------------------------------===//
//
// File: "ATTNCACH", SHA-256 of the rest, u64 length of the key, key, object.
//===----------------------------------------------------------------------===//
#include "codegen/jit/Cache.h"

#include "codegen/jit/Compiler.h"
#include "runtime/artifact/Format.h"
#include "llvm/Config/llvm-config.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn;
using namespace attn::codegen;

static constexpr std::string_view magic = "ATTNCACH";
static constexpr size_t headerSize = 8 + 32 + 8;

namespace {
/// A file descriptor that closes itself.
struct File {
  int fd;
  ~File() {
    if (fd >= 0)
      ::close(fd);
  }
};
} // namespace

/// The cache directory, open, or -1. Created if needed; refused if someone else could have put objects there.
static int openDirectory() {
  std::string path;
  if (const char *own = std::getenv("ATTN_CACHE_DIR"); own && *own)
    path = own;
  else if (const char *xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg)
    path = std::string(xdg) + "/attn";
  else if (const char *home = std::getenv("HOME"); home && *home) {
    ::mkdir((std::string(home) + "/.cache").c_str(), 0700);
    path = std::string(home) + "/.cache/attn";
  } else
    return -1;
  ::mkdir(path.c_str(), 0700);
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (fd >= 0 && (::fstat(fd, &info) != 0 || info.st_uid != ::geteuid() || (info.st_mode & 022) != 0)) {
    ::close(fd);
    return -1;
  }
  return fd;
}

static bool readAll(int fd, char *data, size_t size) {
  while (size > 0) {
    ssize_t n = ::read(fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data += n;
    size -= n;
  }
  return true;
}

static bool writeAll(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    data.remove_prefix(n);
  }
  return true;
}

/// Size and modification time of the file this code runs from: two builds of one version do not share objects. Of the
/// main program dladdr knows only what it was called, which is no path if the shell looked it up.
static std::string buildId() {
  Dl_info self;
  struct stat info;
  bool found = ::dladdr(reinterpret_cast<void *>(&codegen::cachePublish), &self) && std::strchr(self.dli_fname, '/') &&
               ::stat(self.dli_fname, &info) == 0;
  if (!found && ::stat("/proc/self/exe", &info) != 0)
    return "process " + std::to_string(::getpid());
  return std::to_string(info.st_size) + "." + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

std::string codegen::cacheKey(std::string_view spec, size_t units, const CompileOptions &options) {
  return "attn " ATTN_VERSION " LLVM " LLVM_VERSION_STRING "|" + buildId() + "|" + std::to_string(options.rows) + "|" +
         std::to_string(options.keys) + "|" + std::to_string(units) + "|" + std::string(spec);
}

std::optional<std::string> codegen::cacheLookup(std::string_view key) {
  File directory{openDirectory()};
  if (directory.fd < 0)
    return std::nullopt;
  File file{::openat(directory.fd, rt::sha256Hex(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      info.st_size < off_t(headerSize + key.size()))
    return std::nullopt;
  std::string bytes(info.st_size, '\0');
  if (!readAll(file.fd, bytes.data(), bytes.size()))
    return std::nullopt;
  std::string_view view(bytes);
  uint64_t keySize;
  std::memcpy(&keySize, bytes.data() + 40, 8);
  if (view.substr(0, 8) != magic || keySize != key.size() || view.substr(headerSize, key.size()) != key ||
      view.substr(8, 32) != rt::sha256(view.substr(40)))
    return std::nullopt;
  return bytes.substr(headerSize + key.size());
}

void codegen::cachePublish(std::string_view key, std::string_view object) {
  File directory{openDirectory()};
  if (directory.fd < 0)
    return;
  std::string name = rt::sha256Hex(key);
  uint64_t keySize = key.size();
  std::string rest(reinterpret_cast<const char *>(&keySize), 8);
  rest.append(key).append(object);
  std::string bytes = std::string(magic) + rt::sha256(rest) + rest;
  std::string temporary = name + "." + std::to_string(::getpid()) + ".tmp";
  ::unlinkat(directory.fd, temporary.c_str(), 0); // left by a killed process with our number
  bool written = false;
  {
    File file{::openat(directory.fd, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (file.fd < 0)
      return;
    written = writeAll(file.fd, bytes) && ::fsync(file.fd) == 0;
  }
  if (!written || ::renameat(directory.fd, temporary.c_str(), directory.fd, name.c_str()) != 0)
    ::unlinkat(directory.fd, temporary.c_str(), 0);
}
