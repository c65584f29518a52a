//===- ReferenceABITest.cpp - The reference through the C ABI --------------===//
#include "attn/compiler.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

const char *causal = R"({"attn": 1, "name": "causal", "positions": "bottom_right", "mask": "k <= q"})";

template <typename T> T made() {
  T value;
  std::memset(&value, 0, sizeof(value));
  value.struct_size = sizeof(T);
  value.version = ATTN_STRUCT_VERSION;
  return value;
}

/// Builds a call; owns the shapes.
class Call {
public:
  Call(int64_t batch, int64_t qHeads, int64_t kvHeads, int64_t qLen, int64_t kvLen) {
    desc.batch = batch, desc.q_heads = qHeads, desc.kv_heads = kvHeads, desc.q_len = qLen, desc.kv_len = kvLen;
  }
  attn_tensor &tensor(const char *name, void *data, int32_t dtype, std::vector<int64_t> shape,
                      std::vector<int64_t> strides = {}) {
    sizes.push_back(std::move(shape));
    tensors.push_back(made<attn_tensor>());
    attn_tensor &t = tensors.back();
    t.name = name, t.data = data, t.dtype = dtype, t.ndim = int32_t(sizes.back().size()), t.shape = sizes.back().data();
    sizes.push_back(std::move(strides));
    t.strides = sizes.back().empty() ? nullptr : sizes.back().data();
    return t;
  }
  void scalar(const char *name, const int64_t *value, int64_t count = 1) {
    scalars.push_back(made<attn_scalar>());
    scalars.back().name = name, scalars.back().data = value, scalars.back().dtype = ATTN_I64;
    scalars.back().count = count;
  }
  int32_t run(const char *spec, const char *entry = nullptr, const attn_reference_options *options = nullptr) {
    desc.tensors = tensors.data(), desc.tensor_count = int64_t(tensors.size());
    desc.scalars = scalars.data(), desc.scalar_count = int64_t(scalars.size());
    return attn_reference_run(spec, std::strlen(spec), entry, &desc, options);
  }

  attn_plan_desc desc = made<attn_plan_desc>();
  std::vector<attn_tensor> tensors;

private:
  std::vector<attn_scalar> scalars;
  std::deque<std::vector<int64_t>> sizes;
};

TEST(ReferenceABI, Causal) {
  float q[] = {1, 1}, k[] = {0, 0, 0}, v[] = {3, 6, 12};
  double out[2], lse[2];
  Call call(1, 1, 1, 2, 3);
  call.tensor("q", q, ATTN_F32, {1, 1, 2, 1});
  call.tensor("k", k, ATTN_F32, {1, 1, 3, 1});
  call.tensor("v", v, ATTN_F32, {1, 1, 3, 1});
  call.tensor("out", out, ATTN_F64, {1, 1, 2, 1});
  call.tensor("lse", lse, ATTN_F64, {1, 1, 2});
  ASSERT_EQ(call.run(causal), ATTN_OK) << attn_compiler_last_error();
  EXPECT_DOUBLE_EQ(out[0], 4.5);
  EXPECT_DOUBLE_EQ(out[1], 7);
  EXPECT_DOUBLE_EQ(lse[1], std::log(3));
}

TEST(ReferenceABI, HalfTypesAndStrides) {
  // Keys and values are [row, head] in memory.
  uint16_t q[] = {0x3F80, 0x3F80}, k[] = {0, 0, 0, 0}, v[] = {0x3F80, 0x4040, 0x4000, 0x4080}; // 1 3 2 4
  uint16_t out[2];
  Call call(1, 2, 2, 1, 2);
  call.tensor("q", q, ATTN_BF16, {1, 2, 1, 1});
  call.tensor("k", k, ATTN_BF16, {1, 2, 2, 1}, {0, 2, 4, 2});
  call.tensor("v", v, ATTN_BF16, {1, 2, 2, 1}, {0, 2, 4, 2});
  call.tensor("out", out, ATTN_F16, {1, 2, 1, 1});
  ASSERT_EQ(call.run(causal), ATTN_OK) << attn_compiler_last_error();
  EXPECT_EQ(out[0], 0x3E00); // 1.5
  EXPECT_EQ(out[1], 0x4300); // 3.5
}

