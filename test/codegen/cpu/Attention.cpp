//===- Attention.cpp - Softmax attention kernels and their expectation -----===//
#include "Attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>

using namespace attn::test;

static std::string replace(std::string text, const std::map<std::string, std::string> &values) {
  for (auto &[name, value] : values)
    for (size_t at; (at = text.find("$" + name + "$")) != std::string::npos;)
      text.replace(at, name.size() + 2, value);
  return text;
}

static const char *kKernel = R"(
tile.kernel @kernel schedule(<rows = $R$, keys = $K$, pack = $pack$, splits = false>) args ["q", "k", "v", "out", "lse"$names$] {
^bb0(%b0: i64, %g0: i64, %l0: i64, %row0: i64, %qv: !tile.view<$d$x$T$>, %kv: !tile.view<$d$x$T$>, %vv: !tile.view<$dv$x$T$>,
     %ov: !tile.view<$dv$x$T$>, %lv: !tile.view<f32>$arguments$):
  %scale = arith.constant $scale$ : f32
  %qt = tile.load %qv[%row0] scale(%scale) $rope$ : <$d$x$T$> -> <$R$x$d$xf32>
  %zero = tile.fill 0.0 : <$R$x$dv$xf32>
  %m0 = tile.fill -1.0e20 : <$R$xf32>
  %sum0 = tile.fill 0.0 : <$R$xf32>
  %r:3 = tile.for_keys %kv init(%m0, %sum0, %zero) : <$d$x$T$>, !tile.tile<$R$xf32>, !tile.tile<$R$xf32>, !tile.tile<$R$x$dv$xf32>
      -> !tile.tile<$R$xf32>, !tile.tile<$R$xf32>, !tile.tile<$R$x$dv$xf32> visible {
  ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    $mask$
    tile.yield %visible : i1
  } full {
    $full$
  } partial {
    $partial$
  }
  %inverse = tile.map %r#1 : !tile.tile<$R$xf32> -> <$R$xf32> {
  ^bb0(%x: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %one = arith.constant 1.0 : f32
    %none = arith.constant 0.0 : f32
    %quotient = arith.divf %one, %x : f32
    %empty = arith.cmpf oeq, %x, %none : f32
    %y = arith.select %empty, %none, %quotient : f32
    tile.yield %y : f32
  }
  %o = tile.map %r#2, %inverse : !tile.tile<$R$x$dv$xf32>, !tile.tile<$R$xf32> -> <$R$x$dv$xf32> {
  ^bb0(%x: f32, %y: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %z = arith.mulf %x, %y : f32
    tile.yield %z : f32
  }
  tile.store %o, %ov[%row0] : <$R$x$dv$xf32>, <$dv$x$T$>
  %lse = tile.map %r#0, %r#1 : !tile.tile<$R$xf32>, !tile.tile<$R$xf32> -> <$R$xf32> {
  ^bb0(%m: f32, %sum: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
    %bits = math.log2 %sum : f32
    %x = arith.addf %m, %bits : f32
    %ln2 = arith.constant 0.69314718 : f32
    %y = arith.mulf %x, %ln2 : f32
    tile.yield %y : f32
  }
  tile.store %lse, %lv[%row0] : <$R$xf32>, <f32>
  tile.return
})";

