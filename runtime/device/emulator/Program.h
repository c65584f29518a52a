//===- Program.h - Decoded kernels ---------------------------------*- C++ -*-===//
//
// Names are gone: an operand is a row of the warp's register file. A row unit is 64 bytes; a 16-bit register of 32
// lanes takes one, a 32-bit register two, a 64-bit register four, a predicate one (a mask in its first word). Constants
// and special registers have rows too, filled when a CTA starts, so handlers see only rows.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_PROGRAM_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_PROGRAM_H

#include "runtime/device/emulator/Syntax.h"

#include <memory>

namespace attn::emu {

using Lanes = uint32_t; ///< a bit per lane
constexpr Lanes AllLanes = ~Lanes(0);
constexpr uint32_t NoRow = ~uint32_t(0);

struct Warp;
struct Instr;

/// What a handler did.
enum class Step : uint8_t {
  Next,  ///< go on with the next instruction
  Jump,  ///< the handler set the program counters
  Block, ///< nothing was done; try again when something has changed
  Yield, ///< done, but let other warps run before going on: the warp polls
  Fault, ///< the CTA's fault is set
};

/// Runs an instruction for the lanes given, never none.
using Handler = Step (*)(Warp &, const Instr &, Lanes);

struct Instr {
  Handler run = nullptr;
  uint32_t r[8] = {};  ///< rows of the operands, destinations first
  int64_t imm = 0;     ///< constant or displacement of the address
  int64_t imm2 = 0;    ///< of a second address
  uint32_t mode = 0;   ///< meaning is the handler's
  uint32_t target = 0; ///< index of an instruction
  uint32_t guard = NoRow;
  bool guardNegated = false;
  bool aligned = false; ///< all live lanes of the warp must execute it together
  uint16_t opcode = 0;  ///< index into Program::opcodes
  uint32_t line = 0;
  std::vector<uint32_t> list;          ///< rows of a vector operand, or targets
  std::vector<uint32_t> reads, writes; ///< rows to check before, to mark after; handlers care for the rest
};

enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NTidX,
  NTidY,
  NTidZ,
  CtaIdX,
  CtaIdY,
  CtaIdZ,
  NCtaIdX,
  NCtaIdY,
  NCtaIdZ,
  LaneId,
  WarpId,
  NWarpId,
  LaneMaskEq,
  LaneMaskLt,
  LaneMaskLe,
  LaneMaskGt,
  LaneMaskGe
};

struct Constant {
  uint32_t row;
  syntax::Width width;
  uint64_t value;
};

struct SpecialRow {
  uint32_t row;
  Special which;
};

struct Kernel {
  std::string name;
  std::vector<Param> params;
  uint32_t paramBytes = 0, maxThreads = 0;
  std::vector<Instr> code; ///< ends with an exit
  uint32_t rows = 0;       ///< of the register file
  std::vector<Constant> constants;
  std::vector<SpecialRow> specials;
};

/// Shared memory starts here, so that small numbers are no addresses of it; a device reserves the first KiB as well.
constexpr uint32_t SharedBase = 1024;
constexpr uint32_t MaxShared = 232448; ///< bytes a CTA can have on sm_90
/// Windows of the generic address space. Global memory is the host's, below 2^47.
constexpr uint64_t SharedWindow = uint64_t(1) << 48, ParamWindow = uint64_t(2) << 48;

struct Program {
  std::string text;
  std::vector<std::string_view> lines;
  std::vector<std::string> opcodes; ///< first words, for statistics
  std::vector<Kernel> kernels;
  uint32_t staticShared = 0; ///< bytes of .shared variables; dynamic shared memory follows
  uint32_t dynamicAlign = 1;
  std::vector<std::unique_ptr<uint64_t[]>> storage; ///< of .global and .const variables
  struct Range {
    uint64_t begin, size;
    bool writable;
  };
  std::vector<Range> variables; ///< their extents

  const Kernel *find(std::string_view name) const {
    for (const Kernel &kernel : kernels)
      if (kernel.name == name)
        return &kernel;
    return nullptr;
  }
};

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_PROGRAM_H
