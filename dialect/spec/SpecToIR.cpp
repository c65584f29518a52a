//===- SpecToIR.cpp - A checked pattern as attn IR --------------------------===//
#include "dialect/spec/SpecToIR.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/attn/ExprToRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using attn::mask::Expr;
namespace ir = attn::ir;

// The enumerators of both sides stand in the same order.
#define ATTN_SAME(NAME, CASE) static_assert(int(attn::spec::NAME::CASE) == int(attn::ir::NAME::CASE))
ATTN_SAME(Positions, BottomRight);
ATTN_SAME(Positions, TopLeft);
ATTN_SAME(Positions, Tensor);
ATTN_SAME(Axis, Batch);
ATTN_SAME(Axis, QHead);
ATTN_SAME(Axis, KVHead);
ATTN_SAME(Axis, Query);
ATTN_SAME(Axis, Key);
ATTN_SAME(Axis, Layer);
ATTN_SAME(Domain, Any);
ATTN_SAME(Domain, Sorted);
ATTN_SAME(Domain, Boolean);
ATTN_SAME(Layout, Contiguous);
ATTN_SAME(Layout, SinkRing);
#undef ATTN_SAME

namespace attn::spec {

namespace {

class Importer {
public:
  Importer(const Pattern &pattern, const Variant &variant, MLIRContext &context)
      : pattern(pattern), variant(variant), builder(&context), loc(builder.getUnknownLoc()) {}

  OwningOpRef<ModuleOp> run();

private:
  void declare(const Param &param);
  void declare(const Operand &operand);
  void declare(const Cache &cache);
  void declare(const Partition &partition);
  void entry(const Entry &entry);
  void kernelMap(const KernelMap &map, bool isLast, ArrayRef<size_t> caches);
  void fill(Region &region, const Expr &e, bool withScore = false);

  Type type(Dtype dtype);
  RankedTensorType tensor(int64_t dim) {
    const int64_t any = ShapedType::kDynamic;
    return RankedTensorType::get({any, any, any, dim}, type(variant.dtype));
  }
  FlatSymbolRefAttr symbol(const std::string &name) { return FlatSymbolRefAttr::get(builder.getContext(), name); }
  FlatSymbolRefAttr optionalSymbol(const std::string &name) {
    return name.empty() ? FlatSymbolRefAttr() : symbol(name);
  }

