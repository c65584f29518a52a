//===- Manifest.cpp - Reading manifests ----------------------------*- C++ -*-===//
//
// The only user of nlohmann_json in the runtime. Nothing is thrown out of parseManifest but std::bad_alloc.
//===----------------------------------------------------------------------===//

#include "runtime/artifact/Manifest.h"

#include "attn/KernelABI.h"
#include "runtime/artifact/Format.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace attn::rt {
namespace {

using json = nlohmann::ordered_json; // the order of the classes of a partition is part of a spec

constexpr int kMaxDepth = 96;
constexpr int64_t kMaxItems = 1024;
constexpr int64_t kMaxValues = 1 << 20;
constexpr int64_t kMaxTile = 1 << 16;
constexpr int64_t kMaxScratch = int64_t(1) << 30;
constexpr int64_t kMaxDim = 1 << 16;
constexpr int64_t kMaxBlockThreads = 1024;
constexpr int64_t kMaxShared = 1 << 20;

struct Failure {
  Status status;
};

/// A JSON value and the pointer to it. The getters throw Failure.
class Node {
public:
  Node(const json &value, std::string pointer) : value(value), pointer(std::move(pointer)) {}

  [[noreturn]] void fail(const std::string &expected, int32_t code = ATTN_ERR_ARTIFACT) const {
    std::string text = value.is_discarded() ? "nothing" : value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 80)
      text = text.substr(0, 77) + "...";
    throw Failure{error(code, "manifest %s: expected %s, got %s", pointer.empty() ? "/" : pointer.c_str(),
                        expected.c_str(), text.c_str())};
  }
  bool has(const char *key) const { return value.is_object() && value.contains(key) && !value[key].is_null(); }
  Node at(const char *key) const {
    if (!value.is_object())
      fail("an object");
    auto it = value.find(key);
    if (it == value.end())
      Node(kMissing, pointer + "/" + key).fail("a value");
    return Node(*it, pointer + "/" + key);
  }
  int64_t integer(int64_t low, int64_t high) const {
    bool fits =
        value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX));
    if (!fits || value.get<int64_t>() < low || value.get<int64_t>() > high)
      fail("an integer from " + std::to_string(low) + " to " + std::to_string(high));
    return value.get<int64_t>();
  }
  bool boolean() const {
    if (!value.is_boolean())
      fail("true or false");
    return value.get<bool>();
  }
  bool booleanOr(const char *key, bool otherwise) const { return has(key) ? at(key).boolean() : otherwise; }
  double number() const {
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      fail("a number");
    return value.get<double>();
  }
  bool isInteger() const { return value.is_number_integer(); }
  std::string string() const {
    if (!value.is_string())
      fail("a string");
    auto text = value.get<std::string>();
    if (text.empty() || text.size() > 128 || text.find('\0') != std::string::npos)
      fail("a string of 1 to 128 characters");
    return text;
  }
  int32_t dtype() const {
    int32_t dtype = dtypeOf(string());
    if (!dtype)
      fail("a dtype");
    return dtype;
  }
  /// A floating-point dtype of tensors.
  int32_t floatDtype() const {
    int32_t type = dtype();
    if (type != ATTN_F32 && type != ATTN_F16 && type != ATTN_BF16)
      fail("\"f32\", \"f16\" or \"bf16\"");
    return type;
  }
  template <typename F> void forEach(F &&f, int64_t most = kMaxItems) const {
    if (!value.is_array() || int64_t(value.size()) > most)
      fail("an array of at most " + std::to_string(most) + " items");
    for (size_t i = 0; i < value.size(); ++i)
      f(Node(value[i], pointer + "/" + std::to_string(i)));
  }
  template <typename F> void forEachOf(const char *key, F &&f) const {
    if (has(key))
      at(key).forEach(f);
  }

private:
  static const json kMissing;
  const json &value;
  std::string pointer;
};

const json Node::kMissing = json(json::value_t::discarded);

template <typename Items> int indexOf(const Items &items, const std::string &name) {
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].name == name)
      return int(i);
  return -1;
}

