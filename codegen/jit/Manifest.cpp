//===- Manifest.cpp - The manifest of an artifact ----------------------------===//
#include "codegen/jit/Manifest.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/analysis/Facts.h"
#include "runtime/artifact/Format.h"
#include "runtime/include/attn/KernelABI.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace mlir;
using namespace attn;
namespace json = llvm::json;

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static json::Array describeTensors(func::FuncOp entry, bool inputs) {
  json::Array list;
  for (unsigned i = 0, n = inputs ? entry.getNumArguments() : entry.getNumResults(); i < n; ++i) {
    json::Object tensor;
    for (StringRef key : {"name", "role", "cache"}) {
      std::string attribute = ("attn." + key).str();
      auto value = inputs ? entry.getArgAttrOfType<StringAttr>(i, attribute)
                          : entry.getResultAttrOfType<StringAttr>(i, attribute);
      if (value)
        tensor[key] = value.str();
    }
    list.push_back(std::move(tensor));
  }
  return list;
}

/// Values that are built into an operand: sizes, and all elements in C order.
static json::Object describeValues(DenseElementsAttr values) {
  json::Array sizes, elements;
  for (int64_t size : values.getType().getShape())
    sizes.push_back(size);
  if (isa<FloatType>(values.getElementType()))
    for (APFloat value : values.getValues<APFloat>()) {
      bool inexact = false;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
      elements.push_back(value.convertToDouble());
    }
  else
    for (const APInt &value : values.getValues<APInt>())
      elements.push_back(value.getBitWidth() == 1 ? int64_t(value.getZExtValue()) : value.getSExtValue());
  return json::Object{{"sizes", std::move(sizes)}, {"elements", std::move(elements)}};
}

/// Integers and names.
static json::Array describeSizes(ArrayAttr sizes) {
  json::Array list;
  for (Attribute size : sizes) {
    if (auto name = dyn_cast<StringAttr>(size))
      list.push_back(name.str());
    else
      list.push_back(cast<IntegerAttr>(size).getInt());
  }
  return list;
}

json::Object codegen::describePattern(ModuleOp module) {
  ir::PatternOp pattern = *module.getOps<ir::PatternOp>().begin();
  std::set<std::string> positive = passes::positiveParams(pattern);
  json::Array params, operands, caches, entries;
  for (Operation &op : pattern.getBody().front()) {
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](ir::ParamOp param) {
          json::Object item{{"name", param.getSymName().str()},
                            {"type", typeName(param.getType())},
                            {"positive", positive.count(param.getSymName().str()) != 0}};
          if (auto integer = dyn_cast<IntegerAttr>(param.getValue()))
            item["default"] = integer.getInt();
          else
            item["default"] = cast<FloatAttr>(param.getValue()).getValueAsDouble();
          params.push_back(std::move(item));
        })
        .Case([&](ir::OperandOp operand) {
          json::Object item{{"name", operand.getSymName().str()},
                            {"shape", describeSizes(operand.getShape())},
                            {"dtype", typeName(operand.getType())},
                            {"domain", ir::stringifyDomain(operand.getDomain()).str()}};
          if (auto values = operand.getValues())
            item["values"] = describeValues(cast<DenseElementsAttr>(*values));
          operands.push_back(std::move(item));
        })
        .Case([&](ir::CacheOp cache) {
          json::Object item{{"name", cache.getSymName().str()},
                            {"layout", ir::stringifyLayout(cache.getLayout()).str()}};
          if (auto sink = cache.getSink())
            item["sink"] = sink->str();
          if (auto ring = cache.getRing())
            item["ring"] = ring->str();
          caches.push_back(std::move(item));
        })
        .Case([&](func::FuncOp entry) {
          entries.push_back(json::Object{{"name", entry.getSymName().str()},
                                         {"inputs", describeTensors(entry, true)},
                                         {"outputs", describeTensors(entry, false)}});
        });
  }
  json::Object result{{"name", pattern.getSymName().str()},
                      {"params", std::move(params)},
                      {"operands", std::move(operands)},
                      {"caches", std::move(caches)},
                      {"entries", std::move(entries)}};
  if (auto positions = pattern.getPositions())
    result["positions"] = ir::stringifyPositions(*positions).str();
  else
    result["positions"] = nullptr;
  return result;
}

static json::Array describeArguments(tile::KernelOp kernel) {
  json::Array list;
  for (auto [index, name] : llvm::enumerate(kernel.getArgs())) {
    Type type = kernel.getBody().getArgument(tile::NumLeadingArguments + index).getType();
    json::Object item{{"name", cast<StringAttr>(name).str()}};
    if (auto view = dyn_cast<tile::ViewType>(type)) {
      item["kind"] = "view";
      item["dtype"] = typeName(view.getElementType());
      item["dim"] = view.getDim();
    } else if (auto buffer = dyn_cast<tile::BufferType>(type)) {
      item["kind"] = "buffer";
      item["dtype"] = typeName(buffer.getElementType());
      item["rank"] = buffer.getRank();
    } else {
      item["kind"] = "scalar";
      item["dtype"] = typeName(type);
    }
    list.push_back(std::move(item));
  }
  return list;
}

