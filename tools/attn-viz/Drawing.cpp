//===- Drawing.cpp - A scene laid out -------------------------------------===//
#include "tools/attn-viz/Drawing.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace attn::viz;

static constexpr int64_t margin = 24, gapX = 36, gapY = 28, lineHeight = 17, textSize = 12, maxWidth = 1400;
static constexpr int64_t panelSide = 320, minPanelWidth = 260, minRowHeight = 2, markerWidth = 5, markerGap = 4;

namespace {

/// Units of drawing for the rows and keys of a scene: a whole number for each, or one unit for several of them that
/// divide a tile.
struct Scale {
  int64_t perKey = 1, perRow = 1; ///< units of a key, of a row; where negative, keys and rows of a unit
  static int64_t length(int64_t count, int64_t scale) {
    return scale > 0 ? count * scale : (count - scale - 1) / -scale;
  }
  bool showsPairs() const { return perKey > 0 && perRow > 0; }
  int64_t x(int64_t key) const { return length(key, perKey); }
  int64_t y(int64_t row) const { return length(row, perRow); }
};

/// Draws one panel with its top left corner at (0, 0).
class PanelPainter {
public:
  PanelPainter(const Panel &panel, const Scale &scale) : panel(panel), shape(panel.shape), scale(scale) {}
  std::vector<Fill> paint();

private:
  void paintTiles();
  void paintPairs();
  void paintGrid();
  bool paintsPairs() const { return scale.showsPairs() && !panel.pairs.empty(); }
  int mapOfTile(int64_t row0, int64_t k0) const;
  Rect area(int64_t row, int64_t rows, int64_t key, int64_t keys) const;
  void add(Color color, Rect r);

  const Panel &panel;
  const Shape &shape;
  const Scale &scale;
  std::vector<std::vector<int>> tileMaps; ///< for each tile the kernel map that gives it its colour
  std::vector<Fill> fills;
};

} // namespace

/// Adds to the fill of that colour; a rectangle that goes on under an earlier one makes it longer.
void PanelPainter::add(Color color, Rect r) {
  if (r.width <= 0 || r.height <= 0)
    return;
  auto fill = llvm::find_if(fills, [&](const Fill &f) { return f.color == color; });
  if (fill == fills.end())
    fill = fills.insert(fills.end(), Fill{color, {}});
  // Rectangles come in order of y, those just above are among the last ones.
  for (size_t i = fill->rects.size(); i-- > 0 && fill->rects.size() - i < 64;) {
    Rect &above = fill->rects[i];
    if (above.x == r.x && above.width == r.width && above.y + above.height == r.y) {
      above.height += r.height;
      return;
    }
  }
  fill->rects.push_back(r);
}

Rect PanelPainter::area(int64_t row, int64_t rows, int64_t key, int64_t keys) const {
  int64_t right = scale.x(std::min(key + keys, shape.kvLen)), bottom = scale.y(std::min(row + rows, shape.qLen));
  return {scale.x(key), scale.y(row), right - scale.x(key), bottom - scale.y(row)};
}

/// The kernel map that shows most pairs of the tile.
int PanelPainter::mapOfTile(int64_t row0, int64_t k0) const {
  if (panel.pairs.empty())
    return 0;
  std::map<int, int64_t> counts;
  for (int64_t row = row0; row < std::min(row0 + shape.rows, shape.qLen); ++row)
    for (int64_t k = k0; k < std::min(k0 + shape.keys, shape.kvLen); ++k)
      if (int16_t map = panel.pairs[size_t(row * shape.kvLen + k)]; map >= 0)
        ++counts[map];
  auto most = llvm::max_element(counts, [](auto &a, auto &b) { return a.second < b.second; });
  return counts.empty() ? 0 : most->first;
}

/// Runs of equal tiles.
void PanelPainter::paintTiles() {
  for (size_t i = 0; i < panel.tiles.size(); ++i) {
    const std::string &line = panel.tiles[i];
    int64_t row = int64_t(i) * shape.rows;
    auto colorOf = [&](size_t j) {
      if (line[j] == absent)
        return lineColor;
      if (line[j] == skipped)
        return skippedColor;
      const Shades &shades = shadesOf(tileMaps[i][j]);
      return line[j] == full ? shades.full : paintsPairs() ? shades.ground : shades.shown;
    };
    for (size_t j = 0; j < line.size();) {
      size_t end = j + 1;
      Color color = colorOf(j);
      while (end < line.size() && colorOf(end) == color)
        ++end;
      add(color, area(row, shape.rows, int64_t(j) * shape.keys, int64_t(end - j) * shape.keys));
      j = end;
    }
  }
}

