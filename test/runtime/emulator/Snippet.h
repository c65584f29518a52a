//===- Snippet.h - Runs a few PTX instructions in a test -----------*- C++ -*-===//
//
// A snippet is the body of a kernel with up to four buffers, whose addresses it finds in %rd0 to %rd3; %r0 is %tid.x.
// Registers %p, %h, %r, %f, %rd, %fd are declared, 200 of each.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_RUNTIME_EMULATOR_SNIPPET_H
#define ATTN_TEST_RUNTIME_EMULATOR_SNIPPET_H

#include "runtime/device/emulator/Emulator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace attn::emu::test {

/// The kernel `k` around a body. `directives` go before the opening brace, `globals` before the kernel.
inline std::string kernelText(const std::string &body, const std::string &directives = "",
                              const std::string &globals = ".extern .shared .align 1024 .b8 smem[];\n") {
  return ".version 8.3\n.target sm_90a\n.address_size 64\n" + globals +
         ".visible .entry k(.param .u64 p0, .param .u64 p1, .param .u64 p2, .param .u64 p3)\n" + directives + R"({
  .reg .pred %p<200>;
  .reg .b16 %h<200>;
  .reg .b32 %r<200>;
  .reg .f32 %f<200>;
  .reg .b64 %rd<200>;
  .reg .f64 %fd<200>;
  ld.param.u64 %rd0, [p0];
  ld.param.u64 %rd1, [p1];
  ld.param.u64 %rd2, [p2];
  ld.param.u64 %rd3, [p3];
  mov.u32 %r0, %tid.x;
)" + body +
         "\n  ret;\n}\n";
}

class Snippet {
public:
  explicit Snippet(const std::string &body, const std::string &directives = "") {
    std::string error;
    module = Module::load(kernelText(body, directives), error);
    EXPECT_TRUE(module) << error;
    launch.kernel = "k";
  }

  /// The next buffer; it must stay where it is.
  template <class T> Snippet &buffer(std::vector<T> &data, bool writable = true) {
    addresses.push_back(reinterpret_cast<uint64_t>(data.data()));
    buffers.add(data.data(), data.size() * sizeof(T), writable);
    return *this;
  }
  Result run() {
    addresses.resize(4);
    launch.params.resize(32);
    memcpy(launch.params.data(), addresses.data(), 32);
    return module ? emu::launch(*module, buffers, launch) : Result();
  }
  /// Runs and expects no fault.
  Result ok() {
    Result result = run();
    EXPECT_FALSE(result.fault) << result.fault->text();
    return result;
  }
  /// Runs and expects this fault.
  std::string fault(FaultKind kind) {
    Result result = run();
    EXPECT_TRUE(result.fault) << "expected: " << name(kind);
    if (!result.fault)
      return "";
    EXPECT_EQ(result.fault->kind, kind) << result.fault->text();
    return result.fault->text();
  }

  std::unique_ptr<Module> module;
  Launch launch;
  Buffers buffers;

private:
  std::vector<uint64_t> addresses;
};

/// Why a body is not accepted; empty if it is.
inline std::string loadError(const std::string &body, const std::string &directives = "") {
  std::string error;
  Module::load(kernelText(body, directives), error);
  return error;
}

} // namespace attn::emu::test

#endif // ATTN_TEST_RUNTIME_EMULATOR_SNIPPET_H
