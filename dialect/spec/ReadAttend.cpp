//===- ReadAttend.cpp - Kernel maps and phases of a pattern -----------------===//
#include "dialect/spec/PatternReader.h"

#include <cmath>
#include <limits>

using attn::mask::Expr;
using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

static constexpr size_t maxMaps = 64, maxPhases = 16, maxCombinations = 4096;

const Operand *PatternReader::floatOperand(const Node &node, size_t rank, const char *what) {
  if (!node)
    return nullptr;
  if (!node->is(Json::Kind::String)) {
    wrongType(diagnostics, node, "the name of an operand");
    return nullptr;
  }
  const Operand *operand = findOperand(node->string());
  if (!operand) {
    std::vector<std::string> known;
    for (const Operand &o : pattern.operands)
      known.push_back(o.name);
    error(Code::UnknownName, node, quote(node->string()) + " is not an operand" + suggestion(node->string(), known));
  } else if (!isFloat(operand->dtype) || operand->shape.size() != rank) {
    error(Code::BadValue, node,
          std::string(what) + " is a float tensor of " + counted(rank, "dimension") + ", and " + quote(operand->name) +
              " is one of " + quote(dtypeNames[int(operand->dtype)]) + " and " +
              counted(operand->shape.size(), "dimension"));
  } else {
    return operand;
  }
  return nullptr;
}

void PatternReader::readWeight(KernelMap &map, const Node &node) {
  static const std::vector<Planned> planned = {{"local_linear", "weights with several passes"},
                                               {"polynomial", "feature maps"},
                                               {"sigmoid", "weights without normalisation"},
                                               {"uniform", "the mean of the visible values"}};
  if (!node)
    return;
  bool isText = node->is(Json::Kind::String);
  bool isForm = node->is(Json::Kind::Object) && node->members().size() == 1;
  if (!isText && !isForm)
    return wrongType(diagnostics, node, "\"softmax\", \"linear\" or an object with one of them");
  const std::string &kind = isText ? node->string() : node->members()[0].first;
  for (const Planned &p : planned)
    if (kind == p.key)
      return error(Code::Unsupported, node, "the weight " + quote(kind) + " (" + p.what + ") is not supported yet");
  if (kind != "softmax" && kind != "linear")
    return error(Code::BadValue, node, "the weight is " + quote(kind) + ", expected \"softmax\" or \"linear\"");
  Node body = isForm ? Node{&node->members()[0].second, child(node.pointer, kind)} : Node{};
  Fields fields(body, "an object", diagnostics);
  if (kind == "softmax") {
    fields.allow({"seed"});
    Node seed = fields.get("seed");
    const Operand *operand = floatOperand(seed, 1, "the seed");
    if (operand && operand->shape[0] != std::variant<int64_t, std::string>("q_heads"))
      error(Code::BadValue, seed, "the seed has the shape [\"q_heads\"]");
    map.weight = Softmax{operand ? operand->name : ""};
    return;
  }
  fields.allow({"decay", "form"}, {{"normalise", "a normaliser"}, {"gate", "gates per key"}});
  Linear linear;
  linear.decay = Expr::real(1);
  Place place;
  place.coordinates = "bhgl";
  place.what = "a decay";
  place.type = Type::Float;
  if (Node decay = fields.get("decay"))
    linear.decay = expression(decay, place);
  if (auto form = fields.oneOf("form", {"chunked", "quadratic"}, {{"recurrent", "one step"}}))
    linear.chunked = *form == 0;
  map.weight = linear;
}

