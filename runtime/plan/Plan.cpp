//===- Plan.cpp - Makes plans --------------------------------------*- C++ -*-===//

#include "runtime/plan/Plan.h"

#include "runtime/device/cpu/CpuInfo.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

namespace attn::rt {
namespace {

/// Cost of a tile besides its rows, in rows: walking the keys and reading K and V once.
constexpr double kTileCost = 16;
/// Chunks that each worker gets on average: small enough to balance, large enough to spare the counter.
constexpr int64_t kChunksPerWorker = 16;

/// Logical rows that a request has for one head of tasks.
int64_t logicalRows(const Form &form, const Call &call, const attn_request &r) {
  return form.pack ? r.q_len * call.group() : r.q_len; // < 2^31 * 2^20
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The value of a literal or of a param for request `b`. Params that are sizes are positive (bindParams).
int64_t valueOf(const Size &size, size_t b, const std::vector<ParamValues> &params) {
  if (size.kind == Size::Literal)
    return size.literal;
  const ParamValues &param = params[size_t(size.param)];
  return std::max<int64_t>(param.ints[param.perRequest ? b : 0], 1);
}

int64_t taskHeads(const Form &form, const Call &call) { return form.pack ? call.kvHeads : call.qHeads; }

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

int64_t rowTiles(const Form &form, const Call &call, size_t b, const std::vector<ParamValues> &params) {
  const attn_request &r = call.requests[b];
  if (form.grid.empty())
    return ceilDiv(logicalRows(form, call, r), form.rows);
  // As mask::emitBox counts (dialect/mask/TokenGrid.h). Sizes are below 2^31: the product of two fits.
  int64_t slab = 1;
  for (size_t i = 1; i < form.grid.size(); ++i)
    slab *= valueOf(form.grid[i].size, b, params);
  int64_t start = r.q_pos % slab;
  int64_t end = (start < 0 ? start + slab : start) + r.q_len; // from the start of the first slab
  int64_t stride = 1, tiles = 1;
  for (size_t i = form.grid.size(); i-- > 0;) {
    int64_t extent = end / stride + (end % stride != 0);
    if (i > 0) {
      int64_t size = valueOf(form.grid[i].size, b, params);
      extent = std::min(extent, size);
      stride *= size;
    }
    int64_t step = std::max<int64_t>(std::min(valueOf(form.grid[i].dilation, b, params), extent), 1);
    tiles *= ceilDiv(ceilDiv(extent, step), form.grid[i].rows) * step;
  }
  return tiles;
}

const Form *chooseForm(const std::vector<Form> &forms, const Call &call, const std::vector<ParamValues> &params) {
  bool square = std::all_of(call.requests.begin(), call.requests.end(),
                            [](const attn_request &r) { return r.q_len == r.kv_len; });
  const Form *best = nullptr;
  double bestCost = HUGE_VAL;
  for (const Form &form : forms) {
    if (form.scan && !square)
      continue;
    double cost = 0;
    for (size_t b = 0; b < call.requests.size(); ++b)
      cost += double(rowTiles(form, call, b, params));
    cost *= (double(form.rows) + kTileCost) * double(taskHeads(form, call));
    if (cost < bestCost) {
      best = &form;
      bestCost = cost;
    }
  }
  return best;
}

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
    int rank = isaRank(candidate.isa);
    list += (list.empty() ? "" : "; ") + describe(candidate) + (rank ? "" : " (not this machine)");
    bool wanted = call.isa.empty() || candidate.isa == call.isa;
    if (wanted && candidate.dtype == q->dtype && candidate.d == d && candidate.dv == dv && rank > bestRank) {
      bestRank = rank;
      variant = &candidate;
    }
  }
  if (!variant)
    return error(ATTN_ERR_NO_VARIANT,
                 "'%s' has no variant for %s d=%" PRId64 " dv=%" PRId64 "%s%s on this machine (%s); there is: %s",
                 entryPoint->name.c_str(), dtypeName(q->dtype), d, dv, call.isa.empty() ? "" : " ", call.isa.c_str(),
                 machineIsa(), list.empty() ? "none" : list.c_str());
  return {};
}

Status Plan::bind(const Call &call) {
  const Manifest &manifest = source->manifest();
  storage.zeroRow.assign(size_t(std::max(variant->d, variant->dv)), 0);
  if (Status s = bindParams(manifest, call, params))
    return s;
  auto bindPorts = [&](const std::vector<Port> &ports, std::vector<ViewWords> &words) -> Status {
    words.resize(ports.size());
    for (size_t i = 0; i < ports.size(); ++i)
      if (Status s = bindPort(ports[i], portView(ports[i], *variant), manifest, params, call, storage, words[i]))
        return s;
    return {};
  };
  if (Status s = bindPorts(entryPoint->inputs, inputs))
    return s;
  if (Status s = bindPorts(entryPoint->outputs, outputs))
    return s;
  temporaries.resize(variant->temporaries.size());
  temporarySizes.resize(variant->temporaries.size());
  for (size_t i = 0; i < temporaries.size(); ++i)
    if (Status s = layOutTemporary(variant->temporaries[i], call, temporaries[i], temporarySizes[i]))
      return s;
  return bindOperands(manifest, params, call, storage, operands);
}

/// In a launch over the slots of a cache, every request has as many keys as the cache's tensors have rows.
Status Plan::bindSlots(const Call &call) {
  const Port *first = nullptr;
  for (const Port &port : entryPoint->inputs) {
    if (port.cache < 0 || !source->manifest().caches[size_t(port.cache)].isSlots)
      continue;
    int64_t rows = call.tensors.at(port.name).shape[2]; // bind has checked the rank
    auto [made, isNew] = slotRequests.try_emplace(port.cache, call.requests);
    if (isNew)
      first = &port;
    else if (int64_t other = call.tensors.at(first->name).shape[2]; rows != other)
      return error(ATTN_ERR_SHAPE, "argument '%s': dimension 2 (slots) must be %" PRId64 " as of '%s', got %" PRId64,
                   port.name.c_str(), other, first->name.c_str(), rows);
    if (rows > ATTN_MAX_LENGTH)
      return error(ATTN_ERR_SHAPE, "argument '%s': dimension 2 (slots) must be at most %d, got %" PRId64,
                   port.name.c_str(), ATTN_MAX_LENGTH, rows);
    for (attn_request &r : made->second) {
      r.kv_len = rows;
      r.kv_row = 0;
    }
  }
  return {};
}

/// The requests as a kernel sees them.
const std::vector<attn_request> &Plan::requestsOf(const Form &form) const {
  for (const Argument &argument : form.arguments)
    if (argument.source == Argument::Input)
      if (auto own = slotRequests.find(entryPoint->inputs[size_t(argument.index)].cache); own != slotRequests.end())
        return own->second;
  return requests;
}

Status Plan::addLaunch(const Form &form, const Call &call) {
  Launch launch;
  if (Status s = source->code(form.code, launch.code))
    return s;
  launch.kernel = reinterpret_cast<Kernel>(const_cast<void *>(launch.code->find(form.symbol)));
  if (!launch.kernel)
    return error(ATTN_ERR_ARTIFACT, "damaged artifact: no function '%s' in its code", form.symbol.c_str());
  int64_t tiles = 0;
  for (size_t b = 0; b < requests.size(); ++b)
    tiles = std::max(tiles, rowTiles(form, call, b, params));
  if (form.scan)
    tiles = std::min<int64_t>(tiles, 1);
  int64_t lanes = call.batch * taskHeads(form, call); // < 2^40
  if (__builtin_mul_overflow(tiles, lanes, &launch.tasks))
    return error(ATTN_ERR_RANGE, "the call has more than 2^63 tasks");

  std::vector<int64_t> &words = launch.words;
  words.assign(ATTN_HEADER_WORDS, 0);
  words[ATTN_WORD_REQUESTS] = int64_t(requestsOf(form).data());
  words[ATTN_WORD_BATCH] = call.batch;
  words[ATTN_WORD_Q_HEADS] = call.qHeads;
  words[ATTN_WORD_KV_HEADS] = call.kvHeads;
  words[ATTN_WORD_LAYER] = call.layer;
  words[ATTN_WORD_ROW_TILES] = tiles;
  words[ATTN_WORD_SPLITS] = 1;
  launch.workspaceWords.push_back(ATTN_WORD_STATUS); // offset 0
  for (const Argument &argument : form.arguments) {
    size_t index = size_t(argument.index);
    auto append = [&](const auto &values) { words.insert(words.end(), values.begin(), values.end()); };
    switch (argument.source) {
    case Argument::Input: append(inputs[index]); break;
    case Argument::Output: append(outputs[index]); break;
    case Argument::OperandSource: append(operands[index]); break;
    case Argument::Temporary:
      launch.workspaceWords.push_back(words.size() + ATTN_VIEW_BASE);
      append(temporaries[index]);
      break;
    case Argument::ParamSource: {
      const ParamValues &value = params[index];
      bool isFloat = argument.dtype == ATTN_F32;
      words.push_back(isFloat ? int64_t(value.floats.data()) : int64_t(value.ints.data()));
      words.push_back(!value.perRequest ? 0 : isFloat ? sizeof(float) : sizeof(int64_t));
      break;
    }
    }
  }
  scratchSize = std::max(scratchSize, alignUp(uint64_t(form.scratch)));
  text += "; " + form.symbol + " " + std::to_string(launch.tasks) + " tasks of " + std::to_string(form.rows) + " rows";
  launches.push_back(std::move(launch));
  return {};
}

void Plan::layOutWorkspace(const Call &call) {
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
    workspace += ATTN_WORKSPACE_ALIGNMENT + alignUp(launch.words.size() * sizeof(int64_t));
  }
  scratchStart = workspace;
  workspace += uint64_t(workers) * scratchSize;
  text += "; " + std::to_string(workers) + (workers == 1 ? " thread" : " threads");
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
  if (Status s = plan.chooseVariant(call))
    return s;
  if (Status s = plan.bind(call))
    return s;
  plan.requests = call.requests;
  if (Status s = plan.bindSlots(call))
    return s;
  plan.text = describe(*plan.variant);

  // Temporaries get their offsets before the words are made.
  plan.workspace = ATTN_WORKSPACE_ALIGNMENT; // the status word
  for (size_t i = 0; i < plan.temporaries.size(); ++i) {
    plan.temporaries[i][ATTN_VIEW_BASE] = int64_t(plan.workspace);
    if (__builtin_add_overflow(plan.workspace, alignUp(plan.temporarySizes[i]), &plan.workspace) ||
        plan.workspace > uint64_t(INT64_MAX) / 2)
      return error(ATTN_ERR_RANGE, "the temporaries are larger than the address space");
  }
  for (const std::vector<Form> &forms : plan.variant->steps) {
    const Form *form = chooseForm(forms, call, plan.params);
    if (!form)
      return error(ATTN_ERR_RANGE, "'%s' scans the sequence and needs q_len = kv_len in every request",
                   forms[0].symbol.c_str());
    if (Status s = plan.addLaunch(*form, call))
      return s;
  }
  plan.layOutWorkspace(call);
  result = std::move(plan);
  return {};
}

} // namespace attn::rt
