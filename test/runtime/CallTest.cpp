//===- CallTest.cpp - Wrong calls ----------------------------------*- C++ -*-===//
//
// Every wrong call has its code and its message, and leaves the outputs alone.
//===----------------------------------------------------------------------===//

#include "test/runtime/Fixture.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

/// What a case changes: the call, and its tensors by index (q, k, v, out, lse, doc).
struct Edit {
  Call &call;
  Problem &problem;
  int64_t &tensorCount; ///< of the call that is made
  attn_plan_desc &desc() { return call.raw(); }
  attn_tensor &tensor(int i) { return const_cast<attn_tensor &>(call.desc()->tensors[i]); }
  int64_t &size(int i, int axis) { return const_cast<int64_t &>(tensor(i).shape[axis]); }
};
enum { Q, K, V, OUT, LSE, DOC };

struct WrongCall {
  const char *name;
  int32_t code;
  std::string message;
  std::function<void(Edit)> change;
};

const int64_t kTransposed[] = {4 * 7 * 8 * 4, 7 * 8 * 4, 4, 4 * 7};
const int64_t kOverlapping[] = {4 * 7 * 8 * 4, 7 * 8 * 4, 16, 4};
const int64_t kOdd[] = {4 * 7 * 8 * 4, 7 * 8 * 4 + 2, 32, 4};
const int64_t kHuge[] = {INT64_MAX - 3, 32, 32, 4};
const int64_t kBadLens[] = {7, -1}, kLongLens[] = {7, int64_t(1) << 31};
const int64_t kRows[] = {0, 3}, kOneRow[] = {7, 0};
const int32_t kBadMap[] = {0, 2};

