//===- AttentionTest.cpp - Compiled attention against fp64 loops -----------===//
#include "Attention.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attn::test;

static bool all(int64_t, int64_t, int64_t, int64_t) { return true; }
static bool causal(int64_t, int64_t, int64_t q, int64_t k) { return k <= q; }
static const char *kCausal = "%visible = arith.cmpi sle, %k, %q : i64";

TEST(Attention, Dense) { Problem(KernelText(), 2, 2, {100, 1}, {130, 64}).check(all); }

TEST(Attention, CausalWithTails) {
  KernelText kernel;
  kernel.mask = kCausal;
  // Lengths 0 and 1, off the tile by one, and more queries than keys: rows that see nothing.
  Problem(kernel, 1, 1, {97, 1, 200, 5, 96, 0}, {97, 1, 130, 0, 65, 7}).check(causal);
}

TEST(Attention, Window) {
  KernelText kernel;
  kernel.mask = "%d = arith.subi %q, %k : i64\n%none = arith.constant 0 : i64\n"
                "%a = arith.cmpi sge, %d, %none : i64\n%c = arith.cmpi slt, %d, %window : i64\n"
                "%visible = arith.andi %a, %c : i1";
  kernel.names = ", \"window\"";
  kernel.arguments = ", %window: i64";
  int64_t windows[] = {20, 1, int64_t(1) << 30};
  Problem(kernel, 1, 1, {150, 70, 99}, {300, 70, 128})
      .check([&](int64_t b, int64_t, int64_t q, int64_t k) { return k <= q && q - k < windows[b]; }, {},
             {reinterpret_cast<int64_t>(windows), 8});
}
