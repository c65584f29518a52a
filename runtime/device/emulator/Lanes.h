//===- Lanes.h - Loops over the lanes of a warp --------------------*- C++ -*-===//
//
// lanewise<Op, D, S...> is the handler of an instruction that computes each lane by itself: Op::apply(S...) gives D.
// The loop over all 32 lanes is one that compilers vectorise.
//
// Code between ATTN_SIMD_BEGIN and ATTN_SIMD_END may use AVX2, FMA and F16C. Flags for whole files would not do: inline
// functions of the standard library compiled with them could end up in code that runs on older machines.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_LANES_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_LANES_H

#include "runtime/device/emulator/Forms.h"
#include "runtime/device/emulator/Warp.h"

#include <cstring>
#include <utility>

#if defined(__clang__)
#define ATTN_SIMD_BEGIN _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
#define ATTN_SIMD_END _Pragma("clang attribute pop")
#define ATTN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define ATTN_SIMD_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c\")")
#define ATTN_SIMD_END _Pragma("GCC pop_options")
#define ATTN_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace attn::emu {

template <class T> T fromBits(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// The letter of a register that holds a T.
template <class T> constexpr char letter = sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'w' : 'd';
template <class D, class... S> constexpr char signature[] = {letter<D>, '=', letter<S>..., 0};

ATTN_SIMD_BEGIN

template <class Op, class D, class... S> void mapRows(Lanes lanes, D *d, const S *...s) {
  if (lanes == AllLanes) {
    ATTN_INDEPENDENT
    for (unsigned l = 0; l < 32; ++l)
      d[l] = Op::apply(s[l]...);
  } else {
    for (; lanes; lanes &= lanes - 1) {
      unsigned l = __builtin_ctz(lanes);
      d[l] = Op::apply(s[l]...);
    }
  }
}

template <class Op, class D, class... S, size_t... I>
void mapOperands(Warp &w, const Instr &i, Lanes lanes, std::index_sequence<I...>) {
  mapRows<Op>(lanes, w.row<D>(i.r[0]), const_cast<const S *>(w.row<S>(i.r[1 + I]))...);
}

template <class Op, class D, class... S> Step lanewise(Warp &w, const Instr &i, Lanes lanes) {
  mapOperands<Op, D, S...>(w, i, lanes, std::index_sequence_for<S...>());
  return Step::Next;
}

ATTN_SIMD_END

/// Adds the form of a lane-wise instruction.
template <class Op, class D, class... S> void addLanewise(FormTable &table, std::string mnemonic) {
  table.add(std::move(mnemonic), signature<D, S...>, lanewise<Op, D, S...>);
}

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_LANES_H
