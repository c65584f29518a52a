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

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

TEST(Attention, HeadDimensions) {
  // Not multiples of the register tile, of the vectors or of each other.
  for (auto [d, dv] :
       {std::pair<int64_t, int64_t>{1, 1}, {5, 3}, {17, 40}, {80, 96}, {128, 64}, {192, 128}, {576, 512}}) {
    SCOPED_TRACE(d);
    KernelText kernel;
    kernel.d = d;
    kernel.dv = dv;
    kernel.mask = kCausal;
    Problem(kernel, 1, 1, {50}, {70}).check(causal);
  }
}

TEST(Attention, TileSizes) {
  struct Sizes {
    int64_t rows, keys;
    bool pack;
  };
  for (Sizes sizes : {Sizes{48, 64, false},
                      {16, 16, false},
                      {40, 24, false},
                      {80, 65, false},
                      {1, 1, false},
                      {8, 64, true},
                      {16, 32, true},
                      {112, 8, true}}) {
    SCOPED_TRACE(sizes.rows);
    KernelText kernel;
    kernel.d = kernel.dv = 24;
    kernel.rows = sizes.rows;
    kernel.keys = sizes.keys;
    kernel.pack = sizes.pack;
    kernel.mask = kCausal;
    Problem(kernel, 2, 1, {70, 1}, {150, 33}).check(causal);
  }
}

TEST(Attention, GroupedHeads) {
  for (bool pack : {false, true}) {
    KernelText kernel;
    kernel.rows = pack ? 8 : 96;
    kernel.pack = pack;
    kernel.mask = kCausal;
    Problem(kernel, 6, 2, {1, 4}, {200, 63}).check(causal);
    Problem(kernel, 8, 1, {1, 3}, {129, 64}).check(causal);
    Problem(kernel, 32, 1, {2}, {40}).check(causal);
  }
}

TEST(Attention, NarrowTypes) {
  for (const char *dtype : {"f16", "bf16"}) {
    for (bool pack : {false, true}) {
      KernelText kernel;
      kernel.dtype = dtype;
      kernel.d = 72;
      kernel.dv = 40;
      kernel.rows = pack ? 8 : 96;
      kernel.pack = pack;
      kernel.mask = kCausal;
      Problem(kernel, 4, 2, {1, 50, 1}, {200, 63, 0}).check(causal);
    }
  }
}

