//===- TokenGrid.cpp - A sequence as a token grid cut into boxes -----------===//
#include "dialect/mask/TokenGrid.h"
#include "dialect/mask/Linear.h"
#include "dialect/mask/Simplify.h"

namespace attn::mask {

int64_t TokenGrid::tile(Side side) const {
  int64_t product = 1;
  for (const Axis &axis : axes)
    product *= axis.box(side);
  return product;
}

//===----------------------------------------------------------------------===//
// Coordinates in expressions
//===----------------------------------------------------------------------===//

Expr coordinateOf(const TokenGrid &grid, Side side, size_t axis) {
  Expr stride = Expr::integer(1), position = Expr::symbol(side == Side::Query ? "q" : "k");
  for (size_t i = axis + 1; i < grid.axes.size(); ++i)
    stride = stride * grid.axes[i].size;
  Expr coordinate = Expr::make(Op::FloorDiv, {position, stride});
  if (axis > 0)
    coordinate = Expr::make(Op::Mod, {coordinate, grid.axes[axis].size});
  return canonicalize(coordinate);
}

Expr coordinateSymbol(Side side, size_t axis) {
  return Expr::symbol((side == Side::Query ? "q." : "k.") + std::to_string(axis));
}

namespace {
using Replacements = std::vector<std::pair<Expr, Expr>>;

Expr replaced(const Expr &e, const Replacements &replacements) {
  for (const auto &[from, to] : replacements)
    if (e.op() == from.op() && e == from)
      return to;
  if (e.args().empty())
    return e;
  std::vector<Expr> args;
  for (const Expr &arg : e.args())
    args.push_back(replaced(arg, replacements));
  return e.withArgs(std::move(args));
}
} // namespace

Expr overCoordinates(const Expr &mask, const TokenGrid &grid) {
  Expr canonical = canonicalize(mask);
  if (canonical.size() > Expr::maxSize)
    return canonical;
  Replacements replacements;
  for (Side side : {Side::Query, Side::Key})
    for (size_t axis = 0; axis < grid.axes.size(); ++axis)
      if (Expr from = coordinateOf(grid, side, axis); !from.isConst())
        replacements.push_back({from, coordinateSymbol(side, axis)});
  return replaced(canonical, replacements);
}

/// D if `e` is `(q.a - k.a) % D == 0`, else empty.
static Expr requiredDilation(const Expr &e, size_t axis) {
  if (e.op() != Op::Eq || e.args()[0].type() != Type::Int)
    return {};
  bool isRight = e.args()[1].op() == Op::Mod;
  const Expr &zero = e.args()[isRight ? 0 : 1], &remainder = e.args()[isRight ? 1 : 0];
  if (zero.op() != Op::ConstInt || zero.intValue() != 0 || remainder.op() != Op::Mod)
    return {};
  const Expr &divisor = remainder.args()[1];
  Linear form = Linear::of(remainder.args()[0]);
  int64_t q = form.coefficient(coordinateSymbol(Side::Query, axis)),
          k = form.coefficient(coordinateSymbol(Side::Key, axis));
  bool isDifference = form.terms.size() == 2 && form.constant == 0 && q * k == -1;
  bool isName = divisor.op() == Op::Symbol || (divisor.op() == Op::ConstInt && divisor.intValue() > 1);
  return isDifference && isName ? divisor : Expr();
}

Expr dilationOf(const Expr &mask, size_t axis) {
  if (mask.op() == Op::And) {
    for (const Expr &part : mask.args())
      if (Expr dilation = requiredDilation(part, axis))
        return dilation;
  } else if (Expr dilation = requiredDilation(mask, axis)) {
    return dilation;
  }
  return Expr::integer(1);
}

//===----------------------------------------------------------------------===//
// Boxes as code
//===----------------------------------------------------------------------===//

BoxCode emitBox(CodeBuilder &code, const TokenGrid &grid, Side side, int number) {
  int one = code.constant(1), zero = code.constant(0);
  auto ceilDiv = [&](int a, int b) { return code.floorDiv(code.sub(code.add(a, b), one), b); };
  int begin = side == Side::Query ? code.input(".q_pos") : zero;
  int end = side == Side::Query ? code.add(begin, code.input("q_len")) : code.input("kv_len");

  BoxCode box;
  box.axes.resize(grid.axes.size());
  std::vector<int> sizes(grid.axes.size(), one);
  int stride = one;
  for (size_t i = grid.axes.size(); i-- > 0;) {
    box.axes[i].stride = stride;
    box.axes[i].base = zero;
    if (i > 0) {
      sizes[i] = code.max(code.emit(grid.axes[i].size, {}), one);
      stride = code.mul(stride, sizes[i]);
    }
  }
  if (begin != zero) {
    box.axes[0].base = code.floorDiv(begin, stride);
    end = code.sub(end, code.mul(box.axes[0].base, stride));
  }
  for (size_t i = grid.axes.size(); i-- > 0;) {
    const TokenGrid::Axis &axis = grid.axes[i];
    BoxCode::Axis &a = box.axes[i];
    a.extent = ceilDiv(end, a.stride);
    if (i > 0) // however large the grid, there are no more boxes than positions
      a.extent = code.min(sizes[i], a.extent);
    // A dilation of the extent and more leaves one index to every residue.
    int extent = code.constant(axis.box(side)), dilation = code.emit(axis.dilation, {});
    bool isDilated = code.constantOf(dilation) != 1;
    a.step = isDilated ? code.max(code.min(dilation, a.extent), one) : one;
    a.perResidue = ceilDiv(ceilDiv(a.extent, a.step), extent);
    a.boxes = code.mul(a.perResidue, a.step);
  }

  int rest = number;
  box.boxes = one;
  for (size_t i = grid.axes.size(); i-- > 0;) {
    BoxCode::Axis &a = box.axes[i];
    int boxes = code.max(a.boxes, one);
    a.number = i == 0 ? rest : code.mod(rest, boxes);
    if (i > 0)
      rest = code.floorDiv(rest, boxes);
    box.boxes = code.mul(a.boxes, box.boxes);
    int extent = code.constant(grid.axes[i].box(side));
    int perResidue = code.max(a.perResidue, one);
    bool isDilated = a.step != one;
    a.residue = isDilated ? code.floorDiv(a.number, perResidue) : zero;
    int index = code.mul(isDilated ? code.mod(a.number, perResidue) : a.number, extent);
    a.first = code.add(a.base, code.add(a.residue, code.mul(index, a.step)));
    int indices = ceilDiv(code.sub(a.extent, a.residue), a.step);
    a.count = code.max(code.min(code.sub(indices, index), extent), zero);
  }
  return box;
}

BoxLayout boxLayout(const TokenGrid &grid, Side side) {
  CodeBuilder code(Facts{});
  BoxCode box = emitBox(code, grid, side, code.input(".box"));
  int first = code.constant(0);
  std::vector<int> results;
  for (const BoxCode::Axis &axis : box.axes) {
    first = code.add(first, code.mul(axis.first, axis.stride));
    results.push_back(code.mul(axis.step, axis.stride));
    results.push_back(axis.count);
  }
  results.insert(results.begin(), {box.boxes, first});
  BoxLayout layout;
  layout.code = code.finish(std::move(results), layout.values);
  return layout;
}

Box boxOf(const TokenGrid &grid, const BoxLayout &layout, Side side, int64_t number, const Environment &env) {
  Environment inputs = env;
  inputs.values[".box"] = number;
  std::vector<int64_t> results = run(layout.code, layout.values, inputs);
  int64_t begin = side == Side::Query ? env.values.at(".q_pos") : 0;
  int64_t end = side == Side::Query ? begin + env.values.at("q_len") : env.values.at("kv_len");
  Box box{results[0], {}};
  for (int64_t element = 0; element < grid.tile(side); ++element) {
    int64_t rest = element, position = results[1];
    bool exists = true;
    for (size_t i = grid.axes.size(); i-- > 0;) {
      int64_t index = rest % grid.axes[i].box(side);
      rest /= grid.axes[i].box(side);
      exists &= index < results[3 + 2 * i];
      position += index * results[2 + 2 * i];
    }
    box.positions.push_back(exists && begin <= position && position < end ? position : Box::padding);
  }
  return box;
}

} // namespace attn::mask
