//===- Kernels.h - Tile kernels of attn operations ------------------*- C++ -*-===//
//
// Internal to passes/tile: what TileAttention needs from the files that write one kind of kernel
// each.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_TILE_KERNELS_H
#define ATTN_PASSES_TILE_KERNELS_H

#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Expr.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/Builders.h"

#include <map>
#include <string>
#include <vector>

namespace attn::passes {

/// A kernel under construction: arguments are added by name as the body needs them.
class KernelBuilder {
public:
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, std::string name, tile::ScheduleAttr schedule,
                ir::PatternOp pattern);

  tile::KernelOp kernel() const { return op; }
  mlir::Value leading(tile::KernelArgument which);
  /// The argument of that name, added with `type` on first use.
  mlir::Value argument(mlir::StringRef name, mlir::Type type);
  mlir::Value view(mlir::StringRef name, int64_t dim, mlir::Type element) {
    return argument(name, tile::ViewType::get(builder.getContext(), dim, element));
  }
  /// The buffer of an operand declared in the pattern.
  mlir::Value buffer(mlir::StringRef operand);
  /// An expression in the kernel or in a region of it; `coordinates` as for ir::emitExpr.
  /// Parameters become scalar arguments, operands buffer arguments.
  mlir::Value emit(const mask::Expr &expr, mlir::ValueRange coordinates, mlir::Value score = {});
  /// The binary logarithm of a positive expression; of exp(x) it is x * log2(e), without the rounding of exp.
  mlir::Value emitLog2(const mask::Expr &expr, mlir::ValueRange coordinates);
  /// A tile.map over `inputs` whose body is written by `body(elements, coordinates)` and returns
  /// the element.
  using MapBody = llvm::function_ref<mlir::Value(mlir::ValueRange elements, mlir::ValueRange coordinates)>;
  mlir::Value map(mlir::ValueRange inputs, tile::TileType result, mlir::Value k0, MapBody body, bool keyRows = false);
  tile::TileType tileType(mlir::ArrayRef<int64_t> shape);
  mlir::Value fill(double value, tile::TileType type);
  mlir::Value real(double value);
  /// Ends the body.
  void finish();

  mlir::OpBuilder &builder;
  const mlir::Location loc;

private:
  tile::KernelOp op;
  ir::PatternOp pattern;
  std::vector<std::string> names;
};

/// Names under which the tensors of one attend reach its kernel.
struct AttendNames {
  std::string query, out, lse; ///< lse empty: not stored
  llvm::SmallVector<std::string> keys, values;
};

/// Hidden scores and initial maxima. Finite, so that a row without any visible key gives
/// exp2(hidden - initial) = 0 and never inf - inf; scores below `initialMax` in base 2 are outside
/// of what fp16, bf16 or sane fp32 inputs give.
constexpr double hiddenScore = -1.0e30, initialMax = -1.0e20;

/// Softmax or quadratic linear attention over key tiles. `attend` has one kernel map and no
/// classes. With `scaleScores` the scale multiplies scores, not queries, which reach matrix units as they are in
/// memory.
mlir::LogicalResult buildAttendKernel(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names,
                                      bool scaleScores);

/// Chunked scan of decayed linear attention (weight #attn.linear<"chunked">).
mlir::LogicalResult buildScanKernel(KernelBuilder &kernel, ir::AttendOp attend, const AttendNames &names);

/// Log-sum-exp merge of partial results. The lses after those of the outs belong to parts whose values are zero. `out`
/// or `lse` is empty where nobody wants it.
void buildMergeKernel(KernelBuilder &kernel, int64_t dim, mlir::Type outType, mlir::ArrayRef<std::string> outs,
                      mlir::ArrayRef<std::string> lses, mlir::StringRef out, mlir::StringRef lse);

/// Sum of partial results, each row weighed by its gate, a float over b, h, g, l and q.
void buildGatedSumKernel(KernelBuilder &kernel, int64_t dim, mlir::Type outType, mlir::ArrayRef<std::string> outs,
                         mlir::ArrayRef<mask::Expr> gates, mlir::StringRef out);

} // namespace attn::passes

#endif // ATTN_PASSES_TILE_KERNELS_H
