//===- attn.hpp - C++ over the C ABI -------------------------------*- C++ -*-===//
//
// Header-only and thin: owning handles, an aligned workspace, and a Call that keeps the arrays that attn_plan_desc
// points to. Errors stay codes and messages (attn.h); nothing here throws but std::bad_alloc.
//
//   attn::Artifact artifact;
//   if (attn_artifact_open("causal.attn", attn::out(artifact)) != ATTN_OK) ...
//   attn::Call call(batch, q_heads, kv_heads);
//   call.lengths(q_len, kv_len)
//       .tensor("q", q, ATTN_F32, {batch, q_heads, q_len, 64})...
//       .scalar("window", 128);
//   attn::Plan plan;
//   if (attn_plan_create(artifact.get(), "attend", call.desc(), attn::out(plan)) != ATTN_OK) ...
//   attn::Workspace workspace(plan.get());
//   attn_run(plan.get(), workspace.data(), workspace.size());
//===----------------------------------------------------------------------===//
#ifndef ATTN_ATTN_HPP
#define ATTN_ATTN_HPP

#include "attn/attn.h"

#include <deque>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace attn {

/// A struct of attn.h with its size and version filled in and the rest zero.
template <typename Struct> Struct init() {
  Struct value = {};
  value.struct_size = sizeof(Struct);
  value.version = ATTN_STRUCT_VERSION;
  return value;
}

struct Close {
  void operator()(attn_artifact *artifact) const { attn_artifact_close(artifact); }
  void operator()(attn_plan *plan) const { attn_plan_destroy(plan); }
};
using Artifact = std::unique_ptr<attn_artifact, Close>;
using Plan = std::unique_ptr<attn_plan, Close>;

/// Lets a C function fill an owning handle: `attn_artifact_open(path, attn::out(artifact))`.
template <typename Handle> class OutHandle {
public:
  explicit OutHandle(std::unique_ptr<Handle, Close> &target) : target(target) {}
  OutHandle(const OutHandle &) = delete;
  ~OutHandle() {
    if (raw)
      target.reset(raw);
  }
  operator Handle **() { return &raw; }

private:
  std::unique_ptr<Handle, Close> &target;
  Handle *raw = nullptr;
};
template <typename Handle> OutHandle<Handle> out(std::unique_ptr<Handle, Close> &target) {
  return OutHandle<Handle>(target);
}

/// Memory of the size that a plan needs.
class Workspace {
public:
  explicit Workspace(const attn_plan *plan) {
    if (attn_plan_workspace_size(plan, &bytes) == ATTN_OK)
      memory.reset(::operator new(bytes, std::align_val_t(ATTN_WORKSPACE_ALIGNMENT)));
  }
  void *data() const { return memory.get(); }
  size_t size() const { return bytes; }

private:
  struct Free {
    void operator()(void *p) const { ::operator delete(p, std::align_val_t(ATTN_WORKSPACE_ALIGNMENT)); }
  };
  std::unique_ptr<void, Free> memory;
  size_t bytes = 0;
};

/// A call under construction. Copies names, shapes, lengths and scalars; borrows tensor data.
class Call {
public:
  using Sizes = std::vector<int64_t>;

  Call(int64_t batch, int64_t qHeads, int64_t kvHeads) {
    value.batch = batch;
    value.q_heads = qHeads;
    value.kv_heads = kvHeads;
  }
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

  /// The same lengths for every request.
  Call &lengths(int64_t qLen, int64_t kvLen) {
    value.q_len = qLen;
    value.kv_len = kvLen;
    value.q_lens = value.kv_lens = nullptr;
    return *this;
  }
  /// One length per request.
  Call &lengths(Sizes qLens, Sizes kvLens) {
    value.q_lens = keep(std::move(qLens));
    value.kv_lens = keep(std::move(kvLens));
    return *this;
  }
  /// First rows of each request in ragged query-side and key-side tensors.
  Call &queryRows(Sizes rows) { return value.q_rows = keep(std::move(rows)), *this; }
  Call &keyRows(Sizes rows) { return value.kv_rows = keep(std::move(rows)), *this; }
  Call &queryPositions(Sizes positions) { return value.q_pos = keep(std::move(positions)), *this; }
  Call &layer(int64_t layer) { return value.layer = layer, *this; }
  Call &threads(int32_t threads) { return value.threads = threads, *this; }
  Call &isa(std::string name) { return value.isa = keep(std::move(name)), *this; }
  Call &parallelFor(attn_parallel_for run, void *user) {
    value.parallel_for = run;
    value.parallel_user = user;
    return *this;
  }

  /// Strides in bytes; none: C order.
  Call &tensor(std::string name, const void *data, int32_t dtype, Sizes shape, Sizes strides = {},
               const int32_t *headMap = nullptr) {
    attn_tensor item = init<attn_tensor>();
    item.name = keep(std::move(name));
    item.data = const_cast<void *>(data);
    item.dtype = dtype;
    item.ndim = int32_t(shape.size());
    item.strides = strides.empty() ? nullptr : keep(std::move(strides));
    item.shape = keep(std::move(shape));
    item.head_map = headMap;
    tensors.push_back(item);
    return *this;
  }
  Call &scalar(std::string name, int64_t v) { return scalars(std::move(name), Sizes{v}); }
  Call &scalar(std::string name, double v) { return scalars(std::move(name), std::vector<double>{v}); }
  Call &scalar(std::string name, int v) { return scalar(std::move(name), int64_t(v)); }
  /// One value per request.
  Call &scalars(std::string name, Sizes values) {
    size_t count = values.size();
    return add(std::move(name), ATTN_I64, count, keep(std::move(values)));
  }
  Call &scalars(std::string name, std::vector<double> values) {
    doubles.push_back(std::move(values));
    return add(std::move(name), ATTN_F64, doubles.back().size(), doubles.back().data());
  }

  /// For what has no function here.
  attn_plan_desc &raw() { return value; }
  /// Valid until the call changes.
  const attn_plan_desc *desc() {
    value.tensors = tensors.data();
    value.tensor_count = int64_t(tensors.size());
    value.scalars = scalarItems.data();
    value.scalar_count = int64_t(scalarItems.size());
    return &value;
  }

private:
  const int64_t *keep(Sizes values) {
    arrays.push_back(std::move(values));
    static const int64_t none = 0; // An empty array is not a null one: of a batch of 0, lengths are given.
    return arrays.back().empty() ? &none : arrays.back().data();
  }
  const char *keep(std::string text) {
    strings.push_back(std::move(text));
    return strings.back().c_str();
  }
  Call &add(std::string name, int32_t dtype, size_t count, const void *data) {
    attn_scalar item = init<attn_scalar>();
    item.name = keep(std::move(name));
    item.data = data;
    item.dtype = dtype;
    item.count = int64_t(count);
    scalarItems.push_back(item);
    return *this;
  }

  attn_plan_desc value = init<attn_plan_desc>();
  std::vector<attn_tensor> tensors;
  std::vector<attn_scalar> scalarItems;
  std::deque<Sizes> arrays;
  std::deque<std::vector<double>> doubles;
  std::deque<std::string> strings;
};

} // namespace attn

#endif // ATTN_ATTN_HPP
