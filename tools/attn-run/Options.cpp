//===- Options.cpp - Command line of attn-run ----------------------*- C++ -*-===//
//
// One table gives both the parser and --help, so that they cannot disagree.
//===----------------------------------------------------------------------===//

#include "tools/attn-run/Options.h"

#include "tools/attn-run/Placement.h"

#include <cerrno>
#include <cstdlib>
#include <functional>

namespace attn::tool {
namespace {

using Texts = std::map<std::string, std::string>;
/// Stores a value; returns what is wrong with it or an empty string.
using Store = std::function<std::string(Options &, const std::string &value)>;

/// "NAME=VALUE" into a map.
Store pair(Texts Options::*target) {
  return [=](Options &options, const std::string &value) -> std::string {
    size_t equals = value.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == value.size())
      return "expected NAME=VALUE, got '" + value + "'";
    bool isNew = (options.*target).emplace(value.substr(0, equals), value.substr(equals + 1)).second;
    return isNew ? "" : "'" + value.substr(0, equals) + "' is given twice";
  };
}

Store text(std::string Options::*target) {
  return [=](Options &options, const std::string &value) {
    options.*target = value;
    return std::string();
  };
}

Store list(std::vector<int64_t> Options::*target) {
  return [=](Options &options, const std::string &value) {
    return parseIntegers(value, options.*target) ? "" : "expected integers such as 3,5, got '" + value + "'";
  };
}

Store number(int64_t Options::*target, int64_t low, int64_t high) {
  return [=](Options &options, const std::string &value) -> std::string {
    std::vector<int64_t> values;
    if (!parseIntegers(value, values) || values.size() != 1 || values[0] < low || values[0] > high)
      return "expected an integer from " + std::to_string(low) + " to " + std::to_string(high) + ", got '" + value +
             "'";
    options.*target = values[0];
    return "";
  };
}

Store flag(bool Options::*target) {
  return [=](Options &options, const std::string &) {
    options.*target = true;
    return std::string();
  };
}

std::string storeRandom(Options &options, const std::string &value) {
  options.isRandom = true;
  Store one = pair(&Options::random);
  for (size_t start = 0; start < value.size();) {
    size_t comma = std::min(value.find(',', start), value.size());
    std::string problem = one(options, value.substr(start, comma - start));
    if (!problem.empty())
      return problem;
    start = comma + 1;
  }
  return "";
}

std::string storeLengths(Options &options, const std::string &value) {
  std::string problem = list(&Options::qLens)(options, value);
  options.kvLens = options.qLens;
  return problem;
}

std::string storeOut(Options &options, const std::string &value) {
  return pair(&Options::outs)(options, "out=" + value);
}

struct Row {
  const char *name;
  const char *value; ///< null for a flag
  const char *help;
  Store store;
};

const std::vector<Row> &table() {
  static const std::vector<Row> rows = {
      {"--arg", "NAME=FILE.npy", "an input or operand (repeat)", pair(&Options::args)},
      {"-o", "FILE.npy", "where to write the output", storeOut},
      {"--out", "NAME=FILE.npy", "the same for an output by name, such as lse (repeat)", pair(&Options::outs)},
      {"--entry", "NAME", "entry point, where there are several", text(&Options::entry)},
      {"--param", "NAME=V[,V...]", "a scalar, one value or one per request (repeat)", pair(&Options::params)},
      {"--q-lens", "N,N,...", "query rows of each request (default: all rows)", list(&Options::qLens)},
      {"--kv-lens", "N,N,...", "keys of each request (default: all rows)", list(&Options::kvLens)},
      {"--lengths", "N,N,...", "both", storeLengths},
      {"--q-pos", "N,N,...", "position of query row 0, where the pattern takes it", list(&Options::qPos)},
      {"--head-map", "NAME=N,N,...", "which head of a key or value tensor holds each KV head, -1: none",
       pair(&Options::headMaps)},
      {"--layer", "N", "layer (default 0)", number(&Options::layer, 0, 2147483647)},
      {"--random", "KEY=V,...",
       "make up the arguments not given: batch, q_heads, kv_heads, q_len, kv_len, d, dv, dtype, layers, slots, seed",
       storeRandom},
      {"--bf16", nullptr, "files of 16-bit unsigned integers hold bf16", flag(&Options::uint16IsBf16)},
      {"--threads", "N", "threads (default: those of the machine)", number(&Options::threads, 1, 1024)},
      {"--isa", "NAME", "use the code for this instruction set", text(&Options::isa)},
      {"--device", "NAME", "cpu (default), cuda, cuda:N or emulator (GPU code on the CPU, slowly)",
       text(&Options::device)},
      {"--time", "N", "run N times and print the time", number(&Options::time, 1, 1000000)},
      {"--compare", "reference", "compare with the fp64 reference; exit code 1 if outside the tolerance",
       text(&Options::compare)},
      {"--info", nullptr, "print what the artifact holds and stop", flag(&Options::info)},
      {"--version", nullptr, "print the version and stop", flag(&Options::version)},
      {"--help", nullptr, "print this and stop", flag(&Options::help)}};
  return rows;
}

const Row *find(const std::string &name) {
  for (const Row &row : table())
    if (name == row.name)
      return &row;
  return nullptr;
}

} // namespace

bool parseIntegers(const std::string &text, std::vector<int64_t> &values) {
  values.clear();
  const char *at = text.c_str();
  for (;;) {
    char *end;
    errno = 0;
    int64_t value = std::strtoll(at, &end, 10);
    if (end == at || *at == ' ' || errno || (*end && *end != ','))
      return false;
    values.push_back(value);
    if (!*end)
      return true;
    at = end + 1;
  }
}

std::string parseOptions(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') {
      if (!options.artifact.empty())
        return "unexpected argument '" + word + "'";
      options.artifact = word;
      continue;
    }
    size_t equals = word.find('=');
    std::string name = word.substr(0, equals), value;
    const Row *row = find(name);
    if (!row)
      return "unknown option '" + name + "'";
    if (!row->value && equals != std::string::npos)
      return name + " takes no value";
    if (row->value && equals != std::string::npos)
      value = word.substr(equals + 1);
    else if (row->value && ++i < argc)
      value = argv[i];
    else if (row->value)
      return name + " needs a value: " + row->value;
    std::string problem = row->store(options, value);
    if (!problem.empty())
      return name + ": " + problem;
  }
  if (options.help || options.version)
    return "";
  if (options.artifact.empty())
    return "no artifact given";
  if (!Placement::isDevice(options.device))
    return "--device: expected cpu, cuda, cuda:N or emulator, got '" + options.device + "'";
  if (!options.compare.empty() && options.compare != "reference")
    return "--compare: expected reference, got '" + options.compare + "'";
  return "";
}

std::string helpText() {
  std::string help =
      "Usage: attn-run FILE.attn [options]\n"
      "Runs a compiled attention pattern on .npy arrays. Tensors are [batch, head, row, dim], or ragged\n"
      "[total rows, head, dim] with --q-lens and --kv-lens.\n\n";
  for (const Row &row : table()) {
    std::string left = std::string("  ") + row.name + (row.value ? std::string(" ") + row.value : "");
    left.resize(std::max<size_t>(left.size() + 2, 28), ' ');
    help += left + row.help + "\n";
  }
  return help + "\nExit codes: 0 done, 1 refused or wrong, 2 usage.\n";
}

} // namespace attn::tool
