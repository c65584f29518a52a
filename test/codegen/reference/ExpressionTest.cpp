//===- ExpressionTest.cpp - Integer, boolean and float expressions ---------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

class ExpressionTest : public ReferenceTest {
protected:
  /// The keys 0 .. 7 that a mask shows to the query at position 7.
  std::string keys(const std::string &body, const std::string &declarations = "", Arguments a = probe(1, 8)) {
    Pattern p;
    p.declarations = declarations;
    p.maps = softmaxMap("%c3 = arith.constant 3 : i64\n%c0 = arith.constant 0 : i64\n"
                        "%n3 = arith.constant -3 : i64\n%x = arith.subi %k0, %c3 : i64\n" +
                        body);
    return visible(p, a);
  }
  /// x runs over -3 .. 4; the keys at which `op` gives `value`.
  std::string where(const std::string &op, const std::string &value) {
    return keys("%y = " + op + "\n%val = arith.constant " + value + " : i64\n%m = arith.cmpi eq, %y, %val : i64");
  }
};

TEST_F(ExpressionTest, DivisionRoundsTowardsMinusInfinity) {
  EXPECT_EQ(where("arith.floordivsi %x, %c3 : i64", "-1"), "11100000");
  EXPECT_EQ(where("arith.floordivsi %x, %c3 : i64", "0"), "00011100");
  EXPECT_EQ(where("arith.floordivsi %x, %c3 : i64", "1"), "00000011");
  EXPECT_EQ(where("arith.floordivsi %x, %n3 : i64", "0"), "01110000");
  EXPECT_EQ(where("arith.floordivsi %x, %n3 : i64", "1"), "10000000");
  EXPECT_EQ(where("arith.floordivsi %x, %n3 : i64", "-1"), "00001110");
  EXPECT_EQ(where("arith.floordivsi %x, %n3 : i64", "-2"), "00000001");
}

TEST_F(ExpressionTest, RemainderHasTheSignOfTheDivisor) {
  EXPECT_EQ(where("attn.mod %x, %c3", "0"), "10010010");
  EXPECT_EQ(where("attn.mod %x, %c3", "1"), "01001001");
  EXPECT_EQ(where("attn.mod %x, %c3", "2"), "00100100");
  EXPECT_EQ(where("attn.mod %x, %n3", "0"), "10010010");
  EXPECT_EQ(where("attn.mod %x, %n3", "-2"), "01001001");
  EXPECT_EQ(where("attn.mod %x, %n3", "-1"), "00100100");
}

TEST_F(ExpressionTest, IntegersWrap) {
  std::string min = "%min = arith.constant -9223372036854775808 : i64\n%n1 = arith.constant -1 : i64\n";
  for (const char *op : {"arith.floordivsi %min, %n1 : i64", "math.absi %min : i64", "arith.muli %min, %n1 : i64"})
    EXPECT_EQ(keys(min + "%y = " + op + "\n%m = arith.cmpi eq, %y, %min : i64"), "11111111") << op;
  EXPECT_EQ(keys(min + "%y = attn.mod %min, %n1\n%m = arith.cmpi eq, %y, %c0 : i64"), "11111111");
  EXPECT_EQ(keys(min + "%y = arith.addi %min, %n1 : i64\n%m = arith.cmpi sgt, %y, %c0 : i64"), "11111111");
}

TEST_F(ExpressionTest, IntegerOperations) {
  EXPECT_EQ(keys("%m = attn.is_pow2 %x"), "00001101");
  EXPECT_EQ(where("math.absi %x : i64", "2"), "01000100");
  EXPECT_EQ(where("arith.minsi %x, %c0 : i64", "0"), "00011111");
  EXPECT_EQ(where("arith.maxsi %x, %c0 : i64", "0"), "11110000");
  EXPECT_EQ(keys("%m = arith.cmpi ne, %x, %c0 : i64"), "11101111");
  EXPECT_EQ(keys("%m = arith.cmpi sge, %x, %c0 : i64"), "00011111");
}

TEST_F(ExpressionTest, BooleanOperations) {
  std::string ab = "%p = arith.cmpi slt, %x, %c3 : i64\n%n = arith.cmpi sgt, %x, %c0 : i64\n"
                   "%t = arith.constant true\n";
  EXPECT_EQ(keys(ab + "%m = arith.andi %p, %n : i1"), "00001100");
  EXPECT_EQ(keys(ab + "%m = arith.ori %p, %n : i1"), "11111111");
  EXPECT_EQ(keys(ab + "%m = arith.xori %p, %t : i1"), "00000011");
  EXPECT_EQ(keys(ab + "%m = arith.select %p, %n, %t : i1"), "00001111");
}

