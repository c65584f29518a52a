//===- TransformTest.cpp - RoPE and chunked scans --------------------------===//
#include "Attention.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

using namespace attn::test;

//===----------------------------------------------------------------------===//
// RoPE
//===----------------------------------------------------------------------===//

/// Rotates the rows of `t` by the positions first[b] + row.
static void rotate(Problem::Tensor &t, const std::vector<int64_t> &first, const std::vector<float> &cos,
                   const std::vector<float> &sin, bool interleaved) {
  int64_t half = t.dim / 2, positions = int64_t(cos.size()) / half;
  for (int64_t b = 0; b < t.batch; ++b)
    for (int64_t h = 0; h < t.heads; ++h)
      for (int64_t r = 0; r < t.rows; ++r)
        for (int64_t i = 0; i < half; ++i) {
          int64_t p = std::clamp<int64_t>(first[b] + r, 0, positions - 1);
          int64_t x = interleaved ? 2 * i : i, y = interleaved ? 2 * i + 1 : half + i;
          double u = t.get(b, h, r, x), v = t.get(b, h, r, y), c = cos[p * half + i], s = sin[p * half + i];
          t.set(b, h, r, x, u * c - v * s);
          t.set(b, h, r, y, v * c + u * s);
        }
}

TEST(Rope, BothPairings) {
  for (bool interleaved : {false, true}) {
    for (auto [d, pack, dtype] :
         {std::tuple{64, false, "f32"}, {20, false, "f32"}, {40, true, "f32"}, {64, true, "f16"}}) {
      KernelText kernel;
      kernel.d = d;
      kernel.pack = pack;
      kernel.dtype = dtype;
      kernel.rows = pack ? 8 : 48;
      kernel.mask = "%visible = arith.cmpi sle, %k, %q : i64";
      kernel.names = ", \"cos\", \"sin\"";
      kernel.arguments = ", %cos: !tile.buffer<2 x f32>, %sin: !tile.buffer<2 x f32>";
      kernel.rope = std::string("rope(%cos, %sin : !tile.buffer<2 x f32>, !tile.buffer<2 x f32>)") +
                    (interleaved ? " interleaved" : "");
      const int64_t positions = 90;
      std::vector<float> cos(positions * d / 2), sin(positions * d / 2);
      for (int64_t p = 0; p < positions; ++p)
        for (int64_t i = 0; i < d / 2; ++i) {
          double angle = double(p) * std::pow(100.0, -2.0 * double(i) / d);
          cos[p * d / 2 + i] = float(std::cos(angle));
          sin[p * d / 2 + i] = float(std::sin(angle));
        }
      Problem problem(kernel, 2, 1, {30, 1}, {95, 64});
      std::vector<int64_t> more = bufferWords(cos.data(), {positions, d / 2}, 4);
      for (int64_t word : bufferWords(sin.data(), {positions, d / 2}, 4))
        more.push_back(word);
      for (const std::string &isa : hostIsas()) {
        CompiledKernel compiled(kernel.str(), isa);
        ASSERT_TRUE(compiled.ok());
        problem.run(compiled, more);
        Problem rotated = problem;
        for (Problem::Tensor *t : {&rotated.q, &rotated.k}) // the kernel does not round the rotated values
          if (kernel.dtype != "f32") {
            Problem::Tensor wide{t->batch, t->heads, t->rows, t->dim, "f32", {}};
            wide.bytes.resize(t->bytes.size() * 2);
            for (int64_t b = 0; b < t->batch; ++b)
              for (int64_t h = 0; h < t->heads; ++h)
                for (int64_t r = 0; r < t->rows; ++r)
                  for (int64_t i = 0; i < t->dim; ++i)
                    wide.set(b, h, r, i, t->get(b, h, r, i));
            *t = wide;
          }
        rotate(rotated.q, {95 - 30, 64 - 1}, cos, sin, interleaved);
        rotate(rotated.k, {0, 0}, cos, sin, interleaved);
        rotated.compare([](int64_t, int64_t, int64_t q, int64_t k) { return k <= q; }, {},
                        isa + (interleaved ? " interleaved" : "") + " d " + std::to_string(d));
        if (HasFatalFailure())
          return;
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Chunked scan
//===----------------------------------------------------------------------===//

/// Causal linear attention with decay 1/2 per step: out_i = sum over j <= i of 2^(j-i) (q_i . k_j) v_j. State D x E.
static std::string scanText(int64_t rows, int64_t d, int64_t dv) {
  auto n = [](int64_t x) { return std::to_string(x); };
  std::string D = n(d), E = n(dv), R = n(rows);
  auto tile = [](const std::string &a, const std::string &b) { return "<" + a + "x" + b + "xf32>"; };
  std::string region = "\n^bb0(%x: f32, %b1: i64, %h: i64, %g1: i64, %l1: i64, %q: i64, %k: i64):\n";
  std::string decay = "%ef = arith.sitofp %e : i64 to f32\n%mf = arith.negf %ef : f32\n%w = math.exp2 %mf : f32\n"
                      "%y = arith.mulf %x, %w : f32\n";
  std::string state = "!tile.tile" + tile(D, E);
  return "tile.kernel @kernel schedule(<rows = " + R + ", keys = " + R +
         ", pack = false, splits = false>) "
         "args [\"q\", \"k\", \"v\", \"out\"] {\n^bb0(%b: i64, %g: i64, %l: i64, %zero: i64, %qv: !tile.view<" +
         D + "xf32>, %kv: !tile.view<" + D + "xf32>, %vv: !tile.view<" + E + "xf32>, %ov: !tile.view<" + E +
         "xf32>):\n" + "%s0 = tile.fill 0.0 : " + tile(D, E) + "\n%r = tile.for_rows init(%s0) : " + state + " -> " +
         state + " {\n^bb0(%row0: i64, %s: " + state + "):\n" + "%qt = tile.load %qv[%row0] : <" + D + "xf32> -> " +
         tile(R, D) + "\n" + "%kt = tile.load_keys %kv[%row0] : <" + D + "xf32> -> " + tile(R, D) + "\n" +
         "%vt = tile.load_keys %vv[%row0] : <" + E + "xf32> -> " + tile(R, E) + "\n" +
         "%a = tile.dot %qt, %kt transpose_b : " + tile(R, D) + ", " + tile(R, D) + " -> " + tile(R, R) + "\n" +
         "%p = tile.map %a keys(%row0) : !tile.tile" + tile(R, R) + " -> " + tile(R, R) + " {" + region +
         "%e = arith.subi %q, %k : i64\n%none = arith.constant 0 : i64\n%hidden = arith.cmpi slt, %e, %none : i64\n" +
         decay +
         "%off = arith.constant 0.0 : f32\n%z = arith.select %hidden, %off, %y : f32\ntile.yield %z : f32\n}\n" +
         "%reach = tile.map %qt : !tile.tile" + tile(R, D) + " -> " + tile(R, D) + " {" + region +
         "%one = arith.constant 1 : i64\n%f = arith.subi %q, %row0 : i64\n%e = arith.addi %f, %one : i64\n" + decay +
         "tile.yield %y : f32\n}\n" + "%from = tile.dot %reach, %s : " + tile(R, D) + ", " + tile(D, E) + " -> " +
         tile(R, E) + "\n" + "%o = tile.dot %p, %vt init(%from : !tile.tile" + tile(R, E) + ") : " + tile(R, R) + ", " +
         tile(R, E) + " -> " + tile(R, E) + "\ntile.store %o, %ov[%row0] : " + tile(R, E) + ", <" + E + "xf32>\n" +
         "%last = arith.constant " + n(rows - 1) + " : i64\n%end = arith.addi %row0, %last : i64\n" +
         "%faded = tile.map %kt keys(%row0) key_rows : !tile.tile" + tile(R, D) + " -> " + tile(R, D) + " {" + region +
         "%e = arith.subi %end, %k : i64\n" + decay + "tile.yield %y : f32\n}\n" + "%carried = tile.map %s : " + state +
         " -> " + tile(D, E) + " {" + region + "%e = arith.constant " + R + " : i64\n" + decay +
         "tile.yield %y : f32\n}\n" + "%next = tile.dot %faded, %vt init(%carried : " + state +
         ") transpose_a : " + tile(R, D) + ", " + tile(R, E) + " -> " + tile(D, E) + "\ntile.yield %next : " + state +
         "\n}\ntile.return\n}";
}

TEST(Scan, EqualsTheSum) {
  for (auto [rows, d, dv] :
       {std::tuple<int64_t, int64_t, int64_t>{64, 64, 64}, {16, 24, 40}, {32, 17, 5}, {48, 128, 96}}) {
    SCOPED_TRACE(d);
    KernelText shape;
    shape.d = d;
    shape.dv = dv;
    Problem p(shape, 2, 1, {150, 1, 64}, {150, 1, 64});
    for (const std::string &isa : hostIsas()) {
      CompiledKernel kernel(scanText(rows, d, dv), isa);
      ASSERT_TRUE(kernel.ok());
      std::vector<int64_t> words = {reinterpret_cast<int64_t>(p.requests.data()), 3, 2, 1, 0, 1, 1,
                                    reinterpret_cast<int64_t>(&p.status),         0};
      for (Problem::Tensor *t : {&p.q, &p.k, &p.v, &p.out})
        for (int64_t word : t->words())
          words.push_back(word);
      std::fill(p.out.bytes.begin(), p.out.bytes.end(), 0xAB);
      kernel.run(words, 3 * 2);
      for (int64_t b = 0; b < 3; ++b)
        for (int64_t h = 0; h < 2; ++h)
          for (int64_t i = 0; i < p.requests[b].q_len; ++i) {
            std::vector<double> expected(dv);
            for (int64_t j = 0; j <= i; ++j) {
              double s = 0;
              for (int64_t c = 0; c < d; ++c)
                s += p.q.get(b, h, i, c) * p.k.get(b, 0, j, c);
              for (int64_t c = 0; c < dv; ++c)
                expected[c] += std::ldexp(s, int(j - i)) * p.v.get(b, 0, j, c);
            }
            for (int64_t c = 0; c < dv; ++c)
              ASSERT_NEAR(p.out.get(b, h, i, c), expected[c], 1e-5 * d)
                  << isa << " request " << b << " row " << i << " column " << c;
          }
    }
  }
}
