//===- Forms.h - Which instructions exist --------------------------*- C++ -*-===//
//
// Two kinds of entries. An exact form is a whole mnemonic ("mul.wide.u32") with the widths of its operands; a family is
// a first word ("ld") whose modifiers a function reads. A mnemonic in neither, or that its family does not accept word
// for word, is an error at load time.
//===----------------------------------------------------------------------===//
#ifndef ATTN_RUNTIME_DEVICE_EMULATOR_FORMS_H
#define ATTN_RUNTIME_DEVICE_EMULATOR_FORMS_H

#include "runtime/device/emulator/Program.h"

#include <initializer_list>

namespace attn::emu {

using syntax::Operand;
using syntax::Statement;
using syntax::Width;

/// Resolves the operands of one statement. Every function returns false after reporting an error.
class Decoder {
public:
  virtual ~Decoder() = default;
  Decoder(const Statement &statement, Instr &instr) : s(statement), i(instr), word(1) {}

  const Statement &s;
  Instr &i;

  virtual bool fail(const std::string &what) = 0;
  /// A register that the instruction writes. `_` and `sink` give NoRow where allowed.
  virtual bool destination(const Operand &operand, Width width, uint32_t &row, bool sink = false) = 0;
  /// A register, constant, special register or address of a variable. With `wider`, a register may be wider.
  virtual bool source(const Operand &operand, Width width, uint32_t &row, bool wider = false) = 0;
  /// [base + offset]: the base, 64 bits wide where it is a constant, in `row` and the offset in Instr::imm.
  /// `width` is what the base has.
  virtual bool address(const Operand &operand, uint32_t &row, Width &width) = 0;
  /// The width of a register; false if the operand is none.
  virtual bool registerWidth(const Operand &operand, Width &width) = 0;
  virtual bool constant(const Operand &operand, int64_t &value) = 0;
  virtual bool label(const Operand &operand, uint32_t &target) = 0;
  virtual bool targets(const Operand &operand, std::vector<uint32_t> &targets) = 0;

  bool operands(size_t least, size_t most) {
    return (s.operands.size() >= least && s.operands.size() <= most) || fail("wrong number of operands");
  }
  bool operands(size_t count) { return operands(count, count); }
  /// All of a vector operand's items.
  bool destinations(const Operand &operand, Width width, size_t count, std::vector<uint32_t> &rows, bool sink = false);
  bool sources(const Operand &operand, Width width, size_t count, std::vector<uint32_t> &rows);

  // Reading the modifiers from left to right.
  bool is(std::string_view text) const { return word < s.words.size() && s.words[word] == text; }
  bool accept(std::string_view text) { return is(text) && (++word, true); }
  /// The index of the word among the texts, or -1.
  int acceptOne(std::initializer_list<std::string_view> texts);
  bool end() { return word == s.words.size() || fail("unknown modifier ." + std::string(s.words[word])); }
  bool unknown() { return fail("unknown instruction " + s.opcode); }

private:
  size_t word;
};

/// "w=ww": one 32-bit destination, two 32-bit sources. Letters are Widths; 'i' is a constant that goes to Instr::imm; a
/// capital allows a wider register.
struct Form {
  std::string_view signature;
  Handler handler;
  uint32_t mode = 0;
};

using Family = bool (*)(Decoder &);

class FormTable {
public:
  static const FormTable &get();

  void add(std::string mnemonic, std::string_view signature, Handler handler, uint32_t mode = 0) {
    forms[std::move(mnemonic)].push_back({signature, handler, mode});
  }
  void family(std::string_view word, Family decode) { families[word] = decode; }

  const std::vector<Form> *find(const std::string &mnemonic) const {
    auto found = forms.find(mnemonic);
    return found == forms.end() ? nullptr : &found->second;
  }
  Family findFamily(std::string_view word) const {
    auto found = families.find(word);
    return found == families.end() ? nullptr : found->second;
  }

private:
  std::unordered_map<std::string, std::vector<Form>> forms;
  std::unordered_map<std::string_view, Family> families;
};

// One per file.
void addIntegerForms(FormTable &table);
void addFloatForms(FormTable &table);
void addHalfForms(FormTable &table);
void addConvertForms(FormTable &table);
void addLogicForms(FormTable &table);
void addMoveForms(FormTable &table);
void addMemoryForms(FormTable &table);
void addAtomicForms(FormTable &table);
void addControlForms(FormTable &table);
void addWarpForms(FormTable &table);
void addBarrierForms(FormTable &table);
void addMbarrierForms(FormTable &table);
void addFenceForms(FormTable &table);

void addBulkForms(FormTable &table);
void addMmaForms(FormTable &table);
void addMatrixForms(FormTable &table);
void addWgmmaForms(FormTable &table);

} // namespace attn::emu

#endif // ATTN_RUNTIME_DEVICE_EMULATOR_FORMS_H
