//===- ObjectLoader.cpp - Runs code from an ELF object file --------*- C++ -*-===//

#include "runtime/artifact/ObjectLoader.h"

#include <cinttypes>
#include <cstring>
#include <elf.h>
#include <sys/mman.h>
#include <vector>

namespace attn::rt {
namespace {

constexpr size_t kPage = 4096; // x86-64
constexpr size_t kMaxImage = size_t(1) << 30;

Status damaged(const char *what) { return error(ATTN_ERR_ARTIFACT, "object code: %s", what); }

/// Bounds-checked reads of the file.
class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes(bytes) {}

  bool holds(uint64_t offset, uint64_t size) const { return offset <= bytes.size() && size <= bytes.size() - offset; }
  template <typename T> bool read(uint64_t offset, T &value) const {
    if (!holds(offset, sizeof(T)))
      return false;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return true;
  }
  /// The zero-terminated string at `index` of a string table section.
  bool string(const Elf64_Shdr &table, uint64_t index, std::string &text) const {
    if (table.sh_type != SHT_STRTAB || !holds(table.sh_offset, table.sh_size) || index >= table.sh_size)
      return false;
    const char *start = bytes.data() + table.sh_offset + index;
    size_t length = strnlen(start, table.sh_size - index);
    text.assign(start, length);
    return length < table.sh_size - index;
  }
  const char *data() const { return bytes.data(); }

private:
  std::string_view bytes;
};

/// One load, from file to image.
class Loader {
public:
  explicit Loader(std::string_view object) : file(object) {}
  ~Loader() {
    if (memory)
      munmap(memory, imageSize);
  }

  Status run() {
    if (Status s = readSections())
      return s;
    if (Status s = layOut())
      return s;
    if (Status s = copySections())
      return s;
    if (Status s = readSymbols())
      return s;
    for (const Elf64_Shdr &section : sections)
      if (section.sh_type == SHT_RELA)
        if (Status s = relocateSection(section))
          return s;
    return protect();
  }

  /// Hands the mapping over.
  char *release() {
    char *result = memory;
    memory = nullptr;
    return result;
  }
  size_t size() const { return imageSize; }

  std::map<std::string, const void *> functions;

private:
  struct Symbol {
    bool defined = false;
    uint64_t address = 0;
    std::string name;
  };

