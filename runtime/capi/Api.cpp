//===- Api.cpp - The C ABI of attn.h -------------------------------*- C++ -*-===//
//
// Thin: each function turns handles and nulls into values, calls the runtime and keeps the message. The guard is the
// one place where exceptions (out of memory) end.
//===----------------------------------------------------------------------===//

#include "runtime/artifact/Format.h"
#include "runtime/device/cpu/CpuInfo.h"
#include "runtime/plan/Plan.h"

#include <cstring>
#include <exception>
#include <new>

using namespace attn::rt;

struct attn_artifact {
  std::shared_ptr<const Artifact> value;
};

struct attn_plan {
  Plan value;
};

namespace {

/// Fixed storage, so that keeping a message allocates nothing (attn_run promises that).
thread_local char lastError[1024] = "";

int32_t keep(int32_t code, const char *message) {
  std::strncpy(lastError, message, sizeof(lastError) - 1);
  return code;
}

int32_t invalid(const char *message) { return keep(ATTN_ERR_INVALID_ARGUMENT, message); }

/// Runs `f`, which returns a Status.
template <typename F> int32_t guard(F f) {
  try {
    Status status = f();
    return status ? keep(status.code, status.message.c_str()) : ATTN_OK;
  } catch (const std::exception &) {
    return keep(ATTN_ERR_OUT_OF_MEMORY, "out of memory");
  }
}

/// Runs `f` with a device, which is opened if it is not.
template <typename F> int32_t withDevice(int32_t kind, int32_t index, F f) {
  return guard([&]() -> Status {
    if ((kind != ATTN_DEVICE_CUDA && kind != ATTN_DEVICE_EMULATOR) || index < 0)
      return error(ATTN_ERR_INVALID_ARGUMENT, "no device with memory of its own has kind %d and index %d", kind, index);
    std::shared_ptr<const Device> device;
    if (Status s = openDevice(kind, index, device))
      return s;
    return f(*device);
  });
}

Status findEntry(const Manifest &manifest, const char *name, const Entry *&entry) {
  entry = manifest.findEntry(name);
  if (entry)
    return {};
  return error(ATTN_ERR_NO_ENTRY,
               name ? "there is no entry point '%s'; there is: %s"
                    : "the artifact has several entry points, name one%s: %s",
               name ? name : "", quotedNames(manifest.entries).c_str());
}

/// Copies `value` to a caller's struct of possibly another size.
template <typename T> Status giveStruct(const T &value, T *target, const char *what) {
  T header;
  if (Status s = readStruct(target, what, &header, sizeof(T)))
    return s;
  auto *bytes = reinterpret_cast<char *>(target);
  size_t size = std::min<size_t>(header.struct_size, sizeof(T));
  size_t keepBytes = 2 * sizeof(uint32_t);
  std::memcpy(bytes + keepBytes, reinterpret_cast<const char *>(&value) + keepBytes, size - keepBytes);
  return {};
}

const char *giveText(const std::string *text, size_t *size) {
  if (size)
    *size = text ? text->size() : 0;
  return text ? text->c_str() : nullptr;
}

Status pastEnd(const char *what, int64_t index, size_t count) {
  return error(ATTN_ERR_RANGE, "%s must be from 0 to %lld, got %lld", what, (long long)count - 1, (long long)index);
}

attn_argument_info describePort(const Port &port, const Manifest &manifest) {
  attn_argument_info info = {};
  const Cache *cache = port.cache < 0 ? nullptr : &manifest.caches[size_t(port.cache)];
  if (cache && cache->isRing) {
    info.sink_param = manifest.params[size_t(cache->sink)].name.c_str();
    info.ring_param = manifest.params[size_t(cache->ring)].name.c_str();
  }
  info.slots = cache && cache->isSlots;
  info.name = port.name.c_str();
  info.role = port.role;
  info.dtype = port.role == ATTN_ROLE_LSE ? ATTN_F32 : 0;
  info.required = port.role != ATTN_ROLE_LSE;
  return info;
}

attn_argument_info describeOperand(const Operand &operand) {
  attn_argument_info info = {};
  info.name = operand.name.c_str();
  info.role = ATTN_ROLE_OPERAND;
  info.dtype = operand.dtype;
  info.required = operand.values.empty();
  info.rank = int32_t(operand.shape.size());
  info.domain = operand.domain;
  for (size_t i = 0; i < operand.shape.size(); ++i)
    info.shape[i] = operand.shape[i].text.c_str();
  return info;
}

} // namespace

