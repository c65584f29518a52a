//===- attn-viz.cpp - Pictures of patterns --------------------------------===//
//
// Runs as a worker of itself (tools/command). Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
//===----------------------------------------------------------------------===//
#include "dialect/spec/Read.h"
#include "tools/attn-viz/Page.h"
#include "tools/attn-viz/Render.h"
#include "tools/command/Command.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;
using namespace attn::viz;

enum class Format { FromName, Ascii, Svg, Png, Html };

static cl::OptionCategory &category = attn::tool::category();
static cl::opt<std::string> input(cl::Positional, cl::desc("<pattern.json>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("Output file (- is standard output)"), cl::value_desc("file"),
                                   cl::init("-"), cl::cat(category));
static cl::opt<Format> format("format", cl::desc("What to write (default: as the output file is called, else ascii)"),
                              cl::values(clEnumValN(Format::Ascii, "ascii", "a character for each tile"),
                                         clEnumValN(Format::Svg, "svg", "vector image"),
                                         clEnumValN(Format::Png, "png", "bitmap"),
                                         clEnumValN(Format::Html, "html", "page with controls, which loads nothing")),
                              cl::init(Format::FromName), cl::cat(category));
static cl::opt<std::string> entry("entry", cl::desc("Only this entry point (default: all)"), cl::value_desc("name"),
                                  cl::cat(category));
static cl::opt<int64_t> queries("q", cl::desc("Query rows (default: as many as keys)"), cl::value_desc("n"),
                                cl::cat(category));
static cl::opt<int64_t> keys("kv", cl::desc("Keys (default: four times the largest parameter)"), cl::value_desc("n"),
                             cl::cat(category));
static cl::opt<std::string> tile("tile", cl::desc("Rows and keys of a tile (default: 16 tiles on a side)"),
                                 cl::value_desc("RxK"), cl::cat(category));
static cl::opt<int64_t> qPos("q-pos", cl::desc("Position of the first query, for positions given as a tensor"),
                             cl::value_desc("n"), cl::cat(category));
static cl::opt<int64_t> qHeads("q-heads", cl::desc("Query heads (default 4)"), cl::value_desc("n"), cl::cat(category));
static cl::opt<int64_t> kvHeads("kv-heads", cl::desc("KV heads (default: as many as query heads)"), cl::value_desc("n"),
                                cl::cat(category));
static cl::list<int64_t> layers("layers", cl::desc("Layers to draw (default 0)"), cl::value_desc("list"),
                                cl::CommaSeparated, cl::cat(category));
static cl::opt<int64_t> request("request", cl::desc("Request of the batch (default 0)"), cl::value_desc("n"),
                                cl::init(0), cl::cat(category));
static cl::list<std::string>
    steps("steps", cl::desc("Entry points whose rows are decode steps, each with the keys up to itself"),
          cl::value_desc("list"), cl::CommaSeparated, cl::cat(category));
static cl::opt<int64_t> slots("slots", cl::desc("Keys of a cache of slots (default 4; 0: do not draw them)"),
                              cl::value_desc("n"), cl::init(4), cl::cat(category));
static cl::list<std::string> params("param", cl::desc("Value of a parameter (default: the pattern's)"),
                                    cl::value_desc("name=value"), cl::cat(category));
static cl::list<std::string>
    operands("operand", cl::desc("Values of an operand: a .npy file or a list such as 0,1*10,3..8 (default: made up)"),
             cl::value_desc("name=values"), cl::cat(category));
static cl::opt<int64_t> seed("seed", cl::desc("Seed of made-up operands (default 0)"), cl::value_desc("n"), cl::init(0),
                             cl::cat(category));

static int usage(const llvm::Twine &message) {
  llvm::errs() << "attn-viz: " << message << "\n";
  return 2;
}
static int refuse(const llvm::Twine &message) {
  llvm::errs() << message;
  return 1;
}

/// Reads `name=value` pairs. Returns false with a message where one is malformed.
static bool readPairs(const cl::list<std::string> &list, std::map<std::string, std::string> &pairs) {
  for (const std::string &text : list) {
    auto [name, value] = llvm::StringRef(text).split('=');
    if (name.empty() || value.empty())
      return usage("--" + list.ArgStr + ": expected " + list.ValueStr + ", got '" + text + "'") == 0;
    pairs[name.str()] = value.str();
  }
  return true;
}

static bool readTile(Request &what) {
  int64_t rows, columns;
  auto [first, second] = llvm::StringRef(tile).split('x');
  if (tile.empty())
    return true;
  if (first.getAsInteger(10, rows) || second.getAsInteger(10, columns))
    return usage("--tile: expected rows x keys such as 16x16, got '" + tile + "'") == 0;
  what.rows = rows;
  what.keys = columns;
  return true;
}

static bool readOptions(Request &what) {
  auto given = [](const cl::opt<int64_t> &option) {
    return option.getNumOccurrences() ? std::optional<int64_t>(option) : std::nullopt;
  };
  what.entry = entry;
  what.qLen = given(queries);
  what.kvLen = given(keys);
  what.qPos = given(qPos);
  what.qHeads = given(qHeads);
  what.kvHeads = given(kvHeads);
  what.request = request;
  what.slots = slots;
  what.steps.assign(steps.begin(), steps.end());
  what.seed = seed;
  if (!layers.empty())
    what.layers.assign(layers.begin(), layers.end());
  return readPairs(params, what.params) && readPairs(operands, what.operands) && readTile(what);
}

static Format formatOf(llvm::StringRef path) {
  llvm::StringRef extension = llvm::sys::path::extension(path);
  return extension == ".svg"    ? Format::Svg
         : extension == ".png"  ? Format::Png
         : extension == ".html" ? Format::Html
                                : Format::Ascii;
}

static int drawHere() {
  Request what;
  if (!readOptions(what))
    return 2;
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(input, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse("attn-viz: " + input + ": " + buffer.getError().message() + "\n");
  attn::spec::Diagnostics diagnostics;
  auto pattern = attn::spec::read({(*buffer)->getBufferStart(), (*buffer)->getBufferSize()}, diagnostics);
  if (!pattern)
    return refuse(diagnostics.str());
  Parts parts = splitParts(*pattern);
  Scene scene;
  if (std::string problem = makeScene(parts, what, scene); !problem.empty())
    return refuse(problem.back() == '\n' ? problem : "attn-viz: " + problem + "\n");
  std::string bytes;
  switch (format == Format::FromName ? formatOf(output) : format) {
  case Format::Svg: bytes = renderSvg(draw(scene)); break;
  case Format::Png: bytes = renderPng(draw(scene)); break;
  case Format::Html:
    if (std::string problem = renderPage(parts.pattern, scene, bytes); !problem.empty())
      return refuse("attn-viz: " + problem + "\n");
    break;
  default: bytes = renderAscii(scene);
  }
  return bytes.empty() ? refuse("attn-viz: LIMIT: the image is larger than 16384 pixels on a side\n")
                       : attn::tool::writeFile("attn-viz", output, bytes);
}

int main(int argc, char **argv) {
  return attn::tool::runCommand(argc, argv, "attn-viz " ATTN_VERSION,
                                "Draw which keys an attention pattern (JSON) shows and which tiles its kernels visit.\n"
                                "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n",
                                drawHere);
}
