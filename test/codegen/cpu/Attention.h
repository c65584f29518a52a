//===- Attention.h - Softmax attention kernels and their expectation -*- C++ -*-===//
#ifndef ATTN_TEST_CODEGEN_CPU_ATTENTION_H
#define ATTN_TEST_CODEGEN_CPU_ATTENTION_H

#include "CompiledKernel.h"

#include <functional>

namespace attn::test {

/// The text of a softmax kernel in tile IR. `mask` and `score` are operations over %b %h %g %l %q %k that define
/// %visible : i1 and, from %s : f32, %score : f32.
struct KernelText {
  int64_t d = 64, dv = 64, rows = 96, keys = 64;
  bool pack = false;
  std::string dtype = "f32";
  std::string mask = "%visible = arith.constant true";
  std::string score;
  std::string names, arguments; ///< more kernel arguments: `, "doc"` and `, %doc: !tile.buffer<2 x i32>`
  std::string rope;             ///< of both loads
  bool scaleScores = false;     ///< as a GPU does: scores are scaled instead of queries, weights have 16 bits

  std::string str() const;
};

/// Random inputs of one call in memory of the kernel's element type. The rows of request b start at row b * stride;
/// rows past its length, and only those, hold NaN. Positions are bottom-right aligned.
class Problem {
public:
  Problem(const KernelText &kernel, int64_t qHeads, int64_t kvHeads, std::vector<int64_t> qLens,
          std::vector<int64_t> kvLens);

  using Mask = std::function<bool(int64_t b, int64_t h, int64_t q, int64_t k)>;
  using Score = std::function<double(double s, int64_t h, int64_t q, int64_t k)>;

  /// Compiles for every ISA of this machine, runs, and compares with fp64 attention. Then sets all rows of k and v that
  /// no query sees to NaN and expects the same bits. `more` are the words of further arguments.
  void check(const Mask &mask, const Score &score = {}, std::vector<int64_t> more = {});
  /// Runs on one ISA.
  void run(const CompiledKernel &kernel, std::vector<int64_t> more = {});
  /// The words of a call, and its tasks. Fills the outputs with garbage.
  std::vector<int64_t> prepare(std::vector<int64_t> more = {});
  int64_t rowTiles() const;
  int64_t tasks() const { return rowTiles() * requests.size() * (text.pack ? kvHeads : qHeads); }
  /// Sets all rows of k and v that no query sees to NaN.
  void poison(const Mask &mask);
  /// Compares `out` and `lse` with fp64 attention.
  void compare(const Mask &mask, const Score &score, const std::string &what);

  struct Tensor {
    int64_t batch = 0, heads = 0, rows = 0, dim = 0;
    std::string dtype;
    std::vector<uint8_t> bytes;
    double get(int64_t b, int64_t h, int64_t row, int64_t i) const;
    void set(int64_t b, int64_t h, int64_t row, int64_t i, double value);
    std::vector<int64_t> words();
  };

  KernelText text;
  int64_t qHeads, kvHeads;
  std::vector<attn_request> requests;
  Tensor q, k, v, out, lse;
  std::vector<std::vector<int64_t>> viewWords; ///< of q, k, v, out, lse: tests may edit them
  int64_t status = 0;
  int64_t layer = 0;
};

/// Words of a buffer of `rank` sizes in C order.
std::vector<int64_t> bufferWords(const void *base, std::vector<int64_t> sizes, int64_t elementBytes);

} // namespace attn::test

#endif // ATTN_TEST_CODEGEN_CPU_ATTENTION_H
