//===- Page.cpp - A pattern as a page with controls -----------------------===//
#include "tools/attn-viz/Page.h"

#include "PageParts.h"
#include "tools/attn-viz/Drawing.h"
#include "tools/attn-viz/JavaScript.h"
#include "tools/attn-viz/Visibility.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"

using namespace attn;
using namespace attn::viz;
namespace json = llvm::json;
using Size = std::variant<int64_t, std::string>;

namespace {

class PageMaker {
public:
  PageMaker(const spec::Pattern &pattern, const Scene &scene) : pattern(pattern), scene(scene), call(scene.call) {}
  std::string make(std::string &page);

private:
  json::Array params() const;
  int64_t slots() const;
  json::Object ranges() const;
  json::Object colors() const;
  std::string data() const;
  std::string boxes(const mask::TokenGrid &grid) const;
  std::string masks() const;

  const spec::Pattern &pattern;
  const Scene &scene;
  const Call &call;
  json::Array operands;
  JavaScriptNames names;
};

json::Object range(int64_t min, int64_t max) { return json::Object{{"min", min}, {"max", max}, {"step", 1}}; }

std::string sourceHash(llvm::StringRef source) {
  auto hash = llvm::SHA256::hash(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(source.data()), source.size()));
  return "'sha256-" + llvm::encodeBase64(hash) + "'";
}

std::string css(Color color) { return "#" + llvm::utohexstr(color, /*LowerCase=*/true, /*Width=*/6); }

/// Fills the places `{name}` of the template, once: what is put in is not looked at.
std::string fillIn(llvm::StringRef text, const std::map<std::string, std::string> &parts) {
  std::string result;
  while (!text.empty()) {
    auto [before, rest] = text.split('{');
    auto [name, after] = rest.split('}');
    result += before;
    if (auto part = parts.find(name.str()); part != parts.end())
      result += part->second;
    text = after;
  }
  return result;
}

} // namespace

/// Sliders go to a few times the value; the number field beside them takes what lies in the same range.
json::Array PageMaker::params() const {
  json::Array list;
  for (const spec::Param &param : pattern.params) {
    json::Object one{{"name", param.name}, {"doc", json::fixUTF8(param.doc)}};
    if (param.isFloat()) {
      double value = call.environment.reals.at(param.name), reach = std::max(4 * std::abs(value), 1.0);
      one["value"] = value;
      one["min"] = value < 0 ? -reach : 0.0;
      one["max"] = reach;
      one["step"] = "any";
    } else {
      int64_t value = call.environment.values.at(param.name),
              reach = std::max({4 * std::abs(value), 2 * call.kvLen, int64_t(64)});
      one["value"] = value;
      one["min"] = scene.positive.count(param.name) ? 1 : value < 0 ? -reach : 0;
      one["max"] = std::min(reach, int64_t(INT32_MAX));
      one["step"] = 1;
    }
    list.push_back(std::move(one));
  }
  return list;
}

/// Keys of the caches of slots; 0 where none is drawn.
int64_t PageMaker::slots() const {
  auto drawn = llvm::find_if(scene.entries, [](const EntryScene &entry) { return entry.call.slots; });
  return drawn == scene.entries.end() ? 0 : drawn->call.kvLen;
}

json::Object PageMaker::ranges() const {
  int64_t queries = call.qLen, keys = call.kvLen;
  bool bound = llvm::any_of(pattern.operands, [&](const spec::Operand &operand) {
    return names.operands.count(operand.name) &&
           (llvm::is_contained(operand.shape, Size("q_len")) || llvm::is_contained(operand.shape, Size("kv_len")));
  });
  if (!bound) {
    int64_t longest = std::clamp<int64_t>(4 * std::max(queries, keys), 256, maxPageLength / 2);
    queries = keys = std::max({queries, keys, longest});
  }
  int64_t tile = std::max<int64_t>({128, call.rows, call.keys});
  return json::Object{
      {"q", range(1, queries)},
      {"kv", range(1, keys)},
      {"slots", range(slots() ? 1 : 0, slots() ? std::clamp<int64_t>(4 * slots(), 64, maxPageLength) : 0)},
      {"rows", range(1, tile)},
      {"keys", range(1, tile)},
      {"head", range(0, scene.entries[0].usesHeads ? call.qHeads - 1 : 0)},
      {"layer", range(0, *llvm::max_element(call.layers))}};
}

json::Object PageMaker::colors() const {
  json::Array maps;
  for (const Shades &shades : palette)
    maps.push_back(
        json::Object{{"full", css(shades.full)}, {"shown", css(shades.shown)}, {"ground", css(shades.ground)}});
  return json::Object{{"skipped", css(skippedColor)}, {"blind", css(blindColor)}, {"maps", std::move(maps)}};
}

