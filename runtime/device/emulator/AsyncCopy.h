//===- AsyncCopy.h - Copies by the async proxy and their completion -*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_ASYNCCOPY_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_ASYNCCOPY_H

#include "runtime/device/emulator/TensorMap.h"

namespace attn::emu {

class Cta;
class Decoder;
struct Instr;
struct Warp;

/// What a bulk copy moves, in either direction.
struct BulkCopy {
  uint32_t address = 0, size = 0; ///< in shared memory
  uint64_t global = 0;            ///< plain copy: the other side
  bool tensor = false;
  TensorMapDesc map;
  int32_t coordinates[5] = {};
};

/// Moves the data between global and shared memory. False after a fault.
bool moveBulk(Warp &w, const Instr &i, int lane, const BulkCopy &copy, bool toShared);

/// Completes the first cp.async.mbarrier.arrive of the warp. False after a fault.
bool completeArrival(Warp &w);

/// cp.async without .bulk.
bool decodeCpAsync(Decoder &d);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_ASYNCCOPY_H