/// Dots of bf16 pairs, whole and with rests, and where an odd extent leaves one or both of them to fp32.
TEST(Attention, Bf16Pairs) {
  struct Sizes {
    int64_t d, dv, rows, keys;
    bool pack;
  };
  for (Sizes sizes : {Sizes{64, 64, 96, 64, false},
                      {128, 40, 48, 32, false},
                      {34, 18, 80, 66, false},
                      {33, 64, 64, 64, false},
                      {64, 17, 16, 65, false},
                      {2, 1, 1, 2, false},
                      {64, 128, 8, 64, true},
                      {24, 24, 4, 16, true},
                      {33, 33, 16, 33, true}}) {
    SCOPED_TRACE(sizes.d);
    KernelText kernel;
    kernel.dtype = "bf16";
    kernel.d = sizes.d;
    kernel.dv = sizes.dv;
    kernel.rows = sizes.rows;
    kernel.keys = sizes.keys;
    kernel.pack = sizes.pack;
    kernel.mask = kCausal;
    Problem(kernel, 2, 1, {70, 1}, {150, 33}).check(causal);
  }
  KernelText kernel;
  kernel.dtype = "bf16";
  kernel.score = "%c = arith.constant 2.0 : f32\n%x = arith.divf %s, %c : f32\n%t = math.tanh %x : f32\n"
                 "%score = arith.mulf %t, %c : f32";
  kernel.mask = kCausal;
  Problem(kernel, 2, 1, {130, 3}, {130, 70}).check(causal, [](double s, int64_t, int64_t, int64_t) {
    return 2 * std::tanh(s / 2);
  });
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

static KernelText withBuffer(std::string name, std::string type) {
  KernelText kernel;
  kernel.names = ", \"" + name + "\"";
  kernel.arguments = ", %" + name + ": " + type;
  return kernel;
}

TEST(Expressions, Documents) {
  std::vector<int32_t> doc(2 * 200);
  for (size_t i = 0; i < doc.size(); ++i)
    doc[i] = int32_t(i % 200 / 37) - 2;
  for (bool pack : {false, true}) {
    KernelText kernel = withBuffer("doc", "!tile.buffer<2 x i32>");
    kernel.rows = pack ? 8 : 48;
    kernel.pack = pack;
    kernel.mask =
        "%x = tile.element %doc[%b, %q] : <2 x i32> -> i64\n%y = tile.element %doc[%b, %k] : <2 x i32> -> i64\n"
        "%same = arith.cmpi eq, %x, %y : i64\n%past = arith.cmpi sle, %k, %q : i64\n"
        "%visible = arith.andi %same, %past : i1";
    Problem(kernel, 2, 1, {200, 90}, {200, 150})
        .check([&](int64_t b, int64_t, int64_t q, int64_t k) { return k <= q && doc[b * 200 + q] == doc[b * 200 + k]; },
               {}, bufferWords(doc.data(), {2, 200}, 4));
  }
}

TEST(Expressions, SmallIntegersAndClampedIndices) {
  // One byte per element, fewer elements than positions: the last one counts for all that follow.
  std::vector<int8_t> kind(60);
  for (size_t i = 0; i < kind.size(); ++i)
    kind[i] = int8_t(i % 3) - 1;
  for (const char *type : {"i8", "i1"}) {
    bool isBool = std::string(type) == "i1";
    std::string buffer = std::string("<1 x ") + type + ">";
    KernelText kernel = withBuffer("kind", "!tile.buffer" + buffer);
    kernel.mask = "%x = tile.element %kind[%q] : " + buffer + " -> i64\n%y = tile.element %kind[%k] : " + buffer +
                  " -> i64\n%visible = arith.cmpi sge, %x, %y : i64";
    auto at = [&](int64_t i) {
      int8_t value = kind[std::clamp<int64_t>(i, 0, 59)];
      return isBool ? int64_t(value != 0) : int64_t(value);
    };
    Problem(kernel, 1, 1, {100}, {80})
        .check([&](int64_t, int64_t, int64_t q, int64_t k) { return at(q) >= at(k); }, {},
               bufferWords(kind.data(), {60}, 1));
  }
}

TEST(Expressions, DivisionsOfPositions) {
  // Negative positions (more queries than keys), divisors that are constants, powers of two, and run-time values.
  int64_t divisor = 7;
  KernelText kernel = withBuffer("n", "i64");
  kernel.mask = "%eight = arith.constant 8 : i64\n%five = arith.constant -5 : i64\n"
                "%a = arith.floordivsi %q, %eight : i64\n%c = arith.floordivsi %k, %eight : i64\n"
                "%near = arith.cmpi sge, %a, %c : i64\n"
                "%e = tile.mod %q, %n\n%f = tile.mod %k, %n\n%phase = arith.cmpi ne, %e, %f : i64\n"
                "%i = tile.mod %q, %five\n%j = arith.floordivsi %q, %n : i64\n%o = arith.addi %i, %j : i64\n"
                "%twelve = arith.constant 12 : i64\n%most = arith.cmpi slt, %o, %twelve : i64\n"
                "%both = arith.andi %near, %phase : i1\n%visible = arith.andi %both, %most : i1";
  auto floorDiv = [](int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); };
  auto mod = [&](int64_t a, int64_t b) { return a - floorDiv(a, b) * b; };
  Problem(kernel, 1, 1, {120}, {90})
      .check(
          [&](int64_t, int64_t, int64_t q, int64_t k) {
            return floorDiv(q, 8) >= floorDiv(k, 8) && mod(q, divisor) != mod(k, divisor) &&
                   mod(q, -5) + floorDiv(q, divisor) < 12;
          },
          {}, {reinterpret_cast<int64_t>(&divisor), 0});
}

