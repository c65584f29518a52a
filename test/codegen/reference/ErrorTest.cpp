//===- ErrorTest.cpp - Wrong calls are errors that name the argument -------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

class ErrorTest : public ReferenceTest {
protected:
  /// The error of a causal pattern with a window, after `change` on good arguments.
  template <typename F> std::string after(F change) {
    Pattern p;
    p.declarations = "attn.param @window : i64 = 2\nattn.param @cap : f32 = 1.0\n"
                     "attn.operand @doc [\"batch\", \"kv_len\"] : i32\n";
    p.maps = softmaxMap("%d = attn.element @doc[%b, %k0] : i64\n%w = attn.scalar @window : i64\n"
                        "%m = arith.cmpi slt, %d, %w : i64");
    p.valueDim = 4;
    Arguments a = probe(2, 4);
    a.intOperands["doc"] = {{1, 4}, {0, 1, 2, 3}};
    change(a);
    run(p, a);
    return error;
  }
};

TEST_F(ErrorTest, GoodArgumentsAreAccepted) {
  EXPECT_EQ(after([](Arguments &) {}), "");
}

TEST_F(ErrorTest, Names) {
  EXPECT_EQ(after([](Arguments &a) { a.tensors.erase("k"); }), "argument k is not given");
  EXPECT_EQ(after([](Arguments &a) { a.intOperands.clear(); }),
            "attn.attend: kernel map 0: attn.element: operand doc is not given");
  EXPECT_EQ(after([](Arguments &a) { a.intOperands["dok"] = {{1}, {1}}; }),
            "the pattern declares no such integer operand: dok");
  EXPECT_EQ(after([](Arguments &a) { a.floatOperands["doc"] = {{1}, {1}}; }),
            "the pattern declares no such float operand: doc");
  EXPECT_EQ(after([](Arguments &a) { a.intParams["cap"] = {1}; }),
            "the pattern declares no such integer parameter: cap");
  EXPECT_EQ(after([](Arguments &a) { a.floatParams["window"] = {1}; }),
            "the pattern declares no such float parameter: window");
}

TEST_F(ErrorTest, Shapes) {
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"].values.pop_back(); }), "tensor q: 1 values do not fill its shape");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"].shape = {1, -1, -2, 1}; }),
            "tensor q: 2 values do not fill its shape");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"].shape = {int64_t(1) << 62, 4, 4, 0}; }),
            "tensor q: 2 values do not fill its shape");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"] = constant({1, 2, 1}, 0); }), "tensor q: expected the rank of 4");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"] = constant({1, 1, 2, 3}, 0); }),
            "tensor q: expected a dimension of 1, got 3");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["q"] = constant({2, 1, 2, 1}, 0); }),
            "tensor q: expected a batch of 1, got 2");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["k"] = constant({1, 2, 4, 1}, 0); }),
            "attn.attend: query heads must be a multiple of KV heads: 1 and 2");
  EXPECT_EQ(after([](Arguments &a) { a.tensors["k"] = constant({1, 0, 4, 1}, 0); }),
            "attn.attend: query heads must be a multiple of KV heads: 1 and 0");
  EXPECT_EQ(after([](Arguments &a) { a.intOperands["doc"] = {{4}, {1, 1, 1, 1}}; }),
            "attn.attend: kernel map 0: attn.element: operand doc: expected 2 dimensions, got 1");
  EXPECT_EQ(after([](Arguments &a) { a.intOperands["doc"] = {{1, 0}, {}}; }),
            "attn.attend: kernel map 0: attn.element: operand doc has no element to read");
}

TEST_F(ErrorTest, Lengths) {
  EXPECT_EQ(after([](Arguments &a) { a.qLen = {3}; }), "attn.attend: q_len 3 is more than the query's 2 rows");
  EXPECT_EQ(after([](Arguments &a) { a.kvLen = {5}; }),
            "attn.attend: request 0 needs 5 rows of keys and values, got 4 and 4");
  EXPECT_EQ(after([](Arguments &a) { a.kvLen = {-1}; }), "length -1 is not in 0 .. 2^31 - 1");
  EXPECT_EQ(after([](Arguments &a) { a.kvLen = {4, 4}; }),
            "q_len and kv_len are given for different numbers of requests");
  EXPECT_EQ(after([](Arguments &a) { a.qPos = {0}; }),
            "q_pos is given, but the pattern does not say positions(tensor)");
  EXPECT_EQ(after([](Arguments &a) { a.intParams["window"] = {1, 2}; }),
            "attn.attend: kernel map 0: attn.scalar: parameter window: expected 1 value or 1, got 2");
  EXPECT_EQ(after([](Arguments &a) { a.intParams["window"] = {int64_t(1) << 31}; }),
            "parameter window: 2147483648 is not below 2^31 in magnitude");
}

TEST_F(ErrorTest, NoPositionRule) {
  Pattern p;
  p.positions = "";
  p.maps = softmaxMap(kAll);
  p.valueDim = 4;
  run(p, probe(2, 4));
  EXPECT_EQ(error, "the pattern has no position rule, so q_len must equal kv_len: 2 and 4");
}

TEST_F(ErrorTest, Module) {
  runText("module {}", {});
  EXPECT_EQ(error, "expected one attn.pattern in the module");
  runText("attn.pattern @p {}", {});
  EXPECT_EQ(error, "the pattern has no entry point attend");
}

} // namespace
