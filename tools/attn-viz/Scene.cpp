//===- Scene.cpp - What a picture shows -----------------------------------===//
#include "tools/attn-viz/Scene.h"

#include "passes/analysis/TileReport.h"
#include "tools/attn-viz/Kernels.h"
#include "tools/attn-viz/Visibility.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

using namespace attn;
using namespace attn::viz;
using attn::passes::TileCall;
using attn::spec::Pattern;

/// Pairs looked into one by one, over all drawings: about two seconds of the evaluator.
static constexpr int64_t pairBudget = int64_t(1) << 21;

bool Figures::operator==(const Figures &o) const {
  return std::tie(pairs, visible, atLeast, full, partial, skipped, visits, needless, blindRows) ==
         std::tie(o.pairs, o.visible, o.atLeast, o.full, o.partial, o.skipped, o.visits, o.needless, o.blindRows);
}

bool Panel::sameAs(const Panel &other) const {
  return tiles == other.tiles && pairs == other.pairs && blind == other.blind && figures == other.figures;
}

namespace {

/// Draws one head of one layer.
class PanelMaker {
public:
  PanelMaker(const Call &call, llvm::ArrayRef<Loop> loops, Visibility &visibility, llvm::ArrayRef<int8_t> mapNumbers)
      : call(call), loops(loops), visibility(visibility), mapNumbers(mapNumbers) {}

  /// `budget` of pairs; where it does not do for all of them, only tiles are drawn.
  std::string make(int64_t layer, int64_t head, int64_t budget, Panel &panel);
  mask::Environment environment(int64_t layer, int64_t head) const;

private:
  /// The rows of the drawing that are one call: all of them, or with steps one.
  struct Part {
    int64_t row, rows, kvLen;
  };
  std::vector<Part> parts() const;
  TileCall tileCall(const Part &part, int64_t layer) const;
  std::string classify(int64_t layer, int64_t head, int64_t budget, Panel &panel) const;
  std::string lookAtPairs(int64_t layer, int64_t head, Panel &panel);
  std::string compare(Panel &panel) const;
  std::string findBlindRows(int64_t layer, int64_t head, Panel &panel) const;
  std::string merge(const TileCall &tiles, int64_t head, std::vector<std::string> &lines, Figures *figures) const;

  const Call &call;
  llvm::ArrayRef<Loop> loops;
  Visibility &visibility;
  llvm::ArrayRef<int8_t> mapNumbers;
  std::vector<std::vector<int64_t>> keyClasses; ///< of the keys of each part
};

} // namespace

std::vector<PanelMaker::Part> PanelMaker::parts() const {
  std::vector<Part> result;
  if (!call.steps)
    return {{0, call.qLen, call.kvLen}};
  for (int64_t row = 0; row < call.qLen; ++row)
    result.push_back({row, 1, call.kvLen - call.qLen + row + 1});
  return result;
}