void PatternReader::readRope(KernelMap &map, const Node &node) {
  if (!node)
    return;
  Fields fields(node, "an object with cos and sin", diagnostics);
  fields.allow({"cos", "sin", "interleaved"}, {{"theta", "angles computed from a base"},
                                               {"dim", "a rotation of part of the channels"},
                                               {"position", "positions other than the row's"}});
  const Operand *cos = floatOperand(fields.need("cos"), 2, "a rope table");
  const Operand *sin = floatOperand(fields.need("sin"), 2, "a rope table");
  bool interleaved = fields.boolean("interleaved").value_or(false);
  if (!cos || !sin)
    return;
  if (cos->shape != sin->shape || cos->dtype != sin->dtype)
    return error(Code::Conflict, fields.get("sin"),
                 "the tables " + quote(cos->name) + " and " + quote(sin->name) + " differ in shape or dtype");
  bool isHalf = cos->shape[1] == std::variant<int64_t, std::string>("d/2");
  if (auto *columns = std::get_if<int64_t>(&cos->shape[1]); columns && pattern.types.d)
    isHalf = *columns * 2 == *pattern.types.d;
  if (!isHalf)
    return error(Code::BadValue, fields.get("cos"),
                 "the tables have the shape [\"kv_len\", \"d/2\"], one column per pair of channels");
  map.rope = Rope{cos->name, sin->name, interleaved};
}

void PatternReader::readMap(KernelMap &map, Fields &fields) {
  Place place;
  place.type = Type::Bool;
  map.mask = Expr::boolean(true);
  if (Node mask = fields.get("mask"))
    map.mask = expression(mask, place);
  if (Node score = fields.get("score")) {
    place.coordinates += "s";
    place.what = "a score";
    place.type = Type::Float;
    Expr e = expression(score, place);
    if (e && e != Expr::symbol("s", Type::Float))
      map.score = e;
  }
  readWeight(map, fields.get("weight"));
  if (auto value = fields.oneOf("value", {"v", "zero"}, {{"mean", "the mean value"}, {"k", "shared tensors"}}))
    map.zeroValue = *value == 1;
  if (map.zeroValue && std::holds_alternative<Linear>(map.weight))
    error(Code::Conflict, fields.get("value"),
          "the value \"zero\" leaves keys in the denominator of a softmax, and the weight \"linear\" has none");
  readRope(map, fields.get("rope"));
  readCache(map, fields);
  if (cacheClass(map) && map.rope)
    error(Code::Conflict, fields.get("rope"),
          "\"rope\" rotates by positions, and the keys of the class " + quote(cacheClass(map)->name) + " have none");
}

const Partition::Class *PatternReader::cacheClass(const KernelMap &map) const {
  for (const auto &[p, c] : map.classes)
    if (pattern.partitions[p].classes[c].cache)
      return &pattern.partitions[p].classes[c];
  return nullptr;
}

const Partition *PatternReader::branches(const Attend &attend) const {
  for (const KernelMap &map : attend.maps)
    for (const auto &[p, c] : map.classes)
      if (pattern.partitions[p].axis == Axis::Branch)
        return &pattern.partitions[p];
  return nullptr;
}

/// The cache that is the map's class, or the one that `cache` names, which may be left out where there is only one.
void PatternReader::readCache(KernelMap &map, Fields &fields) {
  const Partition::Class *slots = cacheClass(map);
  std::vector<std::string> names, positional;
  for (const Cache &cache : pattern.caches) {
    names.push_back(cache.name);
    if (cache.layout != Layout::Slots)
      positional.push_back(cache.name);
  }
  Node node = fields.get("cache");
  auto index = fields.oneOf("cache", names, {});
  if (slots) {
    map.cache = *slots->cache;
    if (index && *index != *slots->cache)
      error(Code::Conflict, node,
            "the cache is " + quote(names[*index]) + ", and the class " + quote(slots->name) + " is the cache " +
                quote(names[*slots->cache]));
  } else if (index && pattern.caches[*index].layout == Layout::Slots) {
    error(Code::Conflict, node,
          "the keys of the cache " + quote(names[*index]) + " are slots, expected a map that names their class");
  } else if (index) {
    map.cache = *index;
  } else if (positional.size() == 1) {
    map.cache = std::find(names.begin(), names.end(), positional[0]) - names.begin();
  } else if (!node) {
    error(Code::Missing, fields.node(), "the key \"cache\" is missing, expected " + alternatives(positional));
  }
}

