//===- TokenGrid.h - A sequence as a token grid cut into boxes -----*- C++ -*-===//
//
// Positions as a row-major grid of 1 to 3 axes, slowest first: position p has the coordinate p // stride % size along an
// axis, stride being the product of the sizes of the faster axes. The slowest axis is as long as the sequence needs.
//
// Tiles are boxes of the grid. Along an axis with dilation D, coordinate c is the index c // D of residue c % D; every
// residue is cut into boxes of a fixed number of consecutive indices, the last one padded. The boxes of a sequence are
// numbered row-major over the axes, those of one residue after the other; so are the elements within a box. Nothing is
// moved in memory: a box is a strided block of positions, whose steps and counts the code below computes.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_MASK_TOKENGRID_H
#define ATTN_DIALECT_MASK_TOKENGRID_H

#include "dialect/mask/CodeBuilder.h"

#include <limits>

namespace attn::mask {

enum class Side : uint8_t { Query, Key };

struct TokenGrid {
  struct Axis {
    Expr size;     ///< a constant or a parameter, at least 1; not read of the slowest axis
    Expr dilation; ///< the same
    int64_t rows = 1, keys = 1; ///< extents of the boxes of queries and of keys

    int64_t box(Side side) const { return side == Side::Query ? rows : keys; }
  };
  std::vector<Axis> axes; ///< 1 to 3, slowest first

  /// Elements of a box, padding included.
  int64_t tile(Side side) const;
};

/// The coordinate of q or k along `axis` as an expression of q and k, in canonical form; and the symbol that stands for
/// it: `q.0`, `k.2`.
Expr coordinateOf(const TokenGrid &grid, Side side, size_t axis);
Expr coordinateSymbol(Side side, size_t axis);
/// `mask` in canonical form, with the coordinates replaced by their symbols.
Expr overCoordinates(const Expr &mask, const TokenGrid &grid);
/// The dilation that `mask` (over coordinates) requires along an axis: D where it is a conjunction with
/// `(q.a - k.a) % D == 0` and D is a constant or a symbol; 1 where there is none.
Expr dilationOf(const Expr &mask, size_t axis);

/// A box as values of code. Inputs: the sizes and dilations; kv_len of keys, .q_pos and q_len of queries.
struct BoxCode {
  struct Axis {
    int extent;   ///< coordinates that the sequence reaches, from `base` on
    int base;     ///< 0, but of queries along the slowest axis the coordinate of the first query
    int stride;   ///< positions from one coordinate to the next
    int step;     ///< coordinates from one index to the next
    int perResidue; ///< boxes of one residue
    int boxes;    ///< boxes along the axis
    int number;   ///< of this box along the axis
    int residue;
    int first;    ///< coordinate of the first index
    int count;    ///< indices that are no padding; may be 0
  };
  std::vector<Axis> axes;
  int boxes; ///< of the sequence
};
BoxCode emitBox(CodeBuilder &code, const TokenGrid &grid, Side side, int number);

/// Code with results: boxes of the sequence, position of the first element of the box with the number in input `.box`,
/// then per axis the positions from one index to the next and the count of indices. Positions past the sequence's end
/// (and, of queries, before its start) may be among them.
struct BoxLayout {
  CodeBlock code;
  int values = 0;
};
BoxLayout boxLayout(const TokenGrid &grid, Side side);

/// The positions of a box in C++.
struct Box {
  static constexpr int64_t padding = std::numeric_limits<int64_t>::min();
  int64_t boxes; ///< of the sequence
  std::vector<int64_t> positions;
};
Box boxOf(const TokenGrid &grid, const BoxLayout &layout, Side side, int64_t number, const Environment &env);

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_TOKENGRID_H
