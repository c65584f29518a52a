//===- Pattern.h - A checked attention pattern ---------------------*- C++ -*-===//
//
// What a pattern document means, after every check: names resolved, named forms, grid coordinates and `let`
// expanded, expressions typed and in canonical form (mask/Simplify.h). No IR and no JSON here. The
// format itself is described in docs/spec-format.md and attn.schema.json; Read.h makes a Pattern,
// Print.h writes it back, SpecToIR.h imports it.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_SPEC_PATTERN_H
#define ATTN_DIALECT_SPEC_PATTERN_H

#include "dialect/mask/Expr.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace attn::spec {

enum class Positions { BottomRight, TopLeft, Tensor };
enum class Dtype { Bool, I8, I32, I64, F32, F16, BF16 };
enum class Domain { Any, Sorted, Boolean };
enum class Axis { Batch, QHead, KVHead, Query, Key, Layer, Branch };
enum class Layout { Contiguous, SinkRing, Slots };

/// The spellings in the document; `find` of a spelling in one of these gives the enumerator.
inline constexpr const char *positionsNames[] = {"bottom_right", "top_left", "tensor"};
inline constexpr const char *dtypeNames[] = {"bool", "i8", "i32", "i64", "f32", "f16", "bf16"};
inline constexpr const char *domainNames[] = {"any", "sorted", "boolean"};
inline constexpr const char *axisNames[] = {"batch", "q_head", "kv_head", "query", "key", "layer", "branch"};
inline constexpr const char *layoutNames[] = {"contiguous", "sink_ring", "slots"};

inline bool isFloat(Dtype t) { return t >= Dtype::F32; }

/// A run-time scalar with a default.
struct Param {
  std::string name;
  std::variant<int64_t, double> value;
  std::string doc;
  bool isFloat() const { return value.index() == 1; }
};

/// A run-time tensor. Each size is `batch q_heads kv_heads layers q_len kv_len d dv d/2`, the name
/// of an integer parameter, or a number.
struct Operand {
  std::string name;
  std::vector<std::variant<int64_t, std::string>> shape;
  Dtype dtype = Dtype::I32;
  Domain domain = Domain::Any;
  /// What it holds where the caller gives no tensor: all elements in row-major order, in the type of the elements, and
  /// their sizes. Empty: the caller must give it.
  std::variant<std::vector<int64_t>, std::vector<double>> values;
  std::vector<int64_t> sizes;
  std::string doc;
};

/// An axis of the token grid; its size is a number or the name of an integer parameter.
struct GridAxis {
  std::string name;
  std::variant<int64_t, std::string> size;
};

struct Cache {
  std::string name;
  Layout layout = Layout::Contiguous;
  std::string sink, ring; ///< integer parameters; SinkRing only
  std::string doc;
};

/// Classes are tried in order; the last one has no rule. Besides positions, the axis `key` has the slots of caches with
/// the layout `slots`, each of which is a class. The axis `branch` has no elements: all its classes are computed and
/// their results summed with the gates as weights.
struct Partition {
  struct Class {
    std::string name;
    mask::Expr rule;             ///< Bool, or the Float gate of a branch; empty for `otherwise` and for a cache
    std::optional<size_t> cache; ///< index into Pattern::caches: the class is the slots of that cache
  };
  std::string name;
  Axis axis = Axis::KVHead;
  std::vector<Class> classes;
  std::string doc;
};

struct Softmax {
  std::string seed; ///< float operand [q_heads], or empty
};
struct Linear {
  mask::Expr decay; ///< Float in (0, 1]
  bool chunked = true;
};
struct Rope {
  std::string cos, sin; ///< float operands [positions, d/2]
  bool interleaved = false;
};

/// What one class of (head, query, key) computes.
struct KernelMap {
  /// One class of each named partition, all of which must hold, in the order of the partitions.
  std::vector<std::pair<size_t, size_t>> classes; ///< indices of (partition, class)
  mask::Expr mask;                                ///< Bool
  mask::Expr score;                               ///< Float over `s`; empty: `s` itself
  std::variant<Softmax, Linear> weight;
  bool zeroValue = false; ///< its keys count in the denominator alone; softmax only
  std::optional<Rope> rope;
  size_t cache = 0; ///< index into Pattern::caches
};

/// One attention over whole tensors. The maps are tried in order; together they cover every
/// (branch, head, query, key), and each of them is used. Keys that are slots of a cache belong to maps that name their
/// class.
struct Attend {
  std::vector<KernelMap> maps;
  std::variant<std::monostate, double, std::string> scale; ///< none: d^-1/2; a float parameter
  bool out = true, lse = true;
};

/// A callable entry point.
struct Entry {
  std::string name;
  Attend attend;
  std::string doc;
};

/// What the document fixes of the variant.
struct Types {
  std::optional<Dtype> dtype;
  std::optional<int64_t> d, dv;
};

/// Tile sizes that replace the cost model's; 0: not stated.
struct TileShape {
  int64_t rows = 0, keys = 0;
};
struct Schedule {
  TileShape prefill, decode;
};

struct Pattern {
  std::string name;
  std::string doc;
  std::optional<Positions> positions;
  Types types;
  std::vector<Param> params;
  std::vector<Operand> operands;
  std::vector<GridAxis> grid; ///< slowest first; empty: none
  std::vector<Partition> partitions;
  std::vector<Cache> caches; ///< at least one; `kv`, contiguous, where the document has none
  Schedule schedule;
  std::vector<Entry> entries; ///< at least one; `attend` where the document has no phases
};

} // namespace attn::spec

#endif // ATTN_DIALECT_SPEC_PATTERN_H
