//===- LayoutTest.cpp - Strides, ragged rows, rings, heads, guard pages ------*- C++ -*-===//

#include "test/runtime/Fixture.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace attn;
using namespace attn::test;

namespace {

constexpr float kScale = 0.35355339f;

void expectClose(const float *got, const float *want, int64_t count, const std::string &what) {
  for (int64_t i = 0; i < count; ++i) {
    if (std::isinf(want[i]))
      ASSERT_EQ(got[i], want[i]) << what << " at " << i;
    else
      ASSERT_NEAR(got[i], want[i], 2e-5) << what << " at " << i;
  }
}

/// A copy of an array between two unmapped pages, ending at the second one or beginning at the first.
class Guarded {
public:
  Guarded(const void *data, size_t size, bool atEnd) {
    size_t page = size_t(sysconf(_SC_PAGESIZE)), body = (size + page - 1) / page * page;
    total = body + 2 * page;
    base = static_cast<char *>(mmap(nullptr, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + page, body, PROT_READ | PROT_WRITE);
    start = base + page + (atEnd ? body - size : 0);
    std::memcpy(start, data, size);
  }
  ~Guarded() { munmap(base, total); }
  Guarded(const Guarded &) = delete;
  float *floats() const { return reinterpret_cast<float *>(start); }
  void *data() const { return start; }

private:
  size_t total;
  char *base, *start;
};

TEST(Layout, TensorsBetweenUnmappedPages) {
  Artifact artifact = openArtifact();
  for (bool atEnd : {false, true})
    for (int64_t rows : {1, 5, 97}) {
      Problem p(2, 4, 2, {rows, 1}, {rows + 2, 3});
      auto guard = [&](auto &data) { return std::make_unique<Guarded>(data.data(), data.size() * 4, atEnd); };
      auto q = guard(p.q), k = guard(p.k), v = guard(p.v), o = guard(p.out), l = guard(p.lse), doc = guard(p.doc);
      Call call(2, 4, 2);
      call.lengths(p.qLens, p.kvLens)
          .tensor("q", q->data(), ATTN_F32, {2, 4, p.qRows, kDim})
          .tensor("k", k->data(), ATTN_F32, {2, 2, p.kvRows, kDim})
          .tensor("v", v->data(), ATTN_F32, {2, 2, p.kvRows, kDim})
          .tensor("out", o->data(), ATTN_F32, {2, 4, p.qRows, kDim})
          .tensor("lse", l->data(), ATTN_F32, {2, 4, p.qRows})
          .tensor("doc", doc->data(), ATTN_I32, {2, p.kvRows});
      ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
      std::vector<float> out, lse;
      p.expected(1000000, kScale, out, lse);
      expectClose(o->floats(), out.data(), int64_t(out.size()), "out");
      expectClose(l->floats(), lse.data(), int64_t(lse.size()), "lse");
    }
}

TEST(Layout, AnyStrides) { // rows outermost, heads reversed, batch in between, padded rows
  Artifact artifact = openArtifact();
  Problem p(2, 2, 2, {6, 4}, {6, 9});
  const int64_t width = 3 * kDim; // floats from one row of a head to the next head
  auto scatter = [&](const std::vector<float> &from, int64_t rows, std::vector<float> &to) {
    to.assign(size_t(rows * 2 * 2 * width), NAN);
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t h = 0; h < 2; ++h)
        for (int64_t i = 0; i < rows; ++i)
          std::memcpy(&to[size_t(((i * 2 + b) * 2 + 1 - h) * width)], &from[size_t(((b * 2 + h) * rows + i) * kDim)],
                      kDim * sizeof(float));
  };
  std::vector<float> q, k, v, out;
  scatter(p.q, p.qRows, q);
  scatter(p.k, p.kvRows, k);
  scatter(p.v, p.kvRows, v);
  scatter(p.out, p.qRows, out);
  Call::Sizes strides = {2 * width * 4, -width * 4, 4 * width * 4, 4};
  Call call(2, 2, 2);
  call.lengths(p.qLens, p.kvLens)
      .tensor("q", q.data() + width, ATTN_F32, {2, 2, p.qRows, kDim}, strides)
      .tensor("k", k.data() + width, ATTN_F32, {2, 2, p.kvRows, kDim}, strides)
      .tensor("v", v.data() + width, ATTN_F32, {2, 2, p.kvRows, kDim}, strides)
      .tensor("out", out.data() + width, ATTN_F32, {2, 2, p.qRows, kDim}, strides)
      .tensor("doc", p.doc.data(), ATTN_I32, {2, p.kvRows});
  ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  std::vector<float> want, lse, scattered;
  p.expected(1000000, kScale, want, lse);
  scatter(want, p.qRows, scattered);
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_TRUE(std::isnan(scattered[i]) ? std::isnan(out[i]) : std::fabs(out[i] - scattered[i]) < 2e-5) << i;
}

TEST(Layout, RaggedEqualsPadded) {
  Artifact artifact = openArtifact();
  Problem p(3, 4, 2, {5, 0, 2}, {7, 3, 11});
  auto pack = [](const std::vector<float> &from, const std::vector<int64_t> &lens, int64_t heads, int64_t rows) {
    std::vector<float> to;
    for (size_t b = 0; b < lens.size(); ++b)
      for (int64_t i = 0; i < lens[b]; ++i)
        for (int64_t h = 0; h < heads; ++h) {
          auto at = from.begin() + ((int64_t(b) * heads + h) * rows + i) * kDim;
          to.insert(to.end(), at, at + kDim);
        }
    return to;
  };
  std::vector<float> q = pack(p.q, p.qLens, 4, p.qRows), k = pack(p.k, p.kvLens, 2, p.kvRows),
                     v = pack(p.v, p.kvLens, 2, p.kvRows), out(q.size()), lse(7 * 4);
  Call call(3, 4, 2);
  call.lengths(p.qLens, p.kvLens)
      .queryRows({0, 5, 5})
      .keyRows({0, 7, 10})
      .tensor("q", q.data(), ATTN_F32, {7, 4, kDim})
      .tensor("k", k.data(), ATTN_F32, {21, 2, kDim})
      .tensor("v", v.data(), ATTN_F32, {21, 2, kDim})
      .tensor("out", out.data(), ATTN_F32, {7, 4, kDim})
      .tensor("lse", lse.data(), ATTN_F32, {7, 4})
      .tensor("doc", p.doc.data(), ATTN_I32, {3, p.kvRows});
  ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  std::vector<float> want, wantLse;
  p.expected(1000000, kScale, want, wantLse);
  std::vector<float> packed = pack(want, p.qLens, 4, p.qRows);
  expectClose(out.data(), packed.data(), int64_t(out.size()), "out");
  EXPECT_NEAR(lse[5 * 4 + 3], wantLse[size_t((2 * 4 + 3) * p.qRows)], 2e-5);
}

const std::map<std::string, std::string> kRing = {
    {R"("layout":"contiguous")", R"("layout":"sink_ring","sink":"sink","ring":"recent")"}};

TEST(Layout, SinkRingKeepsTheFirstAndTheLast) {
  Artifact artifact = openArtifact(kRing);
  const int64_t sink = 2, ring = 5, keys = 17, slots = sink + ring;
  Problem p(1, 2, 1, {1}, {keys});
  std::fill(p.doc.begin(), p.doc.end(), 0);
  // Position j lies in slot j, or after the sink in a ring; later keys overwrite earlier ones.
  std::vector<float> k(size_t(slots * kDim)), v(k);
  for (int64_t j = 0; j < keys; ++j) {
    int64_t slot = j < sink ? j : sink + (j - sink) % ring;
    std::memcpy(&k[size_t(slot * kDim)], &p.k[size_t(j * kDim)], kDim * 4);
    std::memcpy(&v[size_t(slot * kDim)], &p.v[size_t(j * kDim)], kDim * 4);
  }
  Call call(1, 2, 1);
  call.lengths(1, keys)
      .tensor("q", p.q.data(), ATTN_F32, {1, 2, 1, kDim})
      .tensor("k", k.data(), ATTN_F32, {1, 1, slots, kDim})
      .tensor("v", v.data(), ATTN_F32, {1, 1, slots, kDim})
      .tensor("out", p.out.data(), ATTN_F32, {1, 2, 1, kDim})
      .tensor("doc", p.doc.data(), ATTN_I32, {1, keys})
      .scalar("sink", sink)
      .scalar("recent", ring)
      .scalar("window", ring);
  ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  std::vector<float> want, lse;
  p.expected(ring, kScale, want, lse);
  expectClose(p.out.data(), want.data(), int64_t(want.size()), "out");
}

TEST(Layout, RingErrors) {
  Artifact artifact = openArtifact(kRing);
  Problem p(2, 2, 1, {1, 1}, {17, 17});
  auto message = [&](auto change) {
    Call call(2, 2, 1);
    p.fill(call);
    change(call);
    EXPECT_NE(planAndRun(artifact.get(), call), ATTN_OK);
    return std::string(attn_last_error());
  };
  EXPECT_EQ(message([](Call &call) { call.scalar("recent", 0); }),
            "scalar 'recent' (ring of cache 'kv') must be at least 1, got 0");
  EXPECT_EQ(message([](Call &call) { call.scalar("sink", -1); }),
            "scalar 'sink' (sink of cache 'kv') must be at least 0, got -1");
  EXPECT_EQ(message([](Call &call) { call.scalars("recent", Call::Sizes{3, 4}); }),
            "scalar 'recent' sizes the ring of cache 'kv' and must be one value for all requests");
  EXPECT_EQ(message([](Call &call) {
              const_cast<int64_t *>(call.desc()->tensors[1].shape)[2] = 6;
              call.scalar("recent", 5);
            }),
            "argument 'k': dimension 2 (rows) must be at least 7 for request 0, got 6");
}

TEST(Layout, HeadMapFindsHeads) { // two KV heads held in the wrong order
  Artifact artifact = openArtifact();
  Problem p(1, 2, 2, {4}, {4});
  std::vector<float> k(p.k.begin() + 4 * kDim, p.k.end());
  k.insert(k.end(), p.k.begin(), p.k.begin() + 4 * kDim);
  const int32_t swap[] = {1, 0};
  Call call(1, 2, 2);
  call.lengths(4, 4)
      .tensor("q", p.q.data(), ATTN_F32, {1, 2, 4, kDim})
      .tensor("k", k.data(), ATTN_F32, {1, 2, 4, kDim}, {}, swap)
      .tensor("v", p.v.data(), ATTN_F32, {1, 2, 4, kDim})
      .tensor("out", p.out.data(), ATTN_F32, {1, 2, 4, kDim})
      .tensor("doc", p.doc.data(), ATTN_I32, {1, 4});
  ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  std::vector<float> want, lse;
  p.expected(1000000, kScale, want, lse);
  expectClose(p.out.data(), want.data(), int64_t(want.size()), "out");
}

TEST(Layout, NoHeadsReadAsZeros) {
  Artifact artifact = openArtifact();
  Problem p(1, 2, 2, {4}, {4});
  const int32_t none[] = {-1, -1};
  auto run = [&](const char *empty) {
    Call call(1, 2, 2);
    p.fill(call);
    for (int i : {1, 2}) {
      auto &tensor = const_cast<attn_tensor &>(call.desc()->tensors[i]);
      if (std::string(tensor.name) == empty) {
        tensor.data = nullptr;
        tensor.head_map = none;
        const_cast<int64_t *>(tensor.shape)[1] = 0;
      }
    }
    return planAndRun(artifact.get(), call);
  };
  ASSERT_EQ(run("v"), ATTN_OK) << attn_last_error();
  for (float x : p.out)
    ASSERT_EQ(x, 0);
  ASSERT_EQ(run("k"), ATTN_OK) << attn_last_error();
}

TEST(Layout, EmptyCalls) {
  Artifact artifact = openArtifact();
  Problem none(0, 2, 1, {}, {}), noKeys(1, 2, 1, {3}, {0}), noQueries(1, 2, 1, {0}, {3});
  for (Problem *p : {&none, &noKeys, &noQueries}) {
    Call call(p->batch, 2, 1);
    p->fill(call);
    ASSERT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  }
  for (float x : noKeys.out)
    EXPECT_EQ(x, 0);
  for (float x : noKeys.lse)
    EXPECT_EQ(x, -INFINITY);
}

TEST(Layout, OffsetsBeyondFourGigabytes) { // one request every 8 GiB, only touched pages exist
  Artifact artifact = openArtifact();
  const int64_t stride = int64_t(8) << 30, total = 3 * stride;
  Problem p(3, 1, 1, {2, 2, 2}, {2, 2, 2});
  char *space = static_cast<char *>(
      mmap(nullptr, size_t(total), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (space == MAP_FAILED)
    GTEST_SKIP() << "no address space of 24 GiB";
  for (int64_t b = 0; b < 3; ++b)
    std::memcpy(space + b * stride, &p.k[size_t(b * 2 * kDim)], 2 * kDim * 4);
  Call call(3, 1, 1);
  call.lengths(p.qLens, p.kvLens)
      .tensor("q", p.q.data(), ATTN_F32, {3, 1, 2, kDim})
      .tensor("k", space, ATTN_F32, {3, 1, 2, kDim}, {stride, 64, kDim * 4, 4})
      .tensor("v", p.v.data(), ATTN_F32, {3, 1, 2, kDim})
      .tensor("out", p.out.data(), ATTN_F32, {3, 1, 2, kDim})
      .tensor("doc", p.doc.data(), ATTN_I32, {3, 2});
  EXPECT_EQ(planAndRun(artifact.get(), call), ATTN_OK) << attn_last_error();
  munmap(space, size_t(total));
  std::vector<float> want, lse;
  p.expected(1000000, kScale, want, lse);
  expectClose(p.out.data(), want.data(), int64_t(want.size()), "out");
}

} // namespace