bool PatternReader::readClassNames(KernelMap &map, const std::string &key, const Node &node) {
  if (key == "all")
    return true;
  auto trimmed = [](std::string_view text) {
    size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
    return first == std::string_view::npos ? std::string_view() : text.substr(first, last - first + 1);
  };
  std::string_view rest = key;
  for (bool more = true; more;) {
    size_t end = rest.find('&');
    more = end != std::string_view::npos;
    std::string word(trimmed(rest.substr(0, end)));
    rest = more ? rest.substr(end + 1) : "";
    size_t dot = word.find('.');
    if (dot == std::string::npos) {
      error(Code::BadName, node, quote(word) + " is not a class, expected \"partition.class\" or \"all\"");
      return false;
    }
    std::string owner = word.substr(0, dot), name = word.substr(dot + 1);
    std::vector<std::string> partitions, classes;
    for (const Partition &p : pattern.partitions)
      partitions.push_back(p.name);
    auto p = std::find(partitions.begin(), partitions.end(), owner);
    if (p == partitions.end()) {
      error(Code::UnknownName, node, quote(owner) + " is not a partition" + suggestion(owner, partitions));
      return false;
    }
    size_t index = p - partitions.begin();
    for (const Partition::Class &c : pattern.partitions[index].classes)
      classes.push_back(c.name);
    auto c = std::find(classes.begin(), classes.end(), name);
    if (c == classes.end()) {
      error(Code::UnknownName, node,
            quote(name) + " is not a class of " + quote(owner) + ", expected " + alternatives(classes));
      return false;
    }
    for (const auto &[other, unused] : map.classes)
      if (other == index) {
        error(Code::Conflict, node, "the map names two classes of " + quote(owner));
        return false;
      }
    map.classes.emplace_back(index, c - classes.begin());
  }
  std::sort(map.classes.begin(), map.classes.end());
  for (const auto &[p, c] : map.classes)
    if (const Partition &partition = pattern.partitions[p];
        partition.axis == Axis::Key && cacheClass(map) && &partition.classes[c] != cacheClass(map)) {
      error(Code::Conflict, node,
            "the keys of the class " + quote(cacheClass(map)->name) +
                " have no positions, so they are in no class of " + quote(partition.name));
      return false;
    }
  return true;
}

void PatternReader::checkCoverage(const Attend &attend, const Node &node, const std::vector<Node> &maps) {
  std::set<size_t> used;
  for (const KernelMap &map : attend.maps)
    for (const auto &[partition, index] : map.classes)
      used.insert(partition);
  size_t combinations = 1;
  for (size_t p : used)
    if ((combinations *= pattern.partitions[p].classes.size()) > maxCombinations)
      return error(Code::Limit, node, "the classes have more than 4096 combinations");
  std::vector<bool> reached(attend.maps.size());
  for (size_t i = 0; i < combinations; ++i) {
    std::map<size_t, size_t> chosen;
    size_t rest = i;
    for (size_t p : used) {
      chosen[p] = rest % pattern.partitions[p].classes.size();
      rest /= pattern.partitions[p].classes.size();
    }
    auto isCache = [&](const auto &c) { return pattern.partitions[c.first].classes[c.second].cache.has_value(); };
    bool slots = std::any_of(chosen.begin(), chosen.end(), isCache);
    auto fits = [&](const KernelMap &map) {
      return (!slots || cacheClass(map)) && std::all_of(map.classes.begin(), map.classes.end(),
                                                        [&](const auto &c) { return chosen[c.first] == c.second; });
    };
    auto it = std::find_if(attend.maps.begin(), attend.maps.end(), fits);
    if (it == attend.maps.end()) {
      std::string names;
      for (const auto &[p, c] : chosen)
        names +=
            (names.empty() ? "" : " & ") + pattern.partitions[p].name + "." + pattern.partitions[p].classes[c].name;
      return error(Code::Coverage, node,
                   "no kernel map for " + quote(names) +
                       (slots ? "; keys of a cache that is a class need a map that names the class" : ""));
    }
    reached[it - attend.maps.begin()] = true;
  }
  for (size_t i = 0; i < maps.size(); ++i)
    if (!reached[i])
      return error(Code::Coverage, maps[i],
                   "the kernel map is never used: the ones before it "
                   "take all its elements");
}

