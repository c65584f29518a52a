//===- Manifest.h - What an artifact holds -------------------------*- C++ -*-===//
//
// The manifest as checked C++ values. After parseManifest every name is resolved, every index is in range and every
// number is within its limits, so that the planner need not look twice.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_ARTIFACT_MANIFEST_H
#define ATTN_RUNTIME_ARTIFACT_MANIFEST_H

#include "runtime/artifact/Status.h"

#include <string_view>
#include <vector>

namespace attn::rt {

/// A run-time scalar of the pattern.
struct Param {
  std::string name;
  bool isFloat = false;
  bool hasDefault = false;
  int64_t intDefault = 0;
  double floatDefault = 0;
  bool positive = false;
};

/// One dimension of an operand.
struct Size {
  enum Kind { Literal, Batch, QHeads, KvHeads, Layers, QLen, KvLen, ParamValue };
  Kind kind = Literal;
  int64_t literal = 0;
  int param = -1;   ///< index, for ParamValue
  std::string text; ///< as in the manifest
};

/// A run-time tensor that expressions read.
struct Operand {
  std::string name;
  std::vector<Size> shape; ///< at most 4
  int32_t dtype = 0;
  int32_t domain = ATTN_DOMAIN_ANY;
  /// What it holds where the call has no tensor: elements in C order, and their sizes. Empty: the call must have one.
  std::vector<int64_t> sizes;
  std::vector<char> values;
};

/// Where keys and values live. For a sink ring, `sink` and `ring` are indices of integer params. In a cache of slots
/// the keys are the rows of the tensors, not positions: a launch over them has as many keys as the tensors have rows.
struct Cache {
  std::string name;
  bool isRing = false, isSlots = false;
  int sink = -1, ring = -1;
};

/// An input or output tensor of an entry point.
struct Port {
  std::string name;
  int32_t role = 0; ///< attn_role
  int cache = -1;   ///< index, or -1: contiguous
};

/// An argument of a kernel, bound to what fills its words.
struct Argument {
  enum Kind { View, Scalar, Buffer };
  enum Source { Input, Output, Temporary, ParamSource, OperandSource };
  std::string name;
  Kind kind = View;
  Source source = Input;
  int index = -1;    ///< into inputs, outputs, the variant's temporaries, params or operands
  int32_t dtype = 0; ///< of the view's or buffer's elements, or ATTN_I64 / ATTN_F32 of the scalar
  int64_t dim = 0;   ///< of a view: elements of a row, 0 for one element without a dimension
};

/// One axis of a token grid whose boxes are the tiles of a form. Sizes are literals or integer params.
struct GridAxis {
  Size size; ///< not read of the first axis, the slowest
  Size dilation;
  int64_t rows = 1; ///< extent of a box of queries
};

/// GPU machine code of a form for one architecture.
struct Cubin {
  std::string arch; ///< "sm_90"
  int code = 0;     ///< index into Manifest::code
};

/// A kernel: one tile form of a step.
struct Form {
  std::string symbol;
  int64_t rows = 0; ///< logical rows of a tile
  int64_t keys = 0;
  bool pack = false;          ///< logical rows are (query, head of the group) pairs
  bool scan = false;          ///< loops over the row tiles itself
  std::vector<GridAxis> grid; ///< slowest first, at most 3; empty: a row tile is consecutive rows
  int64_t scratch = 0;
  int code = 0; ///< index into Manifest::code
  // Of GPU code, which has an entry name.
  std::string entry;               ///< empty: CPU code
  int64_t threads = 0, shared = 0; ///< of a block; bytes of dynamic shared memory
  std::vector<Cubin> cubins;
  std::vector<Argument> arguments;
};

/// An intermediate result in the workspace, of the shape of `out` (dim > 0) or `lse` (dim 0).
struct Temporary {
  std::string name;
  int32_t dtype = 0;
  int64_t dim = 0;
};

struct Variant {
  int32_t dtype = 0;
  int64_t d = 0, dv = 0;
  std::string isa;
  std::vector<std::vector<Form>> steps;
  std::vector<Temporary> temporaries;
};

struct Entry {
  std::string name;
  std::vector<Port> inputs, outputs;
  std::vector<Variant> variants;
  std::vector<size_t> operands; ///< indices of those that some kernel reads, ascending
};

struct CodeBlob {
  uint64_t offset = 0, size = 0;
  std::string sha256;
};

struct Manifest {
  std::string text;
  std::string spec; ///< the normalised spec, JSON text
  std::string name;
  int32_t positions = ATTN_POSITIONS_UNSTATED;
  std::vector<Param> params;
  std::vector<Operand> operands;
  std::vector<Cache> caches;
  std::vector<Entry> entries;
  std::vector<CodeBlob> code;

  /// The entry called `name`, or the only one if `name` is null. Null if there is none.
  const Entry *findEntry(const char *name) const;
};

/// Parses and checks manifest text.
Status parseManifest(std::string_view text, Manifest &manifest);

/// Name of a dtype as in manifests ("f32"), and back (0 if unknown).
const char *dtypeName(int32_t dtype);
int32_t dtypeOf(std::string_view name);

/// "'a', 'b', 'c'", for messages that list what there is.
template <typename Items> std::string quotedNames(const Items &items) {
  std::string text;
  for (const auto &item : items)
    text += (text.empty() ? "'" : ", '") + item.name + "'";
  return text.empty() ? "none" : text;
}

} // namespace attn::rt

#endif // ATTN_RUNTIME_ARTIFACT_MANIFEST_H
