//===- Report.cpp - docs/exactness.md ---------------------------------------===//
#include "test/exactness/Report.h"

namespace attn::exactness {

/// What the plan step reads to check the operands.
static int64_t planBytes(const Compiled &pattern, const Call &call) {
  static const int64_t widths[] = {1, 1, 4, 8, 4, 2, 2}; // of spec::Dtype
  int64_t bytes = 0;
  for (const spec::Operand &operand : pattern.operands) {
    int64_t count = operand.domain == spec::Domain::Any ? 0 : 1;
    for (int64_t size : call.environment.tensors.at(operand.name).sizes)
      count *= size;
    bytes += count * widths[int(operand.dtype)];
  }
  return bytes;
}

std::string rowOf(const Case &test, int64_t length, int rowTiles) {
  Compiled pattern = compile(test.spec, rowTiles ? millionRows : 64);
  Call call = makeCall(test, pattern, length, length);
  Counts counts;
  for (const Loop &loop : pattern.loops)
    if (!loop.isDecode)
      counts += rowTiles ? compareSome(loop, call, rowTiles) : compareAll(loop, call);
  std::string row = "| `" + std::string(test.name) + "` | " + std::to_string(test.heads);
  for (int64_t number :
       {counts.tiles, counts.visited, counts.mustVisit, counts.partial, counts.mustMask, planBytes(pattern, call)})
    row += " | " + std::to_string(number);
  return row + " |";
}

} // namespace attn::exactness