TEST(Expressions, Congruences) {
  // Differences that are (not) divisible, of positions on either side of zero, by divisors of both signs.
  KernelText kernel = withBuffer("n", "i64");
  kernel.mask = "%none = arith.constant 0 : i64\n%d = arith.subi %q, %k : i64\n%r = tile.mod %d, %n\n"
                "%same = arith.cmpi eq, %r, %none : i64\n"
                "%three = arith.constant 3 : i64\n%d2 = arith.subi %k, %q : i64\n%r2 = tile.mod %d2, %three\n"
                "%other = arith.cmpi ne, %r2, %none : i64\n%visible = arith.andi %same, %other : i1";
  for (int64_t n : {2, -7, 1, 1000}) {
    SCOPED_TRACE(n);
    Problem(kernel, 1, 1, {120}, {90})
        .check([n](int64_t, int64_t, int64_t q, int64_t k) { return (q - k) % n == 0 && (k - q) % 3 != 0; }, {},
               {reinterpret_cast<int64_t>(&n), 0});
  }
}

TEST(Expressions, ZeroDivisorSetsTheStatus) {
  int64_t divisors[] = {3, 0};
  KernelText kernel = withBuffer("n", "i64");
  kernel.mask = "%e = tile.mod %q, %n\n%f = tile.mod %k, %n\n%visible = arith.cmpi eq, %e, %f : i64";
  for (int64_t which : {0, 1}) {
    Problem problem(kernel, 1, 1, {70}, {70});
    CompiledKernel compiled(kernel.str(), "host");
    ASSERT_TRUE(compiled.ok());
    problem.run(compiled, {reinterpret_cast<int64_t>(&divisors[which]), 0});
    EXPECT_EQ(problem.status, which ? ATTN_KERNEL_ZERO_DIVISOR : 0);
  }
}

TEST(Expressions, PowersOfTwo) {
  KernelText kernel;
  kernel.mask = "%d = arith.subi %q, %k : i64\n%none = arith.constant 0 : i64\n%self = arith.cmpi eq, %d, %none : i64\n"
                "%power = tile.is_pow2 %d\n%visible = arith.ori %self, %power : i1";
  Problem(kernel, 1, 1, {150}, {150}).check([](int64_t, int64_t, int64_t q, int64_t k) {
    int64_t d = q - k;
    return d == 0 || (d > 0 && (d & (d - 1)) == 0);
  });
}

TEST(Expressions, HeadsDiffer) {
  // h and g in a mask and a score (ALiBi by an explicit power).
  for (bool pack : {false, true}) {
    KernelText kernel;
    kernel.pack = pack;
    kernel.rows = pack ? 16 : 96;
    kernel.mask =
        "%thirty = arith.constant 30 : i64\n%r = arith.muli %h, %thirty : i64\n%a = arith.addi %r, %thirty : i64\n"
        "%d = arith.subi %q, %k : i64\n%e = math.absi %d : i64\n%near = arith.cmpi slt, %e, %a : i64\n"
        "%one = arith.constant 1 : i64\n%second = arith.cmpi eq, %g, %one : i64\n"
        "%visible = arith.ori %near, %second : i1";
    kernel.score =
        "%d = arith.subi %k, %q : i64\n%x = arith.sitofp %d : i64 to f32\n%hf = arith.sitofp %h : i64 to f32\n"
        "%minus = arith.negf %hf : f32\n%slope = math.exp2 %minus : f32\n%bias = arith.mulf %slope, %x : f32\n"
        "%score = arith.addf %s, %bias : f32";
    Problem(kernel, 4, 2, {100, 1}, {140, 70})
        .check([](int64_t, int64_t h, int64_t q, int64_t k) { return std::abs(q - k) < 30 * h + 30 || h / 2 == 1; },
               [](double s, int64_t h, int64_t q, int64_t k) { return s + std::exp2(-double(h)) * double(k - q); });
  }
}