const WrongCall kCases[] = {
    {"struct_size", ATTN_ERR_INVALID_ARGUMENT, "attn_plan_desc: struct_size must be 184, got 4",
     [](Edit e) { e.desc().struct_size = 4; }},
    {"version", ATTN_ERR_INVALID_ARGUMENT, "attn_plan_desc: version must be 1, got 2",
     [](Edit e) { e.desc().version = 2; }},
    {"tensor version", ATTN_ERR_INVALID_ARGUMENT, "attn_tensor: version must be 1, got 0",
     [](Edit e) { e.tensor(K).version = 0; }},
    {"batch", ATTN_ERR_RANGE, "batch must be from 0 to 1048576, got -1", [](Edit e) { e.desc().batch = -1; }},
    {"batch too large", ATTN_ERR_RANGE, "batch must be from 0 to 1048576, got 9223372036854775807",
     [](Edit e) { e.desc().batch = INT64_MAX; }},
    {"no heads", ATTN_ERR_RANGE, "q_heads must be from 1 to 1048576, got 0", [](Edit e) { e.desc().q_heads = 0; }},
    {"group", ATTN_ERR_RANGE, "q_heads must be a multiple of kv_heads, got 4 and 3",
     [](Edit e) { e.desc().kv_heads = 3; }},
    {"layer", ATTN_ERR_RANGE, "layer must be from 0 to 2147483647, got -5", [](Edit e) { e.desc().layer = -5; }},
    {"threads", ATTN_ERR_RANGE, "threads must be from 0 to 1024, got 5000", [](Edit e) { e.desc().threads = 5000; }},
    {"negative length", ATTN_ERR_RANGE, "q_lens[1] must be from 0 to 2147483647, got -1",
     [](Edit e) { e.desc().q_lens = kBadLens; }},
    {"long length", ATTN_ERR_RANGE, "kv_lens[1] must be from 0 to 2147483647, got 2147483648",
     [](Edit e) { e.desc().kv_lens = kLongLens; }},
    {"uniform length", ATTN_ERR_RANGE, "kv_len must be from 0 to 2147483647, got -2",
     [](Edit e) { e.desc().kv_lens = nullptr, e.desc().kv_len = -2; }},
    {"overlapping queries", ATTN_ERR_RANGE, "q_rows[1] must be at least 7, where the rows before it end, got 3",
     [](Edit e) { e.desc().q_rows = kRows; }},
    {"negative row", ATTN_ERR_RANGE, "kv_rows[1] must be from 0 to 4611686018427387903, got -1",
     [](Edit e) {
       static const int64_t rows[] = {0, -1};
       e.desc().kv_rows = rows;
     }},
    {"positions", ATTN_ERR_POSITIONS, "q_pos is given, but the pattern's positions are bottom_right",
     [](Edit e) { e.desc().q_pos = kRows; }},
    {"unknown tensor", ATTN_ERR_UNKNOWN_NAME,
     "'attend' has no argument 'keys'; inputs: 'q', 'k', 'v'; outputs: 'out', 'lse'; operands: 'doc'",
     [](Edit e) { e.tensor(K).name = "keys"; }},
    {"tensor twice", ATTN_ERR_UNKNOWN_NAME, "argument 'k' is given twice", [](Edit e) { e.tensor(V).name = "k"; }},
    {"unknown scalar", ATTN_ERR_UNKNOWN_NAME,
     "there is no scalar 'windows'; params: 'window', 'scale', 'sink', 'recent'",
     [](Edit e) { e.call.scalar("windows", 3); }},
    {"scalar twice", ATTN_ERR_UNKNOWN_NAME, "scalar 'window' is given twice",
     [](Edit e) { e.call.scalar("window", 3).scalar("window", 4); }},
    {"nameless", ATTN_ERR_INVALID_ARGUMENT, "tensors[2]: name is null", [](Edit e) { e.tensor(V).name = nullptr; }},
    {"no tensors", ATTN_ERR_MISSING, "argument 'q' is missing", [](Edit e) { e.tensorCount = 0; }},
    {"unknown dtype", ATTN_ERR_DTYPE, "argument 'v': unknown dtype 99", [](Edit e) { e.tensor(V).dtype = 99; }},
    {"dtype of k", ATTN_ERR_DTYPE, "argument 'k': dtype must be f32, got f16",
     [](Edit e) { e.tensor(K).dtype = ATTN_F16; }},
    {"dtype of lse", ATTN_ERR_DTYPE, "argument 'lse': dtype must be f32, got i32",
     [](Edit e) { e.tensor(LSE).dtype = ATTN_I32; }},
    {"dtype of an operand", ATTN_ERR_DTYPE, "operand 'doc': dtype must be i32, got f32",
     [](Edit e) { e.tensor(DOC).dtype = ATTN_F32; }},
    {"no variant", ATTN_ERR_NO_VARIANT,
     "'attend' has no variant for f16 d=8 dv=8 on this machine (ISA); there is: f32 d=8 dv=8 generic",
     [](Edit e) { e.tensor(Q).dtype = ATTN_F16; }},
    {"no variant of that dim", ATTN_ERR_NO_VARIANT,
     "'attend' has no variant for f32 d=4 dv=8 on this machine (ISA); there is: f32 d=8 dv=8 generic",
     [](Edit e) { e.size(Q, 3) = 4; }},
    {"no such ISA", ATTN_ERR_NO_VARIANT,
     "'attend' has no variant for f32 d=8 dv=8 x86-64-v9 on this machine (ISA); there is: f32 d=8 dv=8 generic",
     [](Edit e) { e.call.isa("x86-64-v9"); }},
    {"rank", ATTN_ERR_SHAPE, "argument 'k': rank must be 4 ([batch, kv_heads, rows, 8]), got 3",
     [](Edit e) { e.tensor(K).ndim = 3; }},
    {"wild rank", ATTN_ERR_SHAPE, "argument 'k': rank must be from 0 to 8, got -1",
     [](Edit e) { e.tensor(K).ndim = -1; }},
    {"ragged rank", ATTN_ERR_SHAPE, "argument 'k': rank must be 3 ([total rows, kv_heads, 8]), got 4",
     [](Edit e) { e.desc().kv_rows = kOneRow; }},
    {"no shape", ATTN_ERR_INVALID_ARGUMENT, "argument 'q': shape is null", [](Edit e) { e.tensor(Q).shape = nullptr; }},
    {"negative size", ATTN_ERR_SHAPE, "argument 'v': dimension 2 must not be negative, got -3",
     [](Edit e) { e.size(V, 2) = -3; }},
    {"batch size", ATTN_ERR_SHAPE, "argument 'q': dimension 0 (batch) must be 2, got 3",
     [](Edit e) { e.size(Q, 0) = 3; }},
    {"heads", ATTN_ERR_SHAPE, "argument 'k': dimension 1 (kv_heads) must be 2, got 4",
     [](Edit e) { e.size(K, 1) = 4; }},
    {"heads of out", ATTN_ERR_SHAPE, "argument 'out': dimension 1 (q_heads) must be 4, got 2",
     [](Edit e) { e.size(OUT, 1) = 2; }},
    {"dim of k", ATTN_ERR_SHAPE, "argument 'k': dimension 3 (head dimension) must be 8, got 16",
     [](Edit e) { e.size(K, 3) = 16; }},
    {"rows of q", ATTN_ERR_SHAPE, "argument 'q': dimension 2 (rows) must be at least 7 for request 0, got 6",
     [](Edit e) { e.size(Q, 2) = 6; }},
    {"rows of v", ATTN_ERR_SHAPE, "argument 'v': dimension 2 (rows) must be at least 12 for request 1, got 11",
     [](Edit e) { e.size(V, 2) = 11; }},
    {"rows of lse", ATTN_ERR_SHAPE, "argument 'lse': dimension 2 (rows) must be at least 7 for request 0, got 1",
     [](Edit e) { e.size(LSE, 2) = 1; }},
    {"larger than memory", ATTN_ERR_SHAPE, "argument 'q': the tensor is larger than the address space",
     [](Edit e) { e.size(Q, 0) = int64_t(1) << 60; }},
    {"row stride", ATTN_ERR_STRIDE, "argument 'q': the last dimension must be contiguous (stride 4 bytes), got 28",
     [](Edit e) { e.tensor(Q).strides = kTransposed; }},
    {"odd stride", ATTN_ERR_STRIDE, "argument 'q': stride of dimension 1 must be a multiple of 4 bytes, got 226",
     [](Edit e) { e.tensor(Q).strides = kOdd; }},
    {"wild stride", ATTN_ERR_STRIDE, "argument 'q': the strides lead outside the address space",
     [](Edit e) { e.tensor(Q).strides = kHuge; }},
    {"overlapping output", ATTN_ERR_STRIDE,
     "argument 'out': rows of an output must not overlap, but dimension 2 has stride 16",
     [](Edit e) { e.tensor(OUT).strides = kOverlapping; }},
    {"null", ATTN_ERR_POINTER, "argument 'v': data is null", [](Edit e) { e.tensor(V).data = nullptr; }},
    {"misaligned", ATTN_ERR_POINTER, "argument 'q': data must be aligned to 4 bytes, got address 0x1001",
     [](Edit e) { e.tensor(Q).data = reinterpret_cast<void *>(0x1001); }},
    {"operand missing", ATTN_ERR_MISSING, "operand 'doc' is missing", [](Edit e) { e.tensorCount = 5; }},
    {"operand size", ATTN_ERR_SHAPE, "operand 'doc': dimension 1 (kv_len) must be at least 12, got 11",
     [](Edit e) { e.size(DOC, 1) = 11; }},
    {"operand batch", ATTN_ERR_SHAPE, "operand 'doc': dimension 0 (batch) must be 2, got 1",
     [](Edit e) { e.size(DOC, 0) = 1; }},
    {"operand rank", ATTN_ERR_SHAPE, "operand 'doc': rank must be 2, got 1", [](Edit e) { e.tensor(DOC).ndim = 1; }},
    {"unsorted", ATTN_ERR_DOMAIN,
     "operand 'doc' must not decrease along its last dimension (padding included), got 0 after 1 at index 8",
     [](Edit e) { e.problem.doc[12 + 8] = 0; }},
    {"scalar type", ATTN_ERR_DTYPE, "scalar 'window' must be an integer", [](Edit e) { e.call.scalar("window", 2.5); }},
    {"scalar positive", ATTN_ERR_RANGE, "scalar 'window' must be at least 1, got 0",
     [](Edit e) { e.call.scalar("window", 0); }},
    {"scalar of a request", ATTN_ERR_RANGE, "scalar 'window' must be at least 1, got -4",
     [](Edit e) { e.call.scalars("window", Call::Sizes{5, -4}); }},
    {"large scalar", ATTN_ERR_RANGE, "scalar 'window' must be below 2^31 in magnitude, got 2147483648",
     [](Edit e) { e.call.scalar("window", int64_t(1) << 31); }},
    {"not a number", ATTN_ERR_RANGE, "scalar 'scale' must be finite and below 2^31 in magnitude, got nan",
     [](Edit e) { e.call.scalar("scale", std::nan("")); }},
    {"scalar count", ATTN_ERR_SHAPE, "scalar 'scale': count must be 1 or batch (2), got 3",
     [](Edit e) { e.call.scalars("scale", std::vector<double>{1, 2, 3}); }},
    {"head_map", ATTN_ERR_RANGE, "argument 'k': head_map[1] must be from -1 to 1, got 2",
     [](Edit e) { e.tensor(K).head_map = kBadMap; }},
    {"head_map of q", ATTN_ERR_INVALID_ARGUMENT, "argument 'q': head_map is for keys and values only",
     [](Edit e) { e.tensor(Q).head_map = kBadMap; }},
};

