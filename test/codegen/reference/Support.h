//===- Support.h - Small patterns and tensors for the reference's tests ----===//
#ifndef ATTN_TEST_CODEGEN_REFERENCE_SUPPORT_H
#define ATTN_TEST_CODEGEN_REFERENCE_SUPPORT_H

#include "codegen/reference/Interpreter.h"
#include "dialect/attn/AttnDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

namespace attn::codegen::reference {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline const double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A pattern with one entry point that attends once: `q`, `k`, `v` (and `k1`, `v1` for a second
/// cache) to `out`, `lse`.
struct Pattern {
  std::string positions = "positions(bottom_right)";
  std::string declarations;
  std::string maps;       ///< the body of attn.attend
  std::string attributes; ///< of attn.attend, such as scale(...)
  int dim = 1, valueDim = 1;
  bool twoCaches = false;

  std::string text() const {
    std::string q = "tensor<?x?x?x" + std::to_string(dim) + "xf32>",
                v = "tensor<?x?x?x" + std::to_string(valueDim) + "xf32>", lse = "tensor<?x?x?xf32>";
    std::string args =
        "%q: " + q + " {attn.name = \"q\"}, %k: " + q + " {attn.name = \"k\"}, %v: " + v + " {attn.name = \"v\"}";
    std::string keys = "%k", keyTypes = q, values = "%v", valueTypes = v;
    if (twoCaches) {
      args += ", %k1: " + q + " {attn.name = \"k1\"}, %v1: " + v + " {attn.name = \"v1\"}";
      keys += ", %k1", keyTypes += ", " + q, values += ", %v1", valueTypes += ", " + v;
    }
    return "attn.pattern @p " + positions + " {\n" + declarations + "\nfunc.func @attend(" + args + ") -> (" + v +
           " {attn.name = \"out\"}, " + lse + " {attn.name = \"lse\"}) {\n" + "%out, %lse = attn.attend %q keys(" +
           keys + ") values(" + values + ") " + attributes + " : " + q + ", (" + keyTypes + "), (" + valueTypes +
           ") -> " + v + ", " + lse + " {\n" + maps + "\n}\nreturn %out, %lse : " + v + ", " + lse + "\n}\n}\n";
  }
};

inline const std::string kCoordinates = "^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):\n";
inline const std::string kScoreCoordinates = "^bb0(%s: f32, %b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):\n";

/// A mask region: `body` defines %m.
inline std::string mask(const std::string &body) {
  return "mask {\n" + kCoordinates + body + "\nattn.yield %m : i1\n}";
}
inline const std::string kAll = "%m = arith.constant true";
inline const std::string kCausal = "%m = arith.cmpi sle, %k0, %q0 : i64";

/// A partition into the class `first`, where the coordinate (`h`, `k0`) is 0, and `rest`.
inline std::string firstAndRest(const std::string &name, const std::string &axis, const std::string &coordinate) {
  return "attn.partition @" + name + " axis(" + axis + ") {\nattn.class @first when {\n" + kCoordinates +
         "%zero = arith.constant 0 : i64\n%is = arith.cmpi eq, %" + coordinate +
         ", %zero : i64\nattn.yield %is : i1\n}\nattn.class @rest otherwise\n}\n";
}

inline std::string softmaxMap(const std::string &body) { return "attn.kernel_map weight(#attn.softmax) " + mask(body); }

/// A tensor filled by position in memory.
template <typename F> Tensor fill(std::vector<int64_t> shape, F f) {
  Tensor t{std::move(shape), {}};
  int64_t size = 1;
  for (int64_t extent : t.shape)
    size *= extent;
  for (int64_t i = 0; i < size; ++i)
    t.values.push_back(f(i));
  return t;
}
inline Tensor constant(std::vector<int64_t> shape, double value) {
  return fill(std::move(shape), [=](int64_t) { return value; });
}
/// Numbers in -1 .. 1 that depend on `seed` only.
inline Tensor random(std::vector<int64_t> shape, uint64_t seed) {
  return fill(std::move(shape), [state = seed * 2 + 1](int64_t) mutable {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return double(int64_t(state)) * 0x1p-63;
  });
}

/// One request, one head, kvLen keys, all dot products 0, and v one-hot: out shows which keys are
/// visible.
inline Arguments probe(int64_t qLen, int64_t kvLen, int64_t heads = 1) {
  Arguments a;
  a.qLen = {qLen};
  a.kvLen = {kvLen};
  a.tensors["q"] = constant({1, heads, qLen, 1}, 1);
  a.tensors["k"] = constant({1, heads, kvLen, 1}, 0);
  a.tensors["v"] =
      fill({1, heads, kvLen, kvLen}, [=](int64_t i) { return i % kvLen == i / kvLen % kvLen ? 1.0 : 0.0; });
  return a;
}

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() {
    context.loadDialect<ir::AttnDialect, mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::func::FuncDialect>();
  }

  /// The results of entry point `attend`, or {} and the text in `error`.
  Results runText(const std::string &text, const Arguments &arguments) {
    error.clear();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << "does not parse:\n" << text;
      return {};
    }
    auto results = run(*module, "attend", arguments);
    if (results)
      return std::move(*results);
    error = llvm::toString(results.takeError());
    return {};
  }
  Results run(const Pattern &pattern, const Arguments &arguments) { return runText(pattern.text(), arguments); }
  using Tensors = std::vector<double>;
  llvm::Expected<Results> run(mlir::ModuleOp module, llvm::StringRef entry, const Arguments &a) {
    return reference::run(module, entry, a);
  }

  /// Which keys each (head, row) sees, as a string of 0 and 1 per row: "110 111".
  std::string visible(Pattern pattern, const Arguments &arguments) {
    const Tensor &v = arguments.tensors.at("v");
    pattern.valueDim = v.shape[3];
    Results results = run(pattern, arguments);
    if (results.empty())
      return "error: " + error;
    std::string text;
    const Tensor &out = results["out"];
    for (size_t i = 0; i < out.values.size(); ++i) {
      if (i && i % out.shape[3] == 0)
        text += ' ';
      text += out.values[i] > 0 ? '1' : '0';
    }
    return text;
  }

  mlir::MLIRContext context;
  std::string error;
};

inline void expectNear(const std::vector<double> &actual, const std::vector<double> &expected,
                       double tolerance = 1e-12) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isfinite(expected[i]))
      EXPECT_NEAR(actual[i], expected[i], tolerance) << "at " << i;
    else if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(actual[i])) << "at " << i;
    else
      EXPECT_EQ(actual[i], expected[i]) << "at " << i;
  }
}

} // namespace attn::codegen::reference

#endif // ATTN_TEST_CODEGEN_REFERENCE_SUPPORT_H
