//===- Scratch.h - Scratch memory of a kernel -----------------------*- C++ -*-===//
//
// A first-fit allocator over the scratch memory that the caller of a kernel provides. It runs at compile time: blocks
// are offsets, and the size needed is their highest end. All blocks are multiples of 64 bytes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_SCRATCH_H
#define ATTN_CODEGEN_CPU_SCRATCH_H

#include "llvm/Support/MathExtras.h"

#include <cstdint>
#include <iterator>
#include <map>

namespace attn::codegen::cpu {

class Scratch {
public:
  int64_t allocate(int64_t bytes) {
    bytes = roundUp(bytes);
    int64_t offset = 0;
    for (auto [start, length] : blocks) {
      if (start - offset >= bytes)
        break;
      offset = start + length;
    }
    blocks[offset] = bytes;
    highest = std::max(highest, offset + bytes);
    return offset;
  }
  void release(int64_t offset) { blocks.erase(offset); }
  int64_t bytes() const { return highest; }

private:
  static int64_t roundUp(int64_t bytes) { return llvm::alignTo(std::max<int64_t>(bytes, 1), 64); }

  std::map<int64_t, int64_t> blocks; // offset -> length
  int64_t highest = 0;
};

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_SCRATCH_H
