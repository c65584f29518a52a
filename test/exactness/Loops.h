//===- Loops.h - The key loops of a compiled pattern ---------------*- C++ -*-===//
//
// Takes a pattern through the compiler as far as the tile dialect, and says what its generated loops visit beside what
// they must.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TEST_EXACTNESS_LOOPS_H
#define ATTN_TEST_EXACTNESS_LOOPS_H

#include "dialect/mask/RangeProgram.h"
#include "dialect/spec/Pattern.h"

#include <functional>

namespace attn::exactness {

struct Loop {
  std::string kernel; ///< `attend.0.prefill`
  bool isDecode = false;
  int64_t rows = 64; ///< of a row tile
  mask::Expr mask;
  mask::RangeProgram program;
};

/// A pattern lowered with tiles of `rows` rows and 64 keys.
struct Compiled {
  std::string name;
  std::vector<Loop> loops;
  mask::Environment defaults; ///< parameters
  std::vector<spec::Operand> operands;
  bool topLeft = false;
  std::string error;
};
Compiled compile(const std::string &spec, int64_t rows = 64);

struct Counts {
  int64_t tiles = 0, visited = 0, partial = 0; ///< of the loops
  int64_t mustVisit = 0, mustMask = 0;         ///< by brute force
  int64_t runs = 0;                            ///< times the range program ran
  std::string error;                           ///< the first tile that differs
  Counts &operator+=(const Counts &other);
};

struct Call {
  int64_t queries = 0, keys = 0, heads = 1, group = 1;
  mask::Environment environment; ///< parameters and tensors
  bool topLeft = false;
};

/// Compares the row tiles that begin at row `rows[i]` (one query of a group in a decode loop) with brute force, for
/// query head `head` (or all heads of its group).
Counts compare(const Loop &loop, const Call &call, int64_t head, const std::vector<int64_t> &rows);
/// All row tiles of all heads.
Counts compareAll(const Loop &loop, const Call &call);
/// `count` row tiles in all, chosen at random.
Counts compareSome(const Loop &loop, const Call &call, int count);

} // namespace attn::exactness

#endif // ATTN_TEST_EXACTNESS_LOOPS_H
