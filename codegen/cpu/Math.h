//===- Math.h - fp32 functions in vector code -----------------------*- C++ -*-===//
//
// Elementary functions on fp32 scalars or vectors, without calls. All pass NaN through. Errors, measured over all
// finite inputs by test/codegen/cpu/MathTest.cpp, are at most a few units in the last place. Results below the normal
// range become 0 (exp, exp2).
//===----------------------------------------------------------------------===//
#ifndef ATTN_CODEGEN_CPU_MATH_H
#define ATTN_CODEGEN_CPU_MATH_H

#include "codegen/emit/Emitter.h"

namespace attn::codegen::cpu {

/// All of those below.
extern const Functions functions;

Value exp2(Emitter &e, Value x);
Value exp(Emitter &e, Value x);
Value log2(Emitter &e, Value x);
Value log(Emitter &e, Value x);
Value tanh(Emitter &e, Value x);
Value floor(Emitter &e, Value x);

/// Widens f16, bf16 or f32 to f32; `bits` holds 16-bit integers for the first two.
Value toF32(Emitter &e, Value bits, Type element);
/// Rounds f32 to `element` (to nearest even); gives 16-bit integers for f16 and bf16.
Value fromF32(Emitter &e, Value x, Type element);
/// The type that a value of `element` is loaded and stored as.
Type storageType(Emitter &e, Type element);

} // namespace attn::codegen::cpu

#endif // ATTN_CODEGEN_CPU_MATH_H
