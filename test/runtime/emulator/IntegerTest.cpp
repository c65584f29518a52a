// Integer instructions against plain C++ on edge values and random ones.
#include "test/runtime/emulator/Apply.h"

namespace attn::emu::test {
namespace {

template <class T> std::string suffix() { return (std::is_signed_v<T> ? ".s" : ".u") + std::to_string(sizeof(T) * 8); }
template <class T> using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;

template <class T, class D, class F> void binary(const std::string &mnemonic, F expected) {
  std::vector<T> a = integers<T>(1), b = integers<T>(2);
  std::vector<D> d = apply<D, T, T>(mnemonic, "", a, b);
  for (size_t k = 0; k < a.size(); ++k)
    EXPECT_EQ(d[k], D(expected(a[k], b[k]))) << mnemonic << " " << +a[k] << ", " << +b[k];
}
template <class T, class C, class D, class F> void ternary(const std::string &mnemonic, F expected) {
  std::vector<T> a = integers<T>(1), b = integers<T>(2);
  std::vector<C> c = integers<C>(3);
  std::vector<D> d = apply<D, T, T, C>(mnemonic, "", a, b, c);
  for (size_t k = 0; k < a.size(); ++k)
    EXPECT_EQ(d[k], D(expected(a[k], b[k], c[k]))) << mnemonic << " " << +a[k] << ", " << +b[k] << ", " << +c[k];
}

template <class T> class EmulatorInteger : public testing::Test {};
using Types = testing::Types<uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t>;
TYPED_TEST_SUITE(EmulatorInteger, Types);

TYPED_TEST(EmulatorInteger, Arithmetic) {
  using T = TypeParam;
  constexpr unsigned bits = sizeof(T) * 8;
  std::string t = suffix<T>();
  using W = Wide<T>;
  binary<T, T>("add" + t, [](T a, T b) { return W(a) + W(b); });
  binary<T, T>("sub" + t, [](T a, T b) { return W(a) - W(b); });
  binary<T, T>("mul.lo" + t, [](T a, T b) { return (unsigned __int128)(W(a)) * (unsigned __int128)(W(b)); });
  binary<T, T>("mul.hi" + t, [](T a, T b) { return (W(a) * W(b)) >> bits; });
  binary<T, T>("min" + t, [](T a, T b) { return std::min(a, b); });
  binary<T, T>("max" + t, [](T a, T b) { return std::max(a, b); });
  binary<T, T>("div" + t, [](T a, T b) { return b == 0 ? W(-1) : W(a) / W(b); });
  binary<T, T>("rem" + t, [](T a, T b) { return b == 0 ? W(a) : W(a) % W(b); });
  ternary<T, T, T>("mad.lo" + t,
                   [](T a, T b, T c) { return W((unsigned __int128)(a) * (unsigned __int128)(b)) + W(c); });
  ternary<T, T, T>("mad.hi" + t, [](T a, T b, T c) { return ((W(a) * W(b)) >> bits) + W(c); });
}

TEST(EmulatorIntegerForms, Wide) {
  binary<uint16_t, uint32_t>("mul.wide.u16", [](uint32_t a, uint32_t b) { return a * b; });
  binary<int16_t, int32_t>("mul.wide.s16", [](int32_t a, int32_t b) { return a * b; });
  binary<uint32_t, uint64_t>("mul.wide.u32", [](uint64_t a, uint64_t b) { return a * b; });
  binary<int32_t, int64_t>("mul.wide.s32", [](int64_t a, int64_t b) { return a * b; });
  ternary<uint32_t, uint64_t, uint64_t>("mad.wide.u32", [](uint64_t a, uint64_t b, uint64_t c) { return a * b + c; });
  ternary<int32_t, int64_t, int64_t>("mad.wide.s32",
                                     [](int64_t a, int64_t b, uint64_t c) { return uint64_t(a * b) + c; });
}

TEST(EmulatorIntegerForms, UnaryAndBits) {
  std::vector<int32_t> a = integers<int32_t>(4);
  std::vector<int64_t> w = integers<int64_t>(5);
  std::vector<uint32_t> u(a.begin(), a.end());
  std::vector<uint64_t> v(w.begin(), w.end());
  auto abs32 = apply<int32_t>("abs.s32", a), neg32 = apply<int32_t>("neg.s32", a);
  auto abs64 = apply<int64_t>("abs.s64", w), neg64 = apply<int64_t>("neg.s64", w);
  auto not32 = apply<uint32_t>("not.b32", u), rev32 = apply<uint32_t>("brev.b32", u);
  auto pop32 = apply<uint32_t>("popc.b32", u), clz32 = apply<uint32_t>("clz.b32", u);
  auto pop64 = apply<uint32_t>("popc.b64", v), clz64 = apply<uint32_t>("clz.b64", v);
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(uint32_t(abs32[k]), a[k] < 0 ? 0u - u[k] : u[k]);
    EXPECT_EQ(uint32_t(neg32[k]), 0u - u[k]);
    EXPECT_EQ(uint64_t(abs64[k]), w[k] < 0 ? 0 - v[k] : v[k]);
    EXPECT_EQ(uint64_t(neg64[k]), 0 - v[k]);
    EXPECT_EQ(not32[k], ~u[k]);
    uint32_t reversed = 0, ones32 = 0, ones64 = 0, zeros32 = 32, zeros64 = 64;
    for (int bit = 0; bit < 32; ++bit)
      if (u[k] >> bit & 1)
        reversed |= 1u << (31 - bit), ++ones32, zeros32 = uint32_t(31 - bit);
    for (int bit = 0; bit < 64; ++bit)
      if (v[k] >> bit & 1)
        ++ones64, zeros64 = uint32_t(63 - bit);
    EXPECT_EQ(rev32[k], reversed);
    EXPECT_EQ(pop32[k], ones32);
    EXPECT_EQ(clz32[k], zeros32);
    EXPECT_EQ(pop64[k], ones64);
    EXPECT_EQ(clz64[k], zeros64);
  }
  binary<uint16_t, uint16_t>("and.b16", [](int a, int b) { return a & b; });
  binary<uint32_t, uint32_t>("or.b32", [](uint32_t a, uint32_t b) { return a | b; });
  binary<uint64_t, uint64_t>("xor.b64", [](uint64_t a, uint64_t b) { return a ^ b; });
}

template <class T> void shifts() {
  constexpr unsigned bits = sizeof(T) * 8;
  std::vector<T> a = integers<T>(6);
  std::vector<uint32_t> n(a.size());
  for (size_t k = 0; k < n.size(); ++k)
    n[k] = k % 7 == 0 ? uint32_t(k * 2654435761u) : uint32_t(k % (bits + 4));
  std::string b = ".b" + std::to_string(bits);
  auto left = apply<T, T, uint32_t>("shl" + b, "", a, n), right = apply<T, T, uint32_t>("shr" + suffix<T>(), "", a, n);
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(left[k], n[k] >= bits ? T(0) : T(uint64_t(a[k]) << n[k]));
    T most = std::is_signed_v<T> && a[k] < 0 ? T(-1) : T(0);
    EXPECT_EQ(right[k], n[k] >= bits ? most : T(a[k] >> n[k]));
  }
}
TEST(EmulatorIntegerForms, Shifts) {
  shifts<uint16_t>();
  shifts<int16_t>();
  shifts<uint32_t>();
  shifts<int32_t>();
  shifts<uint64_t>();
  shifts<int64_t>();
}

