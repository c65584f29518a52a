//===- Syntax.h - A parsed PTX module ------------------------------*- C++ -*-===//
//
// What Parser.h makes of the text: statements with names still unresolved. All views point into the text.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_SYNTAX_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_SYNTAX_H

#include "runtime/device/emulator/Emulator.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace attn::emu::syntax {

struct Operand {
  enum Kind {
    Name,    ///< register, variable, parameter, label or special register
    Integer, ///< `value`
    F32,     ///< 0f..., the bits are in `value`
    F64,     ///< 0d...
    Vector,  ///< {items}
    Address, ///< [items[0] + value] or [items[0], items[1]]
    Pair,    ///< items[0]|items[1]
  };
  Kind kind = Name;
  std::string_view name; ///< with its suffix: %tid.x
  uint64_t value = 0;
  bool negated = false; ///< !p
  std::vector<Operand> items;
};

struct Statement {
  uint32_t line = 0;
  uint32_t scope = 0;
  std::string opcode;                  ///< add.rn.f32
  std::vector<std::string_view> words; ///< add, rn, f32
  std::string_view guard;              ///< name of the guard predicate or empty
  bool guardNegated = false;
  std::vector<Operand> operands;
};

/// Width of a register: its letter in the operand signatures of Forms.h.
enum class Width : char { Pred = 'p', B16 = 'h', B32 = 'w', B64 = 'd' };

/// `.reg .b32 %r<10>` (count 10) or `.reg .pred p` (count 0).
struct Registers {
  Width width;
  uint32_t count;
};

/// Names declared between a pair of braces.
struct Scope {
  uint32_t parent = 0;                                       ///< the outermost scope is its own parent
  std::unordered_map<std::string_view, Registers> registers; ///< by name, or prefix where count > 0
  std::unordered_map<std::string_view, uint32_t> labels;     ///< index of the statement that follows
};

/// `name: .branchtargets a, b;`
struct BranchTargets {
  uint32_t scope, line;
  std::vector<std::string_view> labels;
};

struct Kernel {
  std::string name;
  uint32_t line = 0;
  std::vector<Param> params;
  uint32_t paramBytes = 0;
  uint32_t maxThreads = 0; ///< product of .maxntid or .reqntid, 0 without
  std::vector<Scope> scopes;
  std::vector<Statement> statements;
  std::unordered_map<std::string_view, BranchTargets> targets;
};

/// A variable of .global, .const or .shared.
struct Variable {
  std::string_view name;
  uint32_t line = 0;
  std::string_view space; ///< "global", "const", "shared"
  uint32_t align = 1;
  uint64_t size = 0; ///< bytes; 0 for an unsized .extern .shared
  std::vector<uint8_t> init;
};

struct Module {
  std::string_view target;
  std::vector<Variable> variables;
  std::vector<Kernel> kernels;
};

} // namespace attn::emu::syntax

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_SYNTAX_H
