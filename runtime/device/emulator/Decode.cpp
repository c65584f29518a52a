#include "runtime/device/emulator/Decode.h"

#include "runtime/device/emulator/Forms.h"

#include <algorithm>
#include <cstring>

namespace attn::emu {
namespace {

using Symbols = std::unordered_map<std::string_view, uint64_t>;

uint32_t rowsOf(Width width) { return width == Width::B64 ? 4 : width == Width::B32 ? 2 : 1; }

const char *nameOf(Width width) {
  switch (width) {
  case Width::Pred: return "a predicate";
  case Width::B16: return "a 16-bit register";
  case Width::B32: return "a 32-bit register";
  case Width::B64: return "a 64-bit register";
  }
  return "";
}

const std::unordered_map<std::string_view, Special> SpecialNames = {
    {"%tid.x", Special::TidX},
    {"%tid.y", Special::TidY},
    {"%tid.z", Special::TidZ},
    {"%ntid.x", Special::NTidX},
    {"%ntid.y", Special::NTidY},
    {"%ntid.z", Special::NTidZ},
    {"%ctaid.x", Special::CtaIdX},
    {"%ctaid.y", Special::CtaIdY},
    {"%ctaid.z", Special::CtaIdZ},
    {"%nctaid.x", Special::NCtaIdX},
    {"%nctaid.y", Special::NCtaIdY},
    {"%nctaid.z", Special::NCtaIdZ},
    {"%laneid", Special::LaneId},
    {"%warpid", Special::WarpId},
    {"%nwarpid", Special::NWarpId},
    {"%lanemask_eq", Special::LaneMaskEq},
    {"%lanemask_lt", Special::LaneMaskLt},
    {"%lanemask_le", Special::LaneMaskLe},
    {"%lanemask_gt", Special::LaneMaskGt},
    {"%lanemask_ge", Special::LaneMaskGe},
};

/// Names of one kernel and the rows that they have got so far.
class KernelDecoder {
public:
  KernelDecoder(const syntax::Kernel &syntax, const Symbols &symbols, Program &program, Kernel &kernel,
                std::string &error)
      : syntax(syntax), symbols(symbols), program(program), kernel(kernel), error(error) {
    for (const Param &param : syntax.params)
      params[param.name] = param.offset;
  }

  bool run();
  bool fail(uint32_t line, const std::string &what) {
    if (error.empty())
      error = "line " + std::to_string(line) + ": " + what;
    return false;
  }

  /// The row of a declared register; false if there is none of the name.
  bool findRegister(std::string_view name, uint32_t scope, Width &width, uint32_t &row);
  uint32_t constantRow(Width width, uint64_t value);
  uint32_t specialRow(Special which);
  bool findLabel(std::string_view name, uint32_t scope, uint32_t &target) const;

  const syntax::Kernel &syntax;
  const Symbols &symbols;
  std::unordered_map<std::string_view, uint64_t> params;

private:
  bool statement(const Statement &s);
  uint32_t allocate(Width width) {
    uint32_t row = kernel.rows;
    kernel.rows += rowsOf(width);
    return row;
  }

  Program &program;
  Kernel &kernel;
  std::string &error;
  std::unordered_map<std::string, uint32_t> registerRows; ///< by scope and name
  std::map<std::pair<Width, uint64_t>, uint32_t> constantRows;
  std::map<Special, uint32_t> specialRows;
  std::unordered_map<std::string_view, uint16_t> opcodes;
};

class StatementDecoder final : public Decoder {
public:
  StatementDecoder(KernelDecoder &kernel, const Statement &s, Instr &i) : Decoder(s, i), kernel(kernel) {}

  bool fail(const std::string &what) override { return kernel.fail(s.line, what); }
  bool destination(const Operand &operand, Width width, uint32_t &row, bool sink) override;
  bool source(const Operand &operand, Width width, uint32_t &row, bool wider) override;
  bool address(const Operand &operand, uint32_t &row, Width &width) override;
  bool registerWidth(const Operand &operand, Width &width) override {
    Width found;
    uint32_t row;
    if (operand.kind != Operand::Name || !kernel.findRegister(operand.name, s.scope, found, row))
      return false;
    width = found;
    return true;
  }
  bool constant(const Operand &operand, int64_t &value) override;
  bool label(const Operand &operand, uint32_t &target) override;
  bool targets(const Operand &operand, std::vector<uint32_t> &targets) override;

