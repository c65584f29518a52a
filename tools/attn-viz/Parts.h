//===- Parts.h - The attentions that an entry point consists of -----*- C++ -*-===//
//
// An entry point may sum branches and merge keys of the sequence with slots of caches. Each of these is an attention
// over one kind of keys, with kernels and a picture of its own.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_PARTS_H
#define ATTN_TOOLS_ATTN_VIZ_PARTS_H

#include "dialect/spec/Pattern.h"

namespace attn::viz {

struct Parts {
  spec::Pattern pattern; ///< with an entry for each part, without branches
  struct Origin {
    std::string entry;  ///< the entry point that it is part of
    bool slots = false; ///< keys are slots of a cache
  };
  std::vector<Origin> origins; ///< of the entries of `pattern`
};

Parts splitParts(const spec::Pattern &pattern);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_PARTS_H