TEST(ReferenceABI, Ragged) {
  // Requests of 1 and 2 queries; keys of both lie one after the other.
  float q[3] = {1, 1, 1}, k[5] = {}, v[] = {2, 4, 10, 20, 30};
  float out[3];
  int64_t qLens[] = {1, 2}, kvLens[] = {2, 3}, qRows[] = {0, 1}, kvRows[] = {0, 2};
  Call call(2, 1, 1, 0, 0);
  call.desc.q_lens = qLens, call.desc.kv_lens = kvLens, call.desc.q_rows = qRows, call.desc.kv_rows = kvRows;
  call.tensor("q", q, ATTN_F32, {3, 1, 1});
  call.tensor("k", k, ATTN_F32, {5, 1, 1});
  call.tensor("v", v, ATTN_F32, {5, 1, 1});
  call.tensor("out", out, ATTN_F32, {3, 1, 1});
  ASSERT_EQ(call.run(causal), ATTN_OK) << attn_compiler_last_error();
  EXPECT_EQ(out[0], 3);
  EXPECT_EQ(out[1], 15);
  EXPECT_EQ(out[2], 20);
  call.tensors[3].shape = call.tensors[1].shape; // more rows than needed are left alone
  out[0] = 0;
  std::vector<float> large(5, -1);
  call.tensors[3].data = large.data();
  ASSERT_EQ(call.run(causal), ATTN_OK);
  EXPECT_EQ(large, (std::vector<float>{3, 15, 20, -1, -1}));
}

const char *duo = R"({"attn": 1, "name": "duo", "positions": "bottom_right",
  "params": {"sink": 1, "recent": 2},
  "operands": {"is_retrieval": {"shape": ["kv_heads"], "dtype": "bool"}},
  "partitions": {"heads": {"axis": "kv_head", "classes": {"retrieval": "is_retrieval[g]", "streaming": "otherwise"}}},
  "caches": {"whole": {"layout": "contiguous"},
             "ring": {"layout": "sink_ring", "sink": "sink", "ring": "recent"}},
  "kernel_maps": {"heads.retrieval": {"mask": "k <= q", "cache": "whole"},
                  "heads.streaming": {"mask": "k <= q", "cache": "ring"}}})";

TEST(ReferenceABI, HeadMapsAndRings) {
  // Five keys. Head 0 streams: slots 0, 1, 2 hold positions 0, 3, 4. Head 1 has all. Each cache holds one head.
  float q[] = {1, 1}, zeros[5] = {}, ring[] = {1, 40, 50}, whole[] = {1, 2, 3, 4, 5};
  float out[2];
  bool retrieval[] = {false, true};
  int32_t inRing[] = {0, -1}, inWhole[] = {-1, 0};
  Call call(1, 2, 2, 1, 5);
  call.tensor("q", q, ATTN_F32, {1, 2, 1, 1});
  call.tensor("k.whole", zeros, ATTN_F32, {1, 1, 5, 1}).head_map = inWhole;
  call.tensor("v.whole", whole, ATTN_F32, {1, 1, 5, 1}).head_map = inWhole;
  call.tensor("k.ring", zeros, ATTN_F32, {1, 1, 3, 1}).head_map = inRing;
  call.tensor("v.ring", ring, ATTN_F32, {1, 1, 3, 1}).head_map = inRing;
  call.tensor("is_retrieval", retrieval, ATTN_BOOL, {2});
  call.tensor("out", out, ATTN_F32, {1, 2, 1, 1});
  ASSERT_EQ(call.run(duo), ATTN_OK) << attn_compiler_last_error();
  EXPECT_NEAR(out[0], 91. / 3, 1e-5);
  EXPECT_EQ(out[1], 3);
  int64_t recent = 1;
  call.scalar("recent", &recent); // positions 0 and 4, at slots 0 and 1
  ASSERT_EQ(call.run(duo), ATTN_OK) << attn_compiler_last_error();
  EXPECT_EQ(out[0], 20.5);
}

