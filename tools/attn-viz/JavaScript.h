//===- JavaScript.h - Expressions and code as JavaScript ------------*- C++ -*-===//
//
// For the page, which evaluates masks by itself. Integers are JavaScript numbers: exact as long as values stay below
// 2^53, which holds for lengths and parameters below 2^31 and products of two of them. `//` and `%` round towards minus
// infinity and refuse a zero divisor, indices are clamped, `and` and `or` end early: as in mask/Evaluate.h.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_JAVASCRIPT_H
#define ATTN_TOOLS_ATTN_VIZ_JAVASCRIPT_H

#include "dialect/mask/RangeProgram.h"

#include <map>
#include <string>

namespace attn::viz {

/// What the names of a pattern are called in the code. The code holds numbers only, never a name of the pattern.
struct JavaScriptNames {
  std::map<std::string, size_t> params, operands; ///< by index
};

/// Straight-line code as a function of p and n, which hold its inputs; gives an array of its results.
std::string toJavaScript(const mask::CodeBlock &code, const JavaScriptNames &names);

/// `e` as an expression over the variables b, h, g, l, q, k, the arrays p (parameters) and t (operands), the object n
/// (sizes) and the functions of page.js (mod, fdiv, lo, hi, pow2, whole, at, member, ancestor).
std::string toJavaScript(const mask::Expr &e, const JavaScriptNames &names);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_JAVASCRIPT_H
