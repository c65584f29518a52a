//===- Loops.h - The loop over key tiles ----------------------------*- C++ -*-===//
//
// One loop runs over the visited key tiles. Its body is that of partial tiles, which is right for all; in full ones the
// code of the mask is skipped. The tiles of keys and values that its body loads are
// channels of a ring in shared memory: load n of the sequence K0 V0 K1 V1 .. is issued `distance` loads before it is
// read. Where load n is read, a thread waits until it has arrived, the block synchronises, and load n + distance is
// issued into the buffer that load n - 1 or an earlier one has left. So each load costs one synchronisation, and
// distance = channels * stages - 1.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_LOOPS_H
#define ATTN_CODEGEN_PTX_LOOPS_H

#include "codegen/ptx/Tiles.h"

namespace attn::codegen::ptx {

class KeyLoop {
public:
  using LowerBlock = std::function<mlir::LogicalResult(mlir::Block &)>;
  KeyLoop(KernelScope &scope, Tiles &tiles, LowerBlock lowerBlock)
      : scope(scope), e(scope.e), tiles(tiles), lowerBlock(std::move(lowerBlock)) {}

  mlir::LogicalResult lower(tile::ForKeysOp op);
  /// A load of keys in the loop's body.
  mlir::LogicalResult load(tile::LoadKeysOp op);

private:
  /// A tile that will be visited: its first key and whether it is full; and where its run of like tiles ends.
  struct Step {
    Value k0, full, end;
  };
  struct Channel {
    Value view;
    KeyRows rows;
    SharedTile buffer; ///< of stage 0
    Type element;
  };

  mlir::LogicalResult openChannels(tile::ForKeysOp op);
  Step seek(Value from);
  Step after(const Step &step);
  llvm::SmallVector<Step> firstSteps(size_t count);
  void issue(size_t load, llvm::ArrayRef<Value> starts, Value parity);
  Value bufferOf(const Channel &channel, size_t tile, Value parity);
  void storeSeen(const Values &seen);
  void clearUnseen(const Operand16 &values);
  Values flatten(ValueRange fragments);
  void bind(ValueRange fragments, ValueRange values);

  KernelScope &scope;
  WarpEmitter &e;
  Tiles &tiles;
  LowerBlock lowerBlock;

  // Of the loop being lowered.
  mask::Expr visible;
  llvm::SmallVector<Channel> channels;
  int64_t stages = 1, distance = 1;
  Value limit, parity;
  llvm::SmallVector<Value> starts;  ///< k0 of the current tile and those after it
  size_t next = 0;                  ///< channel that the body reads next
  std::optional<int64_t> seenWords; ///< offset of the words of clearUnseen
};

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_LOOPS_H
