//===- Plan.cpp - Makes plans --------------------------------------*- C++ -*-===//

#include "runtime/plan/Plan.h"

#include "runtime/device/cpu/CpuInfo.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "runtime/plan/BindDevice.h"
#include "runtime/plan/Forms.h"

#include <algorithm>
#include <cinttypes>

namespace attn::rt {
namespace {

/// Chunks that each worker gets on average: small enough to balance, large enough to spare the counter.
constexpr int64_t kChunksPerWorker = 16;

uint64_t alignUp(uint64_t n) {
  return (n + ATTN_WORKSPACE_ALIGNMENT - 1) / ATTN_WORKSPACE_ALIGNMENT * ATTN_WORKSPACE_ALIGNMENT;
}

/// Dtype and dim of a port's view.
Temporary portView(const Port &port, const Variant &variant) {
  if (port.role == ATTN_ROLE_LSE)
    return {port.name, ATTN_F32, 0};
  bool isKey = port.role == ATTN_ROLE_QUERY || port.role == ATTN_ROLE_KEY;
  return {port.name, variant.dtype, isKey ? variant.d : variant.dv};
}

std::string describe(const Variant &variant) {
  return std::string(dtypeName(variant.dtype)) + " d=" + std::to_string(variant.d) +
         " dv=" + std::to_string(variant.dv) + " " + variant.isa;
}

/// The tensor of the first port with this role, null if the call has none.
const Tensor *tensorOf(const std::vector<Port> &ports, int32_t role, const Call &call) {
  for (const Port &port : ports)
    if (port.role == role) {
      auto found = call.tensors.find(port.name);
      return found == call.tensors.end() ? nullptr : &found->second;
    }
  return nullptr;
}

} // namespace

Status Plan::chooseVariant(const Call &call) {
  const Tensor *q = tensorOf(entryPoint->inputs, ATTN_ROLE_QUERY, call);
  const Tensor *v = tensorOf(entryPoint->inputs, ATTN_ROLE_VALUE, call);
  for (const Port &port : entryPoint->inputs)
    if (!call.tensors.count(port.name))
      return error(ATTN_ERR_MISSING, "argument '%s' is missing", port.name.c_str());
  if (q->shape.empty() || v->shape.empty())
    return error(ATTN_ERR_SHAPE, "argument '%s': rank must not be 0", (q->shape.empty() ? q : v)->name.c_str());
  int64_t d = q->shape.back(), dv = v->shape.back();
  std::string list;
  int bestRank = 0;
  for (const Variant &candidate : entryPoint->variants) {
    int rank = device ? device->rank(candidate.isa) : isaRank(candidate.isa);
    list += (list.empty() ? "" : "; ") + describe(candidate) +
            (rank     ? ""
             : device ? " (not this device)"
                      : " (not this machine)");
    bool wanted = call.isa.empty() || candidate.isa == call.isa;
    if (wanted && candidate.dtype == q->dtype && candidate.d == d && candidate.dv == dv && rank > bestRank) {
      bestRank = rank;
      variant = &candidate;
    }
  }
  std::string place = device ? device->name() : "this machine (" + std::string(machineIsa()) + ")";
  if (!variant)
    return error(ATTN_ERR_NO_VARIANT, "'%s' has no variant for %s d=%" PRId64 " dv=%" PRId64 "%s%s on %s; there is: %s",
                 entryPoint->name.c_str(), dtypeName(q->dtype), d, dv, call.isa.empty() ? "" : " ", call.isa.c_str(),
                 place.c_str(), list.empty() ? "none" : list.c_str());
  return {};
}

Status Plan::bind(const Call &call) {
  const Manifest &manifest = source->manifest();
  constants = Constants(size_t(std::max<int64_t>(variant->d, variant->dv)) * sizeof(double));
  requests = constants.add(call.requests);
  if (Status s = bindParams(manifest, call, params))
    return s;
  for (const ParamValues &values : params)
    scalars.push_back(scalarWords(values, constants));
  auto bindPorts = [&](const std::vector<Port> &ports, std::vector<Words> &words) -> Status {
    words.resize(ports.size());
    for (size_t i = 0; i < ports.size(); ++i)
      if (Status s = bindPort(ports[i], portView(ports[i], *variant), manifest, params, call, constants, words[i]))
        return s;
    return {};
  };
  if (Status s = bindPorts(entryPoint->inputs, inputs))
    return s;
  if (Status s = bindPorts(entryPoint->outputs, outputs))
    return s;
  if (device)
    if (Status s = bindDevice(*entryPoint, manifest, call, *device, extents))
      return s;
  if (Status s = bindOperands(manifest, *entryPoint, params, call, device.get(), constants, operands))
    return s;
  for (const Temporary &temporary : variant->temporaries) {
    uint64_t size = 0;
    if (Status s = layOutTemporary(temporary, call, temporaries.emplace_back(), size))
      return s;
    temporaries.back().setWorkspace(ATTN_VIEW_BASE, int64_t(workspace));
    if (__builtin_add_overflow(workspace, alignUp(size), &workspace) || workspace > uint64_t(INT64_MAX) / 2)
      return error(ATTN_ERR_RANGE, "the temporaries are larger than the address space");
  }
  return {};
}

/// In a launch over the slots of a cache, every request has as many keys as the cache's tensors have rows.
Status Plan::bindSlots(const Call &call) {
  std::map<int, const Tensor *> first;
  for (const Port &port : entryPoint->inputs) {
    if (port.cache < 0 || !source->manifest().caches[size_t(port.cache)].isSlots)
      continue;
    const Tensor &tensor = call.tensors.at(port.name);
    int64_t rows = tensor.shape[2]; // bind has checked the rank
    auto [made, isNew] = first.try_emplace(port.cache, &tensor);
    if (int64_t other = made->second->shape[2]; rows != other)
      return error(ATTN_ERR_SHAPE, "argument '%s': dimension 2 (slots) must be %" PRId64 " as of '%s', got %" PRId64,
                   port.name.c_str(), other, made->second->name.c_str(), rows);
    if (rows > ATTN_MAX_LENGTH)
      return error(ATTN_ERR_SHAPE, "argument '%s': dimension 2 (slots) must be at most %d, got %" PRId64,
                   port.name.c_str(), ATTN_MAX_LENGTH, rows);
    if (!isNew)
      continue;
    std::vector<attn_request> own = call.requests;
    for (attn_request &r : own) {
      r.kv_len = rows;
      r.kv_row = 0;
    }
    slotRequests[port.cache] = constants.add(own);
  }
  return {};
}

/// The requests as a kernel sees them.
int64_t Plan::requestsOf(const Form &form) const {
  for (const Argument &argument : form.arguments)
    if (argument.source == Argument::Input)
      if (auto own = slotRequests.find(entryPoint->inputs[size_t(argument.index)].cache); own != slotRequests.end())
        return own->second;
  return requests;
}

Status Plan::loadKernel(const Form &form, Launch &launch) const {
  if (device) {
    if (launch.tasks > INT32_MAX)
      return error(ATTN_ERR_RANGE, "'%s' has %" PRId64 " tasks; a launch on a GPU has at most %d", form.symbol.c_str(),
                   launch.tasks, INT32_MAX);
    if (launch.words.values.size() > kMaxDeviceWords)
      return error(ATTN_ERR_RANGE, "'%s' has %zu words of arguments; a launch on a GPU has at most %zu",
                   form.symbol.c_str(), launch.words.values.size(), kMaxDeviceWords);
    return source->kernel(form, *device, launch.deviceKernel);
  }
  if (Status s = source->code(form.code, launch.code))
    return s;
  launch.kernel = reinterpret_cast<Kernel>(const_cast<void *>(launch.code->find(form.symbol)));
  if (!launch.kernel)
    return error(ATTN_ERR_ARTIFACT, "damaged artifact: no function '%s' in its code", form.symbol.c_str());
  return {};
}

Status Plan::addLaunch(const Form &form, const Call &call) {
  Launch launch;
  int64_t tiles = 0;
  for (size_t b = 0; b < call.requests.size(); ++b)
    tiles = std::max(tiles, rowTiles(form, call, b, params));
  if (form.scan)
    tiles = std::min<int64_t>(tiles, 1);
  int64_t lanes = call.batch * taskHeads(form, call); // < 2^40
  if (__builtin_mul_overflow(tiles, lanes, &launch.tasks))
    return error(ATTN_ERR_RANGE, "the call has more than 2^63 tasks");

  Words &words = launch.words = Words(ATTN_HEADER_WORDS);
  words.setConstant(ATTN_WORD_REQUESTS, requestsOf(form));
  words.values[ATTN_WORD_BATCH] = call.batch;
  words.values[ATTN_WORD_Q_HEADS] = call.qHeads;
  words.values[ATTN_WORD_KV_HEADS] = call.kvHeads;
  words.values[ATTN_WORD_LAYER] = call.layer;
  words.values[ATTN_WORD_ROW_TILES] = tiles;
  words.values[ATTN_WORD_SPLITS] = 1;
  words.setWorkspace(ATTN_WORD_STATUS, 0);
  words.setConstant(ATTN_WORD_ZEROS, 0);
  for (const Argument &argument : form.arguments) {
    size_t index = size_t(argument.index);
    switch (argument.source) {
    case Argument::Input: words.append(inputs[index]); break;
    case Argument::Output: words.append(outputs[index]); break;
    case Argument::OperandSource: words.append(operands[index]); break;
    case Argument::Temporary: words.append(temporaries[index]); break;
    case Argument::ParamSource: words.append(scalars[index]); break;
    }
  }
  if (Status s = loadKernel(form, launch))
    return s;
  scratchSize = std::max(scratchSize, alignUp(uint64_t(form.scratch)));
  text += "; " + form.symbol + " " + std::to_string(launch.tasks) + " tasks of " + std::to_string(form.rows) + " rows";
  launches.push_back(std::move(launch));
  return {};
}

/// Workers on the CPU and their part of the workspace.
void Plan::layOutWorkers(const Call &call) {
  int64_t most = 0;
  for (const Launch &launch : launches)
    most = std::max(most, launch.tasks);
  workers = std::clamp<int64_t>(most, 1, call.threads);
  parallelFor = call.parallelFor;
  parallelUser = call.parallelUser;
  if (!parallelFor && workers > 1)
    workers = std::min<int64_t>(workers, ThreadPool::shared().reserve(int(workers)));

  for (Launch &launch : launches) {
    launch.chunk = std::max<int64_t>(1, launch.tasks / (workers * kChunksPerWorker));
    launch.counter = workspace;
    workspace += ATTN_WORKSPACE_ALIGNMENT + alignUp(launch.words.values.size() * sizeof(int64_t));
  }
  scratchStart = workspace;
  workspace += uint64_t(workers) * scratchSize;
  text += "; " + std::to_string(workers) + (workers == 1 ? " thread" : " threads");
}

/// Copies the constants to the device, if there is one, and adds their address to the words.
Status Plan::placeConstants() {
  const void *place = constants.data();
  if (device) {
    if (Status s = device->upload(constants.data(), constants.size(), deviceConstants))
      return s;
    place = deviceConstants.get();
    extents.push_back({place, constants.size(), false});
  }
  for (Launch &launch : launches)
    for (size_t index : launch.words.constants)
      launch.words.values[index] += int64_t(place);
  return {};
}

Status Plan::build(std::shared_ptr<const Artifact> artifact, const Entry &entry, const attn_plan_desc *desc,
                   Plan &result) {
  Plan plan;
  plan.source = std::move(artifact);
  plan.entryPoint = &entry;
  const Manifest &manifest = plan.source->manifest();
  Call call;
  if (Status s = readCall(desc, manifest.positions, call))
    return s;
  if (Status s = checkNames(manifest, entry, call))
    return s;
  if (call.device != ATTN_DEVICE_CPU)
    if (Status s = openDevice(call.device, call.deviceIndex, plan.device))
      return s;
  if (Status s = plan.chooseVariant(call))
    return s;
  if (Status s = plan.bind(call))
    return s;
  if (Status s = plan.bindSlots(call))
    return s;
  plan.text = describe(*plan.variant);
  for (const std::vector<Form> &forms : plan.variant->steps) {
    const Form *form = chooseForm(forms, call, plan.params);
    if (!form)
      return error(ATTN_ERR_RANGE, "'%s' scans the sequence and needs q_len = kv_len in every request",
                   forms[0].symbol.c_str());
    if (Status s = plan.addLaunch(*form, call))
      return s;
  }
  if (!plan.device) {
    plan.layOutWorkers(call);
  } else {
    plan.text += "; " + plan.device->name();
    plan.runContext.completion = call.completion;
    plan.runContext.seed = call.seed;
    plan.runContext.threads = unsigned(call.threads);
  }
  if (Status s = plan.placeConstants())
    return s;
  result = std::move(plan);
  return {};
}

} // namespace attn::rt
