//===- TargetTest.cpp - ISAs of the compiler and of the runtime ------------===//
#include "CompiledKernel.h"

#include "codegen/cpu/CPU.h"
#include "runtime/device/cpu/CpuInfo.h"

#include <gtest/gtest.h>

using namespace attn;

/// Both ask the processor, in ways of their own.
TEST(Target, TheRuntimeRunsWhatTheHostIs) {
  std::string machine = rt::machineIsa();
  EXPECT_EQ(machine == "x86-64-v2" ? "generic" : machine, codegen::cpu::hostIsa()); // no kernels for that level
  EXPECT_EQ(rt::isaRank("x86-64-v9"), 0);
}

/// Better ISAs have higher ranks, so that a call takes the best kernel that the machine runs.
TEST(Target, RanksFollowTheIsas) {
  int above = rt::isaRank(codegen::cpu::hostIsa()) + 1;
  for (const std::string &isa : test::hostIsas()) {
    SCOPED_TRACE(isa);
    EXPECT_GT(rt::isaRank(isa), 0);
    EXPECT_LT(rt::isaRank(isa), above);
    above = rt::isaRank(isa);
  }
}

TEST(Target, OneIsaHasBf16Dots) {
  EXPECT_TRUE(codegen::cpu::describe("x86-64-v4-bf16")->bf16Dots);
  for (const char *isa : {"x86-64-v4", "x86-64-v3", "generic"})
    EXPECT_FALSE(codegen::cpu::describe(isa)->bf16Dots) << isa;
}
