//===- CpuInfo.h - Which instruction sets this machine runs --------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_CPU_CPUINFO_H
#define ATTN_RUNTIME_DEVICE_CPU_CPUINFO_H

#include <string_view>

namespace attn::rt {

/// Rank of the instruction set `isa` ("generic", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-bf16") if this machine
/// and its operating system run it: a higher rank is the better choice. 0 if they do not, or if the name is unknown.
int isaRank(std::string_view isa);

/// The best instruction set of this machine.
const char *machineIsa();

/// Processors that this process may use, at least 1.
int processorCount();

} // namespace attn::rt

#endif // ATTN_RUNTIME_DEVICE_CPU_CPUINFO_H