  bool matches(std::string_view signature, const std::vector<const Operand *> &flat);
  bool apply(const Form &form, const std::vector<const Operand *> &flat);
  bool run();

private:
  /// The value of a name that is no register: parameter, variable.
  bool symbol(std::string_view name, uint64_t &value) const;

  KernelDecoder &kernel;
};

bool KernelDecoder::findRegister(std::string_view name, uint32_t scope, Width &width, uint32_t &row) {
  size_t digits = name.find_last_not_of("0123456789") + 1;
  std::string_view prefix = name.substr(0, digits), number = name.substr(digits);
  for (;; scope = syntax.scopes[scope].parent) {
    const auto &declared = syntax.scopes[scope].registers;
    auto found = declared.find(name);
    if (found == declared.end() || found->second.count) {
      found = declared.find(prefix);
      uint64_t index = 0;
      for (char c : number.substr(0, 9))
        index = index * 10 + (c - '0');
      bool canonical = !number.empty() && (number.size() == 1 || number[0] != '0');
      if (found != declared.end() && (!canonical || index >= found->second.count))
        found = declared.end();
    }
    if (found != declared.end()) {
      width = found->second.width;
      auto [entry, isNew] = registerRows.try_emplace(std::to_string(scope) + " " + std::string(name), 0);
      if (isNew)
        entry->second = allocate(width);
      row = entry->second;
      return true;
    }
    if (!scope)
      return false;
  }
}

uint32_t KernelDecoder::constantRow(Width width, uint64_t value) {
  value &= width == Width::Pred ? 1 : width == Width::B16 ? 0xffff : width == Width::B32 ? 0xffffffff : ~uint64_t(0);
  auto [entry, isNew] = constantRows.try_emplace({width, value}, 0);
  if (isNew) {
    entry->second = allocate(width);
    kernel.constants.push_back({entry->second, width, value});
  }
  return entry->second;
}

uint32_t KernelDecoder::specialRow(Special which) {
  auto [entry, isNew] = specialRows.try_emplace(which, 0);
  if (isNew) {
    entry->second = allocate(Width::B32);
    kernel.specials.push_back({entry->second, which});
  }
  return entry->second;
}

bool KernelDecoder::findLabel(std::string_view name, uint32_t scope, uint32_t &target) const {
  for (;; scope = syntax.scopes[scope].parent) {
    auto found = syntax.scopes[scope].labels.find(name);
    if (found != syntax.scopes[scope].labels.end()) {
      target = found->second;
      return true;
    }
    if (!scope)
      return false;
  }
}

bool StatementDecoder::symbol(std::string_view name, uint64_t &value) const {
  if (auto param = kernel.params.find(name); param != kernel.params.end()) {
    value = param->second;
    return true;
  }
  auto variable = kernel.symbols.find(name);
  if (variable == kernel.symbols.end())
    return false;
  value = variable->second;
  return true;
}

bool StatementDecoder::destination(const Operand &operand, Width width, uint32_t &row, bool sink) {
  if (operand.kind != Operand::Name || operand.negated)
    return fail("a destination must be a register");
  if (operand.name == "_") {
    row = NoRow;
    return sink || fail("this destination cannot be _");
  }
  Width actual;
  if (!kernel.findRegister(operand.name, s.scope, actual, row))
    return fail("unknown register " + std::string(operand.name));
  if (actual != width)
    return fail(std::string(operand.name) + " should be " + nameOf(width) + " but is " + nameOf(actual));
  i.writes.push_back(row);
  return true;
}

bool StatementDecoder::source(const Operand &operand, Width width, uint32_t &row, bool wider) {
  if (operand.negated)
    return fail("a negated predicate is not allowed here");
  uint64_t value = operand.value;
  switch (operand.kind) {
  case Operand::Name: {
    if (auto special = SpecialNames.find(operand.name); special != SpecialNames.end()) {
      if (width != Width::B32)
        return fail(std::string(operand.name) + " is 32 bits wide");
      row = kernel.specialRow(special->second);
      return true;
    }
    Width actual;
    if (kernel.findRegister(operand.name, s.scope, actual, row)) {
      bool fits =
          actual == width || (wider && actual != Width::Pred && width != Width::Pred && rowsOf(actual) > rowsOf(width));
      if (!fits)
        return fail(std::string(operand.name) + " should be " + nameOf(width) + " but is " + nameOf(actual));
      i.reads.push_back(row);
      return true;
    }
    if (!symbol(operand.name, value))
      return fail("unknown name " + std::string(operand.name));
    if (width != Width::B64 && !(width == Width::B32 && value <= UINT32_MAX))
      return fail("the address of " + std::string(operand.name) + " is 64 bits wide");
    break;
  }
  case Operand::Integer: {
    int64_t sign = int64_t(value);
    unsigned bits = width == Width::Pred ? 1 : width == Width::B16 ? 16 : width == Width::B32 ? 32 : 64;
    if (bits < 64 && (sign < -(int64_t(1) << (bits - 1)) || sign >= int64_t(1) << bits) && bits != 1)
      return fail("the constant does not fit in " + std::to_string(bits) + " bits");
    break;
  }
  case Operand::F32:
    if (width != Width::B32)
      return fail("a 32-bit floating-point constant where another width is needed");
    break;
  case Operand::F64:
    if (width != Width::B64)
      return fail("a 64-bit floating-point constant where another width is needed");
    break;
  default: return fail("expected a register or a constant");
  }
  row = kernel.constantRow(width, value);
  return true;
}

bool StatementDecoder::address(const Operand &operand, uint32_t &row, Width &width) {
  if (operand.kind != Operand::Address || operand.items.empty())
    return fail("expected an address");
  const Operand &base = operand.items[0];
  i.imm = int64_t(operand.value);
  width = Width::B64;
  uint32_t ignored;
  if (base.kind == Operand::Name && kernel.findRegister(base.name, s.scope, width, ignored) && width != Width::B32 &&
      width != Width::B64)
    return fail("an address must be 32 or 64 bits wide");
  return source(base, width, row, false);
}

bool StatementDecoder::constant(const Operand &operand, int64_t &value) {
  value = int64_t(operand.value);
  return operand.kind == Operand::Integer || fail("expected an integer constant");
}

bool StatementDecoder::label(const Operand &operand, uint32_t &target) {
  if (operand.kind != Operand::Name || !kernel.findLabel(operand.name, s.scope, target))
    return fail("unknown label " + std::string(operand.name));
  return true;
}

bool StatementDecoder::targets(const Operand &operand, std::vector<uint32_t> &result) {
  auto found = kernel.syntax.targets.find(operand.name);
  if (operand.kind != Operand::Name || found == kernel.syntax.targets.end())
    return fail("unknown list of branch targets " + std::string(operand.name));
  for (std::string_view name : found->second.labels) {
    uint32_t target;
    if (!kernel.findLabel(name, found->second.scope, target))
      return kernel.fail(found->second.line, "unknown label " + std::string(name));
    result.push_back(target);
  }
  return true;
}

/// Whether the widths of the registers fit, to choose between the forms of one mnemonic.
bool StatementDecoder::matches(std::string_view signature, const std::vector<const Operand *> &flat) {
  size_t at = 0;
  bool sources = false;
  for (char c : signature) {
    if (c == '=') {
      sources = true;
      continue;
    }
    if (at == flat.size())
      return false;
    const Operand &operand = *flat[at++];
    Width actual;
    uint32_t row;
    if (c == 'i' || operand.kind != Operand::Name || !kernel.findRegister(operand.name, s.scope, actual, row))
      continue;
    bool wider = c < 'a' && sources && rowsOf(actual) > rowsOf(Width(c | 0x20)) && actual != Width::Pred;
    if (actual != Width(c | 0x20) && !wider)
      return false;
  }
  return at == flat.size();
}

bool StatementDecoder::apply(const Form &form, const std::vector<const Operand *> &flat) {
  i.run = form.handler;
  i.mode = form.mode;
  size_t at = 0;
  uint32_t *row = i.r;
  bool sources = false;
  for (char c : form.signature) {
    if (c == '=') {
      sources = true;
      continue;
    }
    const Operand &operand = *flat[at++];
    bool ok = c == 'i'  ? constant(operand, i.imm)
              : sources ? source(operand, Width(c | 0x20), *row++, c < 'a')
                        : destination(operand, Width(c | 0x20), *row++, false);
    if (!ok)
      return false;
  }
  return true;
}

bool StatementDecoder::run() {
  const FormTable &table = FormTable::get();
  if (const std::vector<Form> *forms = table.find(s.opcode)) {
    std::vector<const Operand *> flat;
    for (const Operand &operand : s.operands) {
      if (operand.kind == Operand::Pair)
        for (const Operand &item : operand.items)
          flat.push_back(&item);
      else
        flat.push_back(&operand);
    }
    for (const Form &form : *forms)
      if (matches(form.signature, flat))
        return apply(form, flat);
    size_t count = forms->front().signature.size() - (forms->front().signature.find('=') != std::string_view::npos);
    if (flat.size() != count)
      return fail("wrong number of operands");
    return apply(forms->front(), flat) && fail("operands of the wrong width"); // apply() says which
  }
  if (Family family = table.findFamily(s.words[0]))
    return family(*this);
  return unknown();
}

bool KernelDecoder::statement(const Statement &s) {
  kernel.code.emplace_back();
  Instr &i = kernel.code.back();
  i.line = s.line;
  auto [opcode, isNew] = opcodes.try_emplace(s.words[0], 0);
  if (isNew) {
    auto found = std::find(program.opcodes.begin(), program.opcodes.end(), s.words[0]);
    opcode->second = uint16_t(found - program.opcodes.begin());
    if (found == program.opcodes.end())
      program.opcodes.emplace_back(s.words[0]);
  }
  i.opcode = opcode->second;
  if (!s.guard.empty()) {
    Width width;
    if (!findRegister(s.guard, s.scope, width, i.guard) || width != Width::Pred)
      return fail(s.line, "unknown predicate " + std::string(s.guard));
    i.guardNegated = s.guardNegated;
  }
  StatementDecoder decoder(*this, s, i);
  return decoder.run();
}

bool KernelDecoder::run() {
  kernel.name = syntax.name;
  kernel.params = syntax.params;
  kernel.paramBytes = syntax.paramBytes;
  kernel.maxThreads = syntax.maxThreads;
  kernel.code.reserve(syntax.statements.size() + 1);
  for (const Statement &s : syntax.statements)
    if (!statement(s))
      return false;
  static const Statement exit{0, 0, "exit", {"exit"}, {}, false, {}};
  if (!statement(exit))
    return false;
  kernel.code.back().line = syntax.statements.empty() ? syntax.line : syntax.statements.back().line;
  return true;
}

/// Gives addresses to module variables.
bool layOut(const syntax::Module &module, Program &program, Symbols &symbols, std::string &error) {
  uint64_t total = 0, shared = 0;
  auto fail = [&](const syntax::Variable &v, const char *what) {
    error = "line " + std::to_string(v.line) + ": " + what;
    return false;
  };
  for (const syntax::Variable &v : module.variables) {
    if (v.space == "shared") {
      if (v.align > SharedBase)
        return fail(v, "shared memory is aligned to 1024 bytes at most");
      if (!v.size) {
        program.dynamicAlign = std::max(program.dynamicAlign, v.align);
        continue;
      }
      shared = (shared + v.align - 1) / v.align * v.align;
      symbols[v.name] = SharedBase + shared;
      shared += v.size;
      if (shared > MaxShared)
        return fail(v, "too much shared memory");
      continue;
    }
    if ((total += v.size) > (256 << 20))
      return fail(v, "too much global memory");
    uint64_t words = (v.size + v.align) / 8 + 2;
    program.storage.push_back(std::make_unique<uint64_t[]>(words));
    auto at = reinterpret_cast<uint64_t>(program.storage.back().get());
    at = (at + v.align - 1) / v.align * v.align;
    memcpy(reinterpret_cast<void *>(at), v.init.data(), v.init.size());
    symbols[v.name] = at;
    program.variables.push_back({at, v.size, v.space == "global"});
  }
  program.staticShared = uint32_t((shared + program.dynamicAlign - 1) / program.dynamicAlign * program.dynamicAlign);
  if (program.staticShared > MaxShared) {
    error = "too much shared memory";
    return false;
  }
  for (const syntax::Variable &v : module.variables)
    if (v.space == "shared" && !v.size)
      symbols[v.name] = SharedBase + program.staticShared;
  return true;
}

} // namespace

bool decode(const syntax::Module &module, Program &program, std::string &error) {
  for (size_t begin = 0; begin < program.text.size();) {
    size_t end = std::min(program.text.find('\n', begin), program.text.size());
    program.lines.push_back(std::string_view(program.text).substr(begin, end - begin));
    begin = end + 1;
  }
  Symbols symbols;
  if (!layOut(module, program, symbols, error))
    return false;
  for (const syntax::Kernel &kernel : module.kernels) {
    program.kernels.emplace_back();
    if (!KernelDecoder(kernel, symbols, program, program.kernels.back(), error).run())
      return false;
  }
  if (program.kernels.empty())
    error = "the module has no kernel";
  return error.empty();
}

} // namespace attn::emu