static const char *kStep = R"(
  ^bb0(%k0: i64, %m: !tile.tile<$R$xf32>, %sum: !tile.tile<$R$xf32>, %acc: !tile.tile<$R$x$dv$xf32>):
    %kt = tile.load_keys %kv[%k0] $rope$ : <$d$x$T$> -> <$K$x$d$xf32>
    %raw = tile.dot %qt, %kt transpose_b : <$R$x$d$xf32>, <$K$x$d$xf32> -> <$R$x$K$xf32>
    $scored$
    $where$
    %m1 = tile.reduce max %s1, %m : <$R$x$K$xf32>, <$R$xf32> -> <$R$xf32>
    %alpha = tile.map %m, %m1 : !tile.tile<$R$xf32>, !tile.tile<$R$xf32> -> <$R$xf32> {
    ^bb0(%x: f32, %y: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = arith.subf %x, %y : f32
      %1 = math.exp2 %0 : f32
      tile.yield %1 : f32
    }
    %p = tile.map %s1, %m1 : !tile.tile<$R$x$K$xf32>, !tile.tile<$R$xf32> -> <$R$x$K$xf32> {
    ^bb0(%x: f32, %y: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = arith.subf %x, %y : f32
      %1 = math.exp2 %0 : f32
      tile.yield %1 : f32
    }
    %faded = tile.map %sum, %alpha : !tile.tile<$R$xf32>, !tile.tile<$R$xf32> -> <$R$xf32> {
    ^bb0(%x: f32, %y: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):
      %0 = arith.mulf %x, %y : f32
      tile.yield %0 : f32
    }
    %sum1 = tile.reduce sum %p, %faded : <$R$x$K$xf32>, <$R$xf32> -> <$R$xf32>
    %vt = tile.load_keys %vv[%k0] $seen$ : <$dv$x$T$> -> <$K$x$dv$xf32>
    %acc1 = tile.dot %p, %vt init(%acc : !tile.tile<$R$x$dv$xf32> rescale %alpha : !tile.tile<$R$xf32>) $round$
        : <$R$x$K$xf32>, <$K$x$dv$xf32> -> <$R$x$dv$xf32>
    tile.yield %m1, %sum1, %acc1 : !tile.tile<$R$xf32>, !tile.tile<$R$xf32>, !tile.tile<$R$x$dv$xf32>)";

std::string KernelText::str() const {
  std::string scored = "%s0 = tile.map %raw keys(%k0) : !tile.tile<$R$x$K$xf32> -> <$R$x$K$xf32> {\n"
                       "^bb0(%s: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q: i64, %k: i64):\n" +
                       score +
                       "\n%log2e = arith.constant 1.442695041 : f32\n%scaled = arith.mulf %score, %log2e : f32\n"
                       "tile.yield %scaled : f32\n}";
  std::string s0 = score.empty() ? "%raw" : "%s0";
  std::string hide = "%s1 = tile.where " + s0 + " else -1.0e30 : <$R$x$K$xf32>";
  std::string step = replace(kStep, {{"scored", score.empty() ? "" : scored}});
  std::string full = replace(step, {{"where", ""}, {"seen", ""}});
  for (size_t at; (at = full.find("%s1")) != std::string::npos;) // nothing is hidden
    full.replace(at, 3, s0);
  std::string partial = replace(step, {{"where", hide}, {"seen", "seen"}});
  double factor = 1 / std::sqrt(double(d)) * (score.empty() ? 1.4426950408889634 : 1);
  std::string text = replace(
      kKernel, {{"full", full}, {"partial", partial}, {"mask", mask}, {"names", names}, {"arguments", arguments}});
  char scale[40];
  std::snprintf(scale, sizeof scale, "%.9e", factor);
  return replace(text, {{"R", std::to_string(rows)},
                        {"K", std::to_string(keys)},
                        {"d", std::to_string(d)},
                        {"dv", std::to_string(dv)},
                        {"T", dtype},
                        {"pack", pack ? "true" : "false"},
                        {"scale", scale},
                        {"rope", rope},
                        {"round", dtype == "f32" ? "" : "round_a"}});
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

double Problem::Tensor::get(int64_t b, int64_t h, int64_t row, int64_t i) const {
  int64_t index = ((b * heads + h) * rows + row) * dim + i;
  if (dtype == "f32") {
    float x;
    std::memcpy(&x, &bytes[index * 4], 4);
    return x;
  }
  if (dtype == "f16") {
    _Float16 x;
    std::memcpy(&x, &bytes[index * 2], 2);
    return static_cast<float>(x);
  }
  uint16_t bits;
  std::memcpy(&bits, &bytes[index * 2], 2);
  uint32_t wide = uint32_t(bits) << 16;
  float x;
  std::memcpy(&x, &wide, 4);
  return x;
}

void Problem::Tensor::set(int64_t b, int64_t h, int64_t row, int64_t i, double value) {
  int64_t index = ((b * heads + h) * rows + row) * dim + i;
  float x = static_cast<float>(value);
  if (dtype == "f32") {
    std::memcpy(&bytes[index * 4], &x, 4);
  } else if (dtype == "f16") {
    _Float16 half = static_cast<_Float16>(x);
    std::memcpy(&bytes[index * 2], &half, 2);
  } else {
    uint32_t wide;
    std::memcpy(&wide, &x, 4);
    uint16_t bits = uint16_t(wide >> 16); // inputs need no rounding mode
    std::memcpy(&bytes[index * 2], &bits, 2);
  }
}

std::vector<int64_t> Problem::Tensor::words() {
  int64_t size = dtype == "f32" ? 4 : 2;
  return {reinterpret_cast<int64_t>(bytes.data()), heads * rows * dim * size, rows * dim * size, dim * size, 0, 0, 0};
}

std::vector<int64_t> attn::test::bufferWords(const void *base, std::vector<int64_t> sizes, int64_t elementBytes) {
  std::vector<int64_t> words = {reinterpret_cast<int64_t>(base)};
  words.insert(words.end(), sizes.begin(), sizes.end());
  std::vector<int64_t> strides(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; elementBytes *= sizes[i])
    strides[i] = elementBytes;
  words.insert(words.end(), strides.begin(), strides.end());
  return words;
}

//===----------------------------------------------------------------------===//
// Problems
//===----------------------------------------------------------------------===//

Problem::Problem(const KernelText &kernel, int64_t qHeads, int64_t kvHeads, std::vector<int64_t> qLens,
                 std::vector<int64_t> kvLens)
    : text(kernel), qHeads(qHeads), kvHeads(kvHeads) {
  int64_t batch = qLens.size();
  int64_t qRows = *std::max_element(qLens.begin(), qLens.end()) + 1;
  int64_t kvRows = *std::max_element(kvLens.begin(), kvLens.end()) + 1;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  auto make = [&](int64_t heads, int64_t rows, int64_t dim, std::string dtype, const std::vector<int64_t> &lens) {
    Tensor t{batch, heads, rows, dim, dtype, {}};
    t.bytes.resize(batch * heads * rows * dim * (dtype == "f32" ? 4 : 2));
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t i = 0; i < dim; ++i)
            t.set(b, h, r, i, r < lens[b] ? normal(random) : NAN);
    return t;
  };
  q = make(qHeads, qRows, kernel.d, kernel.dtype, qLens);
  k = make(kvHeads, kvRows, kernel.d, kernel.dtype, kvLens);
  v = make(kvHeads, kvRows, kernel.dv, kernel.dtype, kvLens);
  out = make(qHeads, qRows, kernel.dv, kernel.dtype, qLens);
  lse = make(qHeads, qRows, 1, "f32", qLens);
  for (int64_t b = 0; b < batch; ++b)
    requests.push_back({qLens[b], kvLens[b], 0, 0, kvLens[b] - qLens[b], kvLens[b]});
  viewWords = {q.words(), k.words(), v.words(), out.words(), lse.words()};
}

void Problem::run(const CompiledKernel &kernel, std::vector<int64_t> more) {
  int64_t longest = 0, group = qHeads / kvHeads;
  for (const attn_request &request : requests)
    longest = std::max(longest, request.q_len * (text.pack ? group : 1));
  int64_t rowTiles = (longest + text.rows - 1) / text.rows;
  int64_t batch = requests.size();
  std::vector<int64_t> words = {reinterpret_cast<int64_t>(requests.data()), batch, qHeads, kvHeads, layer, rowTiles, 1,
                                reinterpret_cast<int64_t>(&status),         0};
  for (const std::vector<int64_t> &view : viewWords)
    words.insert(words.end(), view.begin(), view.end());
  words.insert(words.end(), more.begin(), more.end());
  for (Tensor *t : {&out, &lse})
    std::fill(t->bytes.begin(), t->bytes.end(), 0xAB);
  status = 0;
  kernel.run(words, rowTiles * batch * (text.pack ? kvHeads : qHeads));
}

void Problem::compare(const Mask &mask, const Score &score, const std::string &what) {
  // fp32 arithmetic; rounding the output; with bf16, rounding the weights of the values (docs/numerics.md).
  const double arithmetic = 2e-5, unit = text.dtype == "f32" ? 0 : text.dtype == "f16" ? 0x1p-11 : 0x1p-8;
  int64_t group = qHeads / kvHeads;
  for (size_t b = 0; b < requests.size(); ++b) {
    const attn_request &request = requests[b];
    for (int64_t h = 0; h < qHeads; ++h) {
      for (int64_t i = 0; i < request.q_len; ++i) {
        int64_t position = request.q_pos + i;
        std::vector<double> scores(request.kv_len, -INFINITY);
        double most = -INFINITY, sum = 0;
        for (int64_t j = 0; j < request.kv_len; ++j) {
          if (!mask(b, h, position, j))
            continue;
          double s = 0;
          for (int64_t c = 0; c < text.d; ++c)
            s += q.get(b, h, i, c) * k.get(b, h / group, j, c);
          s /= std::sqrt(double(text.d));
          scores[j] = score ? score(s, h, position, j) : s;
          most = std::max(most, scores[j]);
        }
        std::vector<double> expected(text.dv), magnitude(text.dv);
        for (int64_t j = 0; j < request.kv_len; ++j) {
          if (scores[j] == -INFINITY)
            continue;
          double p = std::exp(scores[j] - most);
          sum += p;
          for (int64_t c = 0; c < text.dv; ++c) {
            double term = p * v.get(b, h / group, j, c);
            expected[c] += term;
            magnitude[c] += std::abs(term);
          }
        }
        double logSum = sum > 0 ? most + std::log(sum) : -INFINITY;
        double got = lse.get(b, h, i, 0);
        ASSERT_TRUE(logSum == got || std::abs(got - logSum) <= 2e-5 * std::max(1.0, std::abs(logSum)))
            << what << ": lse of request " << b << " head " << h << " row " << i << ": " << got << ", expected "
            << logSum;
        for (int64_t c = 0; c < text.dv; ++c) {
          double want = sum > 0 ? expected[c] / sum : 0;
          double weights = text.dtype == "bf16" && sum > 0 ? magnitude[c] / sum : 0;
          ASSERT_NEAR(out.get(b, h, i, c), want, arithmetic + unit * (std::abs(want) + weights))
              << what << ": request " << b << " head " << h << " row " << i << " column " << c;
        }
      }
      // Rows past the last one are not stored.
      for (int64_t i = request.q_len; i < out.rows; ++i)
        for (size_t byte = 0, size = out.bytes.size() / (out.batch * out.heads * out.rows); byte < size; ++byte)
          ASSERT_EQ(out.bytes[((b * qHeads + h) * out.rows + i) * size + byte], 0xAB)
              << what << ": row " << i << " is written";
    }
  }
}

void Problem::check(const Mask &mask, const Score &score, std::vector<int64_t> more) {
  for (const std::string &isa : hostIsas()) {
    CompiledKernel kernel(text.str(), isa);
    if (!kernel.ok())
      return;
    Tensor savedK = k, savedV = v;
    run(kernel, more);
    compare(mask, score, isa);
    if (::testing::Test::HasFatalFailure())
      return;
    auto out0 = out.bytes, lse0 = lse.bytes;
    int64_t group = qHeads / kvHeads;
    for (size_t b = 0; b < requests.size(); ++b)
      for (int64_t g = 0; g < kvHeads; ++g)
        for (int64_t j = 0; j < requests[b].kv_len; ++j) {
          bool seen = false;
          for (int64_t h = g * group; h < (g + 1) * group; ++h)
            for (int64_t i = 0; i < requests[b].q_len; ++i)
              seen |= mask(b, h, requests[b].q_pos + i, j);
          for (Tensor *t : {&k, &v})
            for (int64_t c = 0; !seen && c < t->dim; ++c)
              t->set(b, g, j, c, NAN);
        }
    run(kernel, more);
    EXPECT_EQ(out.bytes, out0) << isa << ": NaN in unseen rows changes the result";
    EXPECT_EQ(lse.bytes, lse0) << isa;
    // Same memory, as views point into it.
    std::copy(savedK.bytes.begin(), savedK.bytes.end(), k.bytes.begin());
    std::copy(savedV.bytes.begin(), savedV.bytes.end(), v.bytes.begin());
  }
}
