//===- Print.cpp - A pattern as normalised text -----------------------------===//
#include "dialect/spec/Print.h"

#include <charconv>

using attn::mask::Expr;
using attn::mask::Op;

namespace attn::spec {

namespace {

/// Writes JSON: members and items one a line, except in objects and arrays opened as `flat`.
class Writer {
public:
  std::string text;

  void open(char bracket, bool flat = false) {
    text += bracket;
    levels.push_back({flat, true});
  }
  void close(char bracket) {
    bool isEmpty = levels.back().isEmpty, flat = levels.back().flat;
    levels.pop_back();
    if (!isEmpty)
      separate(flat);
    text += bracket;
  }
  void next() {
    if (!levels.back().isEmpty)
      text += ',';
    separate(levels.back().flat);
    levels.back().isEmpty = false;
  }
  void key(const std::string &name) {
    next();
    string(name);
    text += ": ";
  }
  void string(const std::string &value) {
    static const char hex[] = "0123456789abcdef";
    text += '"';
    for (unsigned char c : value) {
      if (c == '"' || c == '\\') {
        text += '\\';
        text += c;
      } else if (c < 0x20) {
        text += "\\u00";
        text += hex[c >> 4];
        text += hex[c & 15];
      } else {
        text += c;
      }
    }
    text += '"';
  }
  void number(int64_t value) { text += std::to_string(value); }
  void number(double value) { // never spelled like an integer
    char buffer[40];
    std::string digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
    text += digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
  }
  void member(const std::string &name, const std::string &value) {
    key(name);
    string(value);
  }
  void optional(const std::string &name, const std::string &value) {
    if (!value.empty())
      member(name, value);
  }

private:
  struct Level {
    bool flat, isEmpty;
  };
  void separate(bool flat) {
    if (flat)
      text += ' ';
    else
      text += "\n" + std::string(2 * levels.size(), ' ');
  }
  std::vector<Level> levels;
};

class Printer {
public:
  explicit Printer(const Pattern &pattern) : pattern(pattern) {}

