//===- ReadPartitions.cpp - The partitions and caches of a pattern ----------===//
#include "dialect/spec/PatternReader.h"

using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

/// A class that is a list of indices.
void PatternReader::readIndices(Partition::Class &result, const Node &rule, const Place &place) {
  TermBuilder build;
  std::vector<Term> choices;
  for (size_t j = 0; j < rule->items().size(); ++j) {
    Node item{&rule->items()[j], child(rule.pointer, j)};
    if (!item->is(Json::Kind::Int) || item->integer() < 0)
      return error(Code::BadValue, item, "expected an index of 0 or more, got " + item->describe());
    choices.push_back(build.compare("==", TermBuilder::symbol(place.coordinates.substr(0, 1), Type::Int),
                                    TermBuilder::integer(item->integer())));
  }
  if (choices.size() > 1)
    choices = {build.logic(Op::Or, choices)};
  if (choices.empty())
    choices = {TermBuilder::boolean(false)};
  if (build.failed())
    return error(build.firstError().code, rule, build.firstError().message);
  nodes += choices[0].size;
  result.rule = canonical(choices[0].e);
}

/// A class that is the slots of a cache: `{"cache": name}`.
void PatternReader::readCacheClass(const Partition &partition, Partition::Class &result, const Node &rule) {
  Fields fields(rule, "an object with the key \"cache\"", diagnostics);
  std::vector<std::string> names;
  for (const Cache &cache : pattern.caches)
    names.push_back(cache.name);
  auto index = fields.oneOf("cache", names, {});
  if (partition.axis != Axis::Key)
    return error(Code::Conflict, rule,
                 "a cache is a class of keys, and the axis is " + quote(axisNames[int(partition.axis)]));
  if (!index)
    return;
  Node name = fields.get("cache");
  const Cache &cache = pattern.caches[*index];
  if (cache.layout != Layout::Slots)
    return error(Code::Conflict, name,
                 "a class of keys is a cache with the layout \"slots\", and that of " + quote(cache.name) + " is " +
                     quote(layoutNames[int(cache.layout)]));
  auto isSame = [&](const Partition::Class &other) { return other.cache == index; };
  for (const Partition &other : pattern.partitions)
    if (std::any_of(other.classes.begin(), other.classes.end(), isSame))
      return error(Code::Conflict, name, "the cache " + quote(cache.name) + " is a class already");
  if (std::any_of(partition.classes.begin(), partition.classes.end(), isSame))
    return error(Code::Conflict, name, "the cache " + quote(cache.name) + " is a class already");
  result.cache = index;
}

void PatternReader::readClass(const Partition &partition, Partition::Class &result, const Node &rule,
                              const Place &place) {
  bool isCache = rule->is(Json::Kind::Object) && rule->find("cache");
  if (isCache)
    readCacheClass(partition, result, rule);
  else if (rule->is(Json::Kind::Array) && partition.axis != Axis::Branch)
    readIndices(result, rule, place);
  else
    result.rule = expression(rule, place);
}

void PatternReader::readClasses(Partition &partition, const Node &node) {
  static const char *const coordinates[] = {"bl", "hgbl", "gbl", "qbl", "kbl", "l", "bhglq"};
  bool isBranch = partition.axis == Axis::Branch;
  Place place;
  place.coordinates = coordinates[int(partition.axis)];
  place.what = isBranch ? "a gate" : "a rule of this partition";
  place.type = isBranch ? Type::Float : Type::Bool;
  Fields classes(node, "an object of classes", diagnostics);
  auto members = classes.named(true);
  if (classes.isObject() && node->members().size() < 2)
    error(Code::BadValue, node,
          "the partition has " + counted(node->members().size(), "class", "classes") + ", expected two or more");
  for (size_t i = 0; i < members.size(); ++i) {
    auto &[name, rule] = members[i];
    bool isLast = i + 1 == members.size();
    bool isOtherwise = rule->is(Json::Kind::String) && rule->string() == "otherwise";
    Partition::Class result{name, {}, {}};
    if (isBranch && isOtherwise)
      error(Code::BadValue, rule, "a branch has a gate, expected a float expression such as \"1 - alpha[g]\"");
    else if (!isBranch && isLast != isOtherwise)
      error(Code::BadValue, rule,
            isLast ? "the last class has a rule, expected \"otherwise\", so that every element "
                     "has a class"
                   : "only the last class is \"otherwise\"");
    else if (!isOtherwise)
      readClass(partition, result, rule, place);
    partition.classes.push_back(std::move(result));
  }
}

void PatternReader::readPartitions(const Node &node) {
  Fields partitions(node, "an object of partitions", diagnostics);
  for (auto &[name, value] : partitions.named()) {
    Partition partition;
    partition.name = name;
    declare(value, name, "a partition");
    Fields fields(value, "an object with axis and classes", diagnostics);
    fields.allow({"axis", "classes", "doc"}, {{"merge", "a merge other than the one that the axis implies"}});
    partition.doc = fields.doc();
    Node classes = fields.need("classes");
    fields.need("axis");
    auto axis = fields.oneOf("axis", axisNames, {{"channel", "classes of channels"}, {"device", "sharding"}});
    if (axis && classes) {
      partition.axis = static_cast<Axis>(*axis);
      readClasses(partition, classes);
    }
    pattern.partitions.push_back(std::move(partition));
  }
}

void PatternReader::readCaches(const Node &node) {
  Fields caches(node, "an object of caches", diagnostics);
  for (auto &[name, value] : caches.named()) {
    Cache cache;
    cache.name = name;
    declare(value, name, "a cache");
    Fields fields(value, "an object with a layout", diagnostics);
    fields.allow({"layout", "sink", "ring", "doc"}, {{"page", "the layout \"paged\""},
                                                     {"codec", "compressed caches"},
                                                     {"residual", "compressed caches"},
                                                     {"tiers", "caches on several memories"}});
    cache.doc = fields.doc();
    fields.need("layout");
    if (auto layout = fields.oneOf(
            "layout", layoutNames,
            {{"paged", "pages through a table"}, {"ring", "a ring without a sink"}, {"latent", "compressed latents"}}))
      cache.layout = static_cast<Layout>(*layout);
    for (const char *key : {"sink", "ring"}) {
      std::string &name = key[0] == 's' ? cache.sink : cache.ring;
      Node size = cache.layout == Layout::SinkRing ? fields.need(key) : fields.get(key);
      if (cache.layout == Layout::SinkRing)
        name = integerParam(size, key);
      else if (size)
        error(Code::Conflict, size,
              quote(key) + " is for the layout \"sink_ring\", and the layout is " +
                  quote(layoutNames[int(cache.layout)]));
    }
    pattern.caches.push_back(std::move(cache));
  }
  bool onlySlots = std::all_of(pattern.caches.begin(), pattern.caches.end(),
                               [](const Cache &cache) { return cache.layout == Layout::Slots; });
  if (!pattern.caches.empty() && onlySlots && diagnostics.empty())
    error(Code::BadValue, node, "every cache has the layout \"slots\", expected one whose keys are positions");
  if (pattern.caches.empty() && diagnostics.empty()) {
    pattern.caches.push_back({"kv", Layout::Contiguous, "", "", ""});
    Node none;
    if (taken.count("kv"))
      error(Code::BadName, none,
            std::string("\"kv\" is the cache of a pattern without caches, but it is the name of ") + taken["kv"]);
  }
}

} // namespace attn::spec