/// Visible pairs: of partial tiles all, of full ones those of another kernel map than the tile's.
void PanelPainter::paintPairs() {
  for (int64_t row = 0; row < shape.qLen; ++row) {
    const std::string &line = panel.tiles[size_t(row / shape.rows)];
    auto colorOf = [&](int64_t k) -> std::optional<Color> {
      int16_t map = panel.pairs[size_t(row * shape.kvLen + k)];
      char tile = line[size_t(k / shape.keys)];
      if (map < 0 || (tile == full && tileMaps[size_t(row / shape.rows)][size_t(k / shape.keys)] == map))
        return std::nullopt;
      return tile == full ? shadesOf(map).full : shadesOf(map).shown;
    };
    for (int64_t k = 0; k < shape.kvLen;) {
      int64_t end = k + 1;
      auto color = colorOf(k);
      while (end < shape.kvLen && colorOf(end) == color)
        ++end;
      if (color)
        add(*color, area(row, 1, k, end - k));
      k = end;
    }
  }
}

void PanelPainter::paintGrid() {
  int64_t width = scale.x(shape.kvLen), height = scale.y(shape.qLen);
  Fill grid{lineColor, {}}, frame{frameColor, {}}, blind{blindColor, {}};
  if (scale.x(shape.keys) >= 6)
    for (int64_t k = shape.keys; k < shape.kvLen; k += shape.keys)
      grid.rects.push_back({scale.x(k), 0, 1, height});
  if (scale.y(shape.rows) >= 6)
    for (int64_t row = shape.rows; row < shape.qLen; row += shape.rows)
      grid.rects.push_back({0, scale.y(row), width, 1});
  frame.rects = {{-1, -1, width + 2, 1}, {-1, height, width + 2, 1}, {-1, 0, 1, height}, {width, 0, 1, height}};
  for (int64_t row = 0; row < int64_t(panel.blind.size());) {
    int64_t end = row + 1;
    while (end < int64_t(panel.blind.size()) && panel.blind[size_t(end)] == panel.blind[size_t(row)])
      ++end;
    if (panel.blind[size_t(row)])
      blind.rects.push_back({-markerGap - markerWidth, scale.y(row), markerWidth, scale.y(end) - scale.y(row)});
    row = end;
  }
  for (Fill *fill : {&grid, &frame, &blind})
    if (!fill->rects.empty())
      fills.push_back(std::move(*fill));
}

std::vector<Fill> PanelPainter::paint() {
  for (size_t i = 0; i < panel.tiles.size(); ++i) {
    tileMaps.emplace_back();
    for (size_t j = 0; j < panel.tiles[i].size(); ++j)
      tileMaps.back().push_back(mapOfTile(int64_t(i) * shape.rows, int64_t(j) * shape.keys));
  }
  paintTiles();
  if (paintsPairs()) {
    std::vector<Fill> tiles = std::move(fills);
    fills.clear();
    paintPairs();
    fills.insert(fills.begin(), tiles.begin(), tiles.end());
  }
  paintGrid();
  return std::move(fills);
}

/// A whole number of units for a key or row, as near as possible to `panelSide` for all of them; for long sides a unit
/// stands for a tile or, in long tiles, for a part of one.
static int64_t unitsFor(int64_t count, int64_t tile) {
  if (count <= 2 * panelSide)
    return std::max<int64_t>(panelSide / count, 1);
  int64_t perUnit = 1;
  for (int64_t divisor = 2; divisor <= tile; ++divisor)
    if (tile % divisor == 0 && count / divisor >= panelSide / 2)
      perUnit = divisor;
  return perUnit == 1 ? 1 : -perUnit;
}

static Scale scaleFor(const Shape &shape) {
  Scale scale;
  scale.perKey = unitsFor(shape.kvLen, shape.keys);
  scale.perRow =
      shape.qLen == shape.kvLen && shape.rows == shape.keys ? scale.perKey : unitsFor(shape.qLen, shape.rows);
  if (shape.qLen < shape.kvLen && scale.perKey > 0)
    scale.perRow =
        std::max(scale.perKey, std::min<int64_t>(scale.perRow, std::max<int64_t>(16 / shape.qLen, minRowHeight)));
  return scale;
}

namespace {

/// Places panels, legend and text on a sheet.
class Sheet {
public:
  explicit Sheet(const Scene &scene) : scene(scene) {}
  Drawing make();

private:
  void text(int64_t x, const std::string &content, bool bold = false, Color color = textColor, int64_t size = textSize);
  void panels();
  void panel(const Panel &panel, const EntryScene &entry, const std::string &title);
  void newRow() {
    x = margin;
    y = bottom + gapY;
  }
  void legend();
  void swatch(int64_t &x, Color color, const std::string &meaning, Color inner = 0);

