//===- Products.h - Matrix products of tiles ------------------------*- C++ -*-===//
#ifndef ATTN_CODEGEN_PTX_PRODUCTS_H
#define ATTN_CODEGEN_PTX_PRODUCTS_H

#include "codegen/ptx/Staging.h"

namespace attn::codegen::ptx {

/// A tile in shared memory that can be read: its element type, shape, and address.
struct Operand16 {
  Type element;
  SharedTile tile;
  Value address;
};

/// a b^T, a being a row tile and b a tile of keys.
Fragment multiplyTransposed(WarpEmitter &e, const Place &place, const Operand16 &a, const Operand16 &b);

/// init + a b, b being a tile of values. `init` may be empty (zero).
Fragment multiplyFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &b,
                          const Fragment &init);
/// The same with a row tile in shared memory.
Fragment multiplyShared(WarpEmitter &e, const Place &place, const Operand16 &a, const Operand16 &b,
                        const Fragment &init);

/// Writes a fragment, rounded, to a row tile in shared memory.
void storeFragment(WarpEmitter &e, const Place &place, const Fragment &a, const Operand16 &target);

} // namespace attn::codegen::ptx

#endif // ATTN_CODEGEN_PTX_PRODUCTS_H