/// Fails if an item of that name is there already.
template <typename Items> void checkNew(const Node &node, const Items &items, const std::string &name) {
  if (indexOf(items, name) >= 0)
    node.fail("a name that is not used before");
}

Param readParam(const Node &node) {
  Param param;
  param.name = node.at("name").string();
  std::string type = node.at("type").string();
  param.isFloat = type == "f32";
  if (!param.isFloat && type != "i64")
    node.at("type").fail("\"i64\" or \"f32\"");
  param.positive = node.booleanOr("positive", false);
  param.hasDefault = node.has("default");
  if (param.hasDefault && param.isFloat)
    param.floatDefault = node.at("default").number();
  else if (param.hasDefault)
    param.intDefault = node.at("default").integer(-ATTN_MAX_LENGTH, ATTN_MAX_LENGTH);
  return param;
}

/// Index of the integer param that `node` names.
int integerParam(const Node &node, const Manifest &manifest) {
  int index = indexOf(manifest.params, node.string());
  if (index < 0 || manifest.params[index].isFloat)
    node.fail("the name of an i64 param");
  return index;
}

Size readSize(const Node &node, const Manifest &manifest) {
  static const std::pair<const char *, Size::Kind> names[] = {{"batch", Size::Batch},      {"q_heads", Size::QHeads},
                                                              {"kv_heads", Size::KvHeads}, {"layers", Size::Layers},
                                                              {"q_len", Size::QLen},       {"kv_len", Size::KvLen}};
  Size size;
  if (node.isInteger()) {
    size.literal = node.integer(0, ATTN_MAX_LENGTH);
    size.text = std::to_string(size.literal);
    return size;
  }
  size.text = node.string();
  for (auto &[name, kind] : names)
    if (size.text == name) {
      size.kind = kind;
      return size;
    }
  size.kind = Size::ParamValue;
  size.param = integerParam(node, manifest);
  return size;
}

/// Appends one element in the dtype of the operand. The compiler has rounded floats to it.
void readElement(const Node &node, int32_t dtype, std::vector<char> &bytes) {
  auto append = [&](auto item) {
    auto *data = reinterpret_cast<const char *>(&item);
    bytes.insert(bytes.end(), data, data + sizeof(item));
  };
  float real = 0;
  if (dtype == ATTN_F32 || dtype == ATTN_F16 || dtype == ATTN_BF16) {
    if (!(std::fabs(node.number()) <= (dtype == ATTN_F16 ? 65504 : FLT_MAX)))
      node.fail("a number that fits in " + std::string(dtypeName(dtype)));
    real = float(node.number());
  }
  uint32_t bits;
  std::memcpy(&bits, &real, sizeof(bits));
  switch (dtype) {
  case ATTN_F32: return append(real);
  case ATTN_BF16: return append(uint16_t(bits >> 16));
  case ATTN_F16: {
    int exponent = real == 0 ? -15 : std::max(std::ilogb(real), -15); // -15: subnormal
    uint32_t fraction = uint32_t(std::ldexp(std::fabs(real), exponent > -15 ? 10 - exponent : 24)) & 1023;
    return append(uint16_t((bits >> 31) << 15 | uint32_t(exponent + 15) << 10 | fraction));
  }
  case ATTN_BOOL: return append(uint8_t(node.integer(0, 1)));
  case ATTN_I8: return append(int8_t(node.integer(INT8_MIN, INT8_MAX)));
  case ATTN_I32: return append(int32_t(node.integer(INT32_MIN, INT32_MAX)));
  default: return append(node.integer(INT64_MIN, INT64_MAX));
  }
}

/// The values of an operand that has them: all elements, and the sizes of the dimensions.
void readValues(const Node &node, Operand &operand) {
  int64_t count = 1;
  node.at("sizes").forEach([&](const Node &size) {
    operand.sizes.push_back(size.integer(1, kMaxValues));
    count = std::min(count * operand.sizes.back(), kMaxValues + 1);
  });
  if (operand.sizes.size() != operand.shape.size())
    node.at("sizes").fail("one size for each dimension");
  int64_t given = 0;
  node.at("elements")
      .forEach(
          [&](const Node &element) {
            readElement(element, operand.dtype, operand.values);
            ++given;
          },
          kMaxValues);
  if (given != count)
    node.at("elements").fail("as many elements as the sizes say");
}

