//===- Forms.cpp - Named forms ----------------------------------------------===//
#include "dialect/spec/Forms.h"

#include <cstring>

using attn::mask::Op;
using attn::mask::Type;

namespace attn::spec {

namespace {

using Arguments = std::vector<FormArgument>;

Term q() { return TermBuilder::symbol("q", Type::Int); }
Term k() { return TermBuilder::symbol("k", Type::Int); }
Term s() { return TermBuilder::symbol("s", Type::Float); }
Term one() { return TermBuilder::integer(1); }
Term zero() { return TermBuilder::integer(0); }
const Term &first(const Arguments &a, size_t i) { return a[i].terms[0]; }

Term causal(TermBuilder &t) { return t.compare("<=", k(), q()); }
/// Both in one block of `size` positions.
Term sameBlock(TermBuilder &t, const Term &size) { return t.compare("==", t.div(q(), size), t.div(k(), size)); }
Term multiple(TermBuilder &t, const Term &step) { return t.compare("==", t.mod(t.sub(q(), k()), step), zero()); }
Term recent(TermBuilder &t, const Term &size) { return t.compare("<", t.sub(q(), k()), size); }

bool isOne(const Term &term) { return term.e.op() == Op::ConstInt && term.e.intValue() == 1; }

/// Generalised neighbourhood attention along one axis: x is the query's coordinate, y the key's,
/// `length` the size of the axis. Source: NATTEN, reference mask (arXiv 2504.16922).
Term neighborhoodAxis(TermBuilder &t, Term x, Term y, Term length, const Term &window, const Term &stride,
                      const Term &dilation, bool isCausal) {
  std::vector<Term> conditions;
  if (!isOne(dilation)) { // only coordinates of one residue interact, renumbered among themselves
    Term residue = t.mod(x, dilation);
    conditions.push_back(t.compare("==", residue, t.mod(y, dilation)));
    length = t.div(t.add(t.sub(length, residue), t.sub(dilation, one())), dilation);
    x = t.div(x, dilation);
    y = t.div(y, dilation);
  }
  Term leader = x; // the coordinate whose window all queries of a stride group share
  if (!isOne(stride)) {
    Term group = t.mul(t.div(x, stride), stride);
    leader = isCausal ? t.min(t.add(group, t.sub(stride, one())), t.sub(length, one()))
                      : t.add(group, t.div(stride, TermBuilder::integer(2)));
  }
  if (isCausal) {
    conditions.push_back(t.compare("<", t.sub(leader, y), window));
    conditions.push_back(t.compare("<=", y, x));
  } else { // the window is shifted inside at the borders
    Term start = t.sub(leader, t.div(window, TermBuilder::integer(2)));
    start = t.min(t.max(start, zero()), t.max(t.sub(length, window), zero()));
    conditions.push_back(t.compare("<=", start, y));
    conditions.push_back(t.compare("<", y, t.add(start, window)));
  }
  return t.logic(Op::And, conditions);
}

Term neighborhood(TermBuilder &t, const Scope &scope, const Arguments &a) {
  size_t rank = std::max<size_t>(1, scope.grid.size());
  for (const FormArgument &argument : a)
    if (argument.terms.size() != 1 && argument.terms.size() != rank)
      return t.fail(Code::BadValue, "a list of \"neighborhood\" has " + counted(argument.terms.size(), "value") +
                                        ", but the grid has " + counted(rank, "axis", "axes"));
  auto value = [&](size_t argument, size_t axis) {
    const std::vector<Term> &terms = a[argument].terms;
    return terms[terms.size() == 1 ? 0 : axis];
  };
  std::vector<Term> axes;
  for (size_t i = 0; i < rank && !t.failed(); ++i) {
    Term x = scope.grid.empty() ? q() : gridCoordinate(t, scope, "q", i);
    Term y = scope.grid.empty() ? k() : gridCoordinate(t, scope, "k", i);
    Term length = scope.grid.empty() ? TermBuilder::symbol("kv_len", Type::Int) : scope.grid[i].size;
    axes.push_back(neighborhoodAxis(t, x, y, length, value(0, i), value(1, i), value(2, i), value(3, i).e.boolValue()));
  }
  return axes.size() == 1 ? axes[0] : t.logic(Op::And, axes);
}

const std::vector<Form> &forms() {
  using P = FormParameter;
  using T = TermBuilder;
  using A = Arguments;
  static const std::vector<Form> table = {
      {"full", {}, [](T &, const Scope &, const A &) { return T::boolean(true); }},
      {"causal", {}, [](T &t, const Scope &, const A &) { return causal(t); }},
      {"window",
       {{"size", P::Int}}, // the token itself and size - 1 before it
       [](T &t, const Scope &, const A &a) { return t.both(causal(t), recent(t, first(a, 0))); }},
      {"sliding",
       {{"left", P::Int}, {"right", P::Int}},
       [](T &t, const Scope &, const A &a) {
         return t.both(t.compare("<=", t.sub(q(), first(a, 0)), k()), t.compare("<=", k(), t.add(q(), first(a, 1))));
       }},
      {"local",
       {{"radius", P::Int}},
       [](T &t, const Scope &, const A &a) {
         return t.both(t.compare("<=", t.sub(q(), first(a, 0)), k()), t.compare("<=", k(), t.add(q(), first(a, 0))));
       }},
      {"sink", {{"count", P::Int}}, [](T &t, const Scope &, const A &a) { return t.compare("<", k(), first(a, 0)); }},
      {"prefix", {{"count", P::Int}}, [](T &t, const Scope &, const A &a) { return t.compare("<", k(), first(a, 0)); }},
      {"global",
       {{"count", P::Int}},
       [](T &t, const Scope &, const A &a) {
         return t.either(t.compare("<", q(), first(a, 0)), t.compare("<", k(), first(a, 0)));
       }},
      {"document",
       {{"ids", P::Ids}},
       [](T &t, const Scope &scope, const A &a) {
         return t.compare("==", elementAt(t, scope, a[0].tensor, {q()}), elementAt(t, scope, a[0].tensor, {k()}));
       }},
      {"dilated", {{"step", P::Int}}, [](T &t, const Scope &, const A &a) { return multiple(t, first(a, 0)); }},
      {"block_diagonal",
       {{"block", P::Int}},
       [](T &t, const Scope &, const A &a) { return sameBlock(t, first(a, 0)); }},
      {"chunked",
       {{"chunk", P::Int}},
       [](T &t, const Scope &, const A &a) { return t.both(causal(t), sameBlock(t, first(a, 0))); }},
      {"strided",
       {{"stride", P::Int}}, // Sparse Transformer, arXiv 1904.10509
       [](T &t, const Scope &, const A &a) {
         return t.both(causal(t), t.either(recent(t, first(a, 0)), multiple(t, first(a, 0))));
       }},
      {"fixed",
       {{"block", P::Int}, {"summary", P::Int, "1"}}, // the other pattern of that paper
       [](T &t, const Scope &, const A &a) {
         Term summary = t.compare("<=", t.sub(first(a, 0), first(a, 1)), t.mod(k(), first(a, 0)));
         return t.both(causal(t), t.either(sameBlock(t, first(a, 0)), summary));
       }},
      {"block_list",
       {{"rows", P::List}, {"columns", P::List}, {"q_block", P::Int}, {"k_block", P::Int}},
       [](T &t, const Scope &scope, const A &a) {
         Term row = t.div(q(), first(a, 2));
         Term from = elementAt(t, scope, a[0].tensor, {row}),
              to = elementAt(t, scope, a[0].tensor, {t.add(row, one())});
         return searchIn(t, scope, Op::Member, a[1].tensor, {}, {t.div(k(), first(a, 3)), from, to});
       }},
      {"block_mask",
       {{"num", P::List}, {"indices", P::List}, {"q_block", P::Int}, {"k_block", P::Int}},
       [](T &t, const Scope &scope, const A &a) {
         std::vector<Term> row = {TermBuilder::symbol("b", Type::Int), TermBuilder::symbol("h", Type::Int),
                                  t.div(q(), first(a, 2))};
         Term count = elementAt(t, scope, a[0].tensor, row);
         return searchIn(t, scope, Op::Member, a[1].tensor, row, {t.div(k(), first(a, 3)), zero(), count});
       }},
      {"tree",
       {{"parent", P::List}, {"prefix", P::Int}},
       [](T &t, const Scope &scope, const A &a) {
         Term prefix = first(a, 1);
         std::vector<Term> nodes = {t.sub(q(), prefix), t.sub(k(), prefix)};
         Term above = searchIn(t, scope, Op::Ancestor, a[0].tensor, {}, nodes);
         return t.either(t.compare("<", k(), prefix), t.both(t.compare("<=", prefix, k()), above));
       }},
      {"neighborhood",
       {{"window", P::PerAxis},
        {"stride", P::PerAxis, "1"},
        {"dilation", P::PerAxis, "1"},
        {"causal", P::Flags, "false"}},
       neighborhood},
      {"softcap",
       {{"cap", P::Float}, {"score", P::Float, "s"}},
       [](T &t, const Scope &, const A &a) {
         Term cap = t.toFloat(first(a, 0));
         Term ratio = t.arithmetic(Op::Div, first(a, 1), cap, "/");
         return t.mul(cap, t.floatFunction(Op::Tanh, ratio, "tanh"));
       }},
      {"alibi",
       {{"slope", P::Float}},
       [](T &t, const Scope &, const A &a) { return t.mul(t.toFloat(first(a, 0)), t.toFloat(t.sub(k(), q()))); }},
  };
  return table;
}

/// The default of an absent argument.
Term fallback(const char *text) {
  if (!std::strcmp(text, "s"))
    return s();
  return std::strcmp(text, "false") ? one() : TermBuilder::boolean(false);
}

} // namespace

const Form *findForm(const std::string &name) {
  for (const Form &form : forms())
    if (name == form.name)
      return &form;
  return nullptr;
}

std::vector<std::string> formNames() {
  std::vector<std::string> names;
  for (const Form &form : forms())
    names.push_back(form.name);
  return names;
}

Term expandForm(const Form &form, TermBuilder &build, const Scope &scope, Arguments arguments) {
  for (size_t i = 0; i < form.parameters.size(); ++i) {
    const FormParameter &p = form.parameters[i];
    FormArgument &a = arguments[i];
    std::string what = quote(p.name) + " of " + quote(form.name);
    if (a.terms.empty() && a.tensor.empty()) {
      if (!p.fallback)
        return build.fail(Code::Missing, quote(form.name) + " needs " + quote(p.name));
      a.terms = {fallback(p.fallback)};
    }
    bool perAxis = p.kind == FormParameter::PerAxis || p.kind == FormParameter::Flags;
    if (a.isList && !perAxis)
      return build.fail(Code::ExprType, what + " is one value, not a list");
    Type wanted = p.kind == FormParameter::Flags   ? Type::Bool
                  : p.kind == FormParameter::Float ? Type::Float
                                                   : Type::Int;
    for (const Term &term : a.terms) {
      if (build.failed())
        return {};
      bool fits = term.type() == wanted || (wanted == Type::Float && term.type() == Type::Int);
      if (!fits)
        return build.fail(Code::ExprType, what + " is " + typeName(wanted) + ", not " + typeName(term.type()));
      if (p.kind == FormParameter::Flags && !term.e.isConst())
        return build.fail(Code::ExprType, what + " is true or false, not an expression");
      bool isPerAxis = p.kind == FormParameter::PerAxis;
      if (isPerAxis && term.e.op() == Op::ConstInt && term.e.intValue() < 1)
        return build.fail(Code::BadValue, what + " is " + std::to_string(term.e.intValue()) + ", expected 1 or more");
    }
  }
  return build.failed() ? Term{} : form.expand(build, scope, arguments);
}

Term gridCoordinate(TermBuilder &build, const Scope &scope, const char *symbol, size_t axis) {
  Term coordinate = TermBuilder::symbol(symbol, Type::Int);
  Term stride = one();
  for (size_t i = axis + 1; i < scope.grid.size(); ++i)
    stride = isOne(stride) ? scope.grid[i].size : build.mul(stride, scope.grid[i].size);
  if (axis + 1 < scope.grid.size())
    coordinate = build.div(coordinate, stride);
  return axis == 0 ? coordinate : build.mod(coordinate, scope.grid[axis].size);
}

Term elementAt(TermBuilder &build, const Scope &scope, const std::string &tensor, std::vector<Term> indices) {
  const Scope::Tensor &t = scope.tensors.at(tensor);
  if (t.batchFirst && indices.size() + 1 == t.rank)
    indices.insert(indices.begin(), TermBuilder::symbol("b", Type::Int));
  if (indices.size() != t.rank)
    return build.fail(Code::BadValue, quote(tensor) + " has " + counted(t.rank, "dimension") +
                                          ", but is indexed with " + std::to_string(indices.size()));
  return build.element(tensor, std::move(indices), t.type);
}

Term searchIn(TermBuilder &build, const Scope &scope, Op op, const std::string &tensor, std::vector<Term> row,
              std::vector<Term> args) {
  const Scope::Tensor &t = scope.tensors.at(tensor);
  if (t.batchFirst && row.size() + 2 == t.rank)
    row.insert(row.begin(), TermBuilder::symbol("b", Type::Int));
  if (row.size() + 1 != t.rank)
    return build.fail(Code::BadValue, quote(tensor) + " has " + counted(t.rank, "dimension") +
                                          "; a search takes indices of all but the last, not " +
                                          std::to_string(row.size()));
  if (t.type != Type::Int)
    return build.fail(Code::ExprType, quote(tensor) + " is searched for integers, but holds others");
  return build.search(op, tensor, std::move(args), std::move(row));
}

} // namespace attn::spec
