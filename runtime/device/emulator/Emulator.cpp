#include "runtime/device/emulator/Emulator.h"

#include "runtime/device/emulator/Cta.h"
#include "runtime/device/emulator/Decode.h"
#include "runtime/device/emulator/Parser.h"
#include "runtime/device/emulator/Text.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>
#include <xmmintrin.h>

namespace attn::emu {

Module::Module(std::unique_ptr<Program> program) : impl(std::move(program)) {}
Module::~Module() = default;

std::unique_ptr<Module> Module::load(std::string_view ptx, std::string &error) {
  error.clear();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    error = "the emulator needs a CPU with AVX2, FMA and F16C";
    return nullptr;
  }
  auto program = std::make_unique<Program>();
  program->text = ptx;
  syntax::Module module;
  if (!syntax::parse(program->text, module, error) || !decode(module, *program, error))
    return nullptr;
  return std::unique_ptr<Module>(new Module(std::move(program)));
}

std::vector<std::string> Module::kernels() const {
  std::vector<std::string> names;
  for (const Kernel &kernel : impl->kernels)
    names.push_back(kernel.name);
  return names;
}

std::vector<Param> Module::params(std::string_view kernel) const {
  const Kernel *found = impl->find(kernel);
  return found ? found->params : std::vector<Param>();
}

const char *name(FaultKind kind) {
  switch (kind) {
  case FaultKind::BadLaunch: return "bad launch";
  case FaultKind::Deadlock: return "deadlock";
  case FaultKind::MissingWait: return "missing wait";
  case FaultKind::TransactionCount: return "wrong transaction count";
  case FaultKind::OutOfBounds: return "out of bounds";
  case FaultKind::Misaligned: return "misaligned access";
  case FaultKind::Uninitialised: return "uninitialised read";
  case FaultKind::MissingProxyFence: return "missing proxy fence";
  case FaultKind::MissingFence: return "missing fence";
  case FaultKind::DataRace: return "data race";
  case FaultKind::Barrier: return "misuse of a barrier";
  case FaultKind::IncompleteAtExit: return "incomplete at exit";
  case FaultKind::SetMaxNReg: return "misuse of setmaxnreg";
  case FaultKind::Divergence: return "divergence";
  case FaultKind::TensorMap: return "bad tensor map";
  case FaultKind::Descriptor: return "bad matrix descriptor";
  case FaultKind::Trap: return "trap";
  case FaultKind::EndlessLoop: return "endless loop";
  }
  return "fault";
}

std::string Fault::text() const {
  std::string result = std::string(name(kind)) + ": " + message;
  if (!kernel.empty())
    result += format("\n  kernel %s, CTA (%u, %u, %u)", kernel.c_str(), cta[0], cta[1], cta[2]);
  if (warp >= 0)
    result += format(", warp %d", warp);
  if (lane >= 0)
    result += format(", lane %d", lane);
  if (line)
    result += format("\n  line %u: ", line) + instruction.substr(0, 200);
  return result;
}

namespace {

/// Generated code must see the default rounding and denormals, whatever the caller has set.
class DefaultFloats {
public:
  DefaultFloats() : saved(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~DefaultFloats() { _mm_setcsr(saved); }

private:
  unsigned saved;
};

std::string checkLaunch(const Program &program, const Launch &launch) {
  const Kernel *kernel = program.find(launch.kernel);
  if (!kernel)
    return "there is no kernel " + launch.kernel;
  uint64_t threads = uint64_t(launch.block[0]) * launch.block[1];
  if (!launch.block[0] || !launch.block[1] || !launch.block[2] || threads > 1024 || threads * launch.block[2] > 1024)
    return "a CTA has 1 to 1024 threads";
  threads *= launch.block[2];
  if (kernel->maxThreads && threads > kernel->maxThreads)
    return format("the kernel allows %u threads, the CTA has %llu", kernel->maxThreads, (unsigned long long)threads);
  if (!launch.grid[0] || !launch.grid[1] || !launch.grid[2] || launch.grid[0] > INT32_MAX || launch.grid[1] > 65535 ||
      launch.grid[2] > 65535)
    return "the grid must be at least 1 and at most 2^31-1 x 65535 x 65535";
  if (uint64_t(program.staticShared) + launch.dynamicShared > MaxShared)
    return format("%u + %u bytes of shared memory, the limit is %u", program.staticShared, launch.dynamicShared,
                  MaxShared);
  if (launch.params.size() != kernel->paramBytes)
    return format("the parameters have %u bytes, got %zu", kernel->paramBytes, launch.params.size());
  return "";
}

} // namespace

Result launch(const Module &module, const Buffers &buffers, const Launch &launch) {
  Result result;
  const Program &program = module.program();
  if (std::string problem = checkLaunch(program, launch); !problem.empty()) {
    result.fault.emplace();
    result.fault->kind = FaultKind::BadLaunch;
    result.fault->message = std::move(problem);
    return result;
  }
  const Kernel &kernel = *program.find(launch.kernel);
  GlobalMemory memory(buffers, program);
  uint64_t total = uint64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  // A bijection of the CTAs that the seed chooses: an odd factor and an offset modulo a power of two.
  uint64_t span = 1;
  while (span < total)
    span *= 2;
  uint64_t factor = launch.options.seed ? launch.options.seed * 2654435761u | 1 : 1;
  uint64_t offset = launch.options.seed ? launch.options.seed * 0x9e3779b97f4a7c15 : 0;

  std::atomic<uint64_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  auto work = [&] {
    DefaultFloats floats;
    Cta cta(program, kernel, memory, launch);
    for (uint64_t n; !stop && (n = next++) < span;) {
      uint64_t index = (n * factor + offset) & (span - 1);
      if (index < total && !cta.run(index))
        stop = true;
    }
    std::lock_guard<std::mutex> lock(mutex);
    if (cta.fault && !result.fault)
      result.fault = std::move(cta.fault);
    Stats &s = result.stats;
    s.instructions += cta.executed;
    for (size_t k = 0; k < cta.byOpcode.size(); ++k)
      if (cta.byOpcode[k])
        s.byOpcode[program.opcodes[k]] += cta.byOpcode[k];
    s.wgmma += cta.wgmma;
    s.mma += cta.mma;
    s.bytesLoaded += cta.bytesLoaded;
    s.bytesStored += cta.bytesStored;
  };
  std::vector<std::thread> threads;
  for (uint64_t k = 1; k < std::min<uint64_t>(launch.options.threads, total); ++k)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  return result;
}

} // namespace attn::emu
