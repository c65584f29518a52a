//===- ReadOperands.cpp - The operands of a pattern -------------------------===//
#include "dialect/spec/PatternReader.h"

#include <cmath>
#include <functional>
#include <limits>

using attn::mask::Type;

namespace attn::spec {

static constexpr int64_t maxInt = std::numeric_limits<int32_t>::max();

void PatternReader::readOperand(Operand &operand, Fields &fields) {
  fields.allow({"shape", "dtype", "domain", "by", "values", "doc"},
               {{"init", "state that outlives a call"}, {"scope", "state that outlives a call"}});
  operand.doc = fields.doc();
  fields.need("dtype");
  if (auto i = fields.oneOf("dtype", dtypeNames))
    operand.dtype = static_cast<Dtype>(*i);
  if (auto i = fields.oneOf("domain", domainNames,
                            {{"range", "a checked range of values"},
                             {"permutation", "a checked permutation"},
                             {"offsets", "checked offsets"}}))
    operand.domain = static_cast<Domain>(*i);
  if (operand.domain != Domain::Any && isFloat(operand.dtype))
    error(Code::Conflict, fields.get("domain"),
          "the domain " + quote(domainNames[int(operand.domain)]) + " is for integers, and the dtype is " +
              quote(dtypeNames[int(operand.dtype)]));
  fields.oneOf("by", {"position"}, {{"slot", "tensors indexed by cache slot"}, {"row", "tensors indexed by row"}});
  Node shape = fields.get("shape");
  if (!shape) {
    error(Code::Missing, fields.node(),
          "the key \"shape\" is missing (a scalar that changes between runs is a parameter)");
    return;
  }
  if (!shape->is(Json::Kind::Array))
    return wrongType(diagnostics, shape, "an array of sizes");
  if (shape->items().empty() || shape->items().size() > 4)
    error(Code::BadValue, shape, "the shape has " + counted(shape->items().size(), "size") + ", expected 1 to 4");
  std::vector<std::string> known = {"batch", "q_heads", "kv_heads", "layers", "q_len", "kv_len", "d", "dv", "d/2"};
  size_t builtin = known.size();
  for (const Param &p : pattern.params)
    if (!p.isFloat())
      known.push_back(p.name);
  for (size_t i = 0; i < shape->items().size(); ++i) {
    Node size{&shape->items()[i], child(shape.pointer, i)};
    if (size->is(Json::Kind::Int)) {
      if (size->integer() < 1 || size->integer() > maxInt)
        error(Code::BadValue, size, "a size is " + size->describe() + ", expected 1 to 2147483647");
      operand.shape.push_back(size->integer());
    } else if (!size->is(Json::Kind::String)) {
      wrongType(diagnostics, size, "a number or the name of a size");
    } else if (std::find(known.begin(), known.end(), size->string()) == known.end()) {
      error(Code::UnknownName, size,
            quote(size->string()) + " is not a size" + suggestion(size->string(), known) + ", expected " +
                alternatives(std::vector<std::string>(known.begin(), known.begin() + builtin)) +
                ", an integer parameter or a number");
    } else {
      operand.shape.push_back(size->string());
    }
  }
  if (Node values = fields.get("values"); values && diagnostics.empty())
    readValues(operand, values);
}

/// The largest finite value of a float type.
static double largest(Dtype dtype) {
  return dtype == Dtype::F16 ? 65504 : dtype == Dtype::BF16 ? 0x1.FEp127 : std::numeric_limits<float>::max();
}

/// Nested arrays, as deep as the shape; every array of one level has the same length.
void PatternReader::readValues(Operand &operand, const Node &node) {
  size_t rank = operand.shape.size();
  std::vector<int64_t> ints;
  std::vector<double> reals;
  std::vector<int64_t> sizes(rank, -1);
  static const std::map<Dtype, int64_t> limits = {{Dtype::I8, 127}, {Dtype::I32, maxInt}};
  auto leaf = [&](const Node &item) {
    bool isInt = item->is(Json::Kind::Int);
    if (operand.dtype == Dtype::Bool) {
      bool isBit = isInt && (item->integer() == 0 || item->integer() == 1);
      if (!isBit && !item->is(Json::Kind::Bool))
        return error(Code::BadValue, item, "expected true, false, 0 or 1, got " + item->describe()), false;
      ints.push_back(isBit ? item->integer() : item->boolean());
    } else if (isFloat(operand.dtype)) {
      if (!isInt && !item->is(Json::Kind::Float))
        return wrongType(diagnostics, item, "a number"), false;
      if (!(std::abs(item->real()) <= largest(operand.dtype)))
        return error(Code::BadValue, item, item->describe() + " does not fit in " + dtypeNames[int(operand.dtype)]),
               false;
      reals.push_back(item->real());
    } else {
      if (!isInt)
        return wrongType(diagnostics, item, "an integer"), false;
      auto limit = limits.find(operand.dtype);
      if (limit != limits.end() && (item->integer() > limit->second || item->integer() < -limit->second - 1))
        return error(Code::BadValue, item, item->describe() + " does not fit in " + dtypeNames[int(operand.dtype)]),
               false;
      if (operand.domain == Domain::Boolean && item->integer() != 0 && item->integer() != 1)
        return error(Code::BadValue, item, "the domain is \"boolean\", expected 0 or 1, got " + item->describe()),
               false;
      ints.push_back(item->integer());
    }
    return true;
  };
  std::function<bool(const Node &, size_t)> walk = [&](const Node &item, size_t level) {
    if (level == rank)
      return leaf(item);
    if (!item->is(Json::Kind::Array))
      return wrongType(diagnostics, item, rank == 1 ? "an array of values" : "nested arrays of values"), false;
    int64_t count = int64_t(item->items().size());
    auto *stated = std::get_if<int64_t>(&operand.shape[level]);
    if (count == 0)
      return error(Code::BadValue, item, "the array is empty, expected one value or more"), false;
    int64_t &size = sizes[level];
    if (size < 0)
      size = stated ? *stated : count;
    if (count != size)
      return error(Code::BadValue, item,
                   "the array has " + counted(count, "item") + ", expected " + std::to_string(size) +
                       (stated ? ", the size of the dimension" : " as in the first array of its level")),
             false;
    for (size_t i = 0; i < item->items().size(); ++i)
      if (!walk({&item->items()[i], child(item.pointer, i)}, level + 1))
        return false;
    bool isSorted =
        level + 1 < rank || operand.domain != Domain::Sorted || std::is_sorted(ints.end() - count, ints.end());
    if (!isSorted)
      error(Code::BadValue, item, "the domain is \"sorted\", and the values decrease");
    return isSorted;
  };
  if (!walk(node, 0))
    return;
  operand.sizes = std::move(sizes);
  if (isFloat(operand.dtype))
    operand.values = std::move(reals);
  else
    operand.values = std::move(ints);
}

void PatternReader::readOperands(const Node &node) {
  Fields operands(node, "an object of operands", diagnostics);
  for (auto &[name, value] : operands.named()) {
    Operand operand;
    operand.name = name;
    Fields fields(value, "an object with shape and dtype", diagnostics);
    if (fields.isObject())
      readOperand(operand, fields);
    if (declare(value, name, "an operand") && !operand.shape.empty()) {
      Type type = operand.dtype == Dtype::Bool ? Type::Bool : isFloat(operand.dtype) ? Type::Float : Type::Int;
      auto *leading = std::get_if<std::string>(&operand.shape[0]);
      scope.tensors[name] = {operand.shape.size(), type, leading && *leading == "batch"};
    }
    pattern.operands.push_back(std::move(operand));
  }
}

} // namespace attn::spec
