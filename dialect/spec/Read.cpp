//===- Read.cpp - The declarations of a pattern -----------------------------===//
#include "dialect/spec/Read.h"

#include "dialect/mask/Simplify.h"
#include "dialect/spec/PatternReader.h"

#include <cmath>
#include <limits>

using attn::mask::Expr;
using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

static constexpr int64_t maxInt = std::numeric_limits<int32_t>::max();
static constexpr int maxNodes = 32768;
static constexpr size_t maxDivisions = 64;
static constexpr int64_t maxTile = 1024;

//===----------------------------------------------------------------------===//
// Names and expressions
//===----------------------------------------------------------------------===//

bool PatternReader::declare(const Node &node, const std::string &name, const char *kind) {
  auto [it, isNew] = taken.emplace(name, kind);
  if (!isNew)
    error(Code::BadName, node, quote(name) + " is already the name of " + it->second + ", expected another name");
  return isNew;
}

const Param *PatternReader::findParam(const std::string &name) const {
  for (const Param &p : pattern.params)
    if (p.name == name)
      return &p;
  return nullptr;
}

const Operand *PatternReader::findOperand(const std::string &name) const {
  for (const Operand &o : pattern.operands)
    if (o.name == name)
      return &o;
  return nullptr;
}

std::string PatternReader::integerParam(const Node &node, const char *what) {
  if (!node)
    return "";
  if (!node->is(Json::Kind::String)) {
    wrongType(diagnostics, node, "the name of an integer parameter");
    return "";
  }
  const Param *param = findParam(node->string());
  if (param && !param->isFloat())
    return param->name;
  std::vector<std::string> known;
  for (const Param &p : pattern.params)
    if (!p.isFloat())
      known.push_back(p.name);
  error(Code::UnknownName, node,
        std::string(what) + " is the name of an integer parameter, and " + quote(node->string()) + " is none" +
            suggestion(node->string(), known));
  return "";
}

/// `e` with every parameter and tensor renamed by `names`.
static Expr renamed(const Expr &e, const std::map<std::string, std::string> &names) {
  std::vector<Expr> args;
  for (const Expr &arg : e.args())
    args.push_back(renamed(arg, names));
  auto name = [&]() -> const std::string & {
    auto it = names.find(e.name());
    return it == names.end() ? e.name() : it->second;
  };
  if (e.op() == Op::Symbol)
    return Expr::symbol(name(), e.type());
  if (e.op() == Op::Element)
    return Expr::element(name(), std::move(args), e.type());
  if (e.op() == Op::Member || e.op() == Op::Ancestor)
    return Expr::search(e.op(), name(), std::move(args));
  return args.empty() ? e : Expr::make(e.op(), std::move(args));
}

/// Sorting in the canonical form compares names. It must not depend on how the user calls things,
/// so the order of declaration stands in for the names meanwhile.
Expr PatternReader::canonical(const Expr &e) const {
  std::map<std::string, std::string> to, from;
  auto number = [&](const std::string &name) {
    std::string index = std::to_string(to.size());
    std::string code = "#" + std::string(6 - std::min<size_t>(6, index.size()), '0') + index;
    to[name] = code;
    from[code] = name;
  };
  for (const Param &p : pattern.params)
    number(p.name);
  for (const Operand &o : pattern.operands)
    number(o.name);
  // Where constants are near the ends of 64 bits, what one pass leaves alone the next may fold.
  Expr before = renamed(e, to), after = mask::canonicalize(before);
  for (int pass = 0; pass < 8 && after != before; ++pass) {
    before = after;
    after = mask::canonicalize(before);
  }
  return renamed(after, from);
}

/// What folding constants may bring to light, or "".
static std::string foldedError(const Expr &e) {
  bool divides = e.op() == Op::FloorDiv || e.op() == Op::Mod;
  if (divides && e.args()[1] == Expr::integer(0))
    return std::string("the divisor of ") + (e.op() == Op::Mod ? "\"%\"" : "\"//\"") + " is 0";
  if (e.op() == Op::Neg && e.args()[0].op() == Op::ConstInt) // all but -2^63 are folded
    return "a constant does not fit in 64 bits";
  if (e.op() == Op::ConstFloat && !(std::abs(e.floatValue()) <= std::numeric_limits<float>::max()))
    return "a constant does not fit in a 32-bit float";
  std::string error;
  for (size_t i = 0; i < e.args().size() && error.empty(); ++i)
    error = foldedError(e.args()[i]);
  return error;
}

