//===- Bind.h - Compares a call with an entry point ----------------*- C++ -*-===//
//
// Each function checks one kind of argument against its declaration and makes the words that kernels read
// (KernelABI.h). Everything that kernels take for granted about caller's data is established here:
//  * every row, slot and head that a kernel may address lies inside the shape that the caller stated;
//  * rings and sinks are valid, operands have a first element even if they are empty;
//  * `sorted` and `boolean` operands are what they say, divisors declared positive are positive.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_PLAN_BIND_H
#define ATTN_RUNTIME_PLAN_BIND_H

#include "runtime/device/Device.h"
#include "runtime/plan/Call.h"
#include "runtime/plan/Words.h"

namespace attn::rt {

/// A param with its values for this call: one, or one per request.
struct ParamValues {
  std::vector<int64_t> ints;
  std::vector<float> floats;
  bool perRequest = false;

  /// Largest value of an integer param.
  int64_t largest() const;
};

/// Values of all params, in the order of the manifest.
Status bindParams(const Manifest &manifest, const Call &call, std::vector<ParamValues> &values);

/// Binds an input or output of the entry point. An output that the call does not have gets base 0. `constants` begins
/// with zeros as long as any row.
Status bindPort(const Port &port, const Temporary &expected, const Manifest &manifest,
                const std::vector<ParamValues> &params, const Call &call, Constants &constants, Words &words);

/// Words of a temporary without its base, and its size in bytes.
Status layOutTemporary(const Temporary &temporary, const Call &call, Words &words, uint64_t &size);

/// The two words of a scalar argument with these values.
Words scalarWords(const ParamValues &values, Constants &constants);

/// Binds the operands of the entry point: for each, 1 + 2 * rank words. Those of others get none. Operands with a
/// domain are read to check it, through the device if there is one (else null).
Status bindOperands(const Manifest &manifest, const Entry &entry, const std::vector<ParamValues> &params,
                    const Call &call, const Device *device, Constants &constants, std::vector<Words> &words);

/// Fails for a tensor or scalar of the call that the entry point does not have.
Status checkNames(const Manifest &manifest, const Entry &entry, const Call &call);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_BIND_H