Operand readOperand(const Node &node, const Manifest &manifest) {
  Operand operand;
  operand.name = node.at("name").string();
  operand.dtype = node.at("dtype").dtype();
  node.forEachOf("shape", [&](const Node &size) { operand.shape.push_back(readSize(size, manifest)); });
  if (operand.shape.size() > 4)
    node.at("shape").fail("at most 4 sizes");
  if (node.has("domain")) {
    std::string domain = node.at("domain").string();
    if (domain != "any" && domain != "sorted" && domain != "boolean")
      node.at("domain").fail("\"any\", \"sorted\" or \"boolean\"");
    operand.domain = domain == "sorted"    ? ATTN_DOMAIN_SORTED
                     : domain == "boolean" ? ATTN_DOMAIN_BOOLEAN
                                           : ATTN_DOMAIN_ANY;
  }
  if (node.has("values"))
    readValues(node.at("values"), operand);
  return operand;
}

Cache readCache(const Node &node, const Manifest &manifest) {
  Cache cache;
  cache.name = node.at("name").string();
  std::string layout = node.at("layout").string();
  cache.isRing = layout == "sink_ring";
  cache.isSlots = layout == "slots";
  if (!cache.isRing && !cache.isSlots && layout != "contiguous")
    node.at("layout").fail("\"contiguous\", \"sink_ring\" or \"slots\"", ATTN_ERR_ARTIFACT_VERSION);
  if (cache.isRing) {
    cache.sink = integerParam(node.at("sink"), manifest);
    cache.ring = integerParam(node.at("ring"), manifest);
  }
  return cache;
}

Port readPort(const Node &node, const Manifest &manifest, bool isInput) {
  static const std::pair<const char *, int32_t> inputs[] = {
      {"query", ATTN_ROLE_QUERY}, {"key", ATTN_ROLE_KEY}, {"value", ATTN_ROLE_VALUE}};
  static const std::pair<const char *, int32_t> outputs[] = {{"out", ATTN_ROLE_OUT}, {"lse", ATTN_ROLE_LSE}};
  Port port;
  port.name = node.at("name").string();
  if (port.name[0] == '%')
    node.at("name").fail("a name that does not begin with %");
  std::string role = node.at("role").string();
  for (auto &[name, value] : inputs)
    if (isInput && role == name)
      port.role = value;
  for (auto &[name, value] : outputs)
    if (!isInput && role == name)
      port.role = value;
  if (!port.role)
    node.at("role").fail(isInput ? "\"query\", \"key\" or \"value\"" : "\"out\" or \"lse\"", ATTN_ERR_ARTIFACT_VERSION);
  if (node.has("cache")) {
    port.cache = indexOf(manifest.caches, node.at("cache").string());
    if (port.cache < 0 || (port.role != ATTN_ROLE_KEY && port.role != ATTN_ROLE_VALUE))
      node.at("cache").fail("the name of a cache, on keys and values only");
  }
  return port;
}

/// The dtype and dim that a view of this port must have in this variant.
Temporary expectedView(const Port &port, const Variant &variant) {
  switch (port.role) {
  case ATTN_ROLE_LSE: return {port.name, ATTN_F32, 0};
  case ATTN_ROLE_QUERY:
  case ATTN_ROLE_KEY: return {port.name, variant.dtype, variant.d};
  default: return {port.name, variant.dtype, variant.dv};
  }
}

void bindView(const Node &node, Argument &argument, const Entry &entry, Variant &variant) {
  argument.dtype = node.at("dtype").floatDtype();
  argument.dim = node.has("dim") ? node.at("dim").integer(0, kMaxDim) : 0;
  Temporary view{argument.name, argument.dtype, argument.dim};
  if (argument.name[0] == '%') {
    argument.source = Argument::Temporary;
    argument.index = indexOf(variant.temporaries, argument.name);
    if (argument.index < 0) {
      argument.index = int(variant.temporaries.size());
      variant.temporaries.push_back(view);
    }
    view = variant.temporaries[argument.index];
  } else {
    argument.index = indexOf(entry.inputs, argument.name);
    argument.source = argument.index < 0 ? Argument::Output : Argument::Input;
    const std::vector<Port> &ports = argument.index < 0 ? entry.outputs : entry.inputs;
    argument.index = indexOf(ports, argument.name);
    if (argument.index < 0)
      node.at("name").fail("an input, an output or a temporary (%...)");
    view = expectedView(ports[argument.index], variant);
  }
  if (view.dtype != argument.dtype || view.dim != argument.dim)
    node.fail("a view of dtype " + std::string(dtypeName(view.dtype)) + " and dim " + std::to_string(view.dim));
}