/// What a form says of GPU code.
static void describeEntry(const codegen::CompiledKernel &kernel, int64_t firstCubin, json::Object &form) {
  form["entry"] = kernel.entry;
  form["threads"] = kernel.threads;
  form["shared"] = kernel.sharedBytes;
  json::Array cubins;
  for (auto [index, cubin] : llvm::enumerate(kernel.cubins))
    cubins.push_back(json::Object{{"arch", cubin.first}, {"code", firstCubin + int64_t(index)}});
  if (!cubins.empty())
    form["cubins"] = std::move(cubins);
}

json::Object codegen::describeSchedules(ModuleOp tiled, llvm::ArrayRef<CompiledKernel> kernels, int64_t firstCode,
                                        int64_t firstCubin) {
  llvm::SmallVector<int64_t> cubinsOf; // first one of each kernel
  for (const CompiledKernel &kernel : kernels) {
    cubinsOf.push_back(firstCubin);
    firstCubin += int64_t(kernel.cubins.size());
  }
  json::Object entries;
  for (auto entry : tiled.getOps<tile::EntryOp>()) {
    json::Array steps;
    for (auto launch : entry.getBody().getOps<tile::LaunchOp>()) {
      json::Array forms;
      for (Attribute symbol : launch.getForms()) {
        auto kernel = tiled.lookupSymbol<tile::KernelOp>(cast<SymbolRefAttr>(symbol).getRootReference());
        tile::ScheduleAttr schedule = kernel.getSchedule();
        std::string name = kernel.getSymName().str();
        auto *compiled = llvm::find_if(kernels, [&](const CompiledKernel &k) { return k.symbol == name; });
        bool scan = kernel.walk([](tile::ForRowsOp) { return WalkResult::interrupt(); }).wasInterrupted();
        json::Object form{{"symbol", name},
                          {"rows", schedule.getRows()},
                          {"keys", schedule.getKeys()},
                          {"pack", schedule.getPack()},
                          {"splits", schedule.getSplits()},
                          {"scan", scan},
                          {"scratch", compiled->scratchBytes},
                          {"code", firstCode + (compiled - kernels.begin())},
                          {"arguments", describeArguments(kernel)}};
        if (!compiled->entry.empty())
          describeEntry(*compiled, cubinsOf[compiled - kernels.begin()], form);
        if (tile::GridAttr grid = schedule.getGrid())
          form["grid"] = json::Object{{"inner", describeSizes(grid.getInner())},
                                      {"dilations", describeSizes(grid.getDilations())},
                                      {"rows", describeSizes(grid.getRows())},
                                      {"keys", describeSizes(grid.getKeys())}};
        forms.push_back(std::move(form));
      }
      steps.push_back(json::Object{{"forms", std::move(forms)}});
    }
    entries[entry.getSymName().str()] = std::move(steps);
  }
  return entries;
}

std::string codegen::writeArtifact(json::Object pattern, StringRef spec, std::vector<CompiledVariant> variants,
                                   std::vector<CompiledKernel> kernels) {
  std::vector<std::string> blobs, isas;
  auto add = [&](std::string blob, const std::string &isa) {
    blobs.push_back(std::move(blob));
    isas.push_back(isa);
  };
  for (CompiledKernel &kernel : kernels)
    add(std::move(kernel.code), kernel.isa);
  for (CompiledKernel &kernel : kernels)
    for (auto &[arch, cubin] : kernel.cubins)
      add(std::move(cubin), arch);
  std::vector<uint64_t> offsets = rt::codeOffsets(blobs);
  json::Array code;
  for (auto [index, blob] : llvm::enumerate(blobs))
    code.push_back(json::Object{{"offset", int64_t(offsets[index])},
                                {"size", int64_t(blob.size())},
                                {"sha256", rt::sha256Hex(blob)},
                                {"isa", isas[index]}});
  for (json::Value &value : *pattern.getArray("entries")) {
    json::Object &entry = *value.getAsObject();
    json::Array list;
    for (const CompiledVariant &variant : variants)
      list.push_back(json::Object{{"dtype", variant.dtype},
                                  {"d", variant.keyDim},
                                  {"dv", variant.valueDim},
                                  {"isa", variant.isa},
                                  {"steps", *variant.entries.get(*entry.getString("name"))}});
    entry["variants"] = std::move(list);
  }
  pattern["attn_artifact"] = rt::kArtifactVersion;
  pattern["kernel_abi"] = ATTN_KERNEL_ABI;
  pattern["compiler"] = "attn " ATTN_VERSION " LLVM " LLVM_VERSION_STRING;
  pattern["code"] = std::move(code);
  std::string manifest;
  llvm::raw_string_ostream stream(manifest);
  json::OStream out(stream);
  out.object([&] {
    out.attributeBegin("spec");
    out.rawValue(spec);
    out.attributeEnd();
    // By name: the order of a hash table is not part of an artifact.
    std::map<std::string, const json::Value *> fields;
    for (auto &field : pattern)
      fields[field.first.str()] = &field.second;
    for (auto &[name, value] : fields)
      out.attribute(name, *value);
  });
  return rt::assembleArtifact(manifest, blobs);
}
