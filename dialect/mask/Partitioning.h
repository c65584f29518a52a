//===- Partitioning.h - Is every element in exactly one part -------*- C++ -*-===//
#ifndef ATTN_DIALECT_MASK_PARTITIONING_H
#define ATTN_DIALECT_MASK_PARTITIONING_H

#include "dialect/mask/CodeBuilder.h"

namespace attn::mask {

struct Part {
  std::string name;
  Expr condition; ///< Bool
};

struct Partitioning {
  enum Answer {
    Proved,   ///< for all values of coordinates, parameters, sizes and tensors
    Refuted,  ///< `reason` has an element, the values, and the parts that it is in
    NotProved ///< neither; `reason` says how many elements were tried
  } answer = NotProved;
  std::string reason;
};

/// Whether where `whole` holds exactly one part does, and none elsewhere. Proved by cases and Fourier-Motzkin
/// elimination (Impossible.h), part against part and all of them against the whole; what that leaves open is searched
/// for a counterexample among small lengths, the constants that occur, and random parameters (`defaults` first) and
/// tensors: the same ones in every run.
Partitioning partitioningOf(const Expr &whole, const std::vector<Part> &parts, const Facts &facts,
                            const Environment &defaults = {});

} // namespace attn::mask

#endif // ATTN_DIALECT_MASK_PARTITIONING_H
