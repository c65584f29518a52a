//===- SceneText.cpp - What a picture says in words -----------------------===//
#include "tools/attn-viz/Scene.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn::viz;
using llvm::formatv;

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

std::string Scene::callText() const {
  std::string text = formatv("{0} {1} (rows){2} x {3} {4} (columns)", call.qLen, call.qLen == 1 ? "query" : "queries",
                             call.qPos ? " from position " + std::to_string(call.qPos) : "", call.kvLen,
                             call.kvLen == 1 ? "key" : "keys");
  if (llvm::any_of(entries, [](const EntryScene &entry) { return entry.panels[0].note.empty(); }))
    text += formatv(", tiles of {0} x {1}", call.rows, call.keys);
  auto isLast = [](const Panel &panel) { return !panel.inOrder; };
  if (llvm::any_of(entries, [&](const EntryScene &entry) { return llvm::count_if(entry.panels, isLast) > 1; }))
    text += formatv("; {0} query heads, {1} KV heads", call.qHeads, call.kvHeads);
  if (call.layers.size() == 1 && call.layers[0])
    text += formatv(", layer {0}", call.layers[0]);
  if (call.request)
    text += formatv(", request {0}", call.request);
  return text;
}

std::string Scene::valueText() const {
  std::string text;
  auto separate = [&](const char *by) { text += text.empty() ? "" : by; };
  for (auto &[name, value] : call.environment.values) {
    separate(", ");
    text += name + " = " + std::to_string(value);
  }
  for (auto &[name, value] : call.environment.reals) {
    separate(", ");
    text += name + " = " + number(value);
  }
  if (!call.madeUp.empty()) {
    separate("; ");
    text += "made up (seed " + std::to_string(call.seed) + "): " + llvm::join(call.madeUp, ", ");
  }
  return text;
}

std::string Scene::entryText(const EntryScene &entry) const { return entries.size() > 1 ? entry.name : ""; }

std::vector<std::string> attn::viz::panelLines(const Panel &panel, const EntryScene &entry) {
  const Figures &n = panel.figures;
  auto percent = [](int64_t part, int64_t whole) {
    return formatv("{0:F1} %", whole ? 100.0 * part / whole : 0.0).str();
  };
  std::vector<std::string> lines;
  if (!panel.note.empty())
    lines.push_back(panel.note);
  if (panel.inOrder)
    return lines;
  lines.push_back(
      formatv("{0}{1} of the pairs are visible", n.atLeast ? "at least " : "", percent(n.visible, n.pairs)));
  lines.push_back(formatv("tiles: {0} full, {1} partial, {2} skipped", n.full, n.partial, n.skipped));
  if (entry.isScan)
    lines.push_back("a scan: its state stands for the keys");
  else if (n.visits == 0)
    lines.push_back("no tile is visited");
  else
    lines.push_back(formatv("{0} visits: at most {1:F2} x faster than dense", n.visits, double(n.tiles()) / n.visits));
  if (n.needless)
    lines.push_back(formatv("{0} partial without need", n.needless));
  if (n.blindRows)
    lines.push_back(n.blindRows < 0 ? "rows without a visible key: not counted"
                                    : formatv("rows without a visible key: {0}", n.blindRows).str());
  return lines;
}

std::string attn::viz::escapeMarkup(const std::string &text) {
  auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data()), *end = begin + text.size();
  bool isUtf8 = llvm::isLegalUTF8String(&begin, end);
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = (unsigned char)text[i];
    bool noCharacter = text.compare(i, 3, "\xef\xbf\xbe") == 0 || text.compare(i, 3, "\xef\xbf\xbf") == 0;
    if (noCharacter)
      i += 2;
    else if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
      result += "&#" + std::to_string(c) + ";";
    else if (c >= 0x20 && c != 0x7f && (c < 0x80 || isUtf8))
      result += text[i];
  }
  return result;
}
