//===- Lanes.cpp - Integers that differ per query row ----------------------===//
#include "codegen/emit/Lanes.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn::codegen;
using arith::CmpIPredicate;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

Interval attn::codegen::operator+(Interval a, Interval b) {
  Interval r;
  bool overflow = __builtin_add_overflow(a.lo, b.lo, &r.lo);
  overflow |= __builtin_add_overflow(a.hi, b.hi, &r.hi);
  return overflow ? Interval() : r;
}

Interval attn::codegen::operator-(Interval a, Interval b) {
  Interval r;
  bool overflow = __builtin_sub_overflow(a.lo, b.hi, &r.lo);
  overflow |= __builtin_sub_overflow(a.hi, b.lo, &r.hi);
  return overflow ? Interval() : r;
}

Interval attn::codegen::operator*(Interval a, Interval b) {
  int64_t products[4];
  bool overflow = __builtin_mul_overflow(a.lo, b.lo, &products[0]);
  overflow |= __builtin_mul_overflow(a.lo, b.hi, &products[1]);
  overflow |= __builtin_mul_overflow(a.hi, b.lo, &products[2]);
  overflow |= __builtin_mul_overflow(a.hi, b.hi, &products[3]);
  if (overflow)
    return {};
  return {*std::min_element(products, products + 4), *std::max_element(products, products + 4)};
}

