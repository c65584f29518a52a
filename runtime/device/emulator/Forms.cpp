#include "runtime/device/emulator/Forms.h"

namespace attn::emu {

bool Decoder::destinations(const Operand &operand, Width width, size_t count, std::vector<uint32_t> &rows, bool sink) {
  if (operand.kind != Operand::Vector || operand.items.size() != count)
    return fail("expected a vector of " + std::to_string(count) + " registers");
  for (const Operand &item : operand.items) {
    rows.push_back(NoRow);
    if (!destination(item, width, rows.back(), sink))
      return false;
  }
  return true;
}

bool Decoder::sources(const Operand &operand, Width width, size_t count, std::vector<uint32_t> &rows) {
  if (operand.kind != Operand::Vector || operand.items.size() != count)
    return fail("expected a vector of " + std::to_string(count) + " registers");
  for (const Operand &item : operand.items) {
    rows.push_back(NoRow);
    if (!source(item, width, rows.back()))
      return false;
  }
  return true;
}

int Decoder::acceptOne(std::initializer_list<std::string_view> texts) {
  int index = 0;
  for (std::string_view text : texts) {
    if (accept(text))
      return index;
    ++index;
  }
  return -1;
}

const FormTable &FormTable::get() {
  static const FormTable table = [] {
    FormTable t;
    addIntegerForms(t);
    addFloatForms(t);
    addHalfForms(t);
    addConvertForms(t);
    addLogicForms(t);
    addMoveForms(t);
    addMemoryForms(t);
    addAtomicForms(t);
    addControlForms(t);
    addWarpForms(t);
    addBarrierForms(t);
    addMbarrierForms(t);
    addFenceForms(t);
    addBulkForms(t);
    addMmaForms(t);
    addMatrixForms(t);
    addWgmmaForms(t);
    return t;
  }();
  return table;
}

} // namespace attn::emu
