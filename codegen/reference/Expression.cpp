//===- Expression.cpp - Evaluation of expression regions -------------------===//
#include "codegen/reference/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace attn::codegen::reference {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

template <typename OpT> static OpT declaration(const Environment &env, StringRef name) {
  return dyn_cast_or_null<OpT>(SymbolTable::lookupSymbolIn(env.pattern, name));
}

/// The values given for parameter `name`, or its default.
template <typename T, typename Default>
static Expected<std::vector<T>> scalar(const Environment &env, StringRef name,
                                       const std::map<std::string, std::vector<T>> &given, Default defaultOf) {
  auto param = declaration<ir::ParamOp>(env, name);
  std::optional<T> initial = param ? defaultOf(param.getValue()) : std::nullopt;
  if (!initial)
    return createStringError("@" + name + " is no parameter of the type that is read");
  auto it = given.find(name.str());
  if (it == given.end())
    return std::vector<T>{*initial};
  if (it->second.size() != 1 && it->second.size() != size_t(env.batch))
    return createStringError("parameter " + name + ": expected 1 value or " + Twine(env.batch) + ", got " +
                             Twine(it->second.size()));
  return it->second;
}

Expected<std::vector<int64_t>> Environment::intScalar(StringRef name) const {
  if (name == "batch")
    return std::vector<int64_t>{batch};
  if (name == "q_heads")
    return std::vector<int64_t>{qHeads};
  if (name == "kv_heads")
    return std::vector<int64_t>{kvHeads};
  if (name == "q_len")
    return arguments.qLen;
  if (name == "kv_len")
    return arguments.kvLen;
  return scalar(*this, name, arguments.intParams, [](Attribute value) -> std::optional<int64_t> {
    auto integer = dyn_cast<IntegerAttr>(value);
    return integer ? std::optional(integer.getInt()) : std::nullopt;
  });
}

Expected<std::vector<double>> Environment::floatScalar(StringRef name) const {
  return scalar(*this, name, arguments.floatParams, [](Attribute value) -> std::optional<double> {
    auto real = dyn_cast<FloatAttr>(value);
    return real ? std::optional(real.getValueAsDouble()) : std::nullopt;
  });
}

template <typename T>
static Expected<const Array<T> *> operand(const std::map<std::string, Array<T>> &given, StringRef name, unsigned rank) {
  auto it = given.find(name.str());
  if (it == given.end())
    return createStringError("operand " + name + " is not given");
  if (it->second.shape.size() != rank)
    return createStringError("operand " + name + ": expected " + Twine(rank) + " dimensions, got " +
                             Twine(it->second.shape.size()));
  if (it->second.values.empty())
    return createStringError("operand " + name + " has no element to read");
  return &it->second;
}

