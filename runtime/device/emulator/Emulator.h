//===- Emulator.h - Runs PTX kernels on the CPU --------------------*- C++ -*-===//
//
// The correctness oracle for GPU kernels: parses the PTX text that codegen/ptx emits and executes it, lane by lane,
// with the checks that a GPU does not make. It knows the instruction forms listed in docs/emulator.md and nothing else:
// any other form is an error of `Module::load` that names the line, never a guess.
//
//   std::string why;
//   auto module = Module::load(ptx, why);           // why: "line 12: unknown instruction mul.hi.u64"
//   Buffers buffers;
//   buffers.add(q.data(), q.size() * 2, /*writable=*/false);
//   Result r = launch(*module, buffers, {"kernel", {4, 2, 1}, {128, 1, 1}, 65536, params, options});
//   if (r.fault) fputs(r.fault->text().c_str(), stderr);
//
// Pointers in parameters are host pointers. A Module and its Buffers may be used by many launches at once; the global
// variables of a module are shared by them, as on a device. Needs AVX2, FMA and F16C; `load` says so where they lack.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_EMULATOR_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_EMULATOR_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attn::emu {

struct Program;

/// A parameter of a kernel, at `offset` of the parameter block.
struct Param {
  std::string name;
  uint32_t offset = 0, size = 0, align = 1;
};

class Module {
public:
  /// Parses and decodes PTX. Null on failure, and `error` then says what and where. Any text is safe.
  static std::unique_ptr<Module> load(std::string_view ptx, std::string &error);
  ~Module();

  std::vector<std::string> kernels() const;

  /// The parameters of a kernel in order; empty for an unknown kernel.
  std::vector<Param> params(std::string_view kernel) const;

  const Program &program() const { return *impl; }

private:
  explicit Module(std::unique_ptr<Program> impl);
  std::unique_ptr<Program> impl;
};

/// The global memory that kernels may touch, byte-exact.
class Buffers {
public:
  /// Makes [data, data + size) readable, and writable if so. Buffers do not overlap.
  void add(const void *data, size_t size, bool writable);
  void remove(const void *data);

private:
  friend class GlobalMemory;
  struct Range {
    uint64_t end;
    bool writable;
  };
  std::map<uint64_t, Range> ranges; ///< by first byte
};

/// When wgmma, TMA and cp.async move their data.
enum class Completion {
  Early,  ///< at issue
  Late,   ///< only when a wait forces it, or when nothing else can run
  Random, ///< at some point in between, drawn from the seed
};

/// What to check besides faults that cannot be ignored (bounds, alignment, barriers). All cost time.
struct Checks {
  bool registers = true; ///< reads of registers that are uninitialised or that an unfinished wgmma writes
  bool shared = true;    ///< shared memory: uninitialised, with a copy in flight, written without a proxy fence
  bool races = true;     ///< accesses to shared memory by two warps with no synchronisation between them
};

struct Options {
  Completion completion = Completion::Early;
  /// Order of warps and CTAs and of random completion. 0: warps round robin, CTAs in order.
  uint64_t seed = 0;
  unsigned threads = 1; ///< host threads; each runs whole CTAs
  Checks checks;
  uint64_t maxInstructions = uint64_t(1) << 32; ///< warp instructions of a CTA before it counts as an endless loop
};

struct Launch {
  std::string kernel;
  std::array<uint32_t, 3> grid{1, 1, 1}, block{32, 1, 1};
  uint32_t dynamicShared = 0;  ///< bytes behind `.extern .shared`
  std::vector<uint8_t> params; ///< the parameter block, laid out as Module::params says
  Options options;
};

enum class FaultKind {
  BadLaunch,
  Deadlock,
  MissingWait,
  TransactionCount,
  OutOfBounds,
  Misaligned,
  Uninitialised,
  MissingProxyFence,
  MissingFence, ///< wgmma.fence, fence.mbarrier_init
  DataRace,
  Barrier, ///< misuse of a barrier or mbarrier
  IncompleteAtExit,
  SetMaxNReg,
  Divergence,
  TensorMap,
  Descriptor,
  Trap,
  EndlessLoop,
};

const char *name(FaultKind kind);

/// The first thing that went wrong.
struct Fault {
  FaultKind kind = FaultKind::Trap;
  std::string message, kernel;
  uint32_t line = 0;       ///< of the PTX text, 1-based; 0 where no instruction is to blame
  std::string instruction; ///< the text of that line
  std::array<uint32_t, 3> cta{};
  int warp = -1, lane = -1; ///< -1: not one in particular

  /// All of it, on one or more lines.
  std::string text() const;
};

struct Stats {
  uint64_t instructions = 0;                 ///< warp instructions
  std::map<std::string, uint64_t> byOpcode;  ///< by first word of the mnemonic
  uint64_t wgmma = 0, mma = 0;               ///< wgmma per warpgroup, mma.sync per warp
  uint64_t bytesLoaded = 0, bytesStored = 0; ///< global memory, copies included
};

struct Result {
  std::optional<Fault> fault;
  Stats stats;
};

Result launch(const Module &module, const Buffers &buffers, const Launch &launch);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_EMULATOR_H