  const Pattern &pattern;
  const Variant &variant;
  OpBuilder builder;
  Location loc;
};

OwningOpRef<ModuleOp> Importer::run() {
  builder.getContext()->loadDialect<ir::AttnDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  ir::PositionsAttr positions;
  if (pattern.positions)
    positions = ir::PositionsAttr::get(builder.getContext(), static_cast<ir::Positions>(*pattern.positions));
  auto op = builder.create<ir::PatternOp>(loc, pattern.name, positions);
  builder.createBlock(&op.getBody());
  for (const Param &param : pattern.params)
    declare(param);
  for (const Operand &operand : pattern.operands)
    declare(operand);
  for (const Partition &partition : pattern.partitions)
    declare(partition);
  for (const Cache &cache : pattern.caches)
    declare(cache);
  for (const Entry &e : pattern.entries)
    entry(e);
  return module;
}

Type Importer::type(Dtype dtype) {
  switch (dtype) {
  case Dtype::Bool: return builder.getI1Type();
  case Dtype::I8: return builder.getI8Type();
  case Dtype::I32: return builder.getI32Type();
  case Dtype::I64: return builder.getI64Type();
  case Dtype::F32: return builder.getF32Type();
  case Dtype::F16: return builder.getF16Type();
  case Dtype::BF16: return builder.getBF16Type();
  }
  llvm_unreachable("a dtype");
}

void Importer::declare(const Param &param) {
  TypedAttr value;
  if (param.isFloat())
    value = builder.getF32FloatAttr(static_cast<float>(std::get<double>(param.value)));
  else
    value = builder.getI64IntegerAttr(std::get<int64_t>(param.value));
  builder.create<ir::ParamOp>(loc, param.name, value.getType(), value);
}

void Importer::declare(const Operand &operand) {
  SmallVector<Attribute> shape;
  for (const auto &size : operand.shape) {
    auto *name = std::get_if<std::string>(&size);
    if (!name)
      shape.push_back(builder.getI64IntegerAttr(std::get<int64_t>(size)));
    else if (*name == "d" || *name == "d/2")
      shape.push_back(builder.getI64IntegerAttr(*name == "d" ? variant.d : variant.d / 2));
    else if (*name == "dv")
      shape.push_back(builder.getI64IntegerAttr(variant.dv));
    else
      shape.push_back(builder.getStringAttr(*name));
  }
  builder.create<ir::OperandOp>(loc, operand.name, builder.getArrayAttr(shape), type(operand.dtype),
                                static_cast<ir::Domain>(operand.domain));
}

void Importer::declare(const Cache &cache) {
  builder.create<ir::CacheOp>(loc, cache.name, static_cast<ir::Layout>(cache.layout), optionalSymbol(cache.sink),
                              optionalSymbol(cache.ring));
}

void Importer::declare(const Partition &partition) {
  auto op = builder.create<ir::PartitionOp>(loc, partition.name, static_cast<ir::Axis>(partition.axis));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  for (const Partition::Class &c : partition.classes) {
    auto cls = builder.create<ir::ClassOp>(loc, c.name);
    if (c.rule)
      fill(cls.getRule(), c.rule);
  }
}

/// Fills `region` with `e` over the coordinates, after the raw score where `withScore`.
void Importer::fill(Region &region, const Expr &e, bool withScore) {
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&region);
  Value score = withScore ? block->addArgument(builder.getF32Type(), loc) : Value();
  SmallVector<Value> coordinates;
  for (unsigned i = 0; i < ir::NumCoordinates; ++i)
    coordinates.push_back(block->addArgument(builder.getI64Type(), loc));
  Value value = ir::emitExpr(builder, loc, e, coordinates, score);
  builder.create<ir::YieldOp>(loc, value);
}

void Importer::kernelMap(const KernelMap &map, bool isLast, ArrayRef<size_t> caches) {
  // Every element that reaches the last map is of its classes (Attend covers everything).
  ArrayAttr classes;
  SmallVector<Attribute> names;
  for (const auto &[p, c] : map.classes)
    names.push_back(SymbolRefAttr::get(builder.getContext(), pattern.partitions[p].name,
                                       {symbol(pattern.partitions[p].classes[c].name)}));
  if (!isLast && !names.empty())
    classes = builder.getArrayAttr(names);
  auto *linear = std::get_if<Linear>(&map.weight);
  Attribute weight;
  if (linear)
    weight =
        ir::LinearAttr::get(builder.getContext(), builder.getStringAttr(linear->chunked ? "chunked" : "quadratic"));
  else
    weight = ir::SoftmaxAttr::get(builder.getContext(), optionalSymbol(std::get<Softmax>(map.weight).seed));
  ir::RopeAttr rope;
  if (map.rope)
    rope = ir::RopeAttr::get(builder.getContext(), symbol(map.rope->cos), symbol(map.rope->sin), map.rope->interleaved);
  int64_t cache = llvm::find(caches, map.cache) - caches.begin();
  auto op = builder.create<ir::KernelMapOp>(loc, classes, weight, cache, rope, map.zeroValue);
  fill(op.getMask(), map.mask);
  if (map.score)
    fill(op.getScore(), map.score, /*withScore=*/true);
  if (linear)
    fill(op.getDecay(), linear->decay);
}

void Importer::entry(const Entry &entry) {
  SmallVector<size_t> caches; // those that some map reads, in the order of declaration
  for (size_t i = 0; i < pattern.caches.size(); ++i)
    if (llvm::any_of(entry.attend.maps, [&](const KernelMap &map) { return map.cache == i; }))
      caches.push_back(i);

  RankedTensorType key = tensor(variant.d), value = tensor(variant.dv);
  const int64_t any = ShapedType::kDynamic;
  auto lse = RankedTensorType::get({any, any, any}, builder.getF32Type());
  SmallVector<Type> inputs = {key}, outputs;
  SmallVector<std::string> inputNames = {"q"}, outputNames;
  SmallVector<Attribute> cacheNames;
  for (size_t i : caches) {
    const std::string &name = pattern.caches[i].name;
    std::string suffix = pattern.caches.size() == 1 ? "" : "." + name;
    inputs.append({key, value});
    inputNames.append({"k" + suffix, "v" + suffix});
    cacheNames.push_back(symbol(name));
  }
  if (entry.attend.out) {
    outputs.push_back(value);
    outputNames.push_back("out");
  }
  if (entry.attend.lse) {
    outputs.push_back(lse);
    outputNames.push_back("lse");
  }
  auto func = builder.create<func::FuncOp>(loc, entry.name, builder.getFunctionType(inputs, outputs));
  for (auto [i, name] : llvm::enumerate(inputNames)) {
    func.setArgAttr(i, "attn.name", builder.getStringAttr(name));
    func.setArgAttr(i, "attn.role", builder.getStringAttr(i == 0 ? "query" : i % 2 ? "key" : "value"));
    if (i > 0)
      func.setArgAttr(i, "attn.cache", builder.getStringAttr(pattern.caches[caches[(i - 1) / 2]].name));
  }
  for (auto [i, name] : llvm::enumerate(outputNames)) {
    func.setResultAttr(i, "attn.name", builder.getStringAttr(name));
    func.setResultAttr(i, "attn.role", builder.getStringAttr(name)); // out, lse
  }

  OpBuilder::InsertionGuard guard(builder);
  Block *body = func.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  SmallVector<Value> keys, values;
  for (size_t i = 0; i < caches.size(); ++i) {
    keys.push_back(body->getArgument(1 + 2 * i));
    values.push_back(body->getArgument(2 + 2 * i));
  }
  FloatAttr scale;
  FlatSymbolRefAttr scaleParam;
  if (auto *number = std::get_if<double>(&entry.attend.scale))
    scale = builder.getF64FloatAttr(*number);
  if (auto *name = std::get_if<std::string>(&entry.attend.scale))
    scaleParam = symbol(*name);
  auto attend = builder.create<ir::AttendOp>(loc, value, lse, body->getArgument(0), keys, values, scale, scaleParam,
                                             builder.getArrayAttr(cacheNames));
  SmallVector<Value> results;
  if (entry.attend.out)
    results.push_back(attend.getOut());
  if (entry.attend.lse)
    results.push_back(attend.getLse());
  builder.create<func::ReturnOp>(loc, results);
  builder.createBlock(&attend.getMaps());
  for (size_t i = 0; i < entry.attend.maps.size(); ++i)
    kernelMap(entry.attend.maps[i], i + 1 == entry.attend.maps.size(), caches);
}

} // namespace

OwningOpRef<ModuleOp> import(const Pattern &pattern, const Variant &variant, MLIRContext &context) {
  return Importer(pattern, variant, context).run();
}

} // namespace attn::spec
