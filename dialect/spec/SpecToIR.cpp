//===- SpecToIR.cpp - A checked pattern as attn IR --------------------------===//
#include "dialect/spec/SpecToIR.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/attn/ExprToRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

#include <map>

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
ATTN_SAME(Layout, Slots);
#undef ATTN_SAME

namespace attn::spec {

namespace {

/// Whether the elements of an axis are split. Branches have none, and the slots of a cache that is a class are no
/// elements of the axis in the IR.
bool isSplit(const Partition &partition) {
  return partition.axis != Axis::Branch &&
         llvm::count_if(partition.classes, [](const Partition::Class &c) { return !c.cache; }) > 1;
}

class Importer {
public:
  Importer(const Pattern &pattern, const Variant &variant, MLIRContext &context)
      : pattern(pattern), variant(variant), builder(&context), loc(builder.getUnknownLoc()) {}

  OwningOpRef<ModuleOp> run();

private:
  void declare(const Param &param);
  void declare(const Operand &operand);
  ElementsAttr values(const Operand &operand);
  void declareGrid();
  void declare(const Cache &cache);
  void declare(const Partition &partition);
  void entry(const Entry &entry);
  using Maps = SmallVector<const KernelMap *>;
  struct Results {
    Value out, lse;
  };
  Results gatedSum(const Attend &attend);
  Results branch(const Attend &attend, const Maps &maps, Type outType);
  Results attendOp(const Attend &attend, const Maps &maps, bool withSeed, Type outType);
  void kernelMap(const KernelMap &map, bool isLast, bool withSeed, ArrayRef<size_t> caches);
  const Partition::Class *cacheClass(const KernelMap &map);
  void fill(Region &region, const Expr &e, bool withScore = false);

  DictionaryAttr schedule(); ///< or null
  Type type(Dtype dtype);
  RankedTensorType tensor(int64_t dim, Type element) {
    const int64_t any = ShapedType::kDynamic;
    return RankedTensorType::get({any, any, any, dim}, element);
  }
  RankedTensorType tensor(int64_t dim) { return tensor(dim, type(variant.dtype)); }
  RankedTensorType lseType() {
    const int64_t any = ShapedType::kDynamic;
    return RankedTensorType::get({any, any, any}, builder.getF32Type());
  }
  FlatSymbolRefAttr symbol(const std::string &name) { return FlatSymbolRefAttr::get(builder.getContext(), name); }
  FlatSymbolRefAttr optionalSymbol(const std::string &name) {
    return name.empty() ? FlatSymbolRefAttr() : symbol(name);
  }

