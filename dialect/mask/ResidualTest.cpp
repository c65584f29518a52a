//===- ResidualTest.cpp - Is there a member in a range of values ----------===//
#include "dialect/mask/ResidualTest.h"

namespace attn::mask {

namespace {
/// A range of arguments or remainders.
struct Range {
  int first, last;
};
} // namespace

/// The modulus, with 0 counted as 1.
static int modulusOf(CodeBuilder &code, const Residual &residual, const Facts &facts, const Bindings &bindings) {
  int m = code.emit(residual.modulus, bindings);
  if (isPositive(residual.modulus, facts))
    return m;
  return code.select(code.eq(m, code.constant(0)), code.constant(1), m);
}

/// Some y in `range` has its remainder by the common modulus between all `least` and `most`.
static int someRemainder(CodeBuilder &code, const std::vector<Residual> &residuals, Range range, const Facts &facts,
                         const Bindings &bindings) {
  int zero = code.constant(0), one = code.constant(1);
  std::optional<int> least, most;
  for (const Residual &residual : residuals) {
    if (residual.least) {
      int value = code.emit(residual.least, bindings);
      least = least ? code.max(*least, value) : value;
    }
    if (residual.most) {
      int value = code.emit(residual.most, bindings);
      most = most ? code.min(*most, value) : value;
    }
  }
  int m = modulusOf(code, residuals[0], facts, bindings);
  if (!isPositive(residuals[0].modulus, facts)) {
    // y % m = -(-y % -m): mirror everything for a negative modulus.
    int isNegative = code.lt(m, zero);
    auto mirror = [&](std::optional<int> value, std::optional<int> other, int otherwise) {
      int mirrored = other ? code.sub(zero, *other) : otherwise;
      return code.select(isNegative, mirrored, value.value_or(otherwise));
    };
    int size = code.select(isNegative, code.sub(zero, m), m);
    int newLeast = mirror(least, most, zero), newMost = mirror(most, least, code.sub(size, one));
    range = {code.select(isNegative, code.sub(zero, range.last), range.first),
             code.select(isNegative, code.sub(zero, range.first), range.last)};
    least = newLeast, most = newMost, m = size;
  }
  int r0 = least ? code.max(*least, zero) : zero;
  int r1 = code.sub(m, one);
  if (most)
    r1 = code.min(*most, r1);
  // The first y from range.first on whose remainder is in [r0, r1].
  int remainder = code.mod(range.first, m);
  int here = code.add(range.first, code.max(code.sub(r0, remainder), zero));
  int next = code.add(range.first, code.add(code.sub(m, remainder), r0));
  int found = code.select(code.le(remainder, r1), here, next);
  return code.land(code.le(r0, r1), code.le(found, range.last));
}

static int somePowerOfTwo(CodeBuilder &code, Range range) {
  int limit = code.constant(int64_t(1) << 61);
  auto power = code.loop(
      {code.constant(1)},
      [&](const CodeBuilder::Carried &v) { return code.land(code.lt(v[0], range.first), code.lt(v[0], limit)); },
      [&](const CodeBuilder::Carried &v) { return CodeBuilder::Carried{code.add(v[0], v[0])}; });
  return code.land(code.le(range.first, power[0]), code.le(power[0], range.last));
}

/// Of three neighbours one is not a power of two.
static int someOther(CodeBuilder &code, Range range) {
  int isLong = code.le(code.add(range.first, code.constant(2)), range.last);
  return code.lor(isLong, code.lor(code.lnot(code.isPow2(range.first)), code.lnot(code.isPow2(range.last))));
}

/// One residual at one x.
static int holds(CodeBuilder &code, Direction direction, const Residual &residual, int x, const Facts &facts,
                 const Bindings &bindings) {
  if (residual.kind == Residual::Predicate) {
    // It sees q and k through x alone (q constant, or x = q + K * k): any pair with this x will do.
    Bindings pair = bindings;
    if (direction.q != 0)
      pair["q"] = x;
    pair["k"] = direction.q != 0 ? code.constant(0) : x;
    return code.emit(residual.predicate, pair);
  }
  int y = code.add(code.mul(x, code.constant(residual.factor)), code.emit(residual.offset, bindings));
  if (residual.kind != Residual::Remainder) {
    int test = code.isPow2(y);
    return residual.kind == Residual::PowerOfTwo ? test : code.lnot(test);
  }
  return someRemainder(code, {residual}, {y, y}, facts, bindings);
}

/// Tries x = first, first + 1, ..., last; predicates of keys that are constant on pieces are tried once a piece.
static int tryAll(CodeBuilder &code, Direction direction, const std::vector<Residual> &residuals, int first, int last,
                  const Facts &facts, const Bindings &bindings) {
  ExprSet parts;
  for (const Residual &residual : residuals)
    pieces(residual.kind == Residual::Predicate ? residual.predicate : Expr::symbol("k"), "k", facts, parts);
  bool inPieces = direction.q == 0 && !parts.count(Expr::symbol("k"));
  auto result = code.loop(
      {first, code.boolean(false)},
      [&](const CodeBuilder::Carried &v) { return code.land(code.le(v[0], last), code.lnot(v[1])); },
      [&](const CodeBuilder::Carried &v) {
        int all = code.boolean(true);
        for (const Residual &residual : residuals)
          all = code.land(all, holds(code, direction, residual, v[0], facts, bindings));
        int end = v[0];
        if (inPieces) {
          end = last;
          for (const Expr &part : parts)
            end = code.min(end, pieceEnd(code, part, "k", v[0], last, facts, bindings));
        }
        return CodeBuilder::Carried{code.add(end, code.constant(1)), all};
      });
  return result[1];
}

int existsMember(CodeBuilder &code, Direction direction, const std::vector<Residual> &residuals, int first, int last,
                 const Facts &facts, const Bindings &bindings) {
  if (!isClosedForm(residuals))
    return tryAll(code, direction, residuals, first, last, facts, bindings);
  const Residual &residual = residuals[0];
  int offset = code.emit(residual.offset, bindings);
  Range range = residual.factor > 0 ? Range{code.add(first, offset), code.add(last, offset)}
                                    : Range{code.sub(offset, last), code.sub(offset, first)};
  int isSome = code.le(first, last), found = 0;
  switch (residual.kind) {
  case Residual::Remainder: found = someRemainder(code, residuals, range, facts, bindings); break;
  case Residual::PowerOfTwo: found = somePowerOfTwo(code, range); break;
  default: found = someOther(code, range); break;
  }
  return code.land(isSome, found);
}

} // namespace attn::mask