TEST(WrongCalls, EachHasItsCodeAndMessage) {
  Artifact artifact = openArtifact();
  for (const WrongCall &c : kCases) {
    Problem problem(2, 4, 2, {7, 3}, {9, 12});
    Call call(2, 4, 2);
    problem.fill(call);
    int64_t tensorCount = 6;
    c.change({call, problem, tensorCount});
    attn_plan_desc desc = *call.desc();
    desc.tensor_count = tensorCount;
    attn_plan *plan = nullptr;
    EXPECT_EQ(attn_plan_create(artifact.get(), "attend", &desc, &plan), c.code) << c.name << ": " << attn_last_error();
    std::string message = attn_last_error();
    if (size_t at = message.find("(x86-64"); at != std::string::npos)
      message.replace(at, message.find(')', at) - at, "(ISA");
    if (size_t at = message.find("(generic)"); at != std::string::npos)
      message.replace(at, 9, "(ISA)");
    EXPECT_EQ(message, c.message) << c.name;
    EXPECT_EQ(plan, nullptr) << c.name;
  }
  EXPECT_GE(std::size(kCases), 40u);
}

TEST(WrongCalls, PositionsNotStated) {
  Artifact artifact = openArtifact({{R"("bottom_right")", "null"}});
  Problem equal(1, 2, 2, {4}, {4}), different(1, 2, 2, {4}, {5});
  Call good(1, 2, 2), bad(1, 2, 2);
  equal.fill(good);
  different.fill(bad);
  EXPECT_EQ(planAndRun(artifact.get(), good), ATTN_OK);
  EXPECT_EQ(planAndRun(artifact.get(), bad), ATTN_ERR_POSITIONS);
  EXPECT_STREQ(attn_last_error(), "request 0 has q_len 4 and kv_len 5: a pattern that does not state its positions "
                                  "(bottom_right or top_left) needs them equal");
}