  const Scene &scene;
  Drawing drawing;
  int64_t x = margin;      ///< where the next panel goes
  int64_t y = margin;      ///< where the next line goes
  int64_t bottom = margin; ///< of what is placed
};

} // namespace

/// Estimate for a proportional font: images must not depend on the fonts of a machine.
static int64_t textWidth(const std::string &content, bool bold = false) {
  return int64_t(content.size()) * (bold ? 66 : 61) / 10;
}

void Sheet::text(int64_t x, const std::string &content, bool bold, Color color, int64_t size) {
  drawing.texts.push_back({x, y, size, bold, color, content});
  drawing.width = std::max(drawing.width, x + textWidth(content, bold) * size / textSize + margin);
  bottom = std::max(bottom, y);
}

void Sheet::panel(const Panel &panel, const EntryScene &entry, const std::string &title) {
  Scale scale = scaleFor(panel.shape);
  int64_t width = std::max(scale.x(panel.shape.kvLen), minPanelWidth);
  if (x > margin && x + width + margin > maxWidth)
    newRow();
  int64_t top = y;
  text(x, title, true);
  y += 8;
  for (Fill &fill : PanelPainter(panel, scale).paint()) {
    for (Rect &r : fill.rects)
      r.x += x, r.y += y;
    drawing.fills.push_back(std::move(fill));
  }
  drawing.width = std::max(drawing.width, x + scale.x(panel.shape.kvLen) + margin);
  y += scale.y(panel.shape.qLen) + lineHeight + 2;
  for (const std::string &line : panelLines(panel, entry)) {
    text(x, line, false, mutedColor);
    y += lineHeight;
  }
  bottom = std::max(bottom, y - lineHeight);
  y = top;
  x += width + gapX;
}

/// Entry points with one panel each share rows, the others have rows of their own.
void Sheet::panels() {
  bool shared = llvm::all_of(scene.entries, [](auto &e) { return e.panels.size() == 1; });
  for (const EntryScene &entry : scene.entries) {
    std::string title = scene.entryText(entry);
    if (!shared && !title.empty()) {
      text(margin, title, true, textColor, 13);
      y += lineHeight + 8;
    }
    for (const Panel &drawn : entry.panels)
      panel(drawn, entry, shared && !title.empty() ? title : drawn.title);
    if (!shared)
      newRow();
  }
  if (shared)
    newRow();
}

void Sheet::swatch(int64_t &x, Color color, const std::string &meaning, Color inner) {
  drawing.fills.push_back({color, {{x, y - 10, 12, 12}}});
  if (inner)
    drawing.fills.push_back({inner, {{x, y - 10, 6, 12}}});
  text(x + 18, meaning, false, mutedColor);
  x += 18 + textWidth(meaning) + 8;
}

void Sheet::legend() {
  int64_t x = margin;
  bool pairs = llvm::any_of(scene.entries, [](auto &e) {
    return llvm::any_of(e.panels, [](auto &p) { return !p.pairs.empty() && scaleFor(p.shape).showsPairs(); });
  });
  const Shades &first = shadesOf(0);
  swatch(x, first.full, "full tile");
  if (pairs)
    swatch(x, first.ground, "partial tile: visible pairs darker", first.shown);
  else
    swatch(x, first.shown, "partial tile");
  swatch(x, skippedColor, "skipped tile");
  bool blind = llvm::any_of(scene.entries, [](auto &e) {
    return llvm::any_of(e.panels, [](const Panel &p) { return p.figures.blindRows > 0; });
  });
  if (blind)
    swatch(x, blindColor, "row without a visible key");
  bool known = llvm::all_of(scene.entries, [](auto &e) { return e.panels.empty() || !e.panels[0].pairs.empty(); });
  if (scene.maps.size() < 2 || !known)
    return;
  y += lineHeight + 3;
  x = margin;
  for (size_t i = 0; i < scene.maps.size(); ++i) {
    if (x > margin && x + 40 + textWidth(scene.maps[i]) > std::max(drawing.width, int64_t(600))) {
      x = margin;
      y += lineHeight + 3;
    }
    swatch(x, shadesOf(int(i)).full, scene.maps[i], shadesOf(int(i)).shown);
  }
}

Drawing Sheet::make() {
  drawing.title = scene.pattern;
  drawing.description = scene.doc;
  y += 4;
  text(margin, scene.pattern, true, textColor, 16);
  y += lineHeight + 4;
  text(margin, scene.callText(), false, mutedColor);
  y += lineHeight;
  if (std::string values = scene.valueText(); !values.empty()) {
    text(margin, values, false, mutedColor);
    y += lineHeight;
  }
  y += 14;
  panels();
  legend();
  drawing.height = bottom + margin;
  return std::move(drawing);
}

Drawing attn::viz::draw(const Scene &scene) { return Sheet(scene).make(); }
