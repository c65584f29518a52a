//===- Decode.h - Syntax to program --------------------------------*- C++ -*-===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_DECODE_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_DECODE_H

#include "runtime/device/emulator/Program.h"

namespace attn::emu {

/// Resolves names and forms. `program.text` is what `module` was parsed from. False on failure.
bool decode(const syntax::Module &module, Program &program, std::string &error);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_DECODE_H
