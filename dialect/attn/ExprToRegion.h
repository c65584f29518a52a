//===- ExprToRegion.h - mask::Expr as operations --------------------*- C++ -*-===//
//
// The inverse of passes/analysis/MaskRegion. Shared by the spec importer and the passes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_ATTN_EXPRTOREGION_H
#define ATTN_DIALECT_ATTN_EXPRTOREGION_H

#include "dialect/mask/Expr.h"
#include "mlir/IR/Builders.h"

namespace attn::ir {

/// How the leaves of an expression and the operations that arith does not have are built.
struct ExprLeaves {
  /// Value of a symbol that is neither a coordinate nor the score `s`; i64 or f32 by its type.
  std::function<mlir::Value(const mask::Expr &symbol)> symbol;
  /// Value of a tensor element; i64 or f32 by its type.
  std::function<mlir::Value(const mask::Expr &element, mlir::ValueRange indices)> element;
  std::function<mlir::Value(mlir::Value lhs, mlir::Value rhs)> mod;
  std::function<mlir::Value(mlir::Value value)> isPow2;
  /// Value of Member and Ancestor.
  std::function<mlir::Value(const mask::Expr &search, mlir::ValueRange args)> search;
};

/// Emits `expr` at the builder: integers as i64, floats as f32, booleans as i1. `coordinates` are
/// b, h, g, l, q, k; `score` is the symbol `s`. Equal subexpressions are emitted once. Needs the
/// arith and math dialects loaded.
mlir::Value emitExpr(mlir::OpBuilder &builder, mlir::Location loc, const mask::Expr &expr, mlir::ValueRange coordinates,
                     mlir::Value score, const ExprLeaves &leaves);

/// The same with the leaves of the attn dialect: attn.scalar, attn.element, attn.mod, attn.is_pow2, attn.member,
/// attn.ancestor.
mlir::Value emitExpr(mlir::OpBuilder &builder, mlir::Location loc, const mask::Expr &expr, mlir::ValueRange coordinates,
                     mlir::Value score = {});

} // namespace attn::ir

#endif // ATTN_DIALECT_ATTN_EXPRTOREGION_H