void PatternReader::checkBranches(const Attend &attend, const Node &node) {
  const Partition *partition = branches(attend);
  if (!partition)
    return;
  for (const KernelMap &map : attend.maps)
    for (const auto &[p, c] : map.classes)
      if (pattern.partitions[p].axis == Axis::Branch && &pattern.partitions[p] != partition)
        return error(Code::Unsupported, node,
                     "branches of branches are not supported: the maps name classes of " + quote(partition->name) +
                         " and of " + quote(pattern.partitions[p].name));
  if (attend.lse)
    error(Code::Conflict, node, "a gated sum of branches has no output \"lse\", expected \"outputs\": [\"out\"]");
}

void PatternReader::checkLinear(const Attend &attend, const std::vector<Node> &maps) {
  Expr causal = canonical(Expr::symbol("k") <= Expr::symbol("q"));
  for (size_t i = 0; i < attend.maps.size(); ++i) {
    const KernelMap &map = attend.maps[i];
    auto *linear = std::get_if<Linear>(&map.weight);
    if (!linear)
      continue;
    Node weight{maps[i]->find("weight"), child(maps[i].pointer, "weight")};
    for (const KernelMap &other : attend.maps)
      for (const auto &[partition, index] : other.classes)
        if (Axis axis = pattern.partitions[partition].axis; axis == Axis::Key || axis == Axis::Query)
          return error(Code::Unsupported, weight,
                       "the weight \"linear\" with a partition of queries or keys is not "
                       "supported yet");
    if (linear->chunked && map.score)
      return error(Code::Unsupported, weight,
                   "a score expression with the form \"chunked\" is not supported: the scan sums "
                   "products of keys and values; use \"form\": \"quadratic\"");
    if (linear->chunked && map.mask != causal)
      return error(Code::Unsupported, weight,
                   "the form \"chunked\" takes the mask \"causal\"; use \"form\": \"quadratic\"");
    if (attend.lse)
      return error(Code::Conflict, weight, "the weight \"linear\" has no output \"lse\"");
  }
}

void PatternReader::readOutputs(Attend &attend, const Node &node) {
  if (!node->is(Json::Kind::Array))
    return wrongType(diagnostics, node, "an array of \"out\" and \"lse\"");
  attend.out = attend.lse = false;
  for (size_t i = 0; i < node->items().size(); ++i) {
    Node item{&node->items()[i], child(node.pointer, i)};
    if (!item->is(Json::Kind::String)) {
      wrongType(diagnostics, item, "\"out\" or \"lse\"");
    } else if (item->string() == "out" || item->string() == "lse") {
      bool &flag = item->string() == "out" ? attend.out : attend.lse;
      if (flag)
        error(Code::BadValue, item, "the output " + quote(item->string()) + " occurs twice");
      flag = true;
    } else {
      static const std::set<std::string> planned = {"row_max", "argmax", "column_sum", "block_scores"};
      bool isPlanned = planned.count(item->string());
      error(isPlanned ? Code::Unsupported : Code::BadValue, item,
            isPlanned ? "the output " + quote(item->string()) + " is not supported yet"
                      : "an output is " + quote(item->string()) + ", expected \"out\" or \"lse\"");
    }
  }
  if (node->items().empty())
    error(Code::BadValue, node, "there are no outputs, expected \"out\", \"lse\" or both");
}

void PatternReader::readMaps(Settings &settings, Fields &fields) {
  Attend &attend = settings.attend;
  Node node = fields.get("kernel_maps");
  std::vector<Node> places;
  if (!node) {
    readMap(attend.maps.emplace_back(), fields);
    places.push_back(fields.node());
  } else {
    for (const std::string &key : mapKeys)
      if (Node other = fields.get(key))
        error(Code::Conflict, other, quote(key) + " stands beside \"kernel_maps\", expected it in each kernel map");
    Fields maps(node, "an object of kernel maps", diagnostics);
    if (!maps.isObject())
      return;
    if (node->members().empty() || node->members().size() > maxMaps)
      return error(Code::BadValue, node,
                   "there are " + counted(node->members().size(), "kernel map") + ", expected 1 to 64");
    std::vector<std::string> known = mapKeys;
    known.push_back("doc");
    for (const auto &[key, value] : node->members()) {
      Node place{&value, child(node.pointer, key)};
      Fields body(place, "an object", diagnostics);
      body.allow(known, plannedMapKeys);
      KernelMap &map = attend.maps.emplace_back();
      readClassNames(map, key, place);
      readMap(map, body);
      places.push_back(place);
    }
  }
  if (!diagnostics.empty())
    return;
  // Linear weights and gated sums have no normaliser: their entries give `out` alone unless asked.
  if (!settings.outputsStated)
    for (const KernelMap &map : attend.maps)
      if (std::holds_alternative<Linear>(map.weight) || branches(attend))
        attend.lse = false;
  checkCoverage(attend, node, places);
  checkBranches(attend, node);
  checkLinear(attend, places);
}

