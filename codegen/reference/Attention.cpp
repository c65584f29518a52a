//===- Attention.cpp - Reading attn.attend ---------------------------------===//
#include "codegen/reference/Attention.h"

#include <cmath>

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace attn::codegen::reference {

Attention::Attention(ir::AttendOp op, const Arguments &arguments)
    : env{op->getParentOfType<ir::PatternOp>(), arguments, int64_t(arguments.qLen.size()), 0, 0} {}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Error Attention::readTensors(ir::AttendOp op, const TensorValues &values) {
  query = values.lookup(op.getQuery());
  rows = query->shape[2];
  dim = query->shape[3];
  valueDim = cast<RankedTensorType>(op.getOut().getType()).getShape().back();
  env.qHeads = query->shape[1];
  if (op.getKeys().empty() || op.getKeys().size() != op.getValues().size())
    return createStringError("expected as many values as keys, and at least one");
  env.kvHeads = values.lookup(op.getKeys()[0])->shape[1];
  if (env.kvHeads < 1 || env.qHeads % env.kvHeads != 0)
    return createStringError("query heads must be a multiple of KV heads: " + Twine(env.qHeads) + " and " +
                             Twine(env.kvHeads));
  for (int64_t length : env.arguments.qLen)
    if (length > rows)
      return createStringError("q_len " + Twine(length) + " is more than the query's " + Twine(rows) + " rows");
  for (unsigned c = 0; c < op.getKeys().size(); ++c)
    if (Error error = readCache(op, values, c))
      return error;
  return Error::success();
}

Error Attention::readCache(ir::AttendOp op, const TensorValues &values, unsigned index) {
  Cache cache;
  cache.keys = values.lookup(op.getKeys()[index]);
  cache.values = values.lookup(op.getValues()[index]);
  if (cache.keys->shape[1] != env.kvHeads || cache.values->shape[1] != env.kvHeads)
    return createStringError("all keys and values have the same heads");
  if (cache.keys->shape[3] != dim || cache.values->shape[3] != valueDim)
    return createStringError("keys have the query's last dimension, values that of out");

  if (auto names = op.getCaches()) {
    auto decl =
        dyn_cast_or_null<ir::CacheOp>(SymbolTable::lookupSymbolIn(env.pattern, cast<SymbolRefAttr>((*names)[index])));
    if (!decl)
      return createStringError("cache " + Twine(index) + " is not declared");
    cache.slots = decl.getLayout() == ir::Layout::Slots;
    if (decl.getLayout() == ir::Layout::SinkRing) {
      auto sink = env.intScalar(decl.getSink().value_or(""));
      auto ring = env.intScalar(decl.getRing().value_or(""));
      if (!sink || !ring)
        return llvm::joinErrors(sink.takeError(), ring.takeError());
      cache.sink = std::move(*sink);
      cache.ring = std::move(*ring);
    }
  }
  if (cache.slots && cache.keys->shape[2] != cache.values->shape[2])
    return createStringError("a cache of slots has as many rows of values as of keys: " + Twine(cache.keys->shape[2]) +
                             " and " + Twine(cache.values->shape[2]));
  for (int64_t b = 0; b < env.batch && !cache.slots; ++b) {
    int64_t slots = env.arguments.kvLen[b];
    if (cache.ring) {
      int64_t sink = ofRequest(*cache.sink, b), ring = ofRequest(*cache.ring, b);
      if (sink < 0 || ring < 1)
        return createStringError("a sink_ring cache needs sink >= 0 and ring >= 1, got " + Twine(sink) + " and " +
                                 Twine(ring));
      slots = std::min(slots, sink + ring);
    }
    if (slots > cache.keys->shape[2] || slots > cache.values->shape[2])
      return createStringError("request " + Twine(b) + " needs " + Twine(slots) + " rows of keys and values, got " +
                               Twine(cache.keys->shape[2]) + " and " + Twine(cache.values->shape[2]));
  }
  caches.push_back(std::move(cache));
  return Error::success();
}

Error Attention::readScale(ir::AttendOp op) {
  if (auto param = op.getScaleParam()) {
    auto given = env.floatScalar(*param);
    if (!given)
      return given.takeError();
    scale = std::move(*given);
  } else {
    scale = {op.getScale() ? op.getScale()->convertToDouble() : 1.0 / std::sqrt(double(dim))};
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Kernel maps
//===----------------------------------------------------------------------===//

Expected<Partition *> Attention::readPartition(StringRef name) {
  auto [it, isNew] = partitions.try_emplace(name.str());
  if (!isNew)
    return &it->second;
  auto decl = dyn_cast_or_null<ir::PartitionOp>(SymbolTable::lookupSymbolIn(env.pattern, name));
  if (!decl)
    return createStringError("partition " + name + " is not declared");
  it->second.overKeys = decl.getAxis() == ir::Axis::Key;
  for (auto cls : decl.getBody().getOps<ir::ClassOp>()) {
    if (cls.getRule().empty())
      break;
    auto rule = Expression::decode(cls.getRule(), env);
    if (!rule)
      return rule.takeError();
    it->second.rules.push_back(std::move(*rule));
  }
  return &it->second;
}

Error Attention::readClasses(ir::KernelMapOp map, KernelMap &result) {
  auto classes = map.getClasses();
  if (!classes)
    return Error::success();
  for (auto ref : classes->getAsRange<SymbolRefAttr>()) {
    auto partition = readPartition(ref.getRootReference().getValue());
    if (!partition)
      return partition.takeError();
    auto decl = dyn_cast_or_null<ir::ClassOp>(SymbolTable::lookupSymbolIn(env.pattern, ref));
    if (!decl)
      return createStringError("class " + ref.getLeafReference().getValue() + " is not declared");
    auto all = decl->getParentOfType<ir::PartitionOp>().getBody().getOps<ir::ClassOp>();
    result.classes.push_back({*partition, std::distance(all.begin(), llvm::find(all, decl))});
  }
  return Error::success();
}

Error Attention::readWeight(ir::KernelMapOp map, KernelMap &result) {
  auto softmax = dyn_cast<ir::SoftmaxAttr>(map.getWeight());
  result.softmax = softmax != nullptr;
  if (!softmax && !(isa<ir::LinearAttr>(map.getWeight()) && result.decay))
    return createStringError("the weight is neither softmax nor linear with a decay");
  if (!softmax || !softmax.getSeed())
    return Error::success();
  auto seed = env.floatOperand(softmax.getSeed().getValue(), 1);
  if (!seed)
    return seed.takeError();
  if ((*seed)->shape[0] != env.qHeads)
    return createStringError("a seed has one element per query head");
  result.seed = *seed;
  return Error::success();
}

Expected<Rope> Attention::readRope(ir::RopeAttr attr) {
  auto cos = env.floatOperand(attr.getCos().getValue(), 2);
  auto sin = env.floatOperand(attr.getSin().getValue(), 2);
  if (!cos || !sin)
    return llvm::joinErrors(cos.takeError(), sin.takeError());
  if (dim % 2 != 0 || (*cos)->shape != (*sin)->shape || (*cos)->shape[1] != dim / 2)
    return createStringError("rope tables are [positions, dim / 2] and the dimension is even");
  return Rope{*cos, *sin, attr.getInterleaved()};
}

Expected<KernelMap> Attention::readMap(ir::KernelMapOp map) {
  KernelMap result;
  auto mask = Expression::decode(map.getMask(), env);
  if (!mask)
    return mask.takeError();
  result.mask = std::move(*mask);
  std::pair<Region *, std::optional<Expression> *> optional[] = {
      {&map.getScore(), &result.score}, {&map.getDecay(), &result.decay}, {&map.getWhich(), &result.which}};
  for (auto [region, expression] : optional) {
    if (region->empty())
      continue;
    auto decoded = Expression::decode(*region, env);
    if (!decoded)
      return decoded.takeError();
    *expression = std::move(*decoded);
  }
  result.cache = map.getCache();
  result.zeroValue = map.getZeroValue();
  if (auto attr = map.getRope()) {
    auto rope = readRope(*attr);
    if (!rope)
      return rope.takeError();
    result.rope = *rope;
  }
  if (Error error = readClasses(map, result))
    return std::move(error);
  if (Error error = readWeight(map, result))
    return std::move(error);
  return std::move(result);
}

Error Attention::readMaps(ir::AttendOp op) {
  for (auto map : op.getMaps().getOps<ir::KernelMapOp>()) {
    auto result = readMap(map);
    if (!result)
      return createStringError("kernel map " + Twine(maps.size()) + ": " + llvm::toString(result.takeError()));
    maps.push_back(std::move(*result));
  }
  return Error::success();
}

Expected<std::unique_ptr<Attention>> Attention::read(ir::AttendOp op, const TensorValues &values,
                                                     const Arguments &arguments) {
  std::unique_ptr<Attention> result(new Attention(op, arguments));
  if (Error error = result->readTensors(op, values))
    return std::move(error);
  if (Error error = result->readScale(op))
    return std::move(error);
  if (Error error = result->readMaps(op))
    return std::move(error);
  return std::move(result);
}

} // namespace attn::codegen::reference
