//===- CpuInfo.cpp - Which instruction sets this machine runs ------*- C++ -*-===//
//
// The levels are those of the x86-64 psABI, and one with AVX512_BF16 after them. The operating system must also save the registers (XCR0).
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/CpuInfo.h"

#include <cpuid.h>
#include <cstdint>
#include <sched.h>

namespace attn::rt {
namespace {

constexpr const char *kLevels[] = {"generic", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16"};

constexpr bool hasAll(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

uint64_t enabledRegisters() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

/// 1 for generic, up to 5 for x86-64-v4-bf16.
int detectLevel() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 1;
  const uint32_t v2 = bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
  if (!hasAll(c, v2))
    return 1;
  const uint32_t v3 = bit_AVX | bit_F16C | bit_FMA | bit_MOVBE | bit_OSXSAVE;
  if (!hasAll(c, v3))
    return 2;
  const uint64_t registers = enabledRegisters();
  constexpr uint64_t ymm = 0x6, zmm = 0xe6;
  uint32_t b7, c7;
  if ((registers & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d) ||
      !hasAll(b7, bit_AVX2 | bit_BMI | bit_BMI2) || !__get_cpuid(0x80000001, &a, &b, &c, &d) || !hasAll(c, bit_LZCNT))
    return 2;
  const uint32_t v4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  if ((registers & zmm) != zmm || !hasAll(b7, v4))
    return 3;
  uint32_t a7;
  return __get_cpuid_count(7, 1, &a7, &b, &c, &d) && hasAll(a7, bit_AVX512BF16) ? 5 : 4;
}

int machineLevel() {
  static const int level = detectLevel();
  return level;
}

} // namespace

int isaRank(std::string_view isa) {
  for (int i = 0; i < machineLevel(); ++i)
    if (isa == kLevels[i])
      return i + 1;
  return 0;
}

const char *machineIsa() { return kLevels[machineLevel() - 1]; }

int processorCount() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? count : 1;
}

} // namespace attn::rt