/// The data as JSON without `<`, so that no string of the pattern ends the element it stands in.
std::string PageMaker::data() const {
  json::Array entries;
  for (const EntryScene &entry : scene.entries)
    entries.push_back(json::Object{{"name", entry.name}, {"scan", entry.isScan}, {"slots", entry.call.slots}});
  json::Object state{{"entry", 0},       {"q", call.qLen},          {"kv", call.kvLen},
                     {"slots", slots()}, {"rows", call.rows},       {"keys", call.keys},
                     {"head", 0},        {"layer", call.layers[0]}, {"steps", scene.entries[0].call.steps},
                     {"inBoxes", false}};
  json::Object all{{"state", std::move(state)},
                   {"ranges", ranges()},
                   {"params", params()},
                   {"operands", json::Array(operands)},
                   {"entries", std::move(entries)},
                   {"maps", json::Array(scene.maps)},
                   {"colors", colors()},
                   {"positions", pattern.positions ? spec::positionsNames[int(*pattern.positions)] : "none"},
                   {"qPos", call.qPos},
                   {"request", call.request},
                   {"qHeads", call.qHeads},
                   {"kvHeads", call.kvHeads}};
  std::string text = llvm::formatv("{0}", json::Value(std::move(all)));
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos;)
    text.replace(at, 1, "\\u003c");
  return text;
}

/// How the boxes of `grid` lie: their extents along its axes, and the code that kernels run to find their positions.
std::string PageMaker::boxes(const mask::TokenGrid &grid) const {
  std::string sides;
  for (mask::Side side : {mask::Side::Query, mask::Side::Key}) {
    std::string extents;
    for (const mask::TokenGrid::Axis &axis : grid.axes)
      extents += (extents.empty() ? "" : ", ") + std::to_string(axis.box(side));
    sides += llvm::formatv("{0}{{extents: [{1}], layout: {2}}", sides.empty() ? "{rows: " : ",\n keys: ", extents,
                           toJavaScript(boxLayout(grid, side).code, names));
  }
  return sides + "}";
}

/// For each entry a function of the call that gives a function of the pair, one that gives the classes of keys, and its
/// boxes or null.
std::string PageMaker::masks() const {
  std::string text = "\"use strict\";\nconst MASKS = [\n", keys = "];\nconst KEY_CLASSES = [\n",
              grids = "];\nconst BOXES = [\n";
  for (const EntryScene &drawn : scene.entries) {
    auto entry = llvm::find_if(pattern.entries, [&](const spec::Entry &e) { return e.name == drawn.name; });
    text += "(p, t, n, b, h, g, l) => (q, k) =>";
    Visibility visibility(pattern, entry->attend);
    for (const Visibility::Rule &rule : visibility.all())
      text += llvm::formatv("\n  {0} ? {1} ? {2} : -1 :", toJavaScript(rule.applies, names),
                            toJavaScript(rule.visible, names), llvm::find(scene.maps, rule.name) - scene.maps.begin());
    text += " -1,\n";
    std::string number = "0";
    for (const std::vector<mask::Expr> &rules : visibility.keyPartitions()) {
      number += llvm::formatv(" * {0} + (", rules.size() + 1);
      for (size_t i = 0; i < rules.size(); ++i)
        number += llvm::formatv("{0} ? {1} : ", toJavaScript(rules[i], names), i);
      number = llvm::formatv("({0}{1}))", number, rules.size());
    }
    keys += "(p, t, n, b, h, g, l) => (k) => " + number + ",\n";
    grids += (drawn.grid ? boxes(*drawn.grid) : "null") + ",\n";
  }
  return text + keys + grids + "];\n";
}

std::string PageMaker::make(std::string &page) {
  if (int64_t length = std::max({call.qLen, call.kvLen, slots()}); length > maxPageLength)
    return "LIMIT: a page of " + std::to_string(length) + " rows, at most " + std::to_string(maxPageLength);
  for (const spec::Param &param : pattern.params)
    names.params.emplace(param.name, names.params.size());
  int64_t elements = 0;
  for (auto &[name, tensor] : call.environment.tensors) {
    names.operands.emplace(name, names.operands.size());
    json::Array values;
    for (int64_t value : tensor.data)
      values.push_back(value);
    for (double value : tensor.reals)
      values.push_back(value);
    elements += int64_t(values.size());
    if (elements > maxPageElements)
      return "LIMIT: operands of " + std::to_string(elements) + " elements in a page, at most " +
             std::to_string(maxPageElements);
    operands.push_back(
        json::Object{{"name", name}, {"sizes", json::Array(tensor.sizes)}, {"values", std::move(values)}});
  }
  std::string code = masks();
  std::string values = call.madeUp.empty() ? ""
                                           : "Operands made up (seed " + std::to_string(call.seed) +
                                                 "): " + llvm::join(call.madeUp, ", ") + ".";
  page = fillIn(pageHtml, {{"title", escapeMarkup(scene.pattern)},
                           {"doc", escapeMarkup(scene.doc)},
                           {"style", pageStyle},
                           {"script", pageScript},
                           {"masks", code},
                           {"data", data()},
                           {"made-up", escapeMarkup(values)},
                           {"style-hash", sourceHash(pageStyle)},
                           {"script-hash", sourceHash(pageScript)},
                           {"masks-hash", sourceHash(code)}});
  return "";
}

std::string attn::viz::renderPage(const spec::Pattern &pattern, const Scene &scene, std::string &page) {
  return PageMaker(pattern, scene).make(page);
}