  const Pattern &pattern;
  const Variant &variant;
  OpBuilder builder;
  Location loc;
  Value query; ///< of the entry, and per cache its keys and values
  std::map<size_t, std::pair<Value, Value>> tensors;
};

OwningOpRef<ModuleOp> Importer::run() {
  builder.getContext()->loadDialect<ir::AttnDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  ir::PositionsAttr positions;
  if (pattern.positions)
    positions = ir::PositionsAttr::get(builder.getContext(), static_cast<ir::Positions>(*pattern.positions));
  auto op = builder.create<ir::PatternOp>(loc, pattern.name, positions, schedule());
  builder.createBlock(&op.getBody());
  for (const Param &param : pattern.params)
    declare(param);
  for (const Operand &operand : pattern.operands)
    declare(operand);
  declareGrid();
  for (const Partition &partition : pattern.partitions)
    if (isSplit(partition))
      declare(partition);
  for (const Cache &cache : pattern.caches)
    declare(cache);
  for (const Entry &e : pattern.entries)
    entry(e);
  return module;
}

DictionaryAttr Importer::schedule() {
  SmallVector<NamedAttribute> forms;
  for (auto [name, shape] : {std::pair("prefill", pattern.schedule.prefill), {"decode", pattern.schedule.decode}}) {
    SmallVector<NamedAttribute> sizes;
    for (auto [size, value] : {std::pair("rows", shape.rows), {"keys", shape.keys}})
      if (value)
        sizes.push_back(builder.getNamedAttr(size, builder.getI64IntegerAttr(value)));
    if (!sizes.empty())
      forms.push_back(builder.getNamedAttr(name, builder.getDictionaryAttr(sizes)));
  }
  return forms.empty() ? DictionaryAttr() : builder.getDictionaryAttr(forms);
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
                                static_cast<ir::Domain>(operand.domain), values(operand));
}

/// The values that are built into an operand, or null.
ElementsAttr Importer::values(const Operand &operand) {
  if (operand.sizes.empty())
    return {};
  Type element = type(operand.dtype);
  auto shape = RankedTensorType::get(operand.sizes, element);
  if (auto *ints = std::get_if<std::vector<int64_t>>(&operand.values)) {
    SmallVector<APInt> list;
    for (int64_t value : *ints)
      list.push_back(APInt(element.getIntOrFloatBitWidth(), uint64_t(value), /*isSigned=*/true));
    return DenseElementsAttr::get(shape, list);
  }
  SmallVector<APFloat> list;
  for (double value : std::get<std::vector<double>>(operand.values)) {
    bool inexact = false;
    list.push_back(APFloat(value));
    list.back().convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven, &inexact);
  }
  return DenseElementsAttr::get(shape, list);
}

