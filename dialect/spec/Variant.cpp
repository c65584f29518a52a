//===- Variant.cpp - What is fixed when compiling ---------------------------===//
#include "dialect/spec/Variant.h"

#include <charconv>

namespace attn::spec {

std::string Variant::str() const {
  return std::string("dtype=") + dtypeNames[int(dtype)] + ",d=" + std::to_string(d) + ",dv=" + std::to_string(dv);
}

namespace {

class RequestReader {
public:
  explicit RequestReader(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  bool read(std::string_view text) {
    while (!text.empty()) {
      size_t end = text.find(',');
      if (!item(text.substr(0, end)))
        return false;
      text = end == std::string_view::npos ? "" : text.substr(end + 1);
    }
    return true;
  }
  Types types;

private:
  bool fail(std::string message) {
    diagnostics.add({Code::BadValue, "the variant", 0, 0, std::move(message)});
    return false;
  }
  bool item(std::string_view text) {
    size_t equals = text.find('=');
    std::string_view key = text.substr(0, equals);
    std::string_view value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
    if (key == "dtype")
      return dtype(value);
    if (key == "d" || key == "dv")
      return size(key, value, key == "d" ? types.d : types.dv);
    return fail(quote(text) + " is none of dtype=..., d=... and dv=...");
  }
  bool dtype(std::string_view value) {
    if (types.dtype)
      return fail("dtype is stated twice");
    for (Dtype t : {Dtype::F32, Dtype::F16, Dtype::BF16})
      if (value == dtypeNames[int(t)]) {
        types.dtype = t;
        return true;
      }
    return fail("dtype is " + quote(value) + ", expected " + alternatives({"f32", "f16", "bf16"}));
  }
  bool size(std::string_view key, std::string_view value, std::optional<int64_t> &result) {
    if (result)
      return fail(std::string(key) + " is stated twice");
    int64_t number = 0;
    auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (status != std::errc() || end != value.data() + value.size() || number < 1 || number > 576)
      return fail(std::string(key) + " is " + quote(value) + ", expected 1 to 576");
    result = number;
    return true;
  }

  Diagnostics &diagnostics;
};

/// `pattern` fixes `fixed`; `asked` must be the same or absent.
template <typename T> bool agrees(const std::optional<T> &fixed, const std::optional<T> &asked) {
  return !fixed || !asked || *fixed == *asked;
}

} // namespace

std::optional<Variant> variantOf(const Pattern &pattern, std::string_view request, Diagnostics &diagnostics,
                                 const Variant &defaults) {
  RequestReader reader(diagnostics);
  if (!reader.read(request))
    return std::nullopt;
  const Types &fixed = pattern.types, &asked = reader.types;
  if (!agrees(fixed.dtype, asked.dtype) || !agrees(fixed.d, asked.d) || !agrees(fixed.dv, asked.dv)) {
    diagnostics.add(
        {Code::Conflict, "/types", 0, 0, "the pattern fixes other types than the variant " + quote(request)});
    return std::nullopt;
  }
  auto either = [](auto a, auto b) { return a ? a : b; };
  Variant v;
  v.dtype = either(asked.dtype, fixed.dtype).value_or(defaults.dtype);
  auto d = either(asked.d, fixed.d), dv = either(asked.dv, fixed.dv);
  v.d = d.value_or(defaults.d);
  v.dv = dv.value_or(d ? *d : defaults.dv);
  for (const Operand &operand : pattern.operands)
    for (const auto &size : operand.shape)
      if (auto *name = std::get_if<std::string>(&size); name && *name == "d/2" && v.d % 2) {
        diagnostics.add({Code::Conflict, "/operands/" + operand.name + "/shape", 0, 0,
                         "\"d/2\" needs an even head dimension, and d is " + std::to_string(v.d)});
        return std::nullopt;
      }
  for (const Entry &entry : pattern.entries)
    for (const KernelMap &map : entry.attend.maps) {
      if (!map.rope)
        continue;
      for (const Operand &operand : pattern.operands)
        if (auto *columns = std::get_if<int64_t>(&operand.shape.back());
            operand.name == map.rope->cos && columns && *columns * 2 != v.d) {
          diagnostics.add({Code::Conflict, "/operands/" + operand.name + "/shape", 0, 0,
                           "the rope table has " + std::to_string(*columns) + " columns, expected d/2 with d " +
                               std::to_string(v.d)});
          return std::nullopt;
        }
    }
  return v;
}

} // namespace attn::spec