TEST(EmulatorIntegerForms, FunnelShiftsAndPermutations) {
  std::vector<uint32_t> a = integers<uint32_t>(7), b = integers<uint32_t>(8), n(a.size());
  for (size_t k = 0; k < n.size(); ++k)
    n[k] = uint32_t(k % 70);
  auto run = [&](const char *m) { return apply<uint32_t, uint32_t, uint32_t, uint32_t>(m, "", a, b, n); };
  auto lw = run("shf.l.wrap.b32"), lc = run("shf.l.clamp.b32"), rw = run("shf.r.wrap.b32"), rc = run("shf.r.clamp.b32");
  auto permuted = apply<uint32_t, uint32_t, uint32_t, uint32_t>("prmt.b32", "", a, b, a);
  auto logic = apply<uint32_t, uint32_t, uint32_t, uint32_t>("lop3.b32", ", 0xCA", a, b, n); // a ? b : c
  for (size_t k = 0; k < a.size(); ++k) {
    uint32_t wrap = n[k] & 31, clamp = std::min(n[k], 32u);
    unsigned __int128 both = uint64_t(b[k]) << 32 | a[k];
    EXPECT_EQ(lw[k], uint32_t((both << wrap) >> 32));
    EXPECT_EQ(lc[k], uint32_t((both << clamp) >> 32));
    EXPECT_EQ(rw[k], uint32_t(both >> wrap));
    EXPECT_EQ(rc[k], uint32_t(both >> clamp));
    uint32_t bytes = 0;
    for (unsigned j = 0; j < 4; ++j) {
      unsigned select = a[k] >> (4 * j) & 15;
      auto byte = int8_t(both >> (8 * (select & 7)));
      bytes |= uint32_t(uint8_t(select & 8 ? (byte < 0 ? -1 : 0) : byte)) << (8 * j);
    }
    EXPECT_EQ(permuted[k], bytes);
    EXPECT_EQ(logic[k], (a[k] & b[k]) | (~a[k] & n[k]));
  }
}

