//===- Task.cpp - The coordinates of a task --------------------------------===//
#include "codegen/emit/Task.h"

#include "attn/KernelABI.h"
#include "dialect/tile/TileDialect.h"

#include <cstddef>

using namespace mlir;
using namespace attn;
using namespace attn::codegen;

int64_t attn::codegen::wordCount(Type type) {
  if (isa<tile::ViewType>(type))
    return ATTN_VIEW_WORDS;
  if (auto buffer = dyn_cast<tile::BufferType>(type))
    return 1 + 2 * buffer.getRank();
  return 2;
}

void attn::codegen::emitCoordinates(Emitter &e, TaskCoordinates &task, Value lane) {
  Value heads = task.pack ? task.kvHeads : task.qHeads;
  task.b = e.createOrFold<arith::DivSIOp>(lane, heads);
  Value head = e.createOrFold<arith::RemSIOp>(lane, heads);
  task.g = task.pack ? head : e.createOrFold<arith::DivSIOp>(head, task.group);
  task.head = task.pack ? e.mul(head, task.group) : head;
  task.rowGroup = task.pack ? task.group : e.i64(1);
  Value requests = e.load(e.ptr(), e.gep(task.words, ATTN_WORD_REQUESTS * 8), 8);
  task.request = e.gep(requests, e.mul(task.b, static_cast<int64_t>(sizeof(attn_request))));
  auto field = [&](size_t offset) {
    return e.load(e.getI64Type(), e.gep(task.request, static_cast<int64_t>(offset)), 8);
  };
  task.qLen = field(offsetof(attn_request, q_len));
  task.kvLen = field(offsetof(attn_request, kv_len));
  task.sequenceLen = field(offsetof(attn_request, sequence_kv_len));
  task.qPos = field(offsetof(attn_request, q_pos));
  task.rows = task.pack ? e.mul(task.qLen, task.group) : task.qLen;
}
