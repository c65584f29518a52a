//===- Parts.cpp - The attentions that an entry point consists of ---------===//
#include "tools/attn-viz/Parts.h"

#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace attn;
using namespace attn::viz;
using attn::spec::Axis;
using attn::spec::KernelMap;
using attn::spec::Pattern;

/// A class that a kernel map may name: indices of partition and class.
using Class = std::pair<size_t, size_t>;

static bool isBranch(const Pattern &pattern, Class c) { return pattern.partitions[c.first].axis == Axis::Branch; }
static bool isSlots(const Pattern &pattern, Class c) {
  return pattern.partitions[c.first].classes[c.second].cache.has_value();
}

/// The maps of one branch (of all, where there is none) over the sequence, or over the slots that are the class
/// `slots`.
static std::vector<KernelMap> mapsOf(const Pattern &pattern, const std::vector<KernelMap> &maps,
                                     std::optional<Class> branch, std::optional<Class> slots) {
  std::vector<KernelMap> result;
  for (KernelMap map : maps) {
    bool other = llvm::any_of(map.classes, [&](Class c) { return isBranch(pattern, c) && c != branch; });
    auto own = llvm::find_if(map.classes, [&](Class c) { return isSlots(pattern, c); });
    bool fits = own == map.classes.end() ? !slots : slots == *own;
    if (other || !fits)
      continue;
    llvm::erase_if(map.classes, [&](Class c) { return isBranch(pattern, c) || isSlots(pattern, c); });
    result.push_back(std::move(map));
  }
  return result;
}

Parts attn::viz::splitParts(const Pattern &pattern) {
  Parts parts{pattern, {}};
  parts.pattern.entries.clear();
  auto add = [&](const spec::Entry &entry, const std::string &label, std::vector<KernelMap> maps, bool slots) {
    if (maps.empty())
      return;
    spec::Entry part = entry;
    part.name += label;
    part.attend.maps = std::move(maps);
    parts.pattern.entries.push_back(std::move(part));
    parts.origins.push_back({entry.name, slots});
  };
  for (const spec::Entry &entry : pattern.entries) {
    std::set<Class> slots;
    std::vector<std::optional<Class>> branches = {std::nullopt};
    for (const KernelMap &map : entry.attend.maps)
      for (Class c : map.classes) {
        if (isSlots(pattern, c))
          slots.insert(c);
        if (isBranch(pattern, c) && !branches[0]) {
          branches.clear();
          for (size_t i = 0; i < pattern.partitions[c.first].classes.size(); ++i)
            branches.push_back(Class{c.first, i});
        }
      }
    for (auto branch : branches) {
      std::string label = branch ? ", " + pattern.partitions[branch->first].classes[branch->second].name : "";
      add(entry, label, mapsOf(pattern, entry.attend.maps, branch, std::nullopt), false);
      for (Class c : slots)
        add(entry, label + ", slots of " + pattern.caches[*pattern.partitions[c.first].classes[c.second].cache].name,
            mapsOf(pattern, entry.attend.maps, branch, c), true);
    }
  }
  return parts;
}
