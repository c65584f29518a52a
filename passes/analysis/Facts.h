//===- Facts.h - What is known of run-time values --------------------*- C++ -*-===//
#ifndef ATTN_PASSES_ANALYSIS_FACTS_H
#define ATTN_PASSES_ANALYSIS_FACTS_H

#include "dialect/attn/AttnDialect.h"

#include <set>
#include <string>

namespace attn::passes {

/// Integer parameters that some expression of the pattern divides by, and sizes of the grid. The plan step refuses values below 1.
std::set<std::string> positiveParams(ir::PatternOp pattern);

/// Operands declared domain(sorted). The plan step checks it.
std::set<std::string> sortedOperands(ir::PatternOp pattern);

} // namespace attn::passes

#endif // ATTN_PASSES_ANALYSIS_FACTS_H
