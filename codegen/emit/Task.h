//===- Task.h - The coordinates of a task ---------------------------*- C++ -*-===//
//
// What expressions and range programs of a kernel read of its task. All values belong to the kernel function.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_EMIT_TASK_H
#define ATTN_CODEGEN_EMIT_TASK_H

#include "codegen/emit/Emitter.h"

namespace attn::codegen {

struct TaskCoordinates {
  bool pack = false;
  int64_t rowTile = 0;   ///< logical rows of a tile
  int64_t keyTile = 0;   ///< keys of a tile
  Value words;           ///< address of the words of runtime/include/attn/KernelABI.h
  Value request;         ///< address of its attn_request
  Value b, g, layer;     ///< coordinates, i64
  Value head;            ///< query head of logical row 0 (with pack: the first of the group)
  Value group;           ///< query heads per KV head
  Value rowGroup;        ///< the heads that the rows of a tile go through: group, or 1 without pack
  Value qHeads, kvHeads; ///< header sizes
  Value qLen, kvLen, sequenceLen;
  Value qPos;    ///< position of query row 0
  Value rows;    ///< logical rows of the request
  Value zeroRow; ///< address of zeros, at least 8 bytes
};

/// Number of ABI words of an argument of this type.
int64_t wordCount(Type type);

/// Loads what the header and the request `task.b` say, which is set along with `head` and `g` from `lane`:
/// request * heads + head, with KV heads where the kernel packs.
void emitCoordinates(Emitter &e, TaskCoordinates &task, Value lane);

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_TASK_H
