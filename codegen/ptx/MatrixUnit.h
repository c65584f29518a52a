//===- MatrixUnit.h - Products of tiles on a matrix unit ------------*- C++ -*-===//
//
// What differs between generations of matrix units: how tiles lie in shared memory, how warps share a tile, the two
// products, and what makes shared memory visible to them. All leave their results in the fragments of Layout.h.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_PTX_MATRIXUNIT_H
#define ATTN_CODEGEN_PTX_MATRIXUNIT_H

#include "codegen/ptx/Staging.h"
#include "dialect/tile/TileDialect.h"

#include <memory>

namespace attn::codegen::ptx {

struct KernelScope;

class MatrixUnit {
public:
  virtual ~MatrixUnit() = default;

  virtual Arrangement arrangement() const = 0;
  virtual Layout layout(tile::KernelOp kernel) const = 0;
  /// Whether a block has a multiprocessor to itself, and with it all of its shared memory.
  virtual bool fillsMultiprocessor() const = 0;

  /// Makes what this thread has written to shared memory visible to products that follow the next barrier.
  virtual void publish(WarpEmitter &) const {}

  /// a b^T, a being a row tile and b a tile of keys.
  virtual Fragment multiplyTransposed(KernelScope &scope, const Operand16 &a, const Operand16 &b) const = 0;
  /// init + a b, b being a tile of values. `init` may be empty (zero).
  virtual Fragment multiply(KernelScope &scope, const Fragment &a, const Operand16 &b, const Fragment &init) const = 0;
};

/// Registers of a, rounded, for row block `block` and 16 values of k from 16 `step` on: as the units take it.
Values packLeft(WarpEmitter &e, Type element, const Fragment &a, int64_t block, int64_t step);

/// mma.sync, for all kernels whose tiles are multiples of 16 in every dimension.
std::unique_ptr<MatrixUnit> ampere();
/// wgmma, for those whose tiles it takes.
std::unique_ptr<MatrixUnit> hopper();
bool hopperTakes(tile::KernelOp kernel);

/// The unit of the machine for the products of `kernel`.
std::unique_ptr<MatrixUnit> matrixUnit(const tile::Machine &machine, tile::KernelOp kernel);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_MATRIXUNIT_H