TEST(ReferenceABI, Precision) {
  float q[] = {1}, k[] = {0.1f, 0.2f}, v[] = {1, 2};
  double exact, rounded;
  Call call(1, 1, 1, 1, 2);
  call.tensor("q", q, ATTN_F32, {1, 1, 1, 1});
  call.tensor("k", k, ATTN_F32, {1, 1, 2, 1});
  call.tensor("v", v, ATTN_F32, {1, 1, 2, 1});
  call.tensor("out", &exact, ATTN_F64, {1, 1, 1, 1});
  ASSERT_EQ(call.run(causal), ATTN_OK);
  auto options = made<attn_reference_options>();
  options.precision = ATTN_BF16;
  call.tensors[3].data = &rounded;
  ASSERT_EQ(call.run(causal, "attend", &options), ATTN_OK) << attn_compiler_last_error();
  EXPECT_NE(exact, rounded);
  EXPECT_NEAR(exact, rounded, 0.01);
  options.precision = ATTN_I8;
  EXPECT_EQ(call.run(causal, nullptr, &options), ATTN_ERR_DTYPE);
}

TEST(ReferenceABI, Errors) {
  float q[16] = {}, k[16] = {}, v[16] = {}, out[16] = {}; // as large as the wrong shapes say
  auto good = [&] {
    Call call(1, 1, 1, 1, 2);
    call.tensor("q", q, ATTN_F32, {1, 1, 1, 1});
    call.tensor("k", k, ATTN_F32, {1, 1, 2, 1});
    call.tensor("v", v, ATTN_F32, {1, 1, 2, 1});
    call.tensor("out", out, ATTN_F32, {1, 1, 1, 1});
    return call;
  };
  EXPECT_EQ(good().run(causal), ATTN_OK);
  EXPECT_EQ(good().run("{"), ATTN_ERR_SPEC);
  EXPECT_EQ(good().run(causal, "prefill"), ATTN_ERR_NO_ENTRY);
  EXPECT_EQ(attn_reference_run(nullptr, 0, nullptr, nullptr, nullptr), ATTN_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(attn_reference_run(causal, std::strlen(causal), nullptr, nullptr, nullptr), ATTN_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(good().run(R"({"attn": 1, "name": "p", "mask": "true"})"), ATTN_ERR_POSITIONS);
  EXPECT_EQ(good().run(R"({"attn": 1, "name": "p", "positions": "top_left", "mask": "true", "types": {"d": 64}})"),
            ATTN_ERR_NO_VARIANT);
  EXPECT_EQ(good().run(R"({"attn": 1, "name": "p", "positions": "top_left", "mask": "k % q == 0"})"),
            ATTN_ERR_ZERO_DIVISOR)
      << attn_compiler_last_error();
  Call call = good();
  call.tensors.erase(call.tensors.begin() + 1);
  EXPECT_EQ(call.run(causal), ATTN_ERR_MISSING);
  call = good();
  call.tensor("bias", q, ATTN_F32, {1});
  EXPECT_EQ(call.run(causal), ATTN_ERR_UNKNOWN_NAME);
  int64_t value = 1;
  call = good();
  call.scalar("window", &value);
  EXPECT_EQ(call.run(causal), ATTN_ERR_UNKNOWN_NAME);
  for (auto [tensor, axis] : {std::pair(0, 2), {1, 1}, {1, 2}, {2, 3}, {3, 0}, {3, 1}, {3, 2}, {3, 3}}) {
    call = good();
    std::vector<int64_t> shape(call.tensors[tensor].shape, call.tensors[tensor].shape + 4);
    shape[axis] = axis == 2 ? 0 : 3;
    call.tensors[tensor].shape = shape.data();
    EXPECT_NE(call.run(causal), ATTN_OK) << tensor << " " << axis;
  }
  call = good();
  call.tensors[3].dtype = ATTN_I32;
  EXPECT_EQ(call.run(causal), ATTN_ERR_DTYPE);
}

} // namespace
