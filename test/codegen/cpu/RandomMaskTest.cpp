//===- RandomMaskTest.cpp - Random masks in kernels against the evaluator --===//
//
// The weight of every visible pair is 1 and the values are unit vectors, so that the output is the mask itself. It goes
// through the range program (which tiles run) and the expression code (which pairs of a partial tile count).
// The values are fp32 or, in turn, bf16, which holds 0 and 1 exactly.
// ATTN_MASKS and ATTN_SEED set the number of masks and the seed.
//===----------------------------------------------------------------------===//
#include "Attention.h"

#include "dialect/mask/Evaluate.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/analysis/MaskRegion.h"
#include "test/dialect/mask/RandomExpr.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;
using mask::Expr;

namespace {

struct Shape {
  int64_t rows, keys, group, qLen, kvLen;
  bool pack;
  bool bf16; ///< type of the values
};

/// Symbols and tensors of a mask that are arguments of the kernel.
struct Arguments {
  std::set<std::string> scalars, tensors;

  explicit Arguments(const Expr &e) {
    e.collect(scalars, tensors);
    for (const char *known : {"b", "h", "g", "l", "q", "k", "batch", "q_heads", "kv_heads", "q_len", "kv_len"})
      scalars.erase(known);
  }
};

} // namespace

static std::string kernelText(const Shape &s, const Arguments &arguments, const mask::Environment &env) {
  std::string names, types;
  for (const std::string &name : arguments.scalars) {
    names += ", \"" + name + "\"";
    types += ", %" + name + ": i64";
  }
  for (const std::string &name : arguments.tensors) {
    names += ", \"" + name + "\"";
    types += ", %" + name + ": !tile.buffer<" + std::to_string(env.tensors.at(name).sizes.size()) + " x i64>";
  }
  auto number = [](int64_t n) { return std::to_string(n); };
  std::string acc = "!tile.tile<" + number(s.rows) + "x" + number(s.kvLen) + "xf32>";
  std::string p = "<" + number(s.rows) + "x" + number(s.keys) + "xf32>",
              v = "<" + number(s.keys) + "x" + number(s.kvLen) + "xf32>";
  std::string view = "<" + number(s.kvLen) + "xf32>";
  std::string valueView = "<" + number(s.kvLen) + (s.bf16 ? "xbf16>" : "xf32>");
  auto step = [&](const char *where, const char *seen) {
    return " {\n^bb0(%k0: i64, %a: " + acc + "):\n%ones = tile.fill 1.0 : " + p + "\n" + where +
           "%vt = tile.load_keys %v[%k0] " + seen + " : " + valueView + " -> " + v +
           "\n%n = tile.dot %p, %vt init(%a : " + acc + ")" + (s.bf16 ? " round_a" : "") + " : " + p + ", " + v +
           " -> " + acc.substr(10) + "\ntile.yield %n : " + acc + "\n}";
  };
  std::string hide = "%p = tile.where %ones else 0.0 : " + p + "\n";
  std::string keep =
      "%zero = tile.fill 0.0 : " + p + "\n%p = tile.map %ones : !tile.tile" + p + " -> " + p +
      " {\n^bb0(%x: f32, %b1: i64, %h: i64, %g1: i64, %l1: i64, %q: i64, %k: i64):\ntile.yield %x : f32\n}\n";
  return "tile.kernel @kernel schedule(<rows = " + number(s.rows) + ", keys = " + number(s.keys) +
         ", pack = " + (s.pack ? "true" : "false") + ", splits = false>) args [\"v\", \"out\"" + names +
         "] {\n^bb0(%b: i64, %g: i64, %l: i64, %row0: i64, %v: !tile.view" + valueView + ", %out: !tile.view" + view +
         types + "):\n%none = tile.fill 0.0 : " + acc.substr(10) +
         "\n%r = tile.for_keys %v init(%none) : " + valueView + ", " + acc + " -> " + acc +
         " visible {\n^bb0(%b1: i64, %h: i64, %g1: i64, %l1: i64, %q: i64, %k: i64):\n%all = arith.constant true\n" +
         "tile.yield %all : i1\n} full" + step(keep.c_str(), "") + " partial" + step(hide.c_str(), "seen") +
         "\ntile.store %r, %out[%row0] : " + acc.substr(10) + ", " + view + "\ntile.return\n}";
}

/// Replaces the loop's mask by `e`.
static void setMask(mlir::ModuleOp module, const Expr &e) {
  module.walk([&](tile::ForKeysOp loop) {
    mlir::Operation *terminator = loop.getVisible().front().getTerminator();
    mlir::OpBuilder builder(terminator);
    auto kernel = loop->getParentOfType<tile::KernelOp>();
    terminator->setOperand(0, passes::exprToValue(builder, kernel, e, loop.getVisible().getArguments()));
  });
}

