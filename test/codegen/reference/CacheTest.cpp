//===- CacheTest.cpp - Rings and several caches ----------------------------===//
#include "test/codegen/reference/Support.h"

using namespace attn::codegen::reference;

namespace {

class CacheTest : public ReferenceTest {};

const std::string kRing = "attn.param @sink : i64 = 2\nattn.param @recent : i64 = 4\n"
                          "attn.cache @ring layout(sink_ring) sink(@sink) ring(@recent)\n";

/// The rows of `t` ([1, 1, n, dim]) at their slots after appending positions 0 .. n - 1 one by one.
Tensor inRing(const Tensor &t, int64_t sink, int64_t ring) {
  int64_t dim = t.shape[3];
  Tensor slots = constant({1, 1, sink + ring, dim}, kNaN);
  for (int64_t p = 0, next = sink; p < t.shape[2]; ++p) {
    int64_t slot = p < sink ? p : next;
    if (p >= sink && ++next == sink + ring)
      next = sink;
    for (int64_t d = 0; d < dim; ++d)
      slots.values[slot * dim + d] = t.values[p * dim + d];
  }
  return slots;
}

TEST_F(CacheTest, RingEqualsContiguousUnderTheMaskOfWhatIsResident) {
  Pattern ring, whole;
  ring.dim = whole.dim = ring.valueDim = whole.valueDim = 3;
  ring.declarations = kRing;
  ring.attributes = "caches [@ring]";
  ring.maps = softmaxMap(kCausal);
  whole.declarations = "attn.param @sink : i64 = 2\nattn.param @recent : i64 = 4\n";
  whole.maps = softmaxMap("%s = attn.scalar @sink : i64\n%r = attn.scalar @recent : i64\n%n = "
                          "attn.scalar @kv_len : i64\n"
                          "%0 = arith.cmpi slt, %k0, %s : i64\n%1 = arith.subi %n, %r : i64\n"
                          "%2 = arith.cmpi sge, %k0, %1 : i64\n%3 = arith.ori %0, %2 : i1\n"
                          "%4 = arith.cmpi sle, %k0, %q0 : i64\n%m = arith.andi %3, %4 : i1");
  for (int64_t length : {1, 2, 5, 6, 7, 10, 11, 23}) {
    Arguments a;
    a.qLen = {std::min<int64_t>(length, 2)};
    a.kvLen = {length};
    a.tensors["q"] = random({1, 1, 2, 3}, 1);
    a.tensors["k"] = random({1, 1, length, 3}, 2);
    a.tensors["v"] = random({1, 1, length, 3}, 3);
    Results expected = run(whole, a);
    a.tensors["k"] = inRing(a.tensors["k"], 2, 4);
    a.tensors["v"] = inRing(a.tensors["v"], 2, 4);
    Results actual = run(ring, a);
    expectNear(actual["out"].values, expected["out"].values);
    expectNear(actual["lse"].values, expected["lse"].values);
  }
}

TEST_F(CacheTest, MapsNameTheirCache) {
  Pattern p;
  p.twoCaches = true;
  p.declarations = firstAndRest("heads", "q_head", "h");
  p.maps = "attn.kernel_map [@heads::@first] weight(#attn.softmax) cache(1) " + mask(kAll) + "\n" + softmaxMap(kAll);
  Arguments a;
  a.qLen = a.kvLen = {1};
  for (const char *name : {"q", "k", "k1"})
    a.tensors[name] = constant({1, 2, 1, 1}, 1);
  a.tensors["v"] = constant({1, 2, 1, 1}, 10);
  a.tensors["v1"] = constant({1, 2, 1, 1}, 20);
  expectNear(run(p, a)["out"].values, {20, 10});

  // The same choice as a region.
  p.maps = softmaxMap(kAll) + " which {\n" + kCoordinates +
           "%c1 = arith.constant 1 : i64\n%w = arith.subi %c1, %g : i64\nattn.yield %w : i64\n}";
  expectNear(run(p, a)["out"].values, {20, 10});
}

TEST_F(CacheTest, RingMustBePositiveAndFit) {
  Pattern p;
  p.declarations = kRing;
  p.attributes = "caches [@ring]";
  p.maps = softmaxMap(kAll);
  p.valueDim = 5;
  Arguments a = probe(1, 5);
  a.intParams["recent"] = {0};
  run(p, a);
  EXPECT_EQ(error, "attn.attend: a sink_ring cache needs sink >= 0 and ring >= 1, got 2 and 0");
  a.intParams["recent"] = {4};
  a.kvLen = {100};
  run(p, a);
  EXPECT_EQ(error, "attn.attend: request 0 needs 6 rows of keys and values, got 5 and 5");
}

} // namespace