Interval attn::codegen::hull(Interval a, Interval b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

bool Operand::isInteger() const {
  Type element = getElementTypeOrSelf(uniform() ? scalar : lanes[0]);
  return element.isInteger() && !element.isInteger(1);
}

Interval Operand::range() const {
  if (uniform())
    return scalarRange;
  return scalar ? laneRange + scalarRange : laneRange;
}

//===----------------------------------------------------------------------===//
// Representations
//===----------------------------------------------------------------------===//

static Value resize(Emitter &e, Value x, Type element) {
  unsigned from = getElementTypeOrSelf(x).getIntOrFloatBitWidth(), to = element.getIntOrFloatBitWidth();
  Type type = Emitter::typeLike(x, element);
  if (from < to)
    return e.createOrFold<arith::ExtSIOp>(type, x);
  return from > to ? e.createOrFold<arith::TruncIOp>(type, x) : x;
}

Values LaneArithmetic::vectorsOf(const Operand &a, Type element) {
  bool integer = a.isInteger();
  if (a.uniform())
    return Values(vectors, e.splat(integer ? resize(e, a.scalar, element) : a.scalar));
  if (!integer)
    return a.lanes;
  Value uniform = a.scalar ? e.splat(resize(e, a.scalar, element)) : Value();
  Values result;
  for (Value lanes : a.lanes) {
    Value x = resize(e, lanes, element);
    result.push_back(uniform ? e.create<arith::AddIOp>(x, uniform) : x);
  }
  return result;
}

Operand LaneArithmetic::binary(const Operand &a, const Operand &b, Interval result, bool narrow,
                               function_ref<Value(Value, Value)> f) {
  if (a.uniform() && b.uniform())
    return Operand::ofScalar(f(a.scalar, b.scalar), result);
  Values x = vectorsOf(a, laneType(narrow)), y = vectorsOf(b, laneType(narrow)), lanes;
  for (auto [p, q] : llvm::zip_equal(x, y))
    lanes.push_back(f(p, q));
  return Operand::ofLanes(std::move(lanes), result);
}

static bool narrow(std::initializer_list<Interval> ranges) {
  return llvm::all_of(ranges, [](Interval r) { return r.fits32(); });
}

Operand LaneArithmetic::apply(ArrayRef<Operand> operands, function_ref<Value(ValueRange)> f) {
  if (llvm::all_of(operands, [](const Operand &o) { return o.uniform(); })) {
    Values scalars;
    for (const Operand &o : operands)
      scalars.push_back(o.scalar);
    return Operand::ofScalar(f(scalars));
  }
  SmallVector<Values> vectorsPerOperand;
  for (const Operand &o : operands)
    vectorsPerOperand.push_back(vectorsOf(o, e.getI64Type()));
  Values lanes;
  for (int64_t v = 0; v < vectors; ++v) {
    Values column;
    for (const Values &x : vectorsPerOperand)
      column.push_back(x[v]);
    lanes.push_back(f(column));
  }
  return Operand::ofLanes(std::move(lanes));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Sums of scalar parts stay exact: both are far from overflow.
static bool separable(const Operand &a) {
  constexpr int64_t limit = int64_t(1) << 60;
  return a.range().within({-limit, limit}) && (!a.scalar || a.scalarRange.within({-limit, limit}));
}

Operand LaneArithmetic::add(const Operand &a, const Operand &b) {
  Interval result = a.range() + b.range();
  auto sum = [&](Value x, Value y) { return e.add(x, y); };
  if (a.uniform() == b.uniform() || !separable(a) || !separable(b)) {
    if (!a.uniform() && !b.uniform() && separable(a) && separable(b) && (a.scalar || b.scalar)) {
      Operand x = a, y = b;
      x.scalar = y.scalar = Value();
      Operand lanes = add(x, y);
      lanes.scalar = a.scalar && b.scalar ? e.add(a.scalar, b.scalar) : (a.scalar ? a.scalar : b.scalar);
      lanes.scalarRange =
          a.scalar && b.scalar ? a.scalarRange + b.scalarRange : (a.scalar ? a.scalarRange : b.scalarRange);
      return lanes;
    }
    return binary(a, b, result, narrow({a.range(), b.range(), result}), sum);
  }
  const Operand &lanes = a.uniform() ? b : a, &uniform = a.uniform() ? a : b;
  Operand r = lanes;
  r.scalar = lanes.scalar ? e.add(lanes.scalar, uniform.scalar) : uniform.scalar;
  r.scalarRange = lanes.scalar ? lanes.scalarRange + uniform.scalarRange : uniform.scalarRange;
  return r;
}

Operand LaneArithmetic::sub(const Operand &a, const Operand &b) {
  if (b.uniform() || !separable(a) || !separable(b)) {
    if (b.uniform() && !a.uniform() && separable(a) && separable(b))
      return add(a, Operand::ofScalar(e.sub(e.i64(0), b.scalar), Interval::of(0) - b.scalarRange));
    Interval result = a.range() - b.range();
    return binary(a, b, result, narrow({a.range(), b.range(), result}), [&](Value x, Value y) { return e.sub(x, y); });
  }
  // a - (lanes + scalar) = a + (-lanes) + (-scalar)
  Operand lanes = b;
  lanes.scalar = Value();
  Interval negated = Interval::of(0) - b.laneRange;
  Operand minus = binary(Operand::ofScalar(e.i64(0), Interval::of(0)), lanes, negated, narrow({b.laneRange, negated}),
                         [&](Value x, Value y) { return e.sub(x, y); });
  if (b.scalar) {
    minus.scalar = e.sub(e.i64(0), b.scalar);
    minus.scalarRange = Interval::of(0) - b.scalarRange;
  }
  return add(a, minus);
}

Operand LaneArithmetic::mul(const Operand &a, const Operand &b) {
  Interval result = a.range() * b.range();
  return binary(a, b, result, narrow({a.range(), b.range(), result}), [&](Value x, Value y) { return e.mul(x, y); });
}

Operand LaneArithmetic::minmax(bool isMin, const Operand &a, const Operand &b) {
  Interval x = a.range(), y = b.range();
  Interval result = isMin ? Interval{std::min(x.lo, y.lo), std::min(x.hi, y.hi)}
                          : Interval{std::max(x.lo, y.lo), std::max(x.hi, y.hi)};
  return binary(a, b, result, narrow({x, y}), [&](Value p, Value q) { return isMin ? e.min(p, q) : e.max(p, q); });
}

Operand LaneArithmetic::abs(const Operand &a) {
  Interval x = a.range(), negated = Interval::of(0) - x;
  Interval result = negated.lo == Interval().lo ? Interval() : Interval{0, std::max(std::abs(x.lo), std::abs(x.hi))};
  return binary(a, a, result, narrow({x, negated}),
                [&](Value p, Value) { return e.max(p, e.sub(e.intOf(p.getType(), 0), p)); });
}

Value LaneArithmetic::any(const Operand &flags) {
  if (flags.uniform())
    return flags.scalar;
  Value all = flags.lanes[0];
  for (Value lanes : ArrayRef<Value>(flags.lanes).drop_front())
    all = e.create<arith::OrIOp>(all, lanes);
  return e.lanes == 1 ? all : e.create<vector::ReductionOp>(vector::CombiningKind::OR, all).getResult();
}

Operand LaneArithmetic::nonZero(const Operand &a, function_ref<void(Value)> onZero) {
  if (!a.range().has(0))
    return a;
  Operand zero = Operand::ofScalar(e.i64(0), Interval::of(0)), one = Operand::ofScalar(e.i64(1), Interval::of(1));
  Operand isZero = compare(CmpIPredicate::eq, a, zero);
  onZero(any(isZero));
  Operand safe = select(isZero, one, a);
  if (a.range().lo >= 0) // select() knows only that 0 is possible
    (safe.uniform() ? safe.scalarRange : safe.laneRange) = {1, std::max<int64_t>(a.range().hi, 1)};
  return safe;
}

/// floor(a / b) of scalars or vectors, b not 0; the least integer / -1 wraps and does not trap.
static Value floorDivide(Emitter &e, Value a, Value b, bool maybeMinusOne) {
  Type type = a.getType();
  Value zero = e.intOf(type, 0), one = e.intOf(type, 1), minusOne;
  Value divisor = b;
  if (maybeMinusOne) {
    minusOne = e.eq(b, e.intOf(type, -1));
    divisor = e.select(minusOne, one, b);
  }
  Value quotient = e.createOrFold<arith::DivSIOp>(a, divisor);
  Value rest = e.sub(a, e.mul(quotient, divisor));
  Value differ = e.lt(e.create<arith::XOrIOp>(rest, divisor), zero);
  Value down = e.createOrFold<arith::AndIOp>(e.ne(rest, zero), differ);
  quotient = e.select(down, e.sub(quotient, one), quotient);
  return maybeMinusOne ? e.select(minusOne, e.sub(zero, a), quotient) : quotient;
}

/// floor(a / b) of i32 lanes. The fp64 quotient of 31-bit integers rounds to an integer only if it is one.
static Value floorDiv32(Emitter &e, Value a, Value b) {
  Type real = Emitter::typeLike(a, e.getF64Type());
  Value quotient = e.create<arith::DivFOp>(e.create<arith::SIToFPOp>(real, a), e.create<arith::SIToFPOp>(real, b));
  Value truncated = e.create<arith::FPToSIOp>(a.getType(), quotient);
  Value above = e.cmpf(arith::CmpFPredicate::OGT, e.create<arith::SIToFPOp>(real, truncated), quotient);
  return e.select(above, e.sub(truncated, e.intOf(a.getType(), 1)), truncated);
}

Operand LaneArithmetic::floorDiv(const Operand &a, const Operand &divisor, function_ref<void(Value)> onZero) {
  Operand b = nonZero(divisor, onZero);
  Interval x = a.range(), y = b.range();
  Interval result;
  if (y.lo >= 1)
    result = {std::min<int64_t>(x.lo, 0), std::max<int64_t>(x.hi, 0)};
  else if (x.lo != Interval().lo)
    result = hull(x, Interval::of(0) - x);
  if (y.lo == y.hi && llvm::isPowerOf2_64(y.lo) && y.lo > 0) {
    Operand shift = Operand::ofScalar(e.i64(llvm::Log2_64(y.lo)), Interval::of(llvm::Log2_64(y.lo)));
    return binary(a, shift, result, narrow({x}),
                  [&](Value p, Value q) { return e.createOrFold<arith::ShRSIOp>(p, q); });
  }
  bool small = x.within(Interval::position()) && y.within(Interval::position());
  bool scalar = a.uniform() && b.uniform();
  if (small && e.lanes == 1) { // a GPU divides 32-bit integers several times faster than 64-bit ones, and than fp64
    auto narrowed = [&](Value p, Value q) {
      Value quotient = floorDivide(e, resize(e, p, e.getI32Type()), resize(e, q, e.getI32Type()), false);
      return resize(e, quotient, p.getType());
    };
    return binary(a, b, result, small, narrowed);
  }
  return binary(a, b, result, small, [&](Value p, Value q) {
    return small && !scalar ? floorDiv32(e, p, q) : floorDivide(e, p, q, y.has(-1));
  });
}

Operand LaneArithmetic::mod(const Operand &a, const Operand &divisor, function_ref<void(Value)> onZero) {
  Operand b = nonZero(divisor, onZero);
  Interval x = a.range(), y = b.range();
  if (y.lo == y.hi && llvm::isPowerOf2_64(y.lo) && y.lo > 0) {
    Operand mask = Operand::ofScalar(e.i64(y.lo - 1), Interval::of(y.lo - 1));
    return binary(a, mask, {0, y.lo - 1}, narrow({x}),
                  [&](Value p, Value q) { return e.createOrFold<arith::AndIOp>(p, q); });
  }
  Operand rest = sub(a, mul(floorDiv(a, b, onZero), b));
  // The remainder lies between 0 and the divisor, which interval arithmetic does not see.
  Interval result =
      y.lo == Interval().lo ? Interval() : Interval{std::min<int64_t>(y.lo + 1, 0), std::max<int64_t>(y.hi - 1, 0)};
  if (rest.uniform()) {
    rest.scalarRange = result;
    return rest;
  }
  bool fits = narrow({x, y, result});
  return Operand::ofLanes(vectorsOf(rest, laneType(fits)), result);
}

Operand LaneArithmetic::isPow2(const Operand &a) {
  bool small = a.uniform() ? false : narrow({a.range()});
  return binary(a, a, {}, small, [&](Value x, Value) -> Value {
    Value zero = e.intOf(x.getType(), 0);
    Value low = e.create<arith::AndIOp>(x, e.sub(x, e.intOf(x.getType(), 1)));
    return e.create<arith::AndIOp>(e.lt(zero, x), e.eq(low, zero));
  });
}

Operand LaneArithmetic::select(const Operand &condition, const Operand &a, const Operand &b) {
  bool integer = a.isInteger();
  if (condition.uniform() && a.uniform() && b.uniform())
    return Operand::ofScalar(e.select(condition.scalar, a.scalar, b.scalar), hull(a.scalarRange, b.scalarRange));
  bool small = integer && narrow({a.range(), b.range()});
  Values x = vectorsOf(a, laneType(small)), y = vectorsOf(b, laneType(small)), lanes;
  Values flags = vectorsOf(condition, e.getI1Type()); // a scalar condition would become a branch
  for (int64_t v = 0; v < vectors; ++v)
    lanes.push_back(e.select(flags[v], x[v], y[v]));
  return Operand::ofLanes(std::move(lanes), hull(a.range(), b.range()));
}

Operand LaneArithmetic::toF32(const Operand &a) {
  if (a.uniform())
    return Operand::ofScalar(e.create<arith::SIToFPOp>(e.getF32Type(), a.scalar));
  Values lanes;
  constexpr int64_t exact = int64_t(1) << 52;
  if (!a.range().fits32() && a.laneRange.fits32() && a.scalarRange.within({-exact, exact})) {
    // fp64 holds the lanes, the scalar and their sum, so that there is one rounding, to fp32.
    Type f64 = e.lanesOf(e.getF64Type());
    Value scalar = e.splat(e.create<arith::SIToFPOp>(e.getF64Type(), a.scalar));
    for (Value x : a.lanes) {
      Value sum = e.create<arith::AddFOp>(e.create<arith::SIToFPOp>(f64, x), scalar);
      lanes.push_back(e.create<arith::TruncFOp>(e.lanesOf(e.getF32Type()), sum));
    }
  } else {
    for (Value x : vectorsOf(a, laneType(a.range().fits32())))
      lanes.push_back(e.create<arith::SIToFPOp>(e.lanesOf(e.getF32Type()), x));
  }
  return Operand::ofLanes(std::move(lanes));
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

Operand LaneArithmetic::compare(CmpIPredicate predicate, const Operand &a, const Operand &b) {
  auto plain = [&](const Operand &x, const Operand &y, bool small) {
    return binary(x, y, {}, small, [&](Value p, Value q) { return e.cmp(predicate, p, q); });
  };
  if ((a.uniform() && b.uniform()) || !separable(a) || !separable(b))
    return plain(a, b, narrow({a.range(), b.range()}));
  // All lanes to the left, all scalars to the right.
  Operand lanes = a, right = b;
  lanes.scalar = right.scalar = Value();
  if (a.uniform()) {
    switch (predicate) { // mirrored, so that the lanes are on the left
    case CmpIPredicate::slt: return compare(CmpIPredicate::sgt, b, a);
    case CmpIPredicate::sle: return compare(CmpIPredicate::sge, b, a);
    case CmpIPredicate::sgt: return compare(CmpIPredicate::slt, b, a);
    case CmpIPredicate::sge: return compare(CmpIPredicate::sle, b, a);
    default: return compare(predicate, b, a);
    }
  }
  if (!b.uniform()) {
    if (!a.scalar && !b.scalar)
      return plain(a, b, narrow({a.range(), b.range()}));
    lanes = sub(lanes, right);
  }
  Operand bound = Operand::ofScalar(e.i64(0), Interval::of(0));
  if (b.scalar)
    bound = Operand::ofScalar(b.scalar, b.scalarRange);
  if (a.scalar)
    bound = Operand::ofScalar(e.sub(bound.scalar, a.scalar), bound.scalarRange - a.scalarRange);
  // x < t is x <= t - 1, and x >= t is x > t - 1.
  if (predicate == CmpIPredicate::slt || predicate == CmpIPredicate::sge) {
    bound = Operand::ofScalar(e.add(bound.scalar, -1), bound.scalarRange + Interval::of(-1));
    predicate = predicate == CmpIPredicate::slt ? CmpIPredicate::sle : CmpIPredicate::sgt;
  }
  Interval x = lanes.laneRange, outside = {x.lo - 1, x.hi};
  if (!x.fits32() || (!bound.scalarRange.fits32() && !outside.fits32()))
    return plain(lanes, bound, false);
  if (!bound.scalarRange.fits32()) {
    bool equality = predicate == CmpIPredicate::eq || predicate == CmpIPredicate::ne;
    Value low = e.i64(outside.lo), high = e.i64(outside.hi), t = bound.scalar;
    // No lane is outside.lo: a bound past the lanes' range compares like it.
    bound.scalar = equality ? e.select(e.lt(high, t), low, e.max(t, low)) : e.max(e.min(t, high), low);
    bound.scalarRange = outside;
  }
  return plain(lanes, bound, true);
}
