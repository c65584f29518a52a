//===- Attention.h - What an attn.attend consists of ---------------*- C++ -*-===//
//
// The operation with every name resolved and every shape checked: what its rows are computed from.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_REFERENCE_ATTENTION_H
#define ATTN_CODEGEN_REFERENCE_ATTENTION_H

#include "codegen/reference/Attend.h"
#include "codegen/reference/Expression.h"

#include <algorithm>
#include <optional>

namespace attn::codegen::reference {

/// Keys and values, and where a position's row lies.
struct Cache {
  const Tensor *keys, *values;
  std::optional<std::vector<int64_t>> sink, ring; ///< layout sink_ring; per request or one for all
  bool slots = false;                             ///< layout slots: keys are rows, not positions

  /// The slot of position `p` in request `b`, if it is resident.
  std::optional<int64_t> slot(int64_t b, int64_t p, int64_t kvLen) const {
    if (!ring)
      return p;
    int64_t s = ofRequest(*sink, b), r = ofRequest(*ring, b);
    if (p < s)
      return p;
    if (p < kvLen - r)
      return std::nullopt;
    return s + (p - s) % r;
  }
};

struct Rope {
  const Tensor *cos, *sin; ///< [positions, dim / 2]
  bool interleaved;
};

struct Partition {
  bool overKeys;
  std::vector<Expression> rules; ///< of all classes but the last
};

struct KernelMap {
  std::vector<std::pair<Partition *, size_t>> classes; ///< all must hold
  Expression mask;
  std::optional<Expression> score, decay, which;
  int64_t cache; ///< unless `which` says it
  std::optional<Rope> rope;
  bool zeroValue;               ///< softmax only
  bool softmax;                 ///< otherwise linear, with a decay
  const Tensor *seed = nullptr; ///< [q_heads], softmax only
};

class Attention {
public:
  /// Fails where a name has no value, a shape does not fit or an expression cannot be decoded.
  static llvm::Expected<std::unique_ptr<Attention>> read(ir::AttendOp op, const TensorValues &values,
                                                         const Arguments &arguments);

  Environment env;
  const Tensor *query = nullptr;
  int64_t rows = 0, dim = 0, valueDim = 0; ///< of the query, and the values' last dimension
  std::vector<Cache> caches;
  std::vector<double> scale; ///< per request or one for all
  std::vector<KernelMap> maps;

  /// How many keys the request `b` has.
  int64_t keys(int64_t b) const { return caches[0].slots ? caches[0].keys->shape[2] : env.arguments.kvLen[b]; }

private:
  Attention(ir::AttendOp op, const Arguments &arguments);
  llvm::Error readTensors(ir::AttendOp op, const TensorValues &values);
  llvm::Error readCache(ir::AttendOp op, const TensorValues &values, unsigned index);
  llvm::Error readScale(ir::AttendOp op);
  llvm::Error readMaps(ir::AttendOp op);
  llvm::Expected<KernelMap> readMap(ir::KernelMapOp map);
  llvm::Error readClasses(ir::KernelMapOp map, KernelMap &result);
  llvm::Error readWeight(ir::KernelMapOp map, KernelMap &result);
  llvm::Expected<Partition *> readPartition(llvm::StringRef name);
  llvm::Expected<Rope> readRope(ir::RopeAttr attr);

  std::map<std::string, Partition> partitions;
};

} // namespace attn::codegen::reference

#endif // ATTN_CODEGEN_REFERENCE_ATTENTION_H
