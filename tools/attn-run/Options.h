//===- Options.h - Command line of attn-run ------------------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_RUN_OPTIONS_H
#define ATTN_TOOLS_ATTN_RUN_OPTIONS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attn::tool {

struct Options {
  std::string artifact;
  std::string entry;                         ///< empty: the only one
  std::map<std::string, std::string> args;   ///< argument -> .npy file
  std::map<std::string, std::string> outs;   ///< output -> .npy file; "out" also from -o
  std::map<std::string, std::string> params; ///< "128", or "128,256" per request
  std::map<std::string, std::string> headMaps;
  std::map<std::string, std::string> random; ///< keys of --random
  bool isRandom = false;
  std::vector<int64_t> qLens, kvLens, qPos;
  int64_t layer = 0, threads = 0, time = 0;
  std::string isa, device = "cpu", compare;
  bool uint16IsBf16 = false, info = false, help = false, version = false;
};

/// Reads the command line. Returns an empty string, or what is wrong with it.
std::string parseOptions(int argc, char **argv, Options &options);
/// The text of --help.
std::string helpText();

/// "3,5,7" as integers. False if it is not such a list.
bool parseIntegers(const std::string &text, std::vector<int64_t> &values);

} // namespace attn::tool

#endif // ATTN_TOOLS_ATTN_RUN_OPTIONS_H
