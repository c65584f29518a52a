// Module level: directives, variables, kernel headers.
#include "runtime/device/emulator/Parser.h"

#include "runtime/device/emulator/Cursor.h"

#include <algorithm>

namespace attn::emu::syntax {
namespace {

constexpr uint64_t MaxText = 256 << 20, MaxVariable = 64 << 20, MaxParams = 4096;

class ModuleParser {
public:
  ModuleParser(std::string_view text, Module &module) : cursor(text), module(module) {}

  bool run() {
    while (cursor.peek().kind != Token::End)
      if (!directive())
        return false;
    return true;
  }

  Cursor cursor;

private:
  bool directive();
  bool kernel();
  bool param(Kernel &kernel);
  bool performance(Kernel &kernel, std::string_view directive);
  bool variable(bool external, std::string_view space);
  bool initialiser(Variable &variable, uint32_t elementSize);
  bool align(uint32_t &align);
  bool skipTo(char end);

  Module &module;
};

bool ModuleParser::skipTo(char end) {
  while (!cursor.peek().is(end)) {
    if (cursor.peek().kind == Token::End || cursor.peek().kind == Token::Bad)
      return cursor.fail(std::string("expected '") + end + "'");
    cursor.take();
  }
  cursor.take();
  return true;
}

bool ModuleParser::directive() {
  if (cursor.peek().kind != Token::Suffix)
    return cursor.fail("expected a directive");
  bool external = false;
  for (;;) {
    if (cursor.peek().kind != Token::Suffix)
      return cursor.fail("expected a directive");
    std::string_view name = cursor.take().text;
    if (name == "extern") {
      external = true;
    } else if (name == "visible" || name == "weak") {
      continue;
    } else if (name == "version") { // 8.3 is a number and a suffix
      cursor.take();
      cursor.take();
      return true;
    } else if (name == "target") {
      if (!cursor.word(module.target))
        return false;
      while (cursor.accept(',')) {
        std::string_view option;
        if (!cursor.word(option))
          return false;
        if (option != "debug")
          return cursor.fail("unknown option of .target");
      }
      return true;
    } else if (name == "address_size") {
      uint64_t bits;
      if (!cursor.unsignedNumber(bits, 64))
        return false;
      return bits == 64 || cursor.fail("only .address_size 64 is supported");
    } else if (name == "file") { // number, name [, stamp, size]
      uint64_t ignored;
      if (!cursor.unsignedNumber(ignored, UINT32_MAX))
        return false;
      if (cursor.peek().kind != Token::String)
        return cursor.fail("expected a file name");
      cursor.take();
      while (cursor.accept(','))
        if (!cursor.unsignedNumber(ignored, UINT64_MAX))
          return false;
      return true;
    } else if (name == "section") {
      return skipTo('{') && skipTo('}');
    } else if (name == "pragma") {
      return skipTo(';');
    } else if (name == "entry") {
      return kernel();
    } else if (name == "global" || name == "const" || name == "shared") {
      return variable(external, name);
    } else {
      return cursor.failAt(cursor.peek().line, "unknown directive ." + std::string(name));
    }
  }
}

bool ModuleParser::align(uint32_t &align) {
  uint64_t value;
  if (!cursor.unsignedNumber(value, 4096))
    return false;
  if (!value || value & (value - 1))
    return cursor.fail("alignment must be a power of two");
  align = uint32_t(value);
  return true;
}

bool ModuleParser::param(Kernel &kernel) {
  if (!cursor.acceptSuffix("param"))
    return cursor.fail("expected .param");
  Param p;
  uint64_t size = 0;
  bool aligned = false;
  while (cursor.peek().kind == Token::Suffix) {
    std::string_view word = cursor.take().text;
    if (word == "align") {
      uint32_t value;
      if (!align(value))
        return false;
      if (!size) { // after the type it is what the pointer points to
        p.align = value;
        aligned = true;
      }
    } else if (typeSize(word)) {
      size = typeSize(word);
    } else if (word != "ptr" && word != "global" && word != "shared" && word != "const") {
      return cursor.fail("unknown attribute ." + std::string(word) + " of a parameter");
    }
  }
  std::string_view name;
  if (!size)
    return cursor.fail("expected the type of the parameter");
  if (!aligned)
    p.align = uint32_t(size);
  if (!cursor.word(name))
    return false;
  p.name = name;
  if (cursor.accept('[')) {
    uint64_t count;
    if (!cursor.unsignedNumber(count, MaxParams) || !cursor.expect(']'))
      return false;
    size *= count;
  }
  uint64_t offset = (uint64_t(kernel.paramBytes) + p.align - 1) / p.align * p.align;
  if (!size || offset + size > MaxParams)
    return cursor.fail("parameters exceed " + std::to_string(MaxParams) + " bytes");
  p.offset = uint32_t(offset);
  p.size = uint32_t(size);
  kernel.paramBytes = uint32_t(offset + size);
  kernel.params.push_back(p);
  return true;
}

bool ModuleParser::performance(Kernel &kernel, std::string_view name) {
  uint64_t product = 1, value;
  do {
    if (!cursor.unsignedNumber(value, 1 << 20))
      return false;
    product = std::min<uint64_t>(product * value, UINT32_MAX);
  } while (cursor.accept(','));
  if (name == "maxntid" || name == "reqntid")
    kernel.maxThreads = uint32_t(product);
  else if (name == "reqnctapercluster" && product != 1)
    return cursor.fail("clusters of more than one CTA are not supported");
  else if (name != "minnctapersm" && name != "maxnreg" && name != "reqnctapercluster")
    return cursor.fail("unknown directive ." + std::string(name));
  return true;
}

bool ModuleParser::kernel() {
  Kernel kernel;
  kernel.line = cursor.peek().line;
  std::string_view name;
  if (!cursor.word(name))
    return false;
  kernel.name = name;
  for (const Kernel &other : module.kernels)
    if (other.name == kernel.name)
      return cursor.fail("kernel " + kernel.name + " is defined twice");
  if (cursor.accept('(') && !cursor.accept(')')) {
    do {
      if (!param(kernel))
        return false;
    } while (cursor.accept(','));
    if (!cursor.expect(')'))
      return false;
  }
  while (cursor.peek().kind == Token::Suffix) {
    std::string_view word = cursor.take().text;
    if (word == "pragma" ? !skipTo(';') : !performance(kernel, word))
      return false;
  }
  if (!cursor.expect('{') || !parseBody(cursor, kernel))
    return false;
  module.kernels.push_back(std::move(kernel));
  return true;
}

/// {1, 2} or a single number, elements of `elementSize` bytes.
bool ModuleParser::initialiser(Variable &v, uint32_t elementSize) {
  bool list = cursor.accept('{');
  do {
    Operand element;
    if (!cursor.constant(element))
      return false;
    unsigned floatSize = element.kind == Operand::F32 ? 4 : element.kind == Operand::F64 ? 8 : elementSize;
    if (floatSize != elementSize)
      return cursor.fail("the initialiser does not fit the type");
    for (uint32_t i = 0; i < elementSize; ++i)
      v.init.push_back(uint8_t(element.value >> (8 * i)));
    if (v.init.size() > v.size)
      return cursor.fail("more initialisers than elements");
  } while (list && cursor.accept(','));
  return !list || cursor.expect('}');
}

bool ModuleParser::variable(bool external, std::string_view space) {
  Variable v;
  v.space = space;
  v.line = cursor.peek().line;
  uint32_t size = 0;
  bool aligned = false;
  while (cursor.peek().kind == Token::Suffix) {
    std::string_view word = cursor.take().text;
    if (word == "align") {
      if (!align(v.align))
        return false;
      aligned = true;
    } else if (!size && typeSize(word)) {
      size = typeSize(word);
    } else {
      return cursor.fail("unknown attribute ." + std::string(word) + " of a variable");
    }
  }
  if (!size)
    return cursor.fail("expected the type of the variable");
  if (!aligned)
    v.align = size;
  if (!cursor.word(v.name))
    return false;
  uint64_t count = 1;
  if (cursor.accept('[')) {
    count = 0;
    if (!cursor.accept(']') && (!cursor.unsignedNumber(count, MaxVariable / size) || !cursor.expect(']')))
      return false;
  }
  v.size = count * size;
  if (!v.size && !(external && space == "shared"))
    return cursor.fail("a variable without a size");
  if (external && v.size)
    return cursor.fail("a variable defined elsewhere");
  if (cursor.accept('=')) {
    if (!(space == "shared" ? cursor.fail("shared memory cannot be initialised") : initialiser(v, size)))
      return false;
  }
  if (!cursor.expect(';'))
    return false;
  for (const Variable &other : module.variables)
    if (other.name == v.name)
      return cursor.failAt(v.line, "variable " + std::string(v.name) + " is defined twice");
  module.variables.push_back(std::move(v));
  return true;
}

} // namespace

bool parse(std::string_view text, Module &module, std::string &error) {
  if (text.size() > MaxText) {
    error = "the text exceeds " + std::to_string(MaxText) + " bytes";
    return false;
  }
  ModuleParser parser(text, module);
  bool ok = parser.run();
  error = parser.cursor.error;
  return ok;
}

} // namespace attn::emu::syntax
