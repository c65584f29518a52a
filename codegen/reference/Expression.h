//===- Expression.h - Evaluation of expression regions -------------*- C++ -*-===//
//
// A region (mask, score, class rule, decay) decoded once into a list of steps over numbered cells.
// i1 and i64 values are 64-bit integers that wrap; f32 values are computed in fp64.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_REFERENCE_EXPRESSION_H
#define ATTN_CODEGEN_REFERENCE_EXPRESSION_H

#include "codegen/reference/Interpreter.h"
#include "dialect/attn/AttnDialect.h"

#include <array>
#include <functional>

namespace attn::codegen::reference {

/// What regions read besides their coordinates. Outlives the expressions decoded with it.
struct Environment {
  ir::PatternOp pattern;
  const Arguments &arguments;
  int64_t batch, qHeads, kvHeads;

  Rounding rounding() const { return Rounding(arguments.precision); }

  /// A size or an integer parameter: one value, or one per request.
  llvm::Expected<std::vector<int64_t>> intScalar(llvm::StringRef name) const;
  llvm::Expected<std::vector<double>> floatScalar(llvm::StringRef name) const;
  /// An operand that is given, has as many dimensions and at least one element.
  llvm::Expected<const IntTensor *> intOperand(llvm::StringRef name, unsigned rank) const;
  llvm::Expected<const Tensor *> floatOperand(llvm::StringRef name, unsigned rank) const;
};

/// The value that a list of one value or one per request has for request `b`.
template <typename T> T ofRequest(const std::vector<T> &values, int64_t b) {
  return values[values.size() == 1 ? 0 : b];
}

/// The six coordinates, indexed by ir::Coordinate.
using Point = std::array<int64_t, ir::NumCoordinates>;

class Expression {
public:
  /// Fails on an operation that expressions do not have, and on a name that has no value.
  static llvm::Expected<Expression> decode(mlir::Region &region, const Environment &environment);

  /// The i1 or i64 that the region yields.
  llvm::Expected<int64_t> integer(const Point &point);
  /// The f32 that the region yields; `score` is the argument that score regions have before the
  /// coordinates.
  llvm::Expected<double> real(const Point &point, double score = 0);

private:
  union Cell {
    int64_t i;
    double f;
  };
  /// Computes one operation. False if it has no result: a zero divisor, or a float outside the
  /// integers.
  using Step = std::function<bool(Cell *)>;
  struct Decoder;

  llvm::Error evaluate(const Point &point, double score);

  std::vector<Cell> cells; ///< block arguments first, then one cell per result
  std::vector<Step> steps;
  std::vector<mlir::Operation *> operations; ///< of the steps, for errors
  bool takesScore = false;
  unsigned yielded = 0;
};

} // namespace attn::codegen::reference

#endif // ATTN_CODEGEN_REFERENCE_EXPRESSION_H