template <class T> void bitFields() {
  constexpr unsigned bits = sizeof(T) * 8;
  using U = std::make_unsigned_t<T>;
  std::vector<T> a = integers<T>(9), b = integers<T>(10);
  std::vector<uint32_t> position(a.size()), length(a.size());
  for (size_t k = 0; k < a.size(); ++k) {
    position[k] = uint32_t(k * 7 % (bits + 8));
    length[k] = uint32_t(k * 5 % (bits + 8));
  }
  auto extracted = apply<T, T, uint32_t, uint32_t>("bfe" + suffix<T>(), "", a, position, length);
  std::vector<uint32_t> both(a.size()); // position and length in one source
  for (size_t k = 0; k < a.size(); ++k)
    both[k] = position[k] | length[k] << 8;
  auto inserted = apply<T, T, T, uint32_t>("and.b32 %r150, %r103, 255; shr.u32 %r151, %r103, 8; bfi.b" +
                                               std::to_string(bits) + " " + reg<T>(0) + ", " + reg<T>(1) + ", " +
                                               reg<T>(2) + ", %r150, %r151; mov.u32 %r152, 0; //",
                                           "", a, b, both);
  for (size_t k = 0; k < a.size(); ++k) {
    // The pseudo code of the PTX ISA.
    unsigned msb = bits - 1, pos = position[k], len = length[k];
    bool sign = false;
    if (std::is_signed_v<T> && len)
      sign = U(a[k]) >> std::min(pos + len - 1, msb) & 1;
    U d = 0;
    for (unsigned j = 0; j <= msb; ++j) {
      bool bit = j < len && pos + j <= msb ? U(a[k]) >> (pos + j) & 1 : sign;
      d |= U(bit) << j;
    }
    EXPECT_EQ(extracted[k], T(d)) << pos << " " << len;
    U f = U(b[k]);
    for (unsigned j = 0; j < len && pos + j <= msb; ++j)
      f = (f & ~(U(1) << (pos + j))) | ((U(a[k]) >> j & 1) << (pos + j));
    EXPECT_EQ(inserted[k], T(f)) << pos << " " << len;
  }
}
TEST(EmulatorIntegerForms, BitFields) {
  bitFields<uint32_t>();
  bitFields<int32_t>();
  bitFields<uint64_t>();
  bitFields<int64_t>();
}

} // namespace
} // namespace attn::emu::test
