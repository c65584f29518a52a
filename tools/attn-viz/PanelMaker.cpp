//===- PanelMaker.cpp - The drawings of one head --------------------------===//
#include "tools/attn-viz/PanelMaker.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;
using namespace attn::viz;
using attn::passes::TileCall;

bool Figures::operator==(const Figures &o) const {
  return std::tie(pairs, visible, atLeast, full, partial, skipped, visits, needless, blindRows) ==
         std::tie(o.pairs, o.visible, o.atLeast, o.full, o.partial, o.skipped, o.visits, o.needless, o.blindRows);
}

bool Panel::sameAs(const Panel &other) const {
  return tiles == other.tiles && pairs == other.pairs && blind == other.blind && figures == other.figures;
}

std::vector<PanelMaker::Part> PanelMaker::parts() const {
  std::vector<Part> result;
  if (!call.steps)
    return {{0, call.qLen, call.kvLen, call.sequence}};
  for (int64_t row = 0; row < call.qLen; ++row) {
    int64_t sequence = call.sequence - call.qLen + row + 1;
    result.push_back({row, 1, call.slots ? call.kvLen : sequence, sequence});
  }
  return result;
}

mask::Environment PanelMaker::environment(int64_t layer, int64_t head) const {
  mask::Environment env = call.environment;
  env.values["b"] = call.request, env.values["batch"] = call.request + 1;
  env.values["h"] = head, env.values["g"] = head / (call.qHeads / call.kvHeads), env.values["l"] = layer;
  env.values["q_heads"] = call.qHeads, env.values["kv_heads"] = call.kvHeads;
  return env;
}

TileCall PanelMaker::tileCall(const Part &part, int64_t layer) const {
  TileCall result;
  result.qLen = part.rows, result.kvLen = part.kvLen, result.qPos = call.qPos + part.row;
  result.qHeads = call.qHeads, result.kvHeads = call.kvHeads;
  result.batch = call.request + 1, result.request = call.request, result.layer = layer;
  result.rows = call.rows, result.keys = call.keys;
  result.environment = call.environment;
  result.environment.values["sequence.kv_len"] = part.sequence;
  result.pairBudget = 0;
  return result;
}

/// The tiles of all loops in one drawing: full wins over partial over skipped. With `figures`, counts visits and pairs.
std::string PanelMaker::merge(const TileCall &tiles, int64_t head, std::vector<std::string> &lines,
                              Figures *figures) const {
  for (const Loop &loop : loops) {
    passes::TilePicture picture;
    auto report = passes::countTiles(loop.mask, loop.program, tiles, &picture, head);
    if (!report.error.empty())
      return report.error;
    if (figures) {
      const passes::TileCounts &counts = report.heads[size_t(head)];
      figures->visits += counts.visited();
      figures->visible += counts.visiblePairs;
      figures->atLeast |= counts.notCounted > 0;
    }
    if (&loop == loops.begin())
      lines = std::move(picture);
    else
      for (size_t i = 0; i < lines.size(); ++i)
        for (size_t j = 0; j < lines[i].size(); ++j)
          if (picture[i][j] == full || lines[i][j] == skipped)
            lines[i][j] = picture[i][j];
  }
  return "";
}

std::string PanelMaker::classify(int64_t layer, int64_t head, int64_t budget, Panel &panel) const {
  for (const Part &part : parts()) {
    TileCall tiles = tileCall(part, layer);
    tiles.pairBudget = budget;
    std::vector<std::string> lines;
    if (std::string problem = merge(tiles, head, lines, &panel.figures); !problem.empty())
      return problem;
    for (std::string &line : lines) {
      for (char tile : line)
        ++(tile == full ? panel.figures.full : tile == partial ? panel.figures.partial : panel.figures.skipped);
      line.resize(size_t((call.kvLen - 1) / call.keys + 1), absent);
      panel.tiles.push_back(std::move(line));
    }
    panel.figures.pairs += part.rows * part.kvLen;
  }
  return "";
}

