//===- DecodeTest.cpp - Random shapes of decode tiles ----------------------===//
//
// Few rows against many keys: groups that do and do not fill a row tile, head dimensions with and without rests of a
// vector, key tiles that are no multiple of what is taken at once, lengths with ragged ends. ATTN_SEED sets the seed,
// ATTN_DECODES the number of shapes.
//===----------------------------------------------------------------------===//
#include "Attention.h"
#include "test/dialect/mask/RandomExpr.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn::test;

TEST(Decode, RandomShapes) {
  std::mt19937 random(uint32_t(attn::mask::test::setting("ATTN_SEED", 1)));
  auto between = [&](int64_t lo, int64_t hi) { return std::uniform_int_distribution<int64_t>(lo, hi)(random); };
  auto oneOf = [&](auto... values) {
    std::common_type_t<decltype(values)...> list[] = {values...};
    return list[between(0, int64_t(sizeof...(values)) - 1)];
  };
  int64_t count = attn::mask::test::setting("ATTN_DECODES", 12);
  for (int64_t i = 0; i < count; ++i) {
    KernelText kernel;
    kernel.pack = true;
    kernel.rows = oneOf(8, 8, 8, 8, 5, 4, 2, 1);
    kernel.keys = oneOf(64, 64, 64, 40, 22, 8);
    kernel.dtype = oneOf("f32", "f16", "bf16");
    kernel.d = oneOf(between(1, 40), between(41, 200), int64_t(64), int64_t(128));
    kernel.dv = oneOf(between(1, 40), between(41, 200), int64_t(64), int64_t(128));
    int64_t group = between(1, 16), heads = between(1, 2), window = between(1, 150);
    kernel.mask = "%d = arith.subi %q, %k : i64\n%none = arith.constant 0 : i64\n%w = arith.constant " +
                  std::to_string(window) + " : i64\n%a = arith.cmpi sge, %d, %none : i64\n" +
                  "%c = arith.cmpi slt, %d, %w : i64\n%visible = arith.andi %a, %c : i1";
    bool isDense = between(0, 1);
    if (isDense)
      kernel.mask = KernelText().mask;
    std::vector<int64_t> qLens = {1, between(1, 3), 1}, kvLens = {between(1, 300), between(3, 130), between(0, 70)};
    SCOPED_TRACE("rows " + std::to_string(kernel.rows) + " keys " + std::to_string(kernel.keys) + " " + kernel.dtype +
                 " d " + std::to_string(kernel.d) + " dv " + std::to_string(kernel.dv) + " group " +
                 std::to_string(group) + " heads " + std::to_string(heads) + " window " +
                 (isDense ? "none" : std::to_string(window)) + " lengths " + std::to_string(qLens[1]) + ": " +
                 std::to_string(kvLens[0]) + " " + std::to_string(kvLens[1]) + " " + std::to_string(kvLens[2]));
    Problem(kernel, group * heads, heads, qLens, kvLens).check([&](int64_t, int64_t, int64_t q, int64_t k) {
      return isDense || (k <= q && q - k < window);
    });
    if (HasFatalFailure())
      return;
  }
}