TEST(WrongCalls, PositionsFromTheCall) {
  Artifact artifact = openArtifact({{R"("bottom_right")", R"("tensor")"}});
  Problem p(1, 2, 2, {2}, {5});
  Call call(1, 2, 2);
  p.fill(call);
  EXPECT_EQ(planAndRun(artifact.get(), call), ATTN_ERR_POSITIONS);
  EXPECT_STREQ(attn_last_error(), "q_pos is missing: the pattern takes positions from the call");
  ASSERT_EQ(planAndRun(artifact.get(), call.queryPositions({3})), ATTN_OK) << attn_last_error();
  std::vector<float> out, lse;
  p.expected(1000000, 0.35355339f, out, lse); // bottom_right would say 3 too
  EXPECT_NEAR(p.out[3], out[3], 2e-5);
}

TEST(WrongCalls, BooleanOperands) {
  Artifact artifact = openArtifact({{R"("domain":"sorted")", R"("domain":"boolean")"}});
  Problem p(1, 2, 2, {2}, {12});
  Call call(1, 2, 2);
  p.fill(call);
  EXPECT_EQ(planAndRun(artifact.get(), call), ATTN_ERR_DOMAIN);
  EXPECT_STREQ(attn_last_error(), "operand 'doc' must hold 0 and 1 only, got 2 at index 10 of the last dimension");
}

