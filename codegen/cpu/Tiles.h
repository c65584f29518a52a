//===- Tiles.h - Where tile values live -----------------------------*- C++ -*-===//
//
// A tile value exists in forms: by lanes, by rows (Copies.h), in pairs (Pairs.h), as a table of row addresses in the
// caller's memory, or as a constant. A form is made when it is first asked for, and lives in scratch memory until the
// walk has passed the last operation that reads the value. Loads happen when a reader needs the tile, in the form it
// needs.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_TILES_H
#define ATTN_CODEGEN_CPU_TILES_H

#include "codegen/cpu/Phase.h"
#include "codegen/cpu/Scope.h"

namespace attn::codegen::cpu {

/// Dots of a few rows have their channels along the lanes (ChannelDot.h).
enum class ChannelForm { None, Scores, Values };
ChannelForm channelForm(const Task &task, tile::DotOp dot);

/// Where a tile that a loop carries lives.
struct Slot {
  Place place;
  bool byRows = false;
};

class Tiles {
public:
  explicit Tiles(KernelScope &scope) : scope(scope), e(scope.e) {}

  // Values. They come to exist without code.
  void bindLoad(Value value, mlir::Operation *load) { tiles[value].load = load; }
  void bindConstant(Value value, double constant) { tiles[value].constant = constant; }
  void bindPlace(Value value, Place place, bool byRows = false) {
    Tile &tile = tiles[value];
    (place.pairs ? tile.pairs : byRows ? tile.rows : tile.lanes) = place;
  }
  std::optional<double> constantOf(Value value) { return tiles[value].constant; }

  // Forms. Failure comes with an error at an operation.
  mlir::FailureOr<Place> lanesOf(Value value);
  mlir::FailureOr<Place> rowsOf(Value value);
  /// The form in which the owner of `operand` reads the tile.
  mlir::FailureOr<DotSource> formFor(mlir::OpOperand &operand);
  /// Makes the forms that a loop reads of tiles from outside it, once and before it.
  mlir::LogicalResult prepareForLoop(mlir::Operation *loop);

  // Memory.
  /// A new place that is released when `owner` is dead.
  Place allocate(Value owner, int64_t lanesCount, int64_t columns);
  /// The place of `old`, of which `result` becomes the owner, if `old` owns exactly that in the current block.
  Place takeOver(Value old, Value result, bool byRows);

  // The walk.
  /// The block being lowered and the places that its yielded tiles go to.
  struct Position {
    mlir::Block *block = nullptr;
    llvm::ArrayRef<Slot> slots;
  };
  const Position &position() const { return at; }
  Position move(Position to) { return std::exchange(at, to); }
  void markDone(mlir::Operation *op) { done.insert(op); }
  /// True if no operation that is still to be lowered reads `value`, a value of the current block.
  bool isDead(Value value);
  void releaseDead();

  // The keys of a key tile that some row sees: bytes, in a partial region that asks for them.
  void openSeen(Value bytes) {
    seen = bytes;
    seenReady = false;
  }
  void closeSeen() { seen = {}; }
  /// The bytes, if the caller is to compute them; else null.
  Value claimSeen() { return seen && !std::exchange(seenReady, true) ? seen : Value(); }

private:
  struct Tile {
    Place lanes, rows;
    Place pairs;                       ///< what a dot of pairs reads: pairs of columns by lanes, or of rows by rows
    Value table;                       ///< row addresses in the element type of the view it was loaded from
    mlir::Operation *load = nullptr;   ///< tile.load or tile.load_keys
    std::optional<double> constant;    ///< tile.fill
    llvm::SmallVector<int64_t> blocks; ///< scratch memory that it owns
  };

  mlir::FailureOr<DotSource> rightOf(Value value);
  mlir::FailureOr<DotSource> streamOf(Value value);
  mlir::FailureOr<DotSource> pairsOf(tile::DotOp dot, bool isLeft);
  mlir::LogicalResult loadTable(Value value);
  int64_t followingRows(Value value);
  mlir::LogicalResult computeSeen(tile::ForKeysOp loop);

  KernelScope &scope;
  Emitter &e;
  llvm::DenseMap<Value, Tile> tiles;
  Position at;
  llvm::DenseSet<mlir::Operation *> done;
  Value seen;
  bool seenReady = false;
};

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_TILES_H