extern "C" {

const char *attn_version(void) { return ATTN_RUNTIME_VERSION; }

const char *attn_code_name(int32_t code) {
  switch (code) {
  case ATTN_OK: return "OK";
  case ATTN_ERR_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
  case ATTN_ERR_OUT_OF_MEMORY: return "OUT_OF_MEMORY";
  case ATTN_ERR_IO: return "IO";
  case ATTN_ERR_ARTIFACT: return "ARTIFACT";
  case ATTN_ERR_ARTIFACT_VERSION: return "ARTIFACT_VERSION";
  case ATTN_ERR_NO_ENTRY: return "NO_ENTRY";
  case ATTN_ERR_NO_VARIANT: return "NO_VARIANT";
  case ATTN_ERR_UNKNOWN_NAME: return "UNKNOWN_NAME";
  case ATTN_ERR_MISSING: return "MISSING";
  case ATTN_ERR_DTYPE: return "DTYPE";
  case ATTN_ERR_SHAPE: return "SHAPE";
  case ATTN_ERR_STRIDE: return "STRIDE";
  case ATTN_ERR_POINTER: return "POINTER";
  case ATTN_ERR_RANGE: return "RANGE";
  case ATTN_ERR_POSITIONS: return "POSITIONS";
  case ATTN_ERR_DOMAIN: return "DOMAIN";
  case ATTN_ERR_WORKSPACE: return "WORKSPACE";
  case ATTN_ERR_ZERO_DIVISOR: return "ZERO_DIVISOR";
  case ATTN_ERR_NO_DEVICE: return "NO_DEVICE";
  case ATTN_ERR_DEVICE: return "DEVICE";
  case ATTN_ERR_SPEC: return "SPEC";
  case ATTN_ERR_UNSUPPORTED: return "UNSUPPORTED";
  case ATTN_ERR_COMPILER: return "COMPILER";
  default: return "UNKNOWN";
  }
}

const char *attn_last_error(void) { return lastError; }

int64_t attn_dtype_size(int32_t dtype) {
  switch (dtype) {
  case ATTN_BOOL:
  case ATTN_I8: return 1;
  case ATTN_F16:
  case ATTN_BF16: return 2;
  case ATTN_F32:
  case ATTN_I32: return 4;
  case ATTN_F64:
  case ATTN_I64: return 8;
  default: return 0;
  }
}

int32_t attn_artifact_open(const char *path, attn_artifact **artifact) {
  if (!path || !artifact)
    return invalid("attn_artifact_open: path or artifact is null");
  return guard([&]() -> Status {
    auto handle = std::make_unique<attn_artifact>();
    if (Status s = Artifact::openFile(path, handle->value))
      return s;
    *artifact = handle.release();
    return {};
  });
}

int32_t attn_artifact_open_bytes(const void *bytes, size_t size, attn_artifact **artifact) {
  if (!bytes || !artifact)
    return invalid("attn_artifact_open_bytes: bytes or artifact is null");
  return guard([&]() -> Status {
    auto handle = std::make_unique<attn_artifact>();
    if (Status s = Artifact::open(std::string(static_cast<const char *>(bytes), size), handle->value))
      return s;
    *artifact = handle.release();
    return {};
  });
}

void attn_artifact_close(attn_artifact *artifact) { delete artifact; }

const char *attn_artifact_manifest(const attn_artifact *artifact, size_t *size) {
  return giveText(artifact ? &artifact->value->manifest().text : nullptr, size);
}

const char *attn_artifact_spec(const attn_artifact *artifact, size_t *size) {
  return giveText(artifact ? &artifact->value->manifest().spec : nullptr, size);
}

int32_t attn_artifact_positions(const attn_artifact *artifact) {
  return artifact ? artifact->value->manifest().positions : ATTN_POSITIONS_UNSTATED;
}

int64_t attn_artifact_entry_count(const attn_artifact *artifact) {
  return artifact ? int64_t(artifact->value->manifest().entries.size()) : 0;
}

const char *attn_artifact_entry_name(const attn_artifact *artifact, int64_t index) {
  if (index < 0 || index >= attn_artifact_entry_count(artifact))
    return nullptr;
  return artifact->value->manifest().entries[size_t(index)].name.c_str();
}

int32_t attn_artifact_argument(const attn_artifact *artifact, const char *entryName, int64_t index,
                               attn_argument_info *info) {
  if (!artifact)
    return invalid("attn_artifact_argument: artifact is null");
  return guard([&]() -> Status {
    const Manifest &manifest = artifact->value->manifest();
    const Entry *entry;
    if (Status s = findEntry(manifest, entryName, entry))
      return s;
    size_t inputs = entry->inputs.size(), ports = inputs + entry->outputs.size();
    size_t count = ports + entry->operands.size(), i = size_t(index);
    if (index < 0 || i >= count)
      return pastEnd("index of an argument", index, count);
    return giveStruct(i < inputs  ? describePort(entry->inputs[i], manifest)
                      : i < ports ? describePort(entry->outputs[i - inputs], manifest)
                                  : describeOperand(manifest.operands[entry->operands[i - ports]]),
                      info, "attn_argument_info");
  });
}

int32_t attn_artifact_param(const attn_artifact *artifact, int64_t index, attn_param_info *info) {
  if (!artifact)
    return invalid("attn_artifact_param: artifact is null");
  return guard([&]() -> Status {
    const std::vector<Param> &params = artifact->value->manifest().params;
    if (index < 0 || size_t(index) >= params.size())
      return pastEnd("index of a param", index, params.size());
    const Param &param = params[size_t(index)];
    attn_param_info value = {};
    value.name = param.name.c_str();
    value.dtype = param.isFloat ? ATTN_F32 : ATTN_I64;
    value.has_default = param.hasDefault;
    value.int_default = param.intDefault;
    value.float_default = param.floatDefault;
    value.positive = param.positive;
    return giveStruct(value, info, "attn_param_info");
  });
}

int32_t attn_artifact_variant(const attn_artifact *artifact, const char *entryName, int64_t index,
                              attn_variant_info *info) {
  if (!artifact)
    return invalid("attn_artifact_variant: artifact is null");
  return guard([&]() -> Status {
    const Entry *entry;
    if (Status s = findEntry(artifact->value->manifest(), entryName, entry))
      return s;
    if (index < 0 || size_t(index) >= entry->variants.size())
      return pastEnd("index of a variant", index, entry->variants.size());
    const Variant &variant = entry->variants[size_t(index)];
    attn_variant_info value = {};
    value.isa = variant.isa.c_str();
    value.dtype = variant.dtype;
    value.usable = isaRank(variant.isa) > 0;
    value.d = variant.d;
    value.dv = variant.dv;
    return giveStruct(value, info, "attn_variant_info");
  });
}

int32_t attn_plan_create(const attn_artifact *artifact, const char *entryName, const attn_plan_desc *desc,
                         attn_plan **plan) {
  if (!artifact || !plan)
    return invalid("attn_plan_create: artifact or plan is null");
  return guard([&]() -> Status {
    const Entry *entry;
    if (Status s = findEntry(artifact->value->manifest(), entryName, entry))
      return s;
    auto handle = std::make_unique<attn_plan>();
    if (Status s = Plan::build(artifact->value, *entry, desc, handle->value))
      return s;
    *plan = handle.release();
    return {};
  });
}

int32_t attn_plan_update(attn_plan *plan, const attn_plan_desc *desc) {
  if (!plan)
    return invalid("attn_plan_update: plan is null");
  return guard([&] { return Plan::build(plan->value.artifact(), plan->value.entry(), desc, plan->value); });
}

int32_t attn_plan_workspace_size(const attn_plan *plan, size_t *bytes) {
  if (!plan || !bytes)
    return invalid("attn_plan_workspace_size: plan or bytes is null");
  *bytes = plan->value.workspaceSize();
  return ATTN_OK;
}

const char *attn_plan_summary(const attn_plan *plan) { return plan ? plan->value.summary().c_str() : nullptr; }

void attn_plan_destroy(attn_plan *plan) { delete plan; }

int32_t attn_run(const attn_plan *plan, void *workspace, size_t workspaceSize) {
  if (!plan)
    return invalid("attn_run: plan is null");
  return guard([&] { return plan->value.run(workspace, workspaceSize); });
}

int32_t attn_run_on(const attn_plan *plan, void *workspace, size_t workspaceSize, void *stream) {
  if (!plan)
    return invalid("attn_run_on: plan is null");
  return guard([&] { return plan->value.runOn(workspace, workspaceSize, stream); });
}

int32_t attn_device_allocate(int32_t device, int32_t index, size_t bytes, void **memory) {
  if (!memory)
    return invalid("attn_device_allocate: memory is null");
  return withDevice(device, index, [&](const Device &opened) {
    void *place = nullptr;
    Status status = opened.allocate(bytes, place);
    if (!status)
      *memory = place;
    return status;
  });
}

int32_t attn_device_release(int32_t device, int32_t index, void *memory) {
  return withDevice(device, index, [&](const Device &opened) {
    if (memory)
      opened.release(memory);
    return Status();
  });
}

int32_t attn_device_write(int32_t device, int32_t index, void *target, const void *source, size_t bytes) {
  return withDevice(device, index,
                    [&](const Device &opened) { return bytes ? opened.write(source, target, bytes) : Status(); });
}

int32_t attn_device_read(int32_t device, int32_t index, void *target, const void *source, size_t bytes) {
  return withDevice(device, index, [&](const Device &opened) {
    return bytes ? opened.read(source, target, bytes, nullptr) : Status();
  });
}

} // extern "C"