TEST(Expressions, SoftcapAndBias) {
  std::vector<float> bias(2 * 64 * 150);
  for (size_t i = 0; i < bias.size(); ++i)
    bias[i] = float(i * 7919 % 101) / 50 - 1;
  KernelText kernel = withBuffer("bias", "!tile.buffer<3 x f32>");
  kernel.score = "%cap = arith.constant 3.0 : f32\n%a = arith.divf %s, %cap : f32\n%t = math.tanh %a : f32\n"
                 "%c = arith.mulf %t, %cap : f32\n%e = tile.element %bias[%h, %q, %k] : <3 x f32> -> f32\n"
                 "%score = arith.addf %c, %e : f32";
  Problem(kernel, 2, 1, {64}, {150})
      .check([](int64_t, int64_t, int64_t, int64_t) { return true; },
             [&](double s, int64_t h, int64_t q, int64_t k) {
               return 3 * std::tanh(s / 3) + bias[(h * 64 + std::min<int64_t>(q, 63)) * 150 + k];
             },
             bufferWords(bias.data(), {2, 64, 150}, 4));
}

TEST(Expressions, MinusInfinityHides) {
  // A bias of -inf, as padding masks use it, where every row still sees something.
  std::vector<float> bias(100);
  for (size_t i = 0; i < bias.size(); ++i)
    bias[i] = i % 3 ? -INFINITY : 0.5f;
  KernelText kernel = withBuffer("bias", "!tile.buffer<1 x f32>");
  kernel.score = "%e = tile.element %bias[%k] : <1 x f32> -> f32\n%score = arith.addf %s, %e : f32";
  Problem problem(kernel, 1, 1, {20}, {100});
  for (const std::string &isa : hostIsas()) {
    CompiledKernel compiled(kernel.str(), isa);
    ASSERT_TRUE(compiled.ok());
    problem.run(compiled, bufferWords(bias.data(), {100}, 4));
    problem.compare([](int64_t, int64_t, int64_t, int64_t k) { return k % 3 == 0; },
                    [](double s, int64_t, int64_t, int64_t) { return s + 0.5; }, isa);
  }
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

TEST(Views, Ragged) {
  // All requests in one array of rows: batch stride 0, first rows from the requests.
  for (bool pack : {false, true}) {
    KernelText kernel;
    kernel.mask = kCausal;
    kernel.pack = pack;
    kernel.rows = pack ? 8 : 48;
    Problem problem(kernel, 2, 1, {30, 1, 66}, {64, 31, 66});
    // The padded arrays are [b][h][row]; head h of request b starts at row (b * heads + h) * rows of one long array.
    for (size_t b = 0; b < 3; ++b) {
      problem.requests[b].q_row = int64_t(b) * problem.q.heads * problem.q.rows;
      problem.requests[b].kv_row = int64_t(b) * problem.k.heads * problem.k.rows;
    }
    for (auto &words : problem.viewWords)
      words[ATTN_VIEW_BATCH_STRIDE] = 0;
    problem.check(causal);
  }
}

TEST(Views, HeadMap) {
  // The KV heads are stored in another order.
  KernelText kernel;
  kernel.mask = kCausal;
  Problem problem(kernel, 3, 3, {40}, {100});
  int32_t map[] = {2, 0, 1};
  for (Problem::Tensor *t : {&problem.k, &problem.v}) {
    Problem::Tensor old = *t;
    for (int64_t h = 0; h < 3; ++h)
      for (int64_t r = 0; r < t->rows; ++r)
        for (int64_t c = 0; c < t->dim; ++c)
          t->set(0, map[h], r, c, old.get(0, h, r, c));
  }
  for (int i : {1, 2})
    problem.viewWords[i][ATTN_VIEW_HEAD_MAP] = reinterpret_cast<int64_t>(map);
  CompiledKernel compiled(kernel.str(), "host");
  ASSERT_TRUE(compiled.ok());
  problem.run(compiled);
  // Back to the order of the heads for the comparison.
  for (Problem::Tensor *t : {&problem.k, &problem.v}) {
    Problem::Tensor old = *t;
    for (int64_t h = 0; h < 3; ++h)
      for (int64_t r = 0; r < t->rows; ++r)
        for (int64_t c = 0; c < t->dim; ++c)
          t->set(0, h, r, c, old.get(0, map[h], r, c));
  }
  problem.compare(causal, {}, "head map");
}

TEST(Views, SinkAndRing) {
  // Positions 0..3 and a ring of 60 slots that holds the last 60 positions; the mask asks for no others.
  for (const char *dtype : {"f32", "bf16"}) {
    for (bool pack : {false, true}) {
      const int64_t sink = 4, ring = 60, length = 333, window = 50;
      KernelText kernel;
      kernel.dtype = dtype;
      kernel.pack = pack;
      kernel.rows = pack ? 8 : 16;
      kernel.keys = pack ? 64 : 16;
      kernel.mask = "%four = arith.constant 4 : i64\n%fifty = arith.constant 50 : i64\n%d = arith.subi %q, %k : i64\n"
                    "%s = arith.cmpi slt, %k, %four : i64\n%w = arith.cmpi slt, %d, %fifty : i64\n"
                    "%either = arith.ori %s, %w : i1\n%past = arith.cmpi sle, %k, %q : i64\n"
                    "%visible = arith.andi %either, %past : i1";
      Problem problem(kernel, 2, 1, {10}, {length});
      Problem::Tensor fullK = problem.k, fullV = problem.v;
      for (auto [t, full, view] : {std::tuple{&problem.k, &fullK, 1}, {&problem.v, &fullV, 2}}) {
        t->rows = sink + ring;
        t->bytes.assign(t->heads * t->rows * t->dim * (kernel.dtype == "f32" ? 4 : 2), 0xFF);
        for (int64_t p = 0; p < length; ++p) {
          int64_t slot = p < sink ? p : sink + (p - sink) % ring;
          if (p < sink || p >= length - ring)
            for (int64_t c = 0; c < t->dim; ++c)
              t->set(0, 0, slot, c, full->get(0, 0, p, c));
        }
        problem.viewWords[view] = t->words();
        problem.viewWords[view][ATTN_VIEW_SINK] = sink;
        problem.viewWords[view][ATTN_VIEW_RING] = ring;
      }
      for (const std::string &isa : hostIsas()) {
        CompiledKernel compiled(kernel.str(), isa);
        ASSERT_TRUE(compiled.ok());
        problem.run(compiled);
        Problem reference = problem;
        reference.k = fullK;
        reference.v = fullV;
        reference.compare(
            [=](int64_t, int64_t, int64_t q, int64_t k) { return k <= q && (k < sink || q - k < window); }, {}, isa);
      }
    }
  }
}

TEST(Views, AbsentOutputAndStrides) {
  KernelText kernel;
  Problem problem(kernel, 2, 2, {33}, {50});
  problem.viewWords[4][ATTN_VIEW_BASE] = 0; // no lse
  CompiledKernel compiled(kernel.str(), "host");
  ASSERT_TRUE(compiled.ok());
  problem.run(compiled);
  for (uint8_t byte : problem.lse.bytes)
    ASSERT_EQ(byte, 0xAB);
  // A view that walks the rows backwards.
  problem.viewWords[4] = problem.lse.words();
  Problem::Tensor k = problem.k;
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t r = 0; r < 50; ++r)
      for (int64_t c = 0; c < 64; ++c)
        problem.k.set(0, h, 49 - r, c, k.get(0, h, r, c));
  problem.viewWords[1][ATTN_VIEW_BASE] += 49 * 64 * 4;
  problem.viewWords[1][ATTN_VIEW_ROW_STRIDE] = -64 * 4;
  problem.run(compiled);
  problem.k = k;
  problem.compare(all, {}, "backwards");
}
