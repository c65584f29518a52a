//===- MatrixUnit.cpp - Products of tiles on a matrix unit -----------------===//
#include "codegen/ptx/MatrixUnit.h"

using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::ptx;

Values ptx::packLeft(WarpEmitter &e, Type element, const Fragment &a, int64_t block, int64_t step) {
  Values registers;
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t r : {2 * block, 2 * block + 1})
      registers.push_back(e.pack(element, a.at(r, 4 * step + 2 * half), a.at(r, 4 * step + 2 * half + 1)));
  return registers;
}

std::unique_ptr<MatrixUnit> ptx::matrixUnit(const tile::Machine &machine, tile::KernelOp kernel) {
  return machine.wgmma && hopperTakes(kernel) ? hopper() : ampere();
}