  Status readSections() {
    Elf64_Ehdr header;
    if (!file.read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
      return damaged("not an ELF file");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != EM_X86_64 || header.e_type != ET_REL)
      return damaged("not a relocatable object for x86-64");
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 ||
        !file.holds(header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr)))
      return damaged("section headers past the end of the file");
    sections.resize(header.e_shnum);
    names.resize(header.e_shnum);
    for (size_t i = 0; i < sections.size(); ++i)
      file.read(header.e_shoff + i * sizeof(Elf64_Shdr), sections[i]);
    for (size_t i = 0; i < sections.size(); ++i) {
      const Elf64_Shdr &section = sections[i];
      if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
          !file.holds(section.sh_offset, section.sh_size))
        return damaged("a section past the end of the file");
      if (header.e_shstrndx >= sections.size() || !file.string(sections[header.e_shstrndx], section.sh_name, names[i]))
        return damaged("a section without a name");
    }
    return {};
  }

  bool isLoaded(size_t i) const {
    const Elf64_Shdr &s = sections[i];
    return (s.sh_flags & SHF_ALLOC) && s.sh_size > 0 && (s.sh_type == SHT_PROGBITS || s.sh_type == SHT_NOBITS) &&
           names[i] != ".eh_frame";
  }

  /// Gives every loaded section its place: constants first, then code from a page boundary.
  Status layOut() {
    places.assign(sections.size(), 0);
    for (bool code : {false, true}) {
      imageSize = (imageSize + kPage - 1) / kPage * kPage;
      if (code)
        codeStart = imageSize;
      for (size_t i = 0; i < sections.size(); ++i) {
        const Elf64_Shdr &s = sections[i];
        if (!isLoaded(i) || code != bool(s.sh_flags & SHF_EXECINSTR))
          continue;
        if (s.sh_flags & SHF_TLS)
          return damaged("thread-local data");
        if ((s.sh_flags & SHF_WRITE) && names[i].rfind(".data.rel.ro", 0) != 0)
          return damaged("writable data");
        uint64_t alignment = s.sh_addralign ? s.sh_addralign : 1;
        if (alignment > kPage || (alignment & (alignment - 1)) || s.sh_size > kMaxImage)
          return damaged("a section with a wrong alignment or size");
        places[i] = (imageSize + alignment - 1) / alignment * alignment;
        imageSize = places[i] + s.sh_size;
        if (imageSize > kMaxImage)
          return damaged("sections that are too large");
      }
    }
    imageSize = (imageSize + kPage - 1) / kPage * kPage;
    return imageSize > codeStart ? Status() : damaged("no code");
  }

  Status copySections() {
    void *mapping = mmap(nullptr, imageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
      return error(ATTN_ERR_OUT_OF_MEMORY, "object code: cannot map %zu bytes", imageSize);
    memory = static_cast<char *>(mapping);
    for (size_t i = 0; i < sections.size(); ++i)
      if (isLoaded(i) && sections[i].sh_type == SHT_PROGBITS)
        std::memcpy(memory + places[i], file.data() + sections[i].sh_offset, sections[i].sh_size);
    return {};
  }

  uint64_t addressOf(size_t section) const { return uint64_t(memory) + places[section]; }

  Status readSymbols() {
    for (const Elf64_Shdr &table : sections) {
      if (table.sh_type != SHT_SYMTAB)
        continue;
      if (!symbols.empty())
        return damaged("two symbol tables");
      if (table.sh_entsize != sizeof(Elf64_Sym) || table.sh_link >= sections.size())
        return damaged("a wrong symbol table");
      symbols.resize(table.sh_size / sizeof(Elf64_Sym));
      for (size_t i = 0; i < symbols.size(); ++i)
        if (Status s = readSymbol(table, i))
          return s;
    }
    return {};
  }

  Status readSymbol(const Elf64_Shdr &table, size_t index) {
    Elf64_Sym symbol;
    file.read(table.sh_offset + index * sizeof(Elf64_Sym), symbol);
    Symbol &result = symbols[index];
    if (!file.string(sections[table.sh_link], symbol.st_name, result.name))
      return damaged("a symbol without a name");
    size_t section = symbol.st_shndx;
    if (section == SHN_UNDEF || section >= sections.size() || !isLoaded(section))
      return {}; // Undefined, absolute or not loaded: an error only if a relocation needs it.
    if (symbol.st_value > sections[section].sh_size)
      return damaged("a symbol outside its section");
    result.defined = true;
    result.address = addressOf(section) + symbol.st_value;
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
        (sections[section].sh_flags & SHF_EXECINSTR) && symbol.st_value < sections[section].sh_size)
      functions[result.name] = reinterpret_cast<const void *>(result.address);
    return {};
  }

  Status relocateSection(const Elf64_Shdr &section) {
    if (section.sh_info >= sections.size())
      return damaged("relocations of a section that is not there");
    if (!isLoaded(section.sh_info))
      return {};
    if (section.sh_entsize != sizeof(Elf64_Rela))
      return damaged("relocations of a wrong size");
    for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= section.sh_size; at += sizeof(Elf64_Rela)) {
      Elf64_Rela relocation;
      file.read(section.sh_offset + at, relocation);
      if (Status s = relocate(section.sh_info, relocation))
        return s;
    }
    return {};
  }

  Status relocate(size_t section, const Elf64_Rela &relocation) {
    uint64_t index = ELF64_R_SYM(relocation.r_info);
    uint32_t type = ELF64_R_TYPE(relocation.r_info);
    if (type == R_X86_64_NONE)
      return {};
    if (index >= symbols.size())
      return damaged("a relocation against a symbol that is not there");
    if (!symbols[index].defined)
      return error(ATTN_ERR_ARTIFACT, "object code: symbol '%s' is not defined in the object",
                   symbols[index].name.c_str());
    uint64_t value = symbols[index].address + uint64_t(relocation.r_addend);
    uint64_t place = addressOf(section) + relocation.r_offset;
    uint64_t width = type == R_X86_64_64 || type == R_X86_64_PC64 ? 8 : 4;
    if (relocation.r_offset > sections[section].sh_size || width > sections[section].sh_size - relocation.r_offset)
      return damaged("a relocation outside its section");
    bool fits = true;
    switch (type) {
    case R_X86_64_64: break;
    case R_X86_64_PC64: value -= place; break;
    case R_X86_64_PC32:
    case R_X86_64_PLT32: // Every call stays inside the object.
      value -= place;
      fits = int64_t(value) == int32_t(value);
      break;
    case R_X86_64_32: fits = value == uint32_t(value); break;
    case R_X86_64_32S: fits = int64_t(value) == int32_t(value); break;
    default: return error(ATTN_ERR_ARTIFACT, "object code: relocation type %" PRIu32 " is not supported", type);
    }
    if (!fits)
      return error(ATTN_ERR_ARTIFACT, "object code: relocation type %" PRIu32 " overflows", type);
    std::memcpy(reinterpret_cast<char *>(place), &value, width);
    return {};
  }

  Status protect() {
    if ((codeStart && mprotect(memory, codeStart, PROT_READ) != 0) ||
        mprotect(memory + codeStart, imageSize - codeStart, PROT_READ | PROT_EXEC) != 0)
      return error(ATTN_ERR_OUT_OF_MEMORY, "object code: this system does not let code be mapped");
    return {};
  }

  Reader file;
  std::vector<Elf64_Shdr> sections;
  std::vector<std::string> names;
  std::vector<uint64_t> places; ///< of the loaded sections, from the start of the image
  std::vector<Symbol> symbols;
  char *memory = nullptr;
  size_t imageSize = 0, codeStart = 0;
};

} // namespace

Status CodeImage::load(std::string_view object, std::shared_ptr<const CodeImage> &image) {
  Loader loader(object);
  std::shared_ptr<CodeImage> result(new CodeImage());
  if (Status s = loader.run())
    return s;
  result->functions = std::move(loader.functions);
  result->size = loader.size();
  result->base = loader.release();
  image = std::move(result);
  return {};
}

CodeImage::~CodeImage() {
  if (base)
    munmap(base, size);
}

const void *CodeImage::find(const std::string &symbol) const {
  auto it = functions.find(symbol);
  return it == functions.end() ? nullptr : it->second;
}

} // namespace attn::rt
