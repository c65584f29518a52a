//===- RangeProgram.h - Which key tiles a query tile visits --------*- C++ -*-===//
//
// A mask compiled to plain integer code. Given a box of queries (positions q_first..q_last, heads h_first..h_last) and
// the key tile [k0, k0 + tile), the code says whether some pair of the box is visible, whether all are, and up to which
// key the answer stays the same. Kernels run it once per run of equal tiles; `--explain`, pictures and tests run the
// same code in C++ (`RangeProgram::classify`).
//
// How: the mask and its negation are brought to disjunctive normal form. A conjunction of atoms a*q + b*k + c <= 0 with
// a, b in {-1, 0, 1} is a convex polygon; eliminating q by Fourier-Motzkin is exact over the integers because q's
// coefficients are units, and leaves an interval of keys. Terms in q alone under `//`, `%` or a sorted tensor are
// constant on pieces of the query tile, which the code enumerates; predicates that are monotone in k (sorted tensors)
// give intervals by bisection. Remaining terms (`%` ranges, is_pow2, tensors over keys) are tested per tile, and what
// has no structure (tensors over pairs, two remainders at once) pair by pair, up to the first that decides.
//
// Whatever the inputs are, the code ends, divides by no zero, and `next` is a later tile. Its answers are right where
// neither the mask nor the bounds above (sums of two, products with a divisor) leave 64 bits.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_RANGEPROGRAM_H
#define ATTN_DIALECT_MASK_RANGEPROGRAM_H

#include "dialect/mask/Expr.h"

#include <map>

namespace attn::mask {

// clang-format off
/// Operations of integer code. Values are numbered in order of definition and are I (int64) or B (bool).
enum class Code : uint8_t {
  Const,                                              ///< imm -> I
  True, False,                                        ///< -> B
  Input,                                              ///< name -> I (symbols of Expr.h and the inputs below)
  Element,                                            ///< name, args I... -> I (a bool is 0 or 1); indices are clamped
  TensorSize,                                         ///< name, imm = dimension -> I; 0 if the tensor has no element
  Add, Sub, Mul, FloorDiv, Mod, Min, Max,             ///< I, I -> I; the divisor is neither 0 nor -1 (guarded by the code)
  Lt, Le, Eq,                                         ///< I, I -> B
  IsPow2,                                             ///< I -> B
  Evaluate, ///< expr, args: the values of those of h, q, k that it uses, in this order -> I or B, as the mask computes it
  And, Or, Not,                                       ///< B... -> B
  SelectI, SelectB,                                   ///< B, X, X -> X
  While, ///< args: initial values; blocks[0] (carried values) -> B, blocks[1] (carried values) -> next; gives carried
  If,    ///< args: B; blocks[0] then, blocks[1] else, no arguments; gives the blocks' results
};
// clang-format on

struct CodeBlock;

/// One instruction. It defines `results` (one id, or as many as While and If give).
struct Instruction {
  Code code;
  int64_t imm = 0;
  std::string name;
  std::vector<int> args;
  std::vector<int> results;
  std::vector<CodeBlock> blocks;
  Expr expr; ///< Evaluate: `floor` or a comparison of floats
};

/// A block: its arguments are defined on entry, its results are read at the end. It may use values of the blocks around
/// it. Arithmetic wraps around on overflow.
struct CodeBlock {
  std::vector<int> arguments;
  std::vector<Instruction> body;
  std::vector<int> results;
};

/// What a key tile is to a query box. Keys at or past kv_len are not looked at.
enum class TileClass : uint8_t { Empty, Partial, Full };

/// Run-time values for C++: integers (a bool is 0 or 1) and reals by name, tensors as flat row-major data with their
/// sizes; a tensor of floats has `reals` in place of `data`.
struct Environment {
  struct Tensor {
    std::vector<int64_t> sizes;
    std::vector<int64_t> data;
    std::vector<double> reals;
  };
  std::map<std::string, int64_t> values;
  std::map<std::string, double> reals;
  std::map<std::string, Tensor> tensors;
};

/// Runs code that defines `valueCount` values in C++ and returns its results (B as 0 or 1). `env` holds every input.
std::vector<int64_t> run(const CodeBlock &code, int valueCount, const Environment &env);

/// What is promised of a tensor's values: non-decreasing along its last dimension.
struct TensorFacts {
  bool sorted = false;
};

class RangeProgram {
public:
  /// Compiles `mask` (Bool). Never fails: what is too large to analyse leaves its tiles partial.
  /// Inputs of the code beyond the symbols of the mask: `.q_first .q_last .k0 .tile kv_len`, and `.h_first .h_last`
  /// where the mask uses h (no name of a pattern begins with a dot). b, g and l are fixed, q and h range over the box.
  /// `positive` names the symbols that are known to be at least 1 (parameters checked at plan); the sizes always are.
  /// Knowing it of a divisor makes the code shorter.
  static RangeProgram compile(const Expr &mask, const std::map<std::string, TensorFacts> &facts = {},
                              const std::set<std::string> &positive = {});

  /// The code. Results: B some pair visible; B no pair hidden; I next: the first multiple of `tile` after k0 at which
  /// the two may differ (at most the first multiple of `tile` >= kv_len, always > k0). k0 is a multiple of `tile`,
  /// 0 <= k0; the box of queries and heads is not empty.
  const CodeBlock &code() const { return block; }
  /// Number of values that the code defines (ids are below it).
  int valueCount() const { return values; }
  /// False if some part was too large, so that a partial tile may turn out full or empty.
  bool exact() const { return isExact; }

  struct Result {
    TileClass kind;
    int64_t next;
  };
  /// Runs the code in C++. `env.values` holds every input and symbol. Throws nothing; a missing name is asserted.
  Result classify(const Environment &env) const;
  /// The code as text, one instruction a line, for --emit=ranges and tests.
  std::string str() const;

private:
  CodeBlock block;
  int values = 0;
  bool isExact = true;
};

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_RANGEPROGRAM_H