Argument readArgument(const Node &node, const Manifest &manifest, const Entry &entry, Variant &variant) {
  Argument argument;
  argument.name = node.at("name").string();
  std::string kind = node.at("kind").string();
  if (kind == "view") {
    bindView(node, argument, entry, variant);
  } else if (kind == "scalar") {
    argument.kind = Argument::Scalar;
    argument.source = Argument::ParamSource;
    argument.dtype = node.at("dtype").dtype();
    argument.index = indexOf(manifest.params, argument.name);
    if (argument.index < 0)
      node.at("name").fail("the name of a param");
    if (argument.dtype != (manifest.params[argument.index].isFloat ? ATTN_F32 : ATTN_I64))
      node.at("dtype").fail("the type of the param");
  } else if (kind == "buffer") {
    argument.kind = Argument::Buffer;
    argument.source = Argument::OperandSource;
    argument.dtype = node.at("dtype").dtype();
    argument.index = indexOf(manifest.operands, argument.name);
    if (argument.index < 0)
      node.at("name").fail("the name of an operand");
    const Operand &operand = manifest.operands[argument.index];
    if (operand.dtype != argument.dtype || node.at("rank").integer(0, 4) != int64_t(operand.shape.size()))
      node.fail("the dtype and rank of the operand");
  } else {
    node.at("kind").fail("\"view\", \"scalar\" or \"buffer\"", ATTN_ERR_ARTIFACT_VERSION);
  }
  return argument;
}

/// A positive integer or the name of an integer param.
Size readExtent(const Node &node, const Manifest &manifest) {
  Size size;
  if (node.isInteger()) {
    size.literal = node.integer(1, INT32_MAX);
  } else {
    size.kind = Size::ParamValue;
    size.param = integerParam(node, manifest);
  }
  return size;
}

std::vector<GridAxis> readGrid(const Node &node, const Manifest &manifest, int64_t rows) {
  std::vector<GridAxis> grid;
  node.at("dilations").forEach([&](const Node &d) { grid.push_back({{}, readExtent(d, manifest), 1}); });
  size_t sizes = 1, boxes = 0;
  auto next = [&](const Node &list, size_t &index) -> GridAxis & {
    if (index >= grid.size() || grid.size() > 3)
      list.fail("one to three axes, with as many dilations and rows, and one size less");
    return grid[index++];
  };
  node.at("inner").forEach([&](const Node &size) { next(node, sizes).size = readExtent(size, manifest); });
  int64_t product = 1;
  node.at("rows").forEach([&](const Node &extent) {
    next(node, boxes).rows = extent.integer(1, rows);
    product *= grid[boxes - 1].rows; // three factors of at most kMaxTile
  });
  if (grid.empty() || sizes != grid.size() || boxes != grid.size() || product != rows)
    node.fail("axes whose rows multiply to those of the form");
  return grid;
}

int readCode(const Node &node, const Manifest &manifest) {
  return int(node.at("code").integer(0, int64_t(manifest.code.size()) - 1));
}

