//===- Pairs.h - Dots of bf16 pairs ---------------------------------*- C++ -*-===//
//
// A machine with bf16 dots (AVX512_BF16) multiplies pairs: two bf16 that are neighbours along the contraction, in 32
// bits, the first one in the low half. A row of bf16 in memory is a row of pairs of its columns as it stands; pairs of
// two rows have to be made. Everything else is as for fp32, with half the depth.
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_PAIRS_H
#define ATTN_CODEGEN_CPU_PAIRS_H

#include "codegen/emit/Emitter.h"
#include "dialect/tile/TileDialect.h"

namespace attn::codegen::cpu {

/// True if the dot is computed from pairs: bf16 rows by bf16 key rows, or a computed tile that may be rounded
/// (`round_a`) by bf16 values.
bool isDotOfPairs(const Emitter &e, tile::DotOp dot);

/// sum + the products of the first and of the second elements, by fp32 lanes. `a` and `b` are fp32 lanes that hold
/// pairs.
Value multiplyPairs(Emitter &e, Value a, Value b, Value sum);

/// The pairs (first, second) of fp32 lanes, rounded to nearest even.
Value packPairs(Emitter &e, Value first, Value second);

/// Makes a block of pairs by rows, [row / 2][column], of bf16 rows whose addresses are in a table. The rows `next`
/// places further on are prefetched, if that is not 0.
void emitPairRows(Emitter &e, Value table, int64_t rows, int64_t next, int64_t columns, Value block, int64_t ld);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_PAIRS_H