std::string PanelMaker::lookAtPairs(int64_t layer, int64_t head, Panel &panel) {
  mask::Environment env = environment(layer, head);
  panel.pairs.assign(size_t(call.qLen * call.kvLen), behind);
  panel.blind.assign(size_t(call.qLen), true);
  keyClasses.clear();
  int64_t &q = env.values["q"], &k = env.values["k"];
  int64_t visible = 0;
  for (const Part &part : parts()) {
    env.values["q_len"] = part.rows, env.values["kv_len"] = part.sequence;
    keyClasses.emplace_back();
    for (k = 0; k < part.kvLen; ++k)
      keyClasses.back().push_back(visibility.keyClass(env));
    for (int64_t row = part.row; row < part.row + part.rows; ++row) {
      q = call.qPos + row;
      for (k = 0; k < part.kvLen; ++k) {
        int map = visibility.map(env);
        if (map == -2)
          return visibility.error;
        panel.pairs[size_t(row * call.kvLen + k)] = map < 0 ? hidden : mapNumbers[size_t(map)];
        visible += map >= 0;
        if (map >= 0)
          panel.blind[size_t(row)] = false;
      }
    }
  }
  panel.figures.visible = visible;
  panel.figures.atLeast = false;
  panel.figures.blindRows = llvm::count(panel.blind, true);
  return "";
}

/// Checks every tile against its pairs and counts the ones that are partial without need (not those that two kernels
/// show in parts).
std::string PanelMaker::compare(Panel &panel) const {
  const Shape &shape = panel.shape;
  for (size_t i = 0; i < panel.tiles.size(); ++i)
    for (size_t j = 0; j < panel.tiles[i].size(); ++j) {
      int64_t shown = 0, all = 0, rows = 0; // rows: those that are there
      int64_t k0 = int64_t(j) * shape.keys, row0 = int64_t(i) * shape.rows;
      for (int64_t row = row0; row < std::min(row0 + shape.rows, shape.qLen); ++row) {
        int64_t before = all;
        for (int64_t k = k0; k < std::min(k0 + shape.keys, shape.kvLen); ++k) {
          int16_t pair = panel.pairs[size_t(row * shape.kvLen + k)];
          all += pair != behind;
          shown += pair >= 0;
        }
        rows += all > before;
      }
      char tile = panel.tiles[i][j];
      if ((tile == full && shown != all) || (tile == skipped && shown))
        return "INTERNAL: the range programs call the tile at row " + std::to_string(row0) + ", key " +
               std::to_string(k0) + (tile == full ? " full" : " empty") + "; the pattern shows " +
               std::to_string(shown) + " of its " + std::to_string(all) + " pairs";
      bool whole = all == rows * shape.keys; // a tile that reaches past the keys is partial anyway
      bool oneKernel = visibility.keyPartitions().empty();
      if (!oneKernel) {
        auto &classes = keyClasses[call.steps ? i : 0];
        auto first = classes.begin() + std::min(k0, int64_t(classes.size()));
        auto last = classes.begin() + std::min(k0 + shape.keys, int64_t(classes.size()));
        oneKernel = std::adjacent_find(first, last, std::not_equal_to<>()) == last;
      }
      panel.figures.needless += tile == partial && (shown == 0 || (shown == all && whole && oneKernel));
    }
  return "";
}

/// Without pairs: a row is blind where the range programs skip all of its tiles.
std::string PanelMaker::findBlindRows(int64_t layer, int64_t head, Panel &panel) const {
  bool exact = llvm::all_of(loops, [](const Loop &loop) { return loop.program.exact(); });
  if (!exact || call.qLen * ((call.kvLen - 1) / call.keys + 1) > int64_t(1) << 24) {
    panel.figures.blindRows = -1;
    return "";
  }
  for (const Part &part : parts()) {
    TileCall tiles = tileCall(part, layer);
    tiles.rows = 1;
    std::vector<std::string> lines;
    if (std::string problem = merge(tiles, head, lines, nullptr); !problem.empty())
      return problem;
    for (const std::string &line : lines)
      panel.blind.push_back(line.find_first_not_of(skipped) == std::string::npos);
  }
  panel.figures.blindRows = llvm::count(panel.blind, true);
  return "";
}