TEST_F(ExpressionTest, FloatOperations) {
  std::string head = "%f = arith.sitofp %x : i64 to f32\n%h0 = arith.constant 0.5 : f32\n";
  auto near = [&](const std::string &op, double value) {
    return keys(head + "%y = " + op + "\n%val = arith.constant " + std::to_string(value) + " : f32\n" +
                "%e = arith.subf %y, %val : f32\n%a = math.absf %e : f32\n%eps = arith.constant "
                "1.0e-4 : f32\n" +
                "%m = arith.cmpf olt, %a, %eps : f32");
  };
  EXPECT_EQ(near("arith.addf %f, %h0 : f32", 1.5), "00001000");
  EXPECT_EQ(near("arith.mulf %f, %h0 : f32", -1), "01000000");
  EXPECT_EQ(near("arith.divf %f, %h0 : f32", 8), "00000001");
  EXPECT_EQ(near("arith.negf %f : f32", 3), "10000000");
  EXPECT_EQ(near("arith.minimumf %f, %h0 : f32", .5), "00001111");
  EXPECT_EQ(near("arith.maximumf %f, %h0 : f32", .5), "11110000");
  EXPECT_EQ(near("math.exp %f : f32", 2.718282), "00001000");
  EXPECT_EQ(near("math.exp2 %f : f32", 16), "00000001");
  EXPECT_EQ(near("math.log %f : f32", .693147),
            "00000100"); // NaN of a negative number compares false
  EXPECT_EQ(near("math.tanh %f : f32", -.761594), "00100000");
  EXPECT_EQ(near("math.sqrt %f : f32", 2), "00000001");
}

TEST_F(ExpressionTest, FloatsBecomeIntegersTowardsMinusInfinity) {
  EXPECT_EQ(keys("%f = arith.sitofp %x : i64 to f32\n%c = arith.constant 0.5 : f32\n"
                 "%half = arith.mulf %f, %c : f32\n%w = math.floor %half : f32\n"
                 "%i = arith.fptosi %w : f32 to i64\n%n1 = arith.constant -1 : i64\n"
                 "%m = arith.cmpi eq, %i, %n1 : i64"),
            "01100000");
  EXPECT_EQ(keys("%c = arith.constant 1.0e30 : f32\n%i = arith.fptosi %c : f32 to i64\n"
                 "%m = arith.cmpi eq, %i, %c0 : i64"),
            "error: attn.attend: arith.fptosi: not an integer at b = 0, h = 0, q = 7, k = 0");
}

TEST_F(ExpressionTest, ElementsClampTheirIndices) {
  Arguments a = probe(1, 8);
  a.intOperands["t"] = {{3, 2}, {0, 1, 0, 1, 1, 0}};
  // t[x, 0]: x below 0 is row 0, x above 2 is row 2.
  EXPECT_EQ(
      keys("%e = attn.element @t[%x, %c0] : i64\n%m = arith.cmpi ne, %e, %c0 : i64", "attn.operand @t [3, 2] : i32", a),
      "00000111");
  EXPECT_EQ(
      keys("%e = attn.element @t[%c0, %x] : i64\n%m = arith.cmpi ne, %e, %c0 : i64", "attn.operand @t [3, 2] : i32", a),
      "00001111");
}

TEST_F(ExpressionTest, SizesAndCoordinates) {
  Arguments a = probe(1, 8);
  a.layer = 5;
  for (auto [name, value] : {std::pair("batch", 1), {"q_heads", 1}, {"kv_heads", 1}, {"q_len", 1}, {"kv_len", 8}})
    EXPECT_EQ(keys("%y = attn.scalar @" + std::string(name) + " : i64\n%val = arith.constant " + std::to_string(value) +
                   " : i64\n%m = arith.cmpi eq, %y, %val : i64"),
              "11111111")
        << name;
  EXPECT_EQ(keys("%c5 = arith.constant 5 : i64\n%m = arith.cmpi eq, %l, %c5 : i64", "", a), "11111111");
  EXPECT_EQ(keys("%d = arith.subi %q0, %k0 : i64\n%m = arith.cmpi slt, %d, %c3 : i64"), "00000111");
}

TEST_F(ExpressionTest, ZeroDivisorIsAnError) {
  std::string where = " at b = 0, h = 0, q = 7, k = 3";
  EXPECT_EQ(keys("%y = arith.floordivsi %c3, %x : i64\n%m = arith.cmpi eq, %y, %c0 : i64"),
            "error: attn.attend: arith.floordivsi: division by zero" + where);
  EXPECT_EQ(keys("%y = attn.mod %c3, %x\n%m = arith.cmpi eq, %y, %c0 : i64"),
            "error: attn.attend: attn.mod: division by zero" + where);
}

TEST_F(ExpressionTest, UnsupportedOperationIsNamed) {
  EXPECT_EQ(keys("%y = arith.remsi %x, %c3 : i64\n%m = arith.cmpi eq, %y, %c0 : i64"),
            "error: attn.attend: kernel map 0: arith.remsi: is not supported in expressions");
  EXPECT_EQ(keys("%y = arith.trunci %x : i64 to i32\n%m = arith.constant true"),
            "error: attn.attend: kernel map 0: arith.trunci: is not supported in expressions");
}

} // namespace
