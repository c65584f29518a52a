//===- TileReport.h - What a mask costs on a call ------------------*- C++ -*-===//
//
// Walks the row tiles of one request exactly as a kernel does, with the same range program, and counts. For --explain,
// pictures and tests.
//===----------------------------------------------------------------------===//
#ifndef ATTN_PASSES_ANALYSIS_TILEREPORT_H
#define ATTN_PASSES_ANALYSIS_TILEREPORT_H

#include "dialect/mask/BoxProgram.h"

#include <string>
#include <vector>

namespace attn::passes {

/// One request of a call and how its rows are tiled (see tile.schedule). All sizes are positive but the lengths, which
/// may be 0; qHeads is a multiple of kvHeads.
struct TileCall {
  int64_t qLen = 0, kvLen = 0;
  int64_t qPos = 0; ///< position of query row 0
  int64_t qHeads = 1, kvHeads = 1, batch = 1, request = 0, layer = 0;
  int64_t rows = 96, keys = 64;
  bool pack = false;
  /// Parameters and operands that the mask reads.
  mask::Environment environment;
  /// (query, key) pairs that may be evaluated one by one, in all: tiles called full or empty need none.
  int64_t pairBudget = int64_t(1) << 22;
};

struct TileCounts {
  int64_t full = 0, partial = 0, empty = 0; ///< key tiles, summed over the row tiles
  int64_t pairs = 0;                        ///< all (query, key) pairs
  int64_t visiblePairs = 0;
  int64_t visitedPairs = 0;  ///< rows times keys of the visited tiles: what is computed, padding included
  int64_t spuriousFull = 0;  ///< partial tiles that hide no pair and have no key past the end
  int64_t spuriousEmpty = 0; ///< partial tiles that show no pair
  int64_t notCounted = 0;    ///< partial tiles past the pair budget: they count in none of the three above

  int64_t visited() const { return full + partial; }
  TileCounts &operator+=(const TileCounts &other);
};

struct TileReport {
  /// Per query head, or per KV head where the call packs the heads of a group into one tile.
  std::vector<TileCounts> heads;
  TileCounts total;
  std::string error; ///< not empty: the mask has no value (a zero divisor, a name that is not given)
};

/// A drawing of one head: '#' full, '+' partial, '.' empty; one line per row tile, one column per key tile.
using TilePicture = std::vector<std::string>;

/// Counts the tiles of `mask`, whose range program is `program`. With `picture`, draws those of head `pictureHead`.
TileReport countTiles(const mask::Expr &mask, const mask::RangeProgram &program, const TileCall &call,
                      TilePicture *picture = nullptr, int64_t pictureHead = 0);

/// The same where tiles are boxes of `grid`; `call.rows`, `keys` and `pack` are not read. Key tiles count in the order
/// of the boxes. What is computed includes the padding of boxes.
TileReport countTiles(const mask::Expr &mask, const mask::BoxProgram &program, const mask::TokenGrid &grid,
                      const TileCall &call, TilePicture *picture = nullptr, int64_t pictureHead = 0);

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_TILEREPORT_H
