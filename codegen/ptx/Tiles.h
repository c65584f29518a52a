//===- Tiles.h - Tile values and elementwise operations -------------*- C++ -*-===//
//
// Where the tiles of a kernel live - a constant, registers of threads, shared memory - and the operations on tiles in
// registers: map, reduce, where, fill. Regions are evaluated for a thread's rows at once, column after column.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_TILES_H
#define ATTN_CODEGEN_PTX_TILES_H

#include "codegen/emit/RangeCode.h"
#include "codegen/ptx/Products.h"

#include <variant>

namespace attn::codegen::ptx {

/// The task of a block and the coordinates of its thread's rows.
struct Task : TaskCoordinates {
  Value row0;       ///< i64, first logical row of the tile
  Value firstQ;     ///< i64, position of the first row of the tile, and
  Value lastQ;      ///< of the last one that exists
  Values queries;   ///< i64 of each thread row: query row in the request
  Values positions; ///< i32 of each thread row
  Values heads;     ///< i32 of each thread row; only with pack
  Values exists;    ///< i1 of each thread row: not past the last row
};

/// What the lowering of one kernel shares.
struct KernelScope {
  WarpEmitter &e;
  tile::KernelOp kernel;
  Task task;
  Place place;
  llvm::DenseMap<Value, Value> addresses; ///< of the ABI words of views and buffers
  int64_t sharedBytes = 0;
  Surroundings around, inner; ///< of regions; of the kernel function itself
  Expressions scalars;        ///< of the kernel function

  KernelScope(WarpEmitter &e, tile::KernelOp kernel, const Layout &layout)
      : e(e), kernel(kernel), place(e, layout),
        around{task, [this](Value v) { return scalars.evaluate(v); }, [this](Value v) { return addresses.lookup(v); }},
        inner{task, {}, around.words}, scalars(e, inner, 1) {}
  KernelScope(const KernelScope &) = delete; // its members refer to each other

  Value scalar(Value value) { return scalars.evaluate(value).scalar; }
  /// Room for `bytes` bytes of shared memory: its offset.
  int64_t allocateShared(int64_t bytes) {
    int64_t offset = sharedBytes;
    sharedBytes += llvm::alignTo(bytes, 16);
    return offset;
  }
};

/// The current tile of the loop over keys around an operation.
struct CurrentTile {
  Value k0;                        ///< i64, position of column 0
  Value isPartial;                 ///< i1
  mlir::Region *visible = nullptr; ///< the mask
  /// Called in the code of partial tiles where `where` is, with an i1 for each thread column: whether one of the
  /// thread's rows sees the key. May be null.
  std::function<void(const Values &)> noteSeen;
};

class Tiles {
public:
  explicit Tiles(KernelScope &scope) : scope(scope), e(scope.e) {}

  void bind(Value tile, double constant) { values[tile] = constant; }
  void bind(Value tile, Fragment fragment) { values[tile] = std::move(fragment); }
  void bind(Value tile, Operand16 shared) { values[tile] = shared; }
  const Operand16 *sharedOf(Value tile) { return std::get_if<Operand16>(&values[tile]); }
  /// The tile in registers; constants are spread.
  Fragment fragmentOf(Value tile);

  mlir::LogicalResult map(tile::MapOp op);
  mlir::LogicalResult reduce(tile::ReduceOp op);
  mlir::LogicalResult where(tile::WhereOp op);
  mlir::LogicalResult dot(tile::DotOp op);

  CurrentTile current;

private:
  void bindRows(Expressions &x, mlir::Region &region);
  Value keyOf(Value column);
  Values visibleRows(Expressions &x, Value position);
  llvm::SmallVector<Values> visibleElements(Expressions &x, int64_t columns);

  KernelScope &scope;
  WarpEmitter &e;
  llvm::DenseMap<Value, std::variant<double, Fragment, Operand16>> values;
};

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_TILES_H
