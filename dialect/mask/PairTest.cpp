//===- PairTest.cpp - Is there a pair in a box ----------------------------===//
#include "dialect/mask/PairTest.h"

#include <algorithm>

namespace attn::mask {

namespace {
/// ofQuery + ofKey <= 0, or == 0.
struct Link {
  Expr ofQuery, ofKey;
  bool isEqual;
};

class PairTest {
public:
  PairTest(CodeBuilder &code, const Region &region, const Bindings &bindings);
  int exists(Span queries, Span keys, int enabled);

private:
  /// Least and most of `values` over the positions of `axis` at which `tests` hold: two ids per value.
  std::vector<int> ranges(const char *axis, Span span, int enabled, const std::vector<Expr> &tests,
                          const std::vector<Expr> &values);
  int all(const std::vector<Expr> &tests, const Bindings &at);
  int mayMeet(Span queries, Span keys, int enabled);
  int scan(Span queries, Span keys, int enabled);

  CodeBuilder &code;
  const Bindings &bindings;
  std::vector<Expr> ofQuery, ofKey, ofBoth;
  std::vector<Link> links;
};
} // namespace

/// The two halves of a comparison whose terms see only the query or only the key.
static std::optional<Link> linkOf(const Expr &e) {
  Linear form, query, key;
  if (std::optional<Linear> bound = boundOf(e)) {
    form = *bound;
  } else if (e.op() == Op::Eq && e.args()[0].type() == Type::Int) {
    form = Linear::of(e.args()[0]);
    if (!form.add(Linear::of(e.args()[1]), -1))
      return std::nullopt;
  } else {
    return std::nullopt;
  }
  query.constant = form.constant;
  for (const auto &[term, coefficient] : form.terms) {
    if (term.uses("q") && term.uses("k"))
      return std::nullopt;
    (term.uses("k") ? key : query).terms.emplace(term, coefficient);
  }
  return Link{query.expr(), key.expr(), e.op() == Op::Eq};
}

PairTest::PairTest(CodeBuilder &code, const Region &region, const Bindings &bindings) : code(code), bindings(bindings) {
  std::vector<Expr> tests = region.pairs;
  for (const Bound &bound : region.bounds) {
    Linear form = Linear::of(bound.rest);
    if (form.addTerm(Expr::symbol("q"), bound.q) && form.addTerm(Expr::symbol("k"), bound.k))
      tests.push_back(form.expr() <= Expr::integer(0));
  }
  for (const Expr &test : tests) {
    bool seesKey = test.uses("k");
    (!seesKey ? ofQuery : test.uses("q") ? ofBoth : ofKey).push_back(test);
    if (std::optional<Link> link = seesKey && test.uses("q") ? linkOf(test) : std::nullopt)
      links.push_back(*link);
  }
}

int PairTest::all(const std::vector<Expr> &tests, const Bindings &at) {
  int result = code.boolean(true);
  for (const Expr &test : tests)
    result = code.land(result, code.emit(test, at));
  return result;
}

std::vector<int> PairTest::ranges(const char *axis, Span span, int enabled, const std::vector<Expr> &tests,
                                  const std::vector<Expr> &values) {
  // Of no position: least above and most below everything, and sums of two do not wrap around.
  int one = code.constant(1), least = code.constant(int64_t(1) << 61), most = code.constant(-(int64_t(1) << 61));
  CodeBuilder::Carried initial = {code.select(enabled, span.first, code.add(span.last, one))};
  for (size_t i = 0; i < values.size(); ++i)
    initial.insert(initial.end(), {least, most});
  auto result = code.loop(
      initial, [&](const CodeBuilder::Carried &v) { return code.le(v[0], span.last); },
      [&](const CodeBuilder::Carried &v) {
        Bindings at = bindings;
        at[axis] = v[0];
        int holds = all(tests, at);
        CodeBuilder::Carried next = {code.add(v[0], one)};
        for (size_t i = 0; i < values.size(); ++i) {
          int value = code.emit(values[i], at);
          next.push_back(code.min(v[2 * i + 1], code.select(holds, value, least)));
          next.push_back(code.max(v[2 * i + 2], code.select(holds, value, most)));
        }
        return next;
      });
  result.erase(result.begin());
  return result;
}

/// B: no link rules the box out.
int PairTest::mayMeet(Span queries, Span keys, int enabled) {
  std::vector<Expr> queryValues, keyValues;
  for (const Link &link : links) {
    queryValues.push_back(link.ofQuery);
    keyValues.push_back(link.ofKey);
  }
  std::vector<int> f = ranges("q", queries, enabled, ofQuery, queryValues);
  std::vector<int> g = ranges("k", keys, enabled, ofKey, keyValues);
  int zero = code.constant(0);
  for (size_t i = 0; i < links.size(); ++i) {
    enabled = code.land(enabled, code.le(code.add(f[2 * i], g[2 * i]), zero));
    if (links[i].isEqual)
      enabled = code.land(enabled, code.le(zero, code.add(f[2 * i + 1], g[2 * i + 1])));
  }
  return enabled;
}

int PairTest::scan(Span queries, Span keys, int enabled) {
  int one = code.constant(1), no = code.boolean(false);
  auto whileNone = [&](int last) {
    return [this, last](const CodeBuilder::Carried &v) { return code.land(code.le(v[0], last), code.lnot(v[1])); };
  };
  int begin = code.select(enabled, queries.first, code.add(queries.last, one));
  return code.loop({begin, no}, whileNone(queries.last), [&](const CodeBuilder::Carried &query) {
    Bindings at = bindings;
    at["q"] = query[0];
    int first = code.select(all(ofQuery, at), keys.first, code.add(keys.last, one));
    auto row = code.loop({first, no}, whileNone(keys.last), [&](const CodeBuilder::Carried &key) {
      at["k"] = key[0];
      return CodeBuilder::Carried{code.add(key[0], one), code.land(all(ofKey, at), all(ofBoth, at))};
    });
    return CodeBuilder::Carried{code.add(query[0], one), row[1]};
  })[1];
}

int PairTest::exists(Span queries, Span keys, int enabled) {
  if (!links.empty())
    enabled = mayMeet(queries, keys, enabled);
  return scan(queries, keys, enabled);
}

int existsPair(CodeBuilder &code, const Region &region, Span queries, Span keys, int enabled,
               const Bindings &bindings) {
  return PairTest(code, region, bindings).exists(queries, keys, enabled);
}

} // namespace attn::mask
