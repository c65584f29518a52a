//===- Wgmma.h - The wgmma operations of a warpgroup ---------------*- C++ -*-===//
//
// An operation starts when all four warps have issued it, runs when the completion mode says, and is retired warp by
// warp by wgmma.wait_group. Until then its registers and its shared memory are in flight: for each warp its 16 rows of
// A, and B until all four have waited.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_WGMMA_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_WGMMA_H

#include "runtime/device/emulator/Program.h"

#include <deque>

namespace attn::emu {

class Cta;

struct WgmmaOp {
  const Instr *instr;
  uint64_t a, b; ///< descriptors; `a` is 0 where A is in registers
  bool accumulate;
  uint32_t issuedBy = 0, waitedBy = 0; ///< a bit per warp of the group
  bool done = false;
};

struct WarpGroup {
  std::deque<WgmmaOp> ops; ///< not yet retired by all four warps
  uint32_t first = 0;      ///< number of the front one
  uint32_t executed = 0;   ///< number of the next one to run

  bool issuedByAll(uint32_t number) const { return number - first < ops.size() && ops[number - first].issuedBy == 15; }
};

/// Runs the next operation of group `g`. False if it is not yet issued by all or the CTA has a fault.
bool executeWgmma(Cta &cta, uint32_t g);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_WGMMA_H
