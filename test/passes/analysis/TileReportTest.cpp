//===- TileReportTest.cpp - Tile counts against hand-counted masks ---------===//
#include "passes/analysis/TileReport.h"

#include "gtest/gtest.h"

using namespace attn::passes;
using namespace attn::mask;

namespace {

const Expr q = Expr::symbol("q"), k = Expr::symbol("k"), h = Expr::symbol("h");

TileCall square(int64_t length, int64_t rows, int64_t keys) {
  TileCall call;
  call.qLen = call.kvLen = length;
  call.rows = rows;
  call.keys = keys;
  return call;
}

TileReport count(const Expr &mask, const TileCall &call, TilePicture *picture = nullptr, int64_t head = 0) {
  return countTiles(mask, RangeProgram::compile(mask), call, picture, head);
}

TEST(TileReport, Causal) {
  TilePicture picture;
  TileReport report = count(k <= q, square(16, 4, 4), &picture);
  EXPECT_EQ(picture, (TilePicture{"+...", "#+..", "##+.", "###+"}));
  EXPECT_EQ(report.total.full, 6);
  EXPECT_EQ(report.total.partial, 4);
  EXPECT_EQ(report.total.empty, 6);
  EXPECT_EQ(report.total.pairs, 256);
  EXPECT_EQ(report.total.visiblePairs, 16 * 17 / 2);
  EXPECT_EQ(report.total.visitedPairs, 10 * 16);
  EXPECT_EQ(report.total.spuriousFull + report.total.spuriousEmpty + report.total.notCounted, 0);
}

TEST(TileReport, RaggedTailIsPartialButNotSpurious) {
  TilePicture picture;
  TileReport report = count(Expr::boolean(true), square(6, 4, 4), &picture);
  EXPECT_EQ(picture, (TilePicture{"#+", "#+"}));
  EXPECT_EQ(report.total.visiblePairs, 36);
  EXPECT_EQ(report.total.visitedPairs, 4 * 16);
  EXPECT_EQ(report.total.spuriousFull, 0);
}

TEST(TileReport, WindowWithAParameter) {
  TileCall call = square(1024, 64, 64);
  call.environment.values["window"] = 128;
  TileReport report = count(k <= q && q - k < Expr::symbol("window"), call);
  // Row tile i sees the diagonal (partial), i - 1 (full) and i - 2 (partial).
  EXPECT_EQ(report.total.full, 15);
  EXPECT_EQ(report.total.partial, 16 + 14);
  EXPECT_EQ(report.total.visiblePairs, 1024 * 128 - 128 * 127 / 2);
}

TEST(TileReport, HeadsAreCountedApart) {
  TileCall call = square(8, 4, 4);
  call.qHeads = 2;
  TileReport report = count(h < Expr::integer(1) || k <= q, call);
  ASSERT_EQ(report.heads.size(), 2u);
  EXPECT_EQ(report.heads[0].full, 4);
  EXPECT_EQ(report.heads[1].full, 1);
  EXPECT_EQ(report.heads[1].partial, 2);
  EXPECT_EQ(report.total.visiblePairs, 64 + 36);
}

TEST(TileReport, PackedDecode) {
  // Two queries of four heads a group are eight logical rows of one tile; queries are at positions 8 and 9.
  TileCall call = square(0, 8, 4);
  call.qLen = 2;
  call.kvLen = 10;
  call.qPos = 8;
  call.qHeads = 8;
  call.kvHeads = 2;
  call.pack = true;
  TilePicture picture;
  TileReport report = count(k <= q, call, &picture, 1);
  ASSERT_EQ(report.heads.size(), 2u);
  EXPECT_EQ(picture, (TilePicture{"##+"}));
  EXPECT_EQ(report.heads[1].visiblePairs, 4 * 9 + 4 * 10);
  EXPECT_EQ(report.total.visiblePairs, 8 * 19);
}

TEST(TileReport, DocumentsAndTheirTensor) {
  TileCall call = square(12, 4, 4);
  call.environment.tensors["doc"] = {{12}, {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}, {}};
  auto doc = [](Expr e) { return Expr::element("doc", {std::move(e)}, Type::Int); };
  Expr mask = Expr::make(Op::Eq, {doc(q), doc(k)}) && k <= q;
  TileReport report = count(mask, call);
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.total.visiblePairs, 2 * 21);
}

TEST(TileReport, TilesPastTheBudgetAreCountedAsSuch) {
  TileCall call = square(16, 4, 4);
  call.pairBudget = 16; // one tile
  TileReport report = count(k <= q, call);
  EXPECT_EQ(report.total.notCounted, 3);
  EXPECT_EQ(report.total.visiblePairs, 6 * 16 + 10);
}

TEST(TileReport, EmptyCalls) {
  EXPECT_EQ(count(k <= q, square(0, 4, 4)).total.visited(), 0);
  TileCall call = square(4, 4, 4);
  call.kvLen = 0;
  EXPECT_EQ(count(k <= q, call).total.pairs, 0);
}

TEST(TileReport, Errors) {
  EXPECT_EQ(count(k <= Expr::symbol("window"), square(4, 4, 4)).error, "no value for 'window'");
  Expr doc = Expr::element("doc", {k}, Type::Int);
  EXPECT_EQ(count(doc < q, square(4, 4, 4)).error, "no value for 'doc'");
  TileCall call = square(8, 4, 4);
  call.environment.values["step"] = 0;
  call.environment.tensors["doc"] = {{1}, {1}, {}};
  Expr page = Expr::make(Op::FloorDiv, {k, Expr::symbol("step")});
  EXPECT_EQ(count(Expr::element("doc", {page}, Type::Int) < q, call).error, "division by zero");
}

} // namespace
