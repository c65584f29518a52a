//===- Scope.cpp - What the lowering of one kernel shares ------------------===//
#include "codegen/cpu/Scope.h"

using namespace mlir;
using namespace attn::codegen;
using namespace attn::codegen::cpu;

RangeInputs attn::codegen::cpu::rangeInputs(KernelScope &scope, std::map<std::string, Value> given) {
  Emitter &e = scope.e;
  // The positions of the row tile.
  auto position = [&scope, &e](int64_t row) {
    Value p = e.load(e.getI32Type(), e.gep(scope.task.positions, row * 4), 4);
    return e.createOrFold<arith::ExtSIOp>(e.getI64Type(), p);
  };
  RangeScope where{e, scope.kernel, scope.task, scope.around, scope.scalars};
  return codegen::rangeInputs(where, [&scope, given = std::move(given), position](StringRef name) -> Value {
    if (auto it = given.find(name.str()); it != given.end())
      return it->second;
    if (name == ".q_first")
      return position(0);
    if (name == ".q_last")
      return position(scope.task.rowTile - 1);
    return {};
  });
}