Expected<const IntTensor *> Environment::intOperand(StringRef name, unsigned rank) const {
  return operand(arguments.intOperands, name, rank);
}
Expected<const Tensor *> Environment::floatOperand(StringRef name, unsigned rank) const {
  return operand(arguments.floatOperands, name, rank);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Two's complement: every overflow wraps.
static int64_t add(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
static int64_t sub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }
static int64_t mul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

/// Quotient towards minus infinity; b is not 0.
static int64_t floorDiv(int64_t a, int64_t b) {
  if (b == -1)
    return sub(0, a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

static double minimum(double a, double b) { return std::isnan(a) || a < b ? a : b; }
static double maximum(double a, double b) { return std::isnan(a) || a > b ? a : b; }

static bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  switch (predicate) {
  case arith::CmpIPredicate::eq: return a == b;
  case arith::CmpIPredicate::ne: return a != b;
  case arith::CmpIPredicate::slt: return a < b;
  case arith::CmpIPredicate::sle: return a <= b;
  case arith::CmpIPredicate::sgt: return a > b;
  case arith::CmpIPredicate::sge: return a >= b;
  case arith::CmpIPredicate::ult: return uint64_t(a) < uint64_t(b);
  case arith::CmpIPredicate::ule: return uint64_t(a) <= uint64_t(b);
  case arith::CmpIPredicate::ugt: return uint64_t(a) > uint64_t(b);
  case arith::CmpIPredicate::uge: return uint64_t(a) >= uint64_t(b);
  }
  llvm_unreachable("unknown predicate");
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse: return false;
  case arith::CmpFPredicate::OEQ: return a == b;
  case arith::CmpFPredicate::OGT: return a > b;
  case arith::CmpFPredicate::OGE: return a >= b;
  case arith::CmpFPredicate::OLT: return a < b;
  case arith::CmpFPredicate::OLE: return a <= b;
  case arith::CmpFPredicate::ONE: return !unordered && a != b;
  case arith::CmpFPredicate::ORD: return !unordered;
  case arith::CmpFPredicate::UEQ: return unordered || a == b;
  case arith::CmpFPredicate::UGT: return unordered || a > b;
  case arith::CmpFPredicate::UGE: return unordered || a >= b;
  case arith::CmpFPredicate::ULT: return unordered || a < b;
  case arith::CmpFPredicate::ULE: return unordered || a <= b;
  case arith::CmpFPredicate::UNE: return a != b;
  case arith::CmpFPredicate::UNO: return unordered;
  case arith::CmpFPredicate::AlwaysTrue: return true;
  }
  llvm_unreachable("unknown predicate");
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Turns the operations of one region into steps. A step is a closure over the numbers of its
/// cells.
struct Expression::Decoder {
  const Environment &env;
  Expression &result;
  llvm::DenseMap<Value, unsigned> cellOf;

  Error decode(Operation &op);
  Expected<Step> step(Operation &op, llvm::ArrayRef<unsigned> in, unsigned out);
  Expected<Step> element(ir::ElementOp op, std::vector<unsigned> in, unsigned out);
  Expected<Step> search(Operation &op, std::vector<unsigned> in, unsigned out);
  template <typename T, typename Write>
  static Step elementStep(const Array<T> *array, std::vector<unsigned> in, Write write);
  unsigned newCell(Value value) {
    result.cells.push_back({});
    return cellOf[value] = result.cells.size() - 1;
  }
};

/// Reads the element at the cells `in`, each index clamped to its dimension.
template <typename T, typename Write>
Expression::Step Expression::Decoder::elementStep(const Array<T> *array, std::vector<unsigned> in, Write write) {
  return [=](Cell *c) {
    int64_t offset = 0;
    for (size_t d = 0; d < in.size(); ++d)
      offset = offset * array->shape[d] + std::clamp<int64_t>(c[in[d]].i, 0, array->shape[d] - 1);
    write(c, array->values[offset]);
    return true;
  };
}

Expected<Expression::Step> Expression::Decoder::element(ir::ElementOp op, std::vector<unsigned> in, unsigned out) {
  if (isa<FloatType>(op.getType())) {
    auto array = env.floatOperand(op.getSymbol(), in.size());
    if (!array)
      return array.takeError();
    return elementStep(*array, in, [=](Cell *c, double value) { c[out].f = value; });
  }
  auto array = env.intOperand(op.getSymbol(), in.size());
  if (!array)
    return array.takeError();
  return elementStep(*array, in, [=](Cell *c, int64_t value) { c[out].i = value; });
}

/// attn.member and attn.ancestor, one element after the other.
Expected<Expression::Step> Expression::Decoder::search(Operation &op, std::vector<unsigned> in, unsigned out) {
  bool isMember = isa<ir::MemberOp>(op);
  size_t own = isMember ? 3 : 2, rank = in.size() - own + 1;
  auto found = env.intOperand(op.getAttrOfType<FlatSymbolRefAttr>("symbol").getValue(), rank);
  if (!found)
    return found.takeError();
  const IntTensor *array = *found;
  return [=](Cell *c) {
    int64_t row = 0, size = array->shape.back();
    for (size_t d = 0; d + 1 < rank; ++d)
      row = row * array->shape[d] + std::clamp<int64_t>(c[in[own + d]].i, 0, array->shape[d] - 1);
    auto at = [&](int64_t p) { return int64_t(array->values[row * size + p]); };
    int64_t x = c[in[0]].i, y = c[in[1]].i;
    if (!isMember) {
      for (bool rises = false; !rises && x > y && x >= 0 && x < size;) {
        rises = at(x) >= x;
        x = rises ? x : at(x);
      }
      c[out].i = x == y;
      return true;
    }
    bool isHere = false;
    for (int64_t p = std::max<int64_t>(y, 0); p < std::min(c[in[2]].i, size); ++p)
      isHere |= at(p) == x;
    c[out].i = isHere;
    return true;
  };
}

Expected<Expression::Step> Expression::Decoder::step(Operation &op, llvm::ArrayRef<unsigned> in, unsigned out) {
  unsigned x = in.size() > 0 ? in[0] : 0, y = in.size() > 1 ? in[1] : 0, z = in.size() > 2 ? in[2] : 0;
  Rounding rounding = env.rounding();
  // Operations on one or two values of one type; `f` computes the result.
  auto ints = [=](auto f) -> Step { return [=](Cell *c) { return c[out].i = f(c[x].i, c[y].i), true; }; };
  auto reals = [=](auto f) -> Step {
    return [=](Cell *c) { return c[out].f = rounding.compute(f(c[x].f, c[y].f)), true; };
  };
  auto real = [=](double (*f)(double)) -> Step {
    return [=](Cell *c) { return c[out].f = rounding.compute(f(c[x].f)), true; };
  };
  auto divide = [=](auto f) -> Step {
    return [=](Cell *c) { return c[y].i != 0 && (c[out].i = f(c[x].i, c[y].i), true); };
  };
  auto copy = [=]() -> Step { return [=](Cell *c) { return c[out] = c[x], true; }; };

  return llvm::TypeSwitch<Operation *, Expected<Step>>(&op)
      .Case([&](arith::AddIOp) { return ints(add); })
      .Case([&](arith::SubIOp) { return ints(sub); })
      .Case([&](arith::MulIOp) { return ints(mul); })
      .Case([&](arith::FloorDivSIOp) { return divide(floorDiv); })
      .Case([&](ir::ModOp) { return divide([](int64_t a, int64_t b) { return sub(a, mul(b, floorDiv(a, b))); }); })
      .Case([&](arith::MinSIOp) { return ints([](int64_t a, int64_t b) { return std::min(a, b); }); })
      .Case([&](arith::MaxSIOp) { return ints([](int64_t a, int64_t b) { return std::max(a, b); }); })
      .Case([&](math::AbsIOp) { return ints([](int64_t a, int64_t) { return a < 0 ? sub(0, a) : a; }); })
      .Case([&](ir::IsPow2Op) { return ints([](int64_t a, int64_t) { return int64_t(a > 0 && (a & (a - 1)) == 0); }); })
      .Case([&](arith::AndIOp) { return ints([](int64_t a, int64_t b) { return a & b; }); })
      .Case([&](arith::OrIOp) { return ints([](int64_t a, int64_t b) { return a | b; }); })
      .Case([&](arith::XOrIOp) { return ints([](int64_t a, int64_t b) { return a ^ b; }); })
      .Case([&](arith::ExtUIOp) { return copy(); })
      .Case([&](arith::CmpIOp cmp) {
        return ints([p = cmp.getPredicate()](int64_t a, int64_t b) { return compare(p, a, b); });
      })
      .Case([&](arith::AddFOp) { return reals([](double a, double b) { return a + b; }); })
      .Case([&](arith::SubFOp) { return reals([](double a, double b) { return a - b; }); })
      .Case([&](arith::MulFOp) { return reals([](double a, double b) { return a * b; }); })
      .Case([&](arith::DivFOp) { return reals([](double a, double b) { return a / b; }); })
      .Case([&](arith::MinimumFOp) { return reals(minimum); })
      .Case([&](arith::MaximumFOp) { return reals(maximum); })
      .Case([&](arith::MinNumFOp) { return reals([](double a, double b) { return std::fmin(a, b); }); })
      .Case([&](arith::MaxNumFOp) { return reals([](double a, double b) { return std::fmax(a, b); }); })
      .Case([&](math::PowFOp) { return reals([](double a, double b) { return std::pow(a, b); }); })
      .Case([&](arith::NegFOp) { return real([](double a) { return -a; }); })
      .Case([&](math::AbsFOp) { return real(std::fabs); })
      .Case([&](math::ExpOp) { return real(std::exp); })
      .Case([&](math::Exp2Op) { return real(std::exp2); })
      .Case([&](math::LogOp) { return real(std::log); })
      .Case([&](math::Log2Op) { return real(std::log2); })
      .Case([&](math::TanhOp) { return real(std::tanh); })
      .Case([&](math::SqrtOp) { return real(std::sqrt); })
      .Case([&](math::FloorOp) { return real(std::floor); })
      .Case([&](arith::CmpFOp cmp) -> Step {
        return [=, p = cmp.getPredicate()](Cell *c) { return c[out].i = compare(p, c[x].f, c[y].f), true; };
      })
      .Case([&](arith::SIToFPOp) -> Step {
        return [=](Cell *c) { return c[out].f = rounding.compute(double(c[x].i)), true; };
      })
      .Case([&](arith::FPToSIOp) -> Step {
        return [=](Cell *c) {
          double value = c[x].f;
          return value >= -0x1p63 && value < 0x1p63 && (c[out].i = int64_t(value), true);
        };
      })
      .Case([&](arith::SelectOp) -> Step { return [=](Cell *c) { return c[out] = c[x].i ? c[y] : c[z], true; }; })
      .Case([&](ir::ScalarOp scalar) -> Expected<Step> {
        // Every request has its own value; b is the first coordinate.
        unsigned b = result.takesScore ? 1 : 0;
        if (isa<FloatType>(scalar.getType())) {
          auto values = env.floatScalar(scalar.getSymbol());
          if (!values)
            return values.takeError();
          return [=, v = *values](Cell *c) { return c[out].f = ofRequest(v, c[b].i), true; };
        }
        auto values = env.intScalar(scalar.getSymbol());
        if (!values)
          return values.takeError();
        return [=, v = *values](Cell *c) { return c[out].i = ofRequest(v, c[b].i), true; };
      })
      .Case([&](ir::ElementOp read) { return element(read, in.vec(), out); })
      .Case<ir::MemberOp, ir::AncestorOp>([&](auto) { return search(op, in.vec(), out); })
      .Default([](Operation *) { return createStringError("is not supported in expressions"); });
}

Error Expression::Decoder::decode(Operation &op) {
  auto refuse = [&](const Twine &why) { return createStringError(Twine(op.getName().getStringRef()) + ": " + why); };
  if (op.getNumResults() != 1 || !(op.getResult(0).getType().isInteger(1) || op.getResult(0).getType().isInteger(64) ||
                                   op.getResult(0).getType().isF32()))
    return refuse("is not supported in expressions");
  std::vector<unsigned> in;
  for (Value value : op.getOperands()) {
    auto it = cellOf.find(value);
    if (it == cellOf.end())
      return refuse("reads a value from outside its region");
    in.push_back(it->second);
  }
  unsigned out = newCell(op.getResult(0));
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      result.cells[out].f = real.getValueAsDouble();
    else if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      result.cells[out].i = integer.getType().isInteger(1) ? integer.getValue().getZExtValue() : integer.getInt();
    return Error::success();
  }
  auto decoded = step(op, in, out);
  if (!decoded)
    return refuse(llvm::toString(decoded.takeError()));
  result.steps.push_back(std::move(*decoded));
  result.operations.push_back(&op);
  return Error::success();
}

Expected<Expression> Expression::decode(Region &region, const Environment &environment) {
  Expression result;
  Decoder decoder{environment, result, llvm::DenseMap<Value, unsigned>()};
  if (!region.hasOneBlock())
    return createStringError("an expression region has one block");
  unsigned arguments = region.getNumArguments();
  if (arguments != ir::NumCoordinates && arguments != ir::NumCoordinates + 1)
    return createStringError("an expression region takes the six coordinates, got " + Twine(arguments) + " arguments");
  result.takesScore = arguments == ir::NumCoordinates + 1;
  for (Value argument : region.getArguments())
    decoder.newCell(argument);
  for (Operation &op : region.front()) {
    if (auto yield = dyn_cast<ir::YieldOp>(op)) {
      auto it = decoder.cellOf.find(yield.getValue());
      if (it == decoder.cellOf.end())
        return createStringError("attn.yield: reads a value from outside its region");
      result.yielded = it->second;
    } else if (Error error = decoder.decode(op)) {
      return std::move(error);
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

Error Expression::evaluate(const Point &point, double score) {
  unsigned first = takesScore ? 1 : 0;
  if (takesScore)
    cells[0].f = score;
  for (unsigned i = 0; i < ir::NumCoordinates; ++i)
    cells[first + i].i = point[i];
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i](cells.data()))
      continue;
    StringRef why = isa<arith::FPToSIOp>(operations[i]) ? "not an integer" : "division by zero";
    return createStringError(std::make_error_code(std::errc::argument_out_of_domain),
                             Twine(operations[i]->getName().getStringRef()) + ": " + why +
                                 " at b = " + Twine(point[ir::Batch]) + ", h = " + Twine(point[ir::QHead]) +
                                 ", q = " + Twine(point[ir::Query]) + ", k = " + Twine(point[ir::Key]));
  }
  return Error::success();
}

Expected<int64_t> Expression::integer(const Point &point) {
  if (Error error = evaluate(point, 0))
    return std::move(error);
  return cells[yielded].i;
}

Expected<double> Expression::real(const Point &point, double score) {
  if (Error error = evaluate(point, score))
    return std::move(error);
  return cells[yielded].f;
}

} // namespace attn::codegen::reference