/// Tiles that are boxes of a token grid, rows and columns in their order; padding is absent. `inOrder` holds the pairs
/// in the order of positions, if they are known; they are put in the order of the boxes, and `inOrder` gets their
/// classes.
std::string PanelMaker::classifyBoxes(int64_t layer, int64_t head, int64_t budget, Panel &panel, Panel &inOrder) const {
  const Loop &loop = loops[0];
  TileCall tiles = tileCall(parts()[0], layer);
  tiles.pairBudget = budget;
  passes::TilePicture picture;
  auto report = passes::countTiles(loop.mask, loop.boxes, *loop.grid, tiles, &picture, head);
  if (!report.error.empty())
    return report.error;
  mask::Environment env = environment(layer, head);
  env.values["q_len"] = call.qLen, env.values["kv_len"] = call.kvLen, env.values[".q_pos"] = call.qPos;
  // The positions of rows and columns. Boxes without a row are not drawn: the kernel skips them.
  auto positions = [&](mask::Side side) {
    std::vector<int64_t> all;
    mask::BoxLayout layout = boxLayout(*loop.grid, side);
    for (int64_t n = 0, end = 1; n < end; ++n) {
      mask::Box box = boxOf(*loop.grid, layout, side, n, env);
      end = box.boxes;
      bool isEmpty = llvm::all_of(box.positions, [](int64_t position) { return position == mask::Box::padding; });
      if (n < end && !(isEmpty && side == mask::Side::Query))
        all.insert(all.end(), box.positions.begin(), box.positions.end());
    }
    return all;
  };
  std::vector<int64_t> rows = positions(mask::Side::Query), columns = positions(mask::Side::Key);
  panel.shape = {int64_t(rows.size()), int64_t(columns.size()), loop.grid->tile(mask::Side::Query),
                 loop.grid->tile(mask::Side::Key)};
  panel.tiles = std::move(picture);
  const passes::TileCounts &counts = report.heads[size_t(head)];
  Figures &figures = panel.figures = inOrder.figures;
  figures.pairs = call.qLen * call.kvLen;
  figures.full = counts.full, figures.partial = counts.partial, figures.skipped = counts.empty;
  figures.visits = counts.visited();
  auto extents = [&](mask::Side side) {
    std::string text;
    for (auto &axis : loop.grid->axes)
      text += (text.empty() ? "" : " x ") + std::to_string(axis.box(side));
    return text;
  };
  panel.note = "boxes of " + extents(mask::Side::Query) + " queries, " + extents(mask::Side::Key) + " keys, in order";
  if (inOrder.pairs.empty()) {
    figures.visible = counts.visiblePairs, figures.atLeast = counts.notCounted > 0, figures.blindRows = -1;
    return "";
  }
  panel.pairs.assign(rows.size() * columns.size(), behind);
  panel.blind.assign(rows.size(), false);
  inOrder.shape = {call.qLen, call.kvLen, 1, 1};
  inOrder.tiles.assign(size_t(call.qLen), std::string(size_t(call.kvLen), skipped));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == mask::Box::padding)
      continue;
    size_t row = size_t(rows[i] - call.qPos);
    panel.blind[i] = inOrder.blind[row];
    for (size_t j = 0; j < columns.size(); ++j)
      if (columns[j] != mask::Box::padding) {
        size_t column = size_t(columns[j]);
        panel.pairs[i * columns.size() + j] = inOrder.pairs[row * size_t(call.kvLen) + column];
        inOrder.tiles[row][column] = panel.tiles[i / size_t(panel.shape.rows)][j / size_t(panel.shape.keys)];
      }
  }
  inOrder.note = "the same in the order of positions";
  inOrder.inOrder = true;
  return "";
}

std::string PanelMaker::make(int64_t layer, int64_t head, int64_t budget, std::vector<Panel> &panels) {
  bool drawPairs = call.qLen * call.kvLen <= budget;
  bool isBoxed = loops.size() == 1 && loops[0].grid && !call.steps;
  Panel panel;
  panel.shape = {call.qLen, call.kvLen, call.rows, call.keys};
  if (call.steps)
    panel.note = "a row is one decode step, tiles of 1 x " + std::to_string(call.keys);
  if (call.slots)
    panel.note += (panel.note.empty() ? "" : "; ") + std::string("columns are slots, not positions");
  std::string problem = isBoxed ? "" : classify(layer, head, drawPairs ? 0 : budget, panel);
  if (problem.empty() && (drawPairs || !isBoxed))
    problem = drawPairs ? lookAtPairs(layer, head, panel) : findBlindRows(layer, head, panel);
  if (problem.empty() && isBoxed) {
    Panel inOrder = std::move(panel);
    panel = Panel();
    problem = classifyBoxes(layer, head, drawPairs ? 0 : budget, panel, inOrder);
    if (drawPairs)
      panels.push_back(std::move(inOrder));
  }
  if (problem.empty() && drawPairs)
    problem = compare(panel);
  if (call.slots) { // a row may see keys of the sequence
    panel.blind.clear();
    panel.figures.blindRows = 0;
  }
  panels.push_back(std::move(panel));
  return problem;
}