TEST(RandomMasks, EqualTheEvaluator) {
  mask::test::RandomExpr random(mask::test::setting("ATTN_SEED", 1));
  int64_t count = mask::test::setting("ATTN_MASKS", 60);
  std::vector<std::string> isas = hostIsas();
  for (int64_t i = 0; i < count; ++i) {
    Expr e = i % 2 ? random.anyMask() : random.exactMask();
    Shape s;
    s.pack = random.between(0, 1);
    s.rows = s.pack ? 8 * random.between(1, 2) : 16 * random.between(1, 3);
    s.keys = 8 << random.between(0, 3);
    s.group = random.between(1, 3);
    s.bf16 = i / isas.size() % 2;
    s.kvLen = random.between(1, 90);
    s.qLen = random.between(1, s.pack ? 20 : 90);
    mask::Environment env = random.environment(s.kvLen);
    env.values["b"] = env.values["l"] = 0;
    env.values["batch"] = 1;
    env.values["q_heads"] = 2 * s.group;
    env.values["kv_heads"] = 2;
    env.values["q_len"] = s.qLen;
    env.values["kv_len"] = s.kvLen;
    Arguments arguments(e);
    const std::string &isa = isas[i % isas.size()];
    std::string what = "mask " + std::to_string(i) + " on " + isa + ": " + e.str() + " rows " + std::to_string(s.rows) +
                       " keys " + std::to_string(s.keys) + " group " + std::to_string(s.group) +
                       (s.pack ? " pack" : "") + (s.bf16 ? " bf16" : "") + " q_len " + std::to_string(s.qLen) +
                       " kv_len " + std::to_string(s.kvLen);
    SCOPED_TRACE(what);
    CompiledKernel kernel(kernelText(s, arguments, env), isa, [&](mlir::ModuleOp module) { setMask(module, e); });
    ASSERT_TRUE(kernel.ok());

    // Unit vectors; queries end where keys do.
    int64_t heads = 2 * s.group, status = 0;
    std::vector<float> v(s.kvLen * s.kvLen), out(heads * s.qLen * s.kvLen, -1);
    std::vector<uint16_t> halves(v.size());
    for (int64_t j = 0; j < s.kvLen; ++j) {
      v[j * s.kvLen + j] = 1;
      halves[j * s.kvLen + j] = 0x3F80;
    }
    attn_request request{s.qLen, s.kvLen, 0, 0, s.kvLen - s.qLen, s.kvLen};
    int64_t tiles = (s.qLen * (s.pack ? s.group : 1) + s.rows - 1) / s.rows;
    int64_t row = s.kvLen * 4;
    std::vector<int64_t> words = {reinterpret_cast<int64_t>(&request),
                                  1,
                                  heads,
                                  2,
                                  0,
                                  tiles,
                                  1,
                                  reinterpret_cast<int64_t>(&status),
                                  0,
                                  s.bf16 ? reinterpret_cast<int64_t>(halves.data())
                                         : reinterpret_cast<int64_t>(v.data()),
                                  0,
                                  0,
                                  s.bf16 ? row / 2 : row,
                                  0,
                                  0,
                                  0,
                                  reinterpret_cast<int64_t>(out.data()),
                                  0,
                                  s.qLen * row,
                                  row,
                                  0,
                                  0,
                                  0};
    for (const std::string &name : arguments.scalars)
      words.insert(words.end(), {reinterpret_cast<int64_t>(&env.values.at(name)), 0});
    for (const std::string &name : arguments.tensors) {
      auto more = bufferWords(env.tensors.at(name).data.data(), env.tensors.at(name).sizes, 8);
      words.insert(words.end(), more.begin(), more.end());
    }
    kernel.run(words, tiles * (s.pack ? 2 : heads));
    if (status & ATTN_KERNEL_ZERO_DIVISOR)
      continue; // the result is not to be used
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t q = 0; q < s.qLen; ++q)
        for (int64_t k = 0; k < s.kvLen; ++k) {
          env.values["h"] = h;
          env.values["g"] = h / s.group;
          env.values["q"] = request.q_pos + q;
          env.values["k"] = k;
          mask::Value expected = mask::evaluate(e, env);
          ASSERT_TRUE(expected.ok()) << expected.error;
          ASSERT_EQ(out[(h * s.qLen + q) * s.kvLen + k], float(expected.integer))
              << "head " << h << " q " << request.q_pos + q << " k " << k;
        }
  }
}