Form readForm(const Node &node, const Manifest &manifest, const Entry &entry, Variant &variant) {
  Form form;
  form.symbol = node.at("symbol").string();
  form.rows = node.at("rows").integer(1, kMaxTile);
  form.keys = node.at("keys").integer(1, kMaxTile);
  form.pack = node.booleanOr("pack", false);
  form.scan = node.booleanOr("scan", false);
  if (node.has("grid"))
    form.grid = readGrid(node.at("grid"), manifest, form.rows);
  if (node.booleanOr("splits", false))
    node.at("splits").fail("false (this runtime does not split keys)", ATTN_ERR_ARTIFACT_VERSION);
  form.code = readCode(node, manifest);
  form.scratch = node.at("scratch").integer(0, kMaxScratch);
  if (node.has("entry")) {
    form.entry = node.at("entry").string();
    form.threads = node.at("threads").integer(1, kMaxBlockThreads);
    form.shared = node.at("shared").integer(0, kMaxShared);
    node.forEachOf("cubins", [&](const Node &cubin) {
      form.cubins.push_back({cubin.at("arch").string(), readCode(cubin, manifest)});
    });
  }
  node.at("arguments").forEach([&](const Node &argument) {
    form.arguments.push_back(readArgument(argument, manifest, entry, variant));
  });
  return form;
}

Variant readVariant(const Node &node, const Manifest &manifest, const Entry &entry) {
  Variant variant;
  variant.dtype = node.at("dtype").floatDtype();
  variant.d = node.at("d").integer(1, kMaxDim);
  variant.dv = node.at("dv").integer(1, kMaxDim);
  variant.isa = node.at("isa").string();
  bool isGpu = variant.isa.rfind("sm_", 0) == 0;
  node.at("steps").forEach([&](const Node &step) {
    std::vector<Form> forms;
    step.at("forms").forEach([&](const Node &form) {
      forms.push_back(readForm(form, manifest, entry, variant));
      if (forms.back().entry.empty() == isGpu)
        form.fail(isGpu ? "the entry of GPU code" : "no entry, which is for GPU code");
    });
    if (forms.empty())
      step.at("forms").fail("at least one form");
    variant.steps.push_back(std::move(forms));
  });
  if (variant.steps.empty())
    node.at("steps").fail("at least one step");
  return variant;
}

int countRole(const std::vector<Port> &ports, int32_t role) {
  int count = 0;
  for (const Port &port : ports)
    count += port.role == role;
  return count;
}

std::vector<size_t> operandsOf(const Entry &entry) {
  std::set<size_t> used;
  for (const Variant &variant : entry.variants)
    for (const std::vector<Form> &forms : variant.steps)
      for (const Form &form : forms)
        for (const Argument &argument : form.arguments)
          if (argument.source == Argument::OperandSource)
            used.insert(size_t(argument.index));
  return {used.begin(), used.end()};
}

Entry readEntry(const Node &node, const Manifest &manifest) {
  Entry entry;
  entry.name = node.at("name").string();
  // Tensors and operands share one name space, since a call gives both by name.
  std::set<std::string> used;
  for (const Operand &operand : manifest.operands)
    used.insert(operand.name);
  auto read = [&](const char *key, std::vector<Port> &ports) {
    node.at(key).forEach([&](const Node &port) {
      ports.push_back(readPort(port, manifest, key[0] == 'i'));
      if (!used.insert(ports.back().name).second)
        port.at("name").fail("a name that is not used before");
    });
  };
  read("inputs", entry.inputs);
  read("outputs", entry.outputs);
  if (countRole(entry.inputs, ATTN_ROLE_QUERY) != 1 || !countRole(entry.inputs, ATTN_ROLE_KEY) ||
      !countRole(entry.inputs, ATTN_ROLE_VALUE))
    node.at("inputs").fail("one query, and at least one key and one value");
  int outs = countRole(entry.outputs, ATTN_ROLE_OUT), lses = countRole(entry.outputs, ATTN_ROLE_LSE);
  if (outs > 1 || lses > 1 || outs + lses == 0)
    node.at("outputs").fail("an out, a lse, or one of each");
  node.at("variants").forEach([&](const Node &variant) {
    entry.variants.push_back(readVariant(variant, manifest, entry));
  });
  entry.operands = operandsOf(entry);
  return entry;
}

int32_t readPositions(const Node &node) {
  if (!node.has("positions"))
    return ATTN_POSITIONS_UNSTATED;
  std::string text = node.at("positions").string();
  if (text == "bottom_right")
    return ATTN_POSITIONS_BOTTOM_RIGHT;
  if (text == "top_left")
    return ATTN_POSITIONS_TOP_LEFT;
  if (text != "tensor")
    node.at("positions").fail("\"bottom_right\", \"top_left\", \"tensor\" or null");
  return ATTN_POSITIONS_TENSOR;
}

