//===- BoxProgram.h - Which boxes of keys a box of queries visits --*- C++ -*-===//
//
// What RangeProgram.h is for tiles that are intervals, for tiles that are boxes of a token grid (TokenGrid.h): a mask
// compiled to integer code that says of a box of queries and one of keys whether some pair may be visible and whether all
// are, and which box to look at next.
//
// How: three-valued evaluation. Coordinates along the grid's axes and raw positions have intervals in a box, residues by
// an axis's dilation a single value; operators map intervals to intervals, comparisons to "may hold" and "must hold".
// That is exact for a conjunction over the axes of comparisons in which q and k occur once and monotonically: all
// neighbourhoods with windows at least as wide as their strides. For other masks a box may be called partial without
// need, and visited without need. All boxes of a slab (that share the outer coordinates) are skipped together if
// none of them may be visible by the same evaluation over the whole slab.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_BOXPROGRAM_H
#define ATTN_DIALECT_MASK_BOXPROGRAM_H

#include "dialect/mask/TokenGrid.h"

namespace attn::mask {

class BoxProgram {
public:
  /// Compiles `mask` (Bool, over q and k). Never fails: a term nothing is known about leaves its boxes partial.
  /// Inputs of the code beyond the symbols of the mask and of the grid: `.row0` (number of the box of queries times its
  /// elements), `.k0` (the same for keys), `.q_pos q_len kv_len`. h is fixed. `positive` as for RangeProgram.
  static BoxProgram compile(const Expr &mask, const TokenGrid &grid, const std::set<std::string> &positive = {});

  /// Results: B some pair may be visible; B no pair is hidden and no key is padding; I next: the k0 of a later box, all
  /// boxes before which are like this one; I the k0 that ends the sequence.
  const CodeBlock &code() const { return block; }
  int valueCount() const { return values; }

  struct Result {
    TileClass kind; ///< Full only for boxes without padding
    int64_t next, end;
  };
  /// Runs the code in C++. `env.values` holds every input and symbol.
  Result classify(const Environment &env) const;

private:
  CodeBlock block;
  int values = 0;
};

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_BOXPROGRAM_H
