//===- Fields.cpp - Checked access to the members of an object --------------===//
#include "dialect/spec/Fields.h"

#include "dialect/spec/Expression.h"

namespace attn::spec {

void report(Diagnostics &diagnostics, Code code, const Node &node, std::string message) {
  diagnostics.add({code, node.pointer, node.json ? node.json->line() : 0, 0, std::move(message)});
}

void wrongType(Diagnostics &diagnostics, const Node &node, const char *expected) {
  report(diagnostics, Code::WrongType, node, std::string("expected ") + expected + ", got " + node->describe());
}

bool checkName(Diagnostics &diagnostics, const Node &node, const std::string &name, bool mayBeReserved) {
  bool isIdentifier = !name.empty() && name.size() <= Json::maxKey && !(name[0] >= '0' && name[0] <= '9') &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                      });
  if (!isIdentifier)
    report(diagnostics, Code::BadName, node,
           quote(name) + " is not a name: expected letters, digits and _, not starting with a "
                         "digit, at most 128");
  else if (!mayBeReserved && isReserved(name))
    report(diagnostics, Code::BadName, node, quote(name) + " has a fixed meaning, expected another name");
  else
    return true;
  return false;
}

Fields::Fields(Node node, const char *what, Diagnostics &diagnostics)
    : self(std::move(node)), valid(self && self->is(Json::Kind::Object)), diagnostics(diagnostics) {
  if (self && !valid)
    wrongType(diagnostics, self, what);
}

void Fields::allow(const std::vector<std::string> &known, const std::vector<Planned> &planned) {
  if (!valid)
    return;
  for (const Json::Member &member : self->members()) {
    const std::string &key = member.first;
    if (std::find(known.begin(), known.end(), key) != known.end())
      continue;
    Node node{&member.second, child(self.pointer, key)};
    auto it = std::find_if(planned.begin(), planned.end(), [&](const Planned &p) { return p.key == key; });
    if (it != planned.end())
      report(diagnostics, Code::Unsupported, node, quote(key) + " (" + it->what + ") is not supported yet");
    else
      report(diagnostics, Code::UnknownKey, node, quote(key) + " is not a key here" + suggestion(key, known));
  }
}

Node Fields::get(const std::string &key) const {
  const Json *json = valid ? self->find(key) : nullptr;
  return json ? Node{json, child(self.pointer, key)} : Node{};
}

Node Fields::need(const std::string &key) {
  Node node = get(key);
  if (!node && valid)
    report(diagnostics, Code::Missing, self, "the key " + quote(key) + " is missing");
  return node;
}

std::optional<std::string> Fields::string(const std::string &key) {
  Node node = get(key);
  if (!node)
    return std::nullopt;
  if (node->is(Json::Kind::String))
    return node->string();
  wrongType(diagnostics, node, "a string");
  return std::nullopt;
}

std::optional<int64_t> Fields::integer(const std::string &key, int64_t least, int64_t most) {
  Node node = get(key);
  if (!node)
    return std::nullopt;
  if (!node->is(Json::Kind::Int)) {
    wrongType(diagnostics, node, "an integer");
  } else if (node->integer() < least || node->integer() > most) {
    report(diagnostics, Code::BadValue, node,
           quote(key) + " is " + node->describe() + ", expected " + std::to_string(least) +
               (least == most ? "" : " to " + std::to_string(most)));
  } else {
    return node->integer();
  }
  return std::nullopt;
}

std::optional<bool> Fields::boolean(const std::string &key) {
  Node node = get(key);
  if (!node)
    return std::nullopt;
  if (node->is(Json::Kind::Bool))
    return node->boolean();
  wrongType(diagnostics, node, "true or false");
  return std::nullopt;
}

std::string Fields::doc() { return string("doc").value_or(""); }

std::vector<std::pair<std::string, Node>> Fields::named(bool mayBeReserved) {
  std::vector<std::pair<std::string, Node>> result;
  if (!valid)
    return result;
  for (const auto &[key, value] : self->members()) {
    Node node{&value, child(self.pointer, key)};
    if (checkName(diagnostics, node, key, mayBeReserved))
      result.emplace_back(key, std::move(node));
  }
  return result;
}

std::optional<size_t> Fields::oneOf(const std::string &key, const std::vector<std::string> &names,
                                    const std::vector<Planned> &planned) {
  std::optional<std::string> value = string(key);
  if (!value)
    return std::nullopt;
  if (auto it = std::find(names.begin(), names.end(), *value); it != names.end())
    return it - names.begin();
  for (const Planned &p : planned)
    if (*value == p.key) {
      report(diagnostics, Code::Unsupported, get(key),
             quote(key) + " is " + quote(*value) + " (" + p.what + "), which is not supported yet");
      return std::nullopt;
    }
  report(diagnostics, Code::BadValue, get(key),
         quote(key) + " is " + quote(*value) + ", expected " + alternatives(names));
  return std::nullopt;
}

} // namespace attn::spec