/// Reads the items of array `key` into `items`, whose names must differ.
template <typename Item, typename Read>
void readNamed(const Node &root, const char *key, std::vector<Item> &items, Read read) {
  root.forEachOf(key, [&](const Node &node) {
    Item item = read(node);
    checkNew(node.at("name"), items, item.name);
    items.push_back(std::move(item));
  });
}

void readManifest(const Node &root, Manifest &manifest) {
  Node version = root.at("attn_artifact"), abi = root.at("kernel_abi");
  if (version.integer(0, ATTN_MAX_LENGTH) != kArtifactVersion)
    version.fail(std::to_string(kArtifactVersion), ATTN_ERR_ARTIFACT_VERSION);
  if (abi.integer(0, ATTN_MAX_LENGTH) != ATTN_KERNEL_ABI)
    abi.fail(std::to_string(ATTN_KERNEL_ABI), ATTN_ERR_ARTIFACT_VERSION);
  manifest.name = root.at("name").string();
  manifest.positions = readPositions(root);
  readNamed(root, "params", manifest.params, [](const Node &node) { return readParam(node); });
  readNamed(root, "operands", manifest.operands, [&](const Node &node) { return readOperand(node, manifest); });
  readNamed(root, "caches", manifest.caches, [&](const Node &node) { return readCache(node, manifest); });
  root.at("code").forEach([&](const Node &node) {
    CodeBlob blob;
    blob.offset = uint64_t(node.at("offset").integer(0, INT64_MAX));
    blob.size = uint64_t(node.at("size").integer(0, int64_t(kMaxCodeSize)));
    blob.sha256 = node.at("sha256").string();
    manifest.code.push_back(blob);
  });
  readNamed(root, "entries", manifest.entries, [&](const Node &node) { return readEntry(node, manifest); });
}

} // namespace

const Entry *Manifest::findEntry(const char *entryName) const {
  if (!entryName)
    return entries.size() == 1 ? &entries[0] : nullptr;
  int index = indexOf(entries, entryName);
  return index < 0 ? nullptr : &entries[index];
}

Status parseManifest(std::string_view text, Manifest &manifest) {
  try {
    auto limitDepth = [](int depth, json::parse_event_t, json &) {
      if (depth > kMaxDepth)
        throw Failure{error(ATTN_ERR_ARTIFACT, "manifest: nested deeper than %d", kMaxDepth)};
      return true;
    };
    json root = json::parse(text.begin(), text.end(), limitDepth);
    manifest = Manifest();
    manifest.text = std::string(text);
    if (root.is_object() && root.contains("spec"))
      manifest.spec = root["spec"].dump(-1, ' ', false, json::error_handler_t::replace);
    readManifest(Node(root, ""), manifest);
    return {};
  } catch (const Failure &failure) {
    return failure.status;
  } catch (const json::exception &e) {
    return error(ATTN_ERR_ARTIFACT, "manifest: %s", e.what());
  }
}

namespace {
struct DtypeName {
  int32_t dtype;
  const char *name;
};
constexpr DtypeName kDtypeNames[] = {{ATTN_F32, "f32"}, {ATTN_F16, "f16"}, {ATTN_BF16, "bf16"},
                                     {ATTN_F64, "f64"}, {ATTN_BOOL, "i1"}, {ATTN_BOOL, "bool"},
                                     {ATTN_I8, "i8"},   {ATTN_I32, "i32"}, {ATTN_I64, "i64"}};
} // namespace

const char *dtypeName(int32_t dtype) {
  for (const DtypeName &entry : kDtypeNames)
    if (entry.dtype == dtype)
      return entry.dtype == ATTN_BOOL ? "bool" : entry.name;
  return "unknown dtype";
}

int32_t dtypeOf(std::string_view name) {
  for (const DtypeName &entry : kDtypeNames)
    if (entry.name == name)
      return entry.dtype;
  return 0;
}

} // namespace attn::rt
