//===- Scene.cpp - What a picture shows -----------------------------------===//
#include "tools/attn-viz/Scene.h"

#include "tools/attn-viz/PanelMaker.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

using namespace attn;
using namespace attn::viz;
using attn::spec::Pattern;

/// Pairs looked into one by one, over all drawings: about two seconds of the evaluator.
static constexpr int64_t pairBudget = int64_t(1) << 21;

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

namespace {

/// Heads of one layer with the same drawings.
struct Group {
  std::string classes;
  std::vector<Panel> panels;
  std::vector<int64_t> heads;
};

} // namespace

static std::string makeEntry(const Pattern &pattern, const attn::spec::Entry &entry, const std::vector<Loop> &all,
                             Scene &scene, EntryScene &drawn) {
  const Call &call = drawn.call;
  Visibility visibility(pattern, entry.attend);
  std::vector<int16_t> mapNumbers; // of the entry's maps among those of the scene
  for (const Visibility::Rule &rule : visibility.all()) {
    mapNumbers.push_back(int16_t(llvm::find(scene.maps, rule.name) - scene.maps.begin()));
    if (size_t(mapNumbers.back()) == scene.maps.size())
      scene.maps.push_back(rule.name);
  }
  std::vector<Loop> loops;
  llvm::copy_if(all, std::back_inserter(loops), [&](const Loop &loop) { return loop.entry == entry.name; });
  drawn.name = entry.name;
  drawn.isScan = loops.empty();
  if (loops.size() == 1)
    drawn.grid = loops[0].grid;
  if (loops.empty()) // classified as the loop over keys would be
    for (const Visibility::Rule &rule : visibility.all())
      loops.push_back({entry.name, "", rule.visible, mask::RangeProgram::compile(rule.visible), {}, {}});

  PanelMaker maker(call, loops, visibility, mapNumbers);
  drawn.usesHeads = visibility.usesHeads();
  int64_t heads = drawn.usesHeads ? call.qHeads : 1;
  int64_t budget = pairBudget / (heads * int64_t(call.layers.size()) * int64_t(pattern.entries.size()));
  for (int64_t layer : call.layers) {
    std::vector<Group> groups;
    for (int64_t head = 0; head < heads; ++head) {
      std::vector<Panel> panels; // the one by which heads differ last
      if (std::string problem = maker.make(layer, head, budget, panels); !problem.empty())
        return problem;
      std::string classes = headClasses(pattern, entry.attend, maker.environment(layer, head));
      size_t same = 0;
      while (same < groups.size() &&
             !(classes == groups[same].classes && panels.back().sameAs(groups[same].panels.back())))
        ++same;
      if (same == groups.size())
        groups.push_back({classes, std::move(panels), {}});
      groups[same].heads.push_back(head);
    }
    for (Group &group : groups) {
      auto &own = group.heads;
      std::string who = own.size() == size_t(heads) ? (call.qHeads == 1 ? "head 0" : "all heads") : headText(own);
      for (Panel &panel : group.panels) {
        panel.title = (call.layers.size() > 1 ? "layer " + std::to_string(layer) + ", " : "") + who +
                      (group.classes.empty() ? "" : ": " + group.classes);
        drawn.panels.push_back(std::move(panel));
      }
    }
  }
  return "";
}

std::string attn::viz::makeScene(const Parts &parts, const Request &request, Scene &scene) {
  const Pattern &pattern = parts.pattern;
  scene.pattern = pattern.name;
  scene.doc = pattern.doc;
  if (std::string problem = makeCall(pattern, request, scene.call); !problem.empty())
    return problem;
  Kernels kernels;
  if (std::string problem = compile(pattern, scene.call, kernels); !problem.empty())
    return problem;
  scene.positive = kernels.positive;
  for (const std::string &name : scene.positive)
    if (int64_t value = scene.call.environment.values.at(name); value < 1)
      return "parameter '" + name + "' must be at least 1, got " + std::to_string(value);
  for (size_t i = 0; i < pattern.entries.size(); ++i) {
    const spec::Entry &entry = pattern.entries[i];
    const Parts::Origin &origin = parts.origins[i];
    if (!request.entry.empty() && origin.entry != request.entry)
      continue;
    scene.entries.emplace_back();
    Call &call = scene.entries.back().call = scene.call;
    call.steps = llvm::is_contained(request.steps, origin.entry);
    call.rows = call.steps ? 1 : call.rows;
    call.slots = origin.slots;
    if (call.slots && (call.kvLen = request.slots) == 0) {
      scene.entries.pop_back(); // nothing to draw
      continue;
    }
    if (std::string problem = makeEntry(pattern, entry, kernels.loops, scene, scene.entries.back()); !problem.empty())
      return problem;
  }
  return scene.entries.empty() ? "--entry " + request.entry + ": the pattern has no such entry point" : "";
}
