//===- BindDevice.h - What a GPU asks of a call's tensors ----------*- C++ -*-===//
#ifndef ATTN_RUNTIME_PLAN_BINDDEVICE_H
#define ATTN_RUNTIME_PLAN_BINDDEVICE_H

#include "runtime/plan/Bind.h"

namespace attn::rt {

/// Checks the tensors of a call, bound already, for a device: that it owns them, and that rows begin at multiples of
/// ATTN_GPU_ROW_ALIGNMENT. Adds what kernels may touch to `extents`: extents that overlap are joined.
Status bindDevice(const Entry &entry, const Manifest &manifest, const Call &call, const Device &device,
                  std::vector<Extent> &extents);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_BINDDEVICE_H