TEST(WrongCalls, ScansNeedEqualLengths) {
  Artifact artifact = openArtifact({{R"("pack":false,"splits":false,"scan":false)", R"("pack":false,"scan":true)"},
                                    {R"("pack":true,"splits":false,"scan":false)", R"("pack":true,"scan":true)"}});
  Problem p(1, 2, 2, {2}, {3});
  Call call(1, 2, 2);
  p.fill(call);
  EXPECT_EQ(planAndRun(artifact.get(), call), ATTN_ERR_RANGE);
  EXPECT_STREQ(attn_last_error(), "'attend_prefill' scans the sequence and needs q_len = kv_len in every request");
}

TEST(WrongCalls, RunChecksTheWorkspaceAndReportsZeroDivisors) {
  Artifact artifact = openArtifact();
  Problem p(1, 2, 2, {2}, {3});
  Call call(1, 2, 2);
  p.fill(call);
  Plan plan;
  ASSERT_EQ(attn_plan_create(artifact.get(), nullptr, call.desc(), out(plan)), ATTN_OK);
  Workspace workspace(plan.get());
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size() - 1), ATTN_ERR_WORKSPACE);
  EXPECT_EQ(attn_run(plan.get(), nullptr, workspace.size()), ATTN_ERR_WORKSPACE);
  EXPECT_EQ(attn_run(plan.get(), static_cast<char *>(workspace.data()) + 8, workspace.size()), ATTN_ERR_WORKSPACE);
  EXPECT_EQ(attn_run(nullptr, workspace.data(), workspace.size()), ATTN_ERR_INVALID_ARGUMENT);
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_OK);
  // TestKernel.c sets the status for this window.
  ASSERT_EQ(attn_plan_update(plan.get(), call.scalar("window", 12345).desc()), ATTN_OK);
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_ERR_ZERO_DIVISOR);
  EXPECT_STREQ(attn_last_error(), "an expression divided by zero");
}

TEST(WrongCalls, AFailedUpdateLeavesThePlan) {
  Artifact artifact = openArtifact();
  Problem p(1, 2, 2, {2}, {3});
  Call call(1, 2, 2);
  p.fill(call);
  Plan plan;
  ASSERT_EQ(attn_plan_create(artifact.get(), nullptr, call.desc(), out(plan)), ATTN_OK);
  std::string before = attn_plan_summary(plan.get());
  call.raw().layer = -1;
  EXPECT_NE(attn_plan_update(plan.get(), call.desc()), ATTN_OK);
  EXPECT_EQ(before, attn_plan_summary(plan.get()));
  Workspace workspace(plan.get());
  EXPECT_EQ(attn_run(plan.get(), workspace.data(), workspace.size()), ATTN_OK);
  EXPECT_NE(p.out[0], -7);
}

} // namespace