attn::mask::Environment PanelMaker::environment(int64_t layer, int64_t head) const {
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
    env.values["q_len"] = part.rows, env.values["kv_len"] = part.kvLen;
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
  for (size_t i = 0; i < panel.tiles.size(); ++i)
    for (size_t j = 0; j < panel.tiles[i].size(); ++j) {
      int64_t shown = 0, all = 0;
      int64_t k0 = int64_t(j) * call.keys, row0 = int64_t(i) * call.rows;
      for (int64_t row = row0; row < std::min(row0 + call.rows, call.qLen); ++row)
        for (int64_t k = k0; k < std::min(k0 + call.keys, call.kvLen); ++k) {
          int8_t pair = panel.pairs[size_t(row * call.kvLen + k)];
          all += pair != behind;
          shown += pair >= 0;
        }
      char tile = panel.tiles[i][j];
      if ((tile == full && shown != all) || (tile == skipped && shown))
        return "INTERNAL: the range programs call the tile at row " + std::to_string(row0) + ", key " +
               std::to_string(k0) + (tile == full ? " full" : " empty") + "; the pattern shows " +
               std::to_string(shown) + " of its " + std::to_string(all) + " pairs";
      bool whole = all % call.keys == 0; // a tile that reaches past the keys is partial anyway
      auto &classes = keyClasses[call.steps ? i : 0];
      auto first = classes.begin() + k0, last = classes.begin() + std::min(k0 + call.keys, int64_t(classes.size()));
      bool oneKernel = std::adjacent_find(first, std::max(first, last), std::not_equal_to<>()) == std::max(first, last);
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

std::string PanelMaker::make(int64_t layer, int64_t head, int64_t budget, Panel &panel) {
  bool drawPairs = call.qLen * call.kvLen <= budget;
  std::string problem = classify(layer, head, drawPairs ? 0 : budget, panel);
  if (problem.empty())
    problem = drawPairs ? lookAtPairs(layer, head, panel) : findBlindRows(layer, head, panel);
  if (problem.empty() && drawPairs)
    problem = compare(panel);
  return problem;
}

/// `head 2`, `heads 0-3, 6`.
static std::string headText(const std::vector<int64_t> &heads) {
  std::string text = heads.size() == 1 ? "head " : "heads ";
  for (size_t i = 0; i < heads.size();) {
    size_t last = i;
    while (last + 1 < heads.size() && heads[last + 1] == heads[last] + 1)
      ++last;
    text += (i ? ", " : "") + std::to_string(heads[i]);
    if (last > i)
      text += (last == i + 1 ? ", " : "-") + std::to_string(heads[last]);
    i = last + 1;
  }
  return text;
}

static std::string makeEntry(const Pattern &pattern, const attn::spec::Entry &entry, const std::vector<Loop> &all,
                             Scene &scene, EntryScene &drawn) {
  const Call &call = drawn.call;
  Visibility visibility(pattern, entry.attend);
  std::vector<int8_t> mapNumbers; // of the entry's maps among those of the scene
  for (const Visibility::Rule &rule : visibility.all()) {
    mapNumbers.push_back(int8_t(llvm::find(scene.maps, rule.name) - scene.maps.begin()));
    if (size_t(mapNumbers.back()) == scene.maps.size())
      scene.maps.push_back(rule.name);
  }
  std::vector<Loop> loops;
  llvm::copy_if(all, std::back_inserter(loops), [&](const Loop &loop) { return loop.entry == entry.name; });
  drawn.name = entry.name;
  drawn.isScan = loops.empty();
  if (loops.empty()) // classified as the loop over keys would be
    for (const Visibility::Rule &rule : visibility.all())
      loops.push_back({entry.name, "", rule.visible, mask::RangeProgram::compile(rule.visible)});

  PanelMaker maker(call, loops, visibility, mapNumbers);
  drawn.usesHeads = visibility.usesHeads();
  int64_t heads = drawn.usesHeads ? call.qHeads : 1;
  int64_t budget = pairBudget / (heads * int64_t(call.layers.size()) * int64_t(pattern.entries.size()));
  for (int64_t layer : call.layers) {
    size_t first = drawn.panels.size();
    std::vector<std::vector<int64_t>> members;
    for (int64_t head = 0; head < heads; ++head) {
      Panel panel;
      if (std::string problem = maker.make(layer, head, budget, panel); !problem.empty())
        return problem;
      panel.title = headClasses(pattern, maker.environment(layer, head));
      size_t same = first;
      while (same < drawn.panels.size() &&
             !(panel.title == drawn.panels[same].title && panel.sameAs(drawn.panels[same])))
        ++same;
      if (same == drawn.panels.size()) {
        drawn.panels.push_back(std::move(panel));
        members.push_back({});
      }
      members[same - first].push_back(head);
    }
    for (size_t i = first; i < drawn.panels.size(); ++i) {
      auto &own = members[i - first];
      std::string who = own.size() == size_t(heads) ? (call.qHeads == 1 ? "head 0" : "all heads") : headText(own);
      std::string &title = drawn.panels[i].title;
      title = (call.layers.size() > 1 ? "layer " + std::to_string(layer) + ", " : "") + who +
              (title.empty() ? "" : ": " + title);
    }
  }
  return "";
}

std::string attn::viz::makeScene(const Pattern &pattern, const Request &request, Scene &scene) {
  scene.pattern = pattern.name;
  scene.doc = pattern.doc;
  if (std::string problem = makeCall(pattern, request, scene.call); !problem.empty())
    return problem;
  Kernels kernels;
  if (std::string problem = compile(pattern, kernels); !problem.empty())
    return problem;
  scene.positive = kernels.positive;
  for (const std::string &name : scene.positive)
    if (int64_t value = scene.call.environment.values.at(name); value < 1)
      return "parameter '" + name + "' must be at least 1, got " + std::to_string(value);
  for (const spec::Entry &entry : pattern.entries) {
    if (!request.entry.empty() && entry.name != request.entry)
      continue;
    scene.entries.emplace_back();
    Call &call = scene.entries.back().call = scene.call;
    call.steps = llvm::is_contained(request.steps, entry.name);
    call.rows = call.steps ? 1 : call.rows;
    if (std::string problem = makeEntry(pattern, entry, kernels.loops, scene, scene.entries.back()); !problem.empty())
      return problem;
  }
  return scene.entries.empty() ? "--entry " + request.entry + ": the pattern has no such entry point" : "";
}