  std::string run() {
    w.open('{');
    w.key("attn");
    w.number(int64_t(1));
    w.member("name", pattern.name);
    w.optional("doc", pattern.doc);
    if (pattern.positions)
      w.member("positions", positionsNames[int(*pattern.positions)]);
    types();
    group("params", pattern.params, [&](const Param &p) { param(p); });
    group("operands", pattern.operands, [&](const Operand &o) { operand(o); });
    grid();
    group("partitions", pattern.partitions, [&](const Partition &p) { partition(p); });
    bool isDefaultCache = pattern.caches.size() == 1 && pattern.caches[0].name == "kv" &&
                          pattern.caches[0].layout == Layout::Contiguous && pattern.caches[0].doc.empty();
    if (!isDefaultCache)
      group("caches", pattern.caches, [&](const Cache &c) { cache(c); });
    schedule();
    const Entry &first = pattern.entries[0];
    if (pattern.entries.size() == 1 && first.name == "attend" && first.doc.empty())
      attend(first.attend);
    else
      group("phases", pattern.entries, [&](const Entry &e) {
        w.open('{');
        w.optional("doc", e.doc);
        attend(e.attend);
        w.close('}');
      });
    w.close('}');
    return w.text + "\n";
  }

private:
  /// An object with one member per declaration.
  template <typename T, typename F> void group(const char *name, const std::vector<T> &items, F print) {
    if (items.empty())
      return;
    w.key(name);
    w.open('{');
    for (const T &item : items) {
      w.key(item.name);
      print(item);
    }
    w.close('}');
  }
  void types() {
    const Types &t = pattern.types;
    if (!t.dtype && !t.d && !t.dv)
      return;
    w.key("types");
    w.open('{', true);
    if (t.dtype)
      w.member("dtype", dtypeNames[int(*t.dtype)]);
    if (t.d) {
      w.key("d");
      w.number(*t.d);
    }
    if (t.dv) {
      w.key("dv");
      w.number(*t.dv);
    }
    w.close('}');
  }
  void grid() {
    if (pattern.grid.empty())
      return;
    w.key("grid");
    w.open('{', true);
    w.key("axes");
    w.open('[', true);
    for (const GridAxis &axis : pattern.grid) {
      w.next();
      w.string(axis.name);
    }
    w.close(']');
    w.key("sizes");
    w.open('[', true);
    for (const GridAxis &axis : pattern.grid)
      size(axis.size);
    w.close(']');
    w.close('}');
  }
  /// One size of a list.
  void size(const std::variant<int64_t, std::string> &size) {
    w.next();
    if (auto *name = std::get_if<std::string>(&size))
      w.string(*name);
    else
      w.number(std::get<int64_t>(size));
  }
  void schedule() {
    const Schedule &s = pattern.schedule;
    auto stated = [](const TileShape &shape) { return shape.rows || shape.keys; };
    if (!stated(s.prefill) && !stated(s.decode))
      return;
    w.key("schedule");
    w.open('{');
    for (auto [key, shape] : {std::pair("prefill", s.prefill), {"decode", s.decode}}) {
      if (!stated(shape))
        continue;
      w.key(key);
      w.open('{', true);
      for (auto [size, value] : {std::pair("rows", shape.rows), {"keys", shape.keys}})
        if (value) {
          w.key(size);
          w.number(value);
        }
      w.close('}');
    }
    w.close('}');
  }
  void param(const Param &p) {
    auto number = [&] { std::visit([&](auto value) { w.number(value); }, p.value); };
    if (p.doc.empty())
      return number();
    w.open('{', true);
    w.key("default");
    number();
    w.member("doc", p.doc);
    w.close('}');
  }
  void operand(const Operand &o) {
    w.open('{', true);
    w.key("shape");
    w.open('[', true);
    for (const auto &each : o.shape)
      size(each);
    w.close(']');
    w.member("dtype", dtypeNames[int(o.dtype)]);
    if (o.domain != Domain::Any)
      w.member("domain", domainNames[int(o.domain)]);
    if (!o.sizes.empty()) {
      w.key("values");
      size_t next = 0;
      values(o, 0, next);
    }
    w.optional("doc", o.doc);
    w.close('}');
  }
  /// The elements of `o` from `next` on that lie in one array of this level.
  void values(const Operand &o, size_t level, size_t &next) {
    if (level == o.sizes.size()) {
      std::visit([&](auto &list) { w.number(list[next]); }, o.values);
      ++next;
      return;
    }
    w.open('[', true);
    for (int64_t i = 0; i < o.sizes[level]; ++i) {
      w.next();
      values(o, level + 1, next);
    }
    w.close(']');
  }
  void partition(const Partition &p) {
    w.open('{');
    w.optional("doc", p.doc);
    w.member("axis", axisNames[int(p.axis)]);
    w.key("classes");
    w.open('{');
    for (const Partition::Class &c : p.classes) {
      if (!c.cache) {
        w.member(c.name, c.rule ? c.rule.str() : "otherwise");
        continue;
      }
      w.key(c.name);
      w.open('{', true);
      w.member("cache", pattern.caches[*c.cache].name);
      w.close('}');
    }
    w.close('}');
    w.close('}');
  }
  void cache(const Cache &c) {
    w.open('{', true);
    w.optional("doc", c.doc);
    w.member("layout", layoutNames[int(c.layout)]);
    w.optional("sink", c.sink);
    w.optional("ring", c.ring);
    w.close('}');
  }
  void attend(const Attend &a) {
    if (auto *number = std::get_if<double>(&a.scale)) {
      w.key("scale");
      w.number(*number);
    }
    if (auto *name = std::get_if<std::string>(&a.scale))
      w.member("scale", *name);
    if (!a.out || !a.lse) {
      w.key("outputs");
      w.open('[', true);
      w.next();
      w.string(a.out ? "out" : "lse");
      w.close(']');
    }
    if (a.maps.size() == 1 && a.maps[0].classes.empty())
      return map(a.maps[0]);
    w.key("kernel_maps");
    w.open('{');
    for (const KernelMap &m : a.maps) {
      std::string name;
      for (const auto &[p, c] : m.classes)
        name += (name.empty() ? "" : " & ") + pattern.partitions[p].name + "." + pattern.partitions[p].classes[c].name;
      w.key(name.empty() ? "all" : name);
      w.open('{');
      map(m);
      w.close('}');
    }
    w.close('}');
  }
  void map(const KernelMap &m) {
    w.member("mask", m.mask.str());
    if (m.score)
      w.member("score", m.score.str());
    if (auto *linear = std::get_if<Linear>(&m.weight)) {
      w.key("weight");
      w.open('{', true);
      w.key("linear");
      w.open('{', true);
      w.member("decay", linear->decay.str());
      w.member("form", linear->chunked ? "chunked" : "quadratic");
      w.close('}');
      w.close('}');
    } else if (const std::string &seed = std::get<Softmax>(m.weight).seed; !seed.empty()) {
      w.key("weight");
      w.open('{', true);
      w.key("softmax");
      w.open('{', true);
      w.member("seed", seed);
      w.close('}');
      w.close('}');
    }
    if (m.zeroValue)
      w.member("value", "zero");
    if (m.rope) {
      w.key("rope");
      w.open('{', true);
      w.member("cos", m.rope->cos);
      w.member("sin", m.rope->sin);
      if (m.rope->interleaved) {
        w.key("interleaved");
        w.text += "true";
      }
      w.close('}');
    }
    if (pattern.caches.size() > 1)
      w.member("cache", pattern.caches[m.cache].name);
  }

  const Pattern &pattern;
  Writer w;
};

} // namespace

std::string print(const Pattern &pattern) { return Printer(pattern).run(); }

} // namespace attn::spec
