//===- Ascii.cpp - A scene as text ----------------------------------------===//
#include "tools/attn-viz/Render.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace attn::viz;

static constexpr size_t lineWidth = 120, gap = 3;

/// The block of a panel: title, tiles, figures. Lines of different length.
static std::vector<std::string> block(const Panel &panel, const EntryScene &entry) {
  std::vector<std::string> lines = {panel.title};
  for (size_t i = 0; i < panel.tiles.size(); ++i) {
    size_t row = i * size_t(panel.shape.rows), end = std::min(row + size_t(panel.shape.rows), panel.blind.size());
    bool blind = std::find(panel.blind.begin() + ptrdiff_t(std::min(row, end)), panel.blind.begin() + ptrdiff_t(end),
                           true) != panel.blind.begin() + ptrdiff_t(end);
    lines.push_back((blind ? "!" : " ") + panel.tiles[i]);
  }
  for (const std::string &line : panelLines(panel, entry))
    lines.push_back(line);
  return lines;
}

static size_t widthOf(const std::vector<std::string> &lines) {
  size_t width = 0;
  for (const std::string &line : lines)
    width = std::max(width, line.size());
  return width;
}

/// Blocks side by side, without spaces at the ends of lines.
static std::string sideBySide(const std::vector<std::vector<std::string>> &blocks) {
  std::string text;
  size_t height = 0;
  for (auto &lines : blocks)
    height = std::max(height, lines.size());
  for (size_t i = 0; i < height; ++i) {
    std::string line;
    size_t column = 0;
    for (auto &lines : blocks) {
      line.resize(column, ' ');
      line += i < lines.size() ? lines[i] : "";
      column += widthOf(lines) + gap;
    }
    text += llvm::StringRef(line).rtrim().str() + "\n";
  }
  return text;
}

std::string attn::viz::renderAscii(const Scene &scene) {
  std::string text = scene.pattern + ": " + scene.callText() + "\n";
  if (std::string values = scene.valueText(); !values.empty())
    text += values + "\n";
  for (const EntryScene &entry : scene.entries) {
    text += "\n";
    if (std::string title = scene.entryText(entry); !title.empty())
      text += title + "\n\n";
    std::vector<std::vector<std::string>> blocks;
    size_t width = 0;
    for (const Panel &panel : entry.panels) {
      if (panel.inOrder) // a character for each pair would be too wide
        continue;
      auto lines = block(panel, entry);
      if (!blocks.empty() && width + widthOf(lines) > lineWidth) {
        text += sideBySide(blocks) + "\n";
        blocks.clear();
        width = 0;
      }
      width += widthOf(lines) + gap;
      blocks.push_back(std::move(lines));
    }
    text += sideBySide(blocks);
  }
  return text + "\n# full   + partial   . skipped   ! some row sees no key\n";
}