void Importer::declareGrid() {
  if (pattern.grid.empty())
    return;
  SmallVector<Attribute> axes, sizes;
  for (const GridAxis &axis : pattern.grid) {
    axes.push_back(builder.getStringAttr(axis.name));
    if (auto *name = std::get_if<std::string>(&axis.size))
      sizes.push_back(builder.getStringAttr(*name));
    else
      sizes.push_back(builder.getI64IntegerAttr(std::get<int64_t>(axis.size)));
  }
  builder.create<ir::GridOp>(loc, builder.getArrayAttr(axes), builder.getArrayAttr(sizes));
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
    if (c.cache) // the keys of other classes are positions
      continue;
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

const Partition::Class *Importer::cacheClass(const KernelMap &map) {
  for (const auto &[p, c] : map.classes)
    if (pattern.partitions[p].classes[c].cache)
      return &pattern.partitions[p].classes[c];
  return nullptr;
}

/// Branches and caches that are classes are no classes of the IR: each has an attend of its own.
void Importer::kernelMap(const KernelMap &map, bool isLast, bool withSeed, ArrayRef<size_t> caches) {
  // Every element that reaches the last map is of its classes (Attend covers everything).
  ArrayAttr classes;
  SmallVector<Attribute> names;
  for (const auto &[p, c] : map.classes)
    if (isSplit(pattern.partitions[p]) && !pattern.partitions[p].classes[c].cache)
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
    weight =
        ir::SoftmaxAttr::get(builder.getContext(), optionalSymbol(withSeed ? std::get<Softmax>(map.weight).seed : ""));
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

/// Attention over the keys of `maps`, which lie in caches of positions or in one cache of slots.
Importer::Results Importer::attendOp(const Attend &attend, const Maps &maps, bool withSeed, Type outType) {
  SmallVector<size_t> caches; // those that some map reads, in the order of declaration
  SmallVector<Value> keys, values;
  SmallVector<Attribute> names;
  for (auto &[cache, tensor] : tensors)
    if (llvm::any_of(maps, [cache = cache](const KernelMap *map) { return map->cache == cache; })) {
      caches.push_back(cache);
      keys.push_back(tensor.first);
      values.push_back(tensor.second);
      names.push_back(symbol(pattern.caches[cache].name));
    }
  FloatAttr scale;
  FlatSymbolRefAttr scaleParam;
  if (auto *number = std::get_if<double>(&attend.scale))
    scale = builder.getF64FloatAttr(*number);
  if (auto *name = std::get_if<std::string>(&attend.scale))
    scaleParam = symbol(*name);
  auto op = builder.create<ir::AttendOp>(loc, outType, lseType(), query, keys, values, scale, scaleParam,
                                         builder.getArrayAttr(names));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getMaps());
  for (const KernelMap *map : maps)
    kernelMap(*map, map == maps.back(), withSeed, caches);
  return {op.getOut(), op.getLse()};
}

/// One attend over the positions and one per cache that is a class of keys, merged. A learned sink logit is folded in
/// once, by the first.
Importer::Results Importer::branch(const Attend &attend, const Maps &maps, Type outType) {
  Maps positional;
  std::map<size_t, Maps> slots;
  for (const KernelMap *map : maps)
    (cacheClass(*map) ? slots[map->cache] : positional).push_back(map);
  if (slots.empty())
    return attendOp(attend, positional, /*withSeed=*/true, outType);
  Type partType = tensor(variant.dv, builder.getF32Type());
  Results first = attendOp(attend, positional, /*withSeed=*/true, partType);
  SmallVector<Value> outs = {first.out}, lses = {first.lse};
  for (auto &[cache, ofCache] : slots) {
    Results part = attendOp(attend, ofCache, /*withSeed=*/false, partType);
    outs.push_back(part.out);
    lses.push_back(part.lse);
  }
  auto merge = builder.create<ir::MergeOp>(loc, outType, lseType(), outs, lses);
  return {merge.getOut(), merge.getLse()};
}

/// All of an entry: one branch, or several summed with their gates as weights.
Importer::Results Importer::gatedSum(const Attend &attend) {
  std::optional<size_t> partition;
  Maps maps;
  for (const KernelMap &map : attend.maps) {
    maps.push_back(&map);
    for (const auto &[p, c] : map.classes)
      if (pattern.partitions[p].axis == Axis::Branch)
        partition = p;
  }
  Type outType = tensor(variant.dv);
  if (!partition)
    return branch(attend, maps, outType);
  const std::vector<Partition::Class> &classes = pattern.partitions[*partition].classes;
  SmallVector<Value> outs;
  for (size_t i = 0; i < classes.size(); ++i) {
    auto isOther = [&](const auto &c) { return c.first == *partition && c.second != i; };
    Maps ofBranch;
    llvm::copy_if(maps, std::back_inserter(ofBranch),
                  [&](const KernelMap *map) { return llvm::none_of(map->classes, isOther); });
    outs.push_back(branch(attend, ofBranch, tensor(variant.dv, builder.getF32Type())).out);
  }
  auto sum = builder.create<ir::GatedSumOp>(loc, outType, outs, classes.size());
  for (auto [gate, c] : llvm::zip_equal(sum.getGates(), classes))
    fill(gate, c.rule);
  return {sum.getOut(), {}};
}

void Importer::entry(const Entry &entry) {
  SmallVector<size_t> caches; // those that some map reads, in the order of declaration
  for (size_t i = 0; i < pattern.caches.size(); ++i)
    if (llvm::any_of(entry.attend.maps, [&](const KernelMap &map) { return map.cache == i; }))
      caches.push_back(i);

  RankedTensorType key = tensor(variant.d), value = tensor(variant.dv);
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
    outputs.push_back(lseType());
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
  query = body->getArgument(0);
  tensors.clear();
  for (auto [i, cache] : llvm::enumerate(caches))
    tensors[cache] = {body->getArgument(1 + 2 * i), body->getArgument(2 + 2 * i)};
  Results results = gatedSum(entry.attend);
  SmallVector<Value> returned;
  if (entry.attend.out)
    returned.push_back(results.out);
  if (entry.attend.lse)
    returned.push_back(results.lse);
  builder.create<func::ReturnOp>(loc, returned);
}

} // namespace

OwningOpRef<ModuleOp> import(const Pattern &pattern, const Variant &variant, MLIRContext &context) {
  return Importer(pattern, variant, context).run();
}

} // namespace attn::spec
