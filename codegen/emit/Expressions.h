//===- Expressions.h - Expression regions as code -------------------*- C++ -*-===//
//
// Emits the scalar expressions of a kernel and the regions of tile.map and tile.for_keys for a block of row vectors at
// a time. What does not depend on the column is emitted once per block: bind what is known, prepare(), then per column
// bind the rest and evaluate().
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_EMIT_EXPRESSIONS_H
#define ATTN_CODEGEN_EMIT_EXPRESSIONS_H

#include "codegen/emit/Lanes.h"
#include "codegen/emit/Task.h"
#include "dialect/tile/TileDialect.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <functional>

namespace attn::codegen {

/// What expressions read of the kernel around them.
struct Surroundings {
  const TaskCoordinates &task;
  /// A scalar computed in the kernel function: its value there. Null while those themselves are emitted.
  std::function<Operand(Value)> scalar;
  /// The address of the ABI words of a buffer (a value of the kernel function).
  std::function<Value(Value)> words;
};

class Expressions {
public:
  Expressions(Emitter &e, const Surroundings &around, int64_t vectors) : e(e), around(around), arithmetic(e, vectors) {}

  void bind(Value value, Operand operand) { values[value] = std::move(operand); }
  /// Emits the operations of `region` that need none of `later` (values that are bound per column).
  void prepare(mlir::Region &region, llvm::ArrayRef<Value> later);
  /// Forgets what was bound or evaluated for the last column.
  void beginColumn() {
    column.clear();
    inColumn = true;
  }
  void bindColumn(Value value, Operand operand) { column[value] = std::move(operand); }
  /// The value of `value`, emitting what is missing. After an unsupported operation, for which an error is emitted,
  /// failed() is true and the value is arbitrary.
  Operand evaluate(Value value);
  bool failed() const { return hasFailed; }
  /// One element of a buffer, indices clamped, and the size of a dimension, 0 if the buffer is empty.
  Operand element(Value buffer, llvm::ArrayRef<Operand> indices);
  Value bufferSize(Value value, int64_t dimension) {
    const Buffer &b = buffer(value);
    return e.select(b.isEmpty, e.i64(0), b.sizes[dimension]);
  }
  /// A size by its name in tile.size.
  Operand size(llvm::StringRef name);
  LaneArithmetic &lanes() { return arithmetic; }

private:
  Operand operation(mlir::Operation *op);
  Operand search(mlir::Operation *op);
  Operand residue(Value value, Value divisor);
  void onZeroDivisor(Value isZero);

  struct Buffer {
    Value base, isEmpty;
    Values sizes, strides;
  };
  const Buffer &buffer(Value value);

  Emitter &e;
  const Surroundings &around;
  LaneArithmetic arithmetic;
  llvm::DenseMap<Value, Operand> values, column;
  llvm::DenseMap<std::pair<Value, Value>, Operand> residues; ///< (value, divisor), known before the columns
  llvm::DenseMap<Value, Buffer> buffers;
  llvm::SmallPtrSet<mlir::Region *, 4> regions;
  bool inColumn = false, hasFailed = false;
};

} // namespace attn::codegen

#endif // ATTN_CODEGEN_EMIT_EXPRESSIONS_H