void PatternReader::readSettings(Settings &settings, Fields &fields) {
  Attend &attend = settings.attend;
  if (Node scale = fields.get("scale")) {
    const Param *param = scale->is(Json::Kind::String) ? findParam(scale->string()) : nullptr;
    if (scale->is(Json::Kind::Int) || scale->is(Json::Kind::Float)) {
      attend.scale = scale->real();
      if (std::abs(scale->real()) > std::numeric_limits<float>::max())
        error(Code::BadValue, scale, scale->describe() + " does not fit in a 32-bit float");
    } else if (!scale->is(Json::Kind::String)) {
      wrongType(diagnostics, scale, "a number or the name of a float parameter");
    } else if (!param || !param->isFloat()) {
      error(Code::UnknownName, scale,
            "the scale is a number or the name of a float parameter, and " + quote(scale->string()) + " is none");
    } else {
      attend.scale = param->name;
    }
  }
  if (Node outputs = fields.get("outputs")) {
    settings.outputsStated = true;
    readOutputs(attend, outputs);
  }
}

bool PatternReader::statesMaps(const Fields &fields) {
  return fields.get("kernel_maps") ||
         std::any_of(mapKeys.begin(), mapKeys.end(), [&](const std::string &key) { return bool(fields.get(key)); });
}

void PatternReader::readEntries(Fields &document) {
  Settings common;
  readSettings(common, document);
  Node phases = document.get("phases");
  if (!phases) {
    readMaps(common, document);
    if (auto it = taken.find("attend"); it != taken.end())
      error(Code::BadName, document.node(),
            "\"attend\" is the entry point of a pattern without phases, but it is the name of " +
                std::string(it->second));
    pattern.entries.push_back({"attend", std::move(common.attend), ""});
    return;
  }
  Fields fields(phases, "an object of phases", diagnostics);
  if (!fields.isObject())
    return;
  if (phases->members().empty() || phases->members().size() > maxPhases)
    return error(Code::BadValue, phases,
                 "there are " + counted(phases->members().size(), "phase") + ", expected 1 to 16");
  for (auto &[name, phase] : fields.named())
    if (phase->is(Json::Kind::Array))
      error(Code::Unsupported, phase, "a phase of several steps (an array) is not supported yet, expected an object");
    else
      readPhase(name, phase, document, common);
  if (statesMaps(document) && common.attend.maps.empty() && diagnostics.empty())
    error(Code::Conflict, phases, "every phase states its own kernel maps, so those of the pattern are never used");
}

/// A phase that states no map has those of the pattern, which are read when first needed.
void PatternReader::readPhase(const std::string &name, const Node &phase, Fields &document, Settings &common) {
  Fields body(phase, "an object", diagnostics);
  std::vector<std::string> known = mapKeys;
  known.insert(known.end(), {"kernel_maps", "scale", "outputs", "doc"});
  std::vector<Planned> planned = plannedMapKeys;
  planned.insert(planned.end(), {{"append", "writing to a cache"},
                                 {"select", "selection of keys"},
                                 {"top_k", "selection of keys"},
                                 {"compact", "moving a cache"},
                                 {"attend", "a phase of several steps"},
                                 {"steps", "a phase of several steps"}});
  body.allow(known, planned);
  if (!declare(phase, name, "a phase"))
    return;
  bool isShared = !statesMaps(body);
  if (isShared && common.attend.maps.empty())
    readMaps(common, document);
  Settings settings = common;
  readSettings(settings, body);
  if (!isShared) {
    settings.attend.maps.clear();
    readMaps(settings, body);
  }
  pattern.entries.push_back({name, std::move(settings.attend), body.doc()});
}

} // namespace attn::spec
