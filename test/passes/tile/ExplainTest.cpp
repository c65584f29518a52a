//===- ExplainTest.cpp - The text of --explain ------------------------------===//
#include "passes/tile/Explain.h"

#include "dialect/attn/AttnDialect.h"
#include "dialect/tile/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"

#include "gtest/gtest.h"

using namespace attn;

namespace {

/// A window of 64 keys among those of the query's document.
const char *pattern = R"(
attn.pattern @p positions(bottom_right) {
  attn.param @window : i64 = 64
  attn.operand @doc ["batch", "kv_len"] : i32 domain(sorted)
  func.func @attend(%q: tensor<?x?x?x64xf32> {attn.name = "q"}, %k: tensor<?x?x?x64xf32> {attn.name = "k"},
                    %v: tensor<?x?x?x32xf32> {attn.name = "v"})
      -> (tensor<?x?x?x32xf32> {attn.name = "out"}, tensor<?x?x?xf32> {attn.name = "lse"}) {
    %out, %lse = attn.attend %q keys(%k) values(%v)
        : tensor<?x?x?x64xf32>, (tensor<?x?x?x64xf32>), (tensor<?x?x?x32xf32>)
        -> tensor<?x?x?x32xf32>, tensor<?x?x?xf32> {
      attn.kernel_map weight(#attn.softmax) mask {
      ^bb0(%b: i64, %h: i64, %g: i64, %l: i64, %q0: i64, %k0: i64):
        %w = attn.scalar @window : i64
        %d = arith.subi %q0, %k0 : i64
        %0 = arith.cmpi sle, %k0, %q0 : i64
        %1 = arith.cmpi slt, %d, %w : i64
        %2 = attn.element @doc[%b, %q0] : i64
        %3 = attn.element @doc[%b, %k0] : i64
        %4 = arith.cmpi eq, %2, %3 : i64
        %5 = arith.andi %0, %1 : i1
        %6 = arith.andi %4, %5 : i1
        attn.yield %6 : i1
      }
    }
    return %out, %lse : tensor<?x?x?x32xf32>, tensor<?x?x?xf32>
  }
}
)";

TEST(Explain, WindowInDocuments) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::AttnDialect, tile::TileDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                      mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(pattern, &context);
  ASSERT_TRUE(module);
  mlir::PassManager manager(&context);
  passes::TileAttentionOptions sizes;
  sizes.rows = sizes.keys = 64;
  passes::buildTilePipeline(manager, {}, sizes);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  passes::ExplainCall call;
  call.qLen = call.kvLen = 256;
  call.qHeads = 2;
  std::string text = passes::explain(*module, call);
  auto has = [&](const char *part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has("attend.0.prefill: a tile is 64 rows of one query head\n")) << text;
  EXPECT_TRUE(has("operands taken as 0: doc\n")) << text;
  // Per head: 4 diagonal tiles and 3 below them.
  EXPECT_TRUE(has("  key tiles      14 of 32 visited (43.8 %): 0 full, 14 partial; 0 partial without need\n")) << text;
  EXPECT_TRUE(has("  pairs          28736 of 131072 visible (21.9 %), 50.1 % of the computed ones\n")) << text;
  EXPECT_TRUE(has("  work           0.011 GFLOP; a dense mask needs 0.025\n")) << text;
  // 14 tiles of 64 rows of 96 floats; 512 rows of 96 floats.
  EXPECT_TRUE(has("  traffic        336.0 KiB of keys and values into row tiles, 192.0 KiB of queries and outputs\n"))
      << text;
  EXPECT_TRUE(has("  schedule       64 rows x 64 keys, working set 64.0 KiB a core\n")) << text;
  EXPECT_TRUE(has("attend.0.decode: a tile is 8 rows of all query heads of a KV head\n")) << text;
  EXPECT_TRUE(has("  call           q_len 1 from position 255, kv_len 256; query heads 2, KV heads 1\n")) << text;
  EXPECT_TRUE(has("  key tiles      1 of 4 visited (25.0 %): 1 full, 0 partial; 0 partial without need\n")) << text;

  call.params["window"] = 128;
  text = passes::explain(*module, call);
  EXPECT_TRUE(has("  key tiles      18 of 32 visited")) << text;
}

} // namespace