/// Adds the divisions of `e` that a kernel computes for every query or key.
void PatternReader::countDivisions(const Expr &e) {
  if ((e.op() == Op::FloorDiv || e.op() == Op::Mod) && (e.uses("q") || e.uses("k")))
    divisions.insert(e);
  for (const Expr &arg : e.args())
    countDivisions(arg);
}

Expr PatternReader::expression(const Node &node, const Place &place) {
  std::optional<Term> term = parseExpression(*node.json, node.pointer, scope, place, diagnostics);
  if (!term)
    return {};
  nodes += term->size;
  if (nodes > maxNodes) {
    error(Code::Limit, node, "the expressions of the pattern have more than 32768 operations together");
    return {};
  }
  Expr e = canonical(term->e);
  if (std::string problem = foldedError(e); !problem.empty()) {
    error(Code::BadValue, node, problem + " (" + quote(e.str()) + ")");
    return {};
  }
  countDivisions(e);
  if (divisions.size() > maxDivisions) {
    error(Code::Limit, node,
          "the expressions of the pattern up to here have " + std::to_string(divisions.size()) +
              " different divisions (\"//\", \"%\") of positions, expected at most " + std::to_string(maxDivisions));
    return {};
  }
  return e;
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

void PatternReader::readTypes(const Node &node) {
  Fields fields(node, "an object of dtype, d and dv", diagnostics);
  fields.allow(
      {"dtype", "d", "dv"},
      {{"codec", "compressed caches"}, {"page", "paged caches"}, {"isa", "the target is chosen when compiling"}});
  static const Dtype dtypes[] = {Dtype::F32, Dtype::F16, Dtype::BF16};
  if (auto i = fields.oneOf("dtype", {"f32", "f16", "bf16"}, {{"f8", "8-bit floats"}}))
    pattern.types.dtype = dtypes[*i];
  pattern.types.d = fields.integer("d", 1, 576);
  pattern.types.dv = fields.integer("dv", 1, 576);
}

void PatternReader::readParams(const Node &node) {
  Fields params(node, "an object of parameters", diagnostics);
  for (auto &[name, value] : params.named()) {
    Param param{name, int64_t(0), ""};
    Node number = value;
    bool wantFloat = value->is(Json::Kind::Float);
    if (value->is(Json::Kind::Object)) {
      Fields fields(value, "", diagnostics);
      fields.allow({"type", "default", "doc"});
      param.doc = fields.doc();
      number = fields.need("default");
      auto type = fields.oneOf("type", {"int", "float"}, {});
      wantFloat = type ? *type == 1 : number && number->is(Json::Kind::Float);
    }
    if (!number)
      continue;
    if (!number->is(Json::Kind::Int) && !number->is(Json::Kind::Float)) {
      wrongType(diagnostics, number,
                number.json == value.json ? "a number, or an object with the key \"default\"" : "a number");
      continue;
    }
    if (wantFloat) {
      param.value = number->real();
      if (std::abs(number->real()) > std::numeric_limits<float>::max())
        error(Code::BadValue, number, number->describe() + " does not fit in a 32-bit float");
    } else if (number->is(Json::Kind::Float)) {
      error(Code::BadValue, number, "the default of an integer parameter is " + number->describe());
    } else {
      param.value = number->integer();
      if (std::max(number->integer(), -(number->integer() + 1)) > maxInt)
        error(Code::BadValue, number, number->describe() + " is out of range, expected less than 2^31 in magnitude");
    }
    if (declare(value, name, "a parameter"))
      scope.values[name] = TermBuilder::symbol(name, param.isFloat() ? Type::Float : Type::Int);
    pattern.params.push_back(std::move(param));
  }
}

void PatternReader::readGrid(const Node &node) {
  Fields fields(node, "an object of axes and sizes", diagnostics);
  fields.allow({"axes", "sizes"});
  Node axes = fields.need("axes"), sizes = fields.need("sizes");
  if (!axes || !sizes)
    return;
  if (!axes->is(Json::Kind::Array))
    return wrongType(diagnostics, axes, "an array of names");
  if (!sizes->is(Json::Kind::Array))
    return wrongType(diagnostics, sizes, "an array of sizes");
  size_t rank = axes->items().size();
  if (rank < 1 || rank > 3)
    return error(Code::BadValue, axes, "the grid has " + counted(rank, "axis", "axes") + ", expected 1 to 3");
  if (sizes->items().size() != rank)
    return error(Code::BadValue, sizes,
                 "the grid has " + counted(sizes->items().size(), "size") + " for " + counted(rank, "axis", "axes"));
  int64_t product = 1;
  for (size_t i = 0; i < rank; ++i) {
    Node axis{&axes->items()[i], child(axes.pointer, i)};
    Node size{&sizes->items()[i], child(sizes.pointer, i)};
    if (!axis->is(Json::Kind::String))
      return wrongType(diagnostics, axis, "the name of an axis");
    if (!checkName(diagnostics, axis, axis->string(), true))
      return;
    for (const Scope::GridAxis &other : scope.grid)
      if (other.name == axis->string())
        return error(Code::BadName, axis, "the axis " + quote(other.name) + " occurs twice");
    Term length;
    if (size->is(Json::Kind::Int)) {
      if (size->integer() < 1 || size->integer() > maxInt || product > maxInt / size->integer())
        return error(Code::BadValue, size,
                     "a size is " + size->describe() + ", expected 1 or more and a grid of at most 2147483647 tokens");
      product *= size->integer();
      length = TermBuilder::integer(size->integer());
      pattern.grid.push_back({axis->string(), size->integer()});
    } else {
      std::string name = integerParam(size, "a size of the grid");
      if (name.empty())
        return;
      length = TermBuilder::symbol(name, Type::Int);
      pattern.grid.push_back({axis->string(), name});
    }
    scope.grid.push_back({axis->string(), length});
  }
}

void PatternReader::readLet(const Node &node) {
  Fields lets(node, "an object of expressions", diagnostics);
  for (auto &[name, value] : lets.named()) {
    Place place;
    place.what = "a let";
    // A `let` is not counted and not brought to canonical form here: its uses are.
    auto term = parseExpression(*value.json, value.pointer, scope, place, diagnostics);
    if (declare(value, name, "a let") && term)
      scope.values[name] = *term;
  }
}

void PatternReader::readSchedule(const Node &node) {
  if (!node)
    return;
  Fields forms(node, "an object of tile forms", diagnostics);
  forms.allow({"prefill", "decode"});
  for (auto [key, shape] : {std::pair("prefill", &pattern.schedule.prefill), {"decode", &pattern.schedule.decode}}) {
    Node form = forms.get(key);
    if (!form)
      continue;
    Fields fields(form, "an object of rows and keys", diagnostics);
    fields.allow({"rows", "keys"});
    shape->rows = fields.integer("rows", 1, maxTile).value_or(0);
    shape->keys = fields.integer("keys", 1, maxTile).value_or(0);
  }
}

void PatternReader::read(const Json &json) {
  Fields document({&json, ""}, "an object", diagnostics);
  if (!document.isObject())
    return;
  std::vector<std::string> known = {"attn",        "$schema",  "name",  "doc",     "positions",  "types",
                                    "params",      "operands", "grid",  "let",     "partitions", "caches",
                                    "kernel_maps", "phases",   "scale", "outputs", "schedule"};
  known.insert(known.end(), mapKeys.begin(), mapKeys.end());
  std::vector<Planned> planned = {{"state", "buffers that outlive a call"},
                                  {"policies", "cache policies: select, append, compact, evict"},
                                  {"select", "selection of keys"},
                                  {"append", "writing to a cache"}};
  planned.insert(planned.end(), plannedMapKeys.begin(), plannedMapKeys.end());
  document.allow(known, planned);
  document.need("attn");
  document.integer("attn", 1, 1);
  document.string("$schema");
  if (Node name = document.need("name")) {
    pattern.name = document.string("name").value_or("");
    if (name->is(Json::Kind::String))
      checkName(diagnostics, name, pattern.name, true);
  }
  pattern.doc = document.doc();
  if (auto i = document.oneOf("positions", positionsNames))
    pattern.positions = static_cast<Positions>(*i);
  for (const char *size : sizeNames)
    scope.values[size] = TermBuilder::symbol(size, Type::Int);
  readTypes(document.get("types"));
  readParams(document.get("params"));
  readOperands(document.get("operands"));
  readGrid(document.get("grid"));
  readLet(document.get("let"));
  readCaches(document.get("caches"));
  readPartitions(document.get("partitions"));
  readSchedule(document.get("schedule"));
  // What follows refers to the declarations; errors in those would only repeat.
  if (diagnostics.empty())
    readEntries(document);
}

std::optional<Pattern> read(const Json &json, Diagnostics &diagnostics) {
  Diagnostics own;
  PatternReader reader(own);
  reader.read(json);
  for (const Diagnostic &d : own.all())
    diagnostics.add(d);
  return own.empty() ? std::optional<Pattern>(std::move(reader.pattern)) : std::nullopt;
}

std::optional<Pattern> read(std::string_view text, Diagnostics &diagnostics) {
  std::optional<Json> json = Json::parse(text, diagnostics);
  return json ? read(*json, diagnostics) : std::nullopt;
}

} // namespace attn::spec
