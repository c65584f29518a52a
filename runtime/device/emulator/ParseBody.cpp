// The body of a kernel: scopes, register declarations, labels, instructions.
#include "runtime/device/emulator/Cursor.h"

namespace attn::emu::syntax {
namespace {

constexpr size_t MaxDepth = 64, MaxOperands = 512, MaxStatements = 1 << 20, MaxScopes = 1 << 17;
constexpr uint64_t MaxRegisters = 1 << 18;

class BodyParser {
public:
  BodyParser(Cursor &cursor, Kernel &kernel) : cursor(cursor), kernel(kernel) { kernel.scopes.emplace_back(); }

  bool run();

private:
  bool directive(std::string_view name);
  bool registers();
  bool labelled(std::string_view name, uint32_t line);
  bool instruction(std::string_view first, uint32_t line);
  bool operand(Operand &operand, int depth);
  bool list(std::vector<Operand> &items, char end, int depth);
  Scope &inner() { return kernel.scopes[scope]; }

  Cursor &cursor;
  Kernel &kernel;
  uint32_t scope = 0;
  size_t depth = 0;
  uint64_t registerCount = 0;
};

bool BodyParser::run() {
  for (;;) {
    if (cursor.accept('}')) {
      if (!depth--)
        return true;
      scope = inner().parent;
    } else if (cursor.accept('{')) {
      if (++depth > MaxDepth || kernel.scopes.size() > MaxScopes)
        return cursor.fail("too many scopes");
      Scope nested;
      nested.parent = scope;
      scope = uint32_t(kernel.scopes.size());
      kernel.scopes.push_back(std::move(nested));
    } else if (cursor.peek().kind == Token::Suffix) {
      if (!directive(cursor.take().text))
        return false;
    } else if (!cursor.accept(';')) {
      Token token = cursor.peek();
      std::string_view first;
      if (token.is('@') ? !instruction("", token.line) : !cursor.word(first))
        return false;
      if (token.is('@'))
        continue;
      if (cursor.accept(':') ? !labelled(first, token.line) : !instruction(first, token.line))
        return false;
    }
    if (kernel.statements.size() > MaxStatements)
      return cursor.fail("too many instructions");
  }
}

bool BodyParser::directive(std::string_view name) {
  if (name == "reg")
    return registers();
  if (name == "loc") { // file line column [, function_at label, inlined_at file line column]
    uint64_t ignored;
    for (int i = 0; i < 3; ++i)
      if (!cursor.unsignedNumber(ignored, UINT32_MAX))
        return false;
    return !cursor.peek().is(',') || cursor.fail("inlined locations are not supported");
  }
  if (name == "pragma") {
    cursor.take();
    return cursor.expect(';');
  }
  return cursor.fail("unknown directive ." + std::string(name) + " in a kernel");
}

bool BodyParser::registers() {
  std::string_view type = cursor.peek().kind == Token::Suffix ? cursor.take().text : "";
  uint32_t size = typeSize(type);
  Width width = size == 8 ? Width::B64 : size == 4 ? Width::B32 : size == 2 ? Width::B16 : Width::Pred;
  if (type != "pred" && size < 2)
    return cursor.fail("unknown register type ." + std::string(type));
  do {
    std::string_view name;
    uint64_t count = 0;
    if (!cursor.word(name))
      return false;
    if (cursor.accept('<') && (!cursor.unsignedNumber(count, MaxRegisters) || !count || !cursor.expect('>')))
      return cursor.fail("expected the number of registers");
    registerCount += count ? count : 1;
    if (registerCount > MaxRegisters)
      return cursor.fail("too many registers");
    if (!inner().registers.emplace(name, Registers{width, uint32_t(count)}).second)
      return cursor.fail("register " + std::string(name) + " is declared twice");
  } while (cursor.accept(','));
  return cursor.expect(';');
}

bool BodyParser::labelled(std::string_view name, uint32_t line) {
  if (!cursor.acceptSuffix("branchtargets")) {
    if (!inner().labels.emplace(name, uint32_t(kernel.statements.size())).second)
      return cursor.failAt(line, "label " + std::string(name) + " is defined twice");
    return true;
  }
  BranchTargets targets{scope, line, {}};
  do {
    std::string_view label;
    if (!cursor.word(label))
      return false;
    targets.labels.push_back(label);
  } while (cursor.accept(','));
  if (!kernel.targets.emplace(name, std::move(targets)).second)
    return cursor.failAt(line, "label " + std::string(name) + " is defined twice");
  return cursor.expect(';');
}

bool BodyParser::instruction(std::string_view first, uint32_t line) {
  Statement s;
  s.line = line;
  s.scope = scope;
  if (cursor.accept('@')) {
    s.guardNegated = cursor.accept('!');
    if (!cursor.word(s.guard) || !cursor.word(first))
      return false;
  }
  s.opcode = first;
  s.words.push_back(first);
  while (cursor.peek().kind == Token::Suffix) {
    s.words.push_back(cursor.take().text);
    s.opcode += '.';
    s.opcode += s.words.back();
    if (s.words.size() > 32)
      return cursor.fail("too many modifiers");
  }
  if (!cursor.accept(';') && !list(s.operands, ';', 0))
    return false;
  kernel.statements.push_back(std::move(s));
  return true;
}

bool BodyParser::list(std::vector<Operand> &items, char end, int depth) {
  do {
    Operand item;
    if (items.size() >= MaxOperands)
      return cursor.fail("too many operands");
    if (!operand(item, depth))
      return false;
    items.push_back(std::move(item));
  } while (cursor.accept(','));
  return cursor.expect(end);
}

bool BodyParser::operand(Operand &o, int depth) {
  if (depth > 4)
    return cursor.fail("operands nested too deeply");
  if (cursor.accept('{')) {
    o.kind = Operand::Vector;
    return list(o.items, '}', depth + 1);
  }
  if (cursor.accept('[')) {
    o.kind = Operand::Address;
    Operand base;
    if (!operand(base, depth + 1))
      return false;
    o.items.push_back(std::move(base));
    if (cursor.accept('+') || cursor.peek().is('-')) {
      Operand offset;
      if (!cursor.constant(offset))
        return false;
      if (offset.kind != Operand::Integer)
        return cursor.fail("an offset must be an integer");
      o.value = offset.value;
    }
    return cursor.accept(',') ? list(o.items, ']', depth + 1) : cursor.expect(']');
  }
  o.negated = cursor.accept('!');
  if (cursor.peek().kind != Token::Word)
    return o.negated ? cursor.fail("expected a predicate") : cursor.constant(o);
  Token name = cursor.take();
  o.name = name.text;
  if (cursor.peek().kind == Token::Suffix && name.text[0] == '%') { // %tid.x
    Token suffix = cursor.take();
    if (suffix.text.data() != name.text.data() + name.text.size() + 1)
      return cursor.failAt(name.line, "white space in " + std::string(name.text));
    o.name = {name.text.data(), size_t(suffix.text.data() + suffix.text.size() - name.text.data())};
  }
  if (!cursor.accept('|'))
    return true;
  Operand left = std::move(o), right;
  if (!operand(right, depth + 1))
    return false;
  o = {};
  o.kind = Operand::Pair;
  o.items.push_back(std::move(left));
  o.items.push_back(std::move(right));
  return true;
}

} // namespace

bool parseBody(Cursor &cursor, Kernel &kernel) { return BodyParser(cursor, kernel).run(); }

} // namespace attn::emu::syntax
