// Integer arithmetic, bits, shifts.
#include "runtime/device/emulator/Lanes.h"

#include <algorithm>
#include <type_traits>

namespace attn::emu {
namespace {

template <class T> struct TwiceOf;
template <> struct TwiceOf<uint16_t> {
  using type = uint32_t;
};
template <> struct TwiceOf<int16_t> {
  using type = int32_t;
};
template <> struct TwiceOf<uint32_t> {
  using type = uint64_t;
};
template <> struct TwiceOf<int32_t> {
  using type = int64_t;
};
template <> struct TwiceOf<uint64_t> {
  using type = unsigned __int128;
};
template <> struct TwiceOf<int64_t> {
  using type = __int128;
};
template <class T> using Twice = typename TwiceOf<T>::type;
template <class T> constexpr unsigned Bits = sizeof(T) * 8;

ATTN_SIMD_BEGIN

// Wrapping arithmetic is done unsigned and at least 32 bits wide, where overflow is defined.
template <class T> using Wrap = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> struct Add {
  static T apply(T a, T b) { return T(Wrap<T>(a) + Wrap<T>(b)); }
};
template <class T> struct Sub {
  static T apply(T a, T b) { return T(Wrap<T>(a) - Wrap<T>(b)); }
};
template <class T> struct Mul {
  static T apply(T a, T b) { return T(Wrap<T>(a) * Wrap<T>(b)); }
};
template <class T> struct Mad {
  static T apply(T a, T b, T c) { return T(Wrap<T>(a) * Wrap<T>(b) + Wrap<T>(c)); }
};
template <class T> struct MulHi {
  static T apply(T a, T b) { return T(Twice<T>(a) * b >> Bits<T>); }
};
template <class T> struct MadHi {
  static T apply(T a, T b, T c) { return Add<T>::apply(MulHi<T>::apply(a, b), c); }
};
template <class T> struct MulWide {
  static Twice<T> apply(T a, T b) { return Twice<T>(a) * Twice<T>(b); }
};
template <class T> struct MadWide {
  static Twice<T> apply(T a, T b, Twice<T> c) { return Add<Twice<T>>::apply(Twice<T>(a) * Twice<T>(b), c); }
};
// Division by zero gives all ones, as devices do; the ISA leaves it open.
template <class T> struct Div {
  static T apply(T a, T b) {
    return b == 0 ? T(-1) : std::is_signed_v<T> && b == T(-1) ? Sub<T>::apply(0, a) : T(a / b);
  }
};
template <class T> struct Rem {
  static T apply(T a, T b) { return b == 0 ? a : std::is_signed_v<T> && b == T(-1) ? T(0) : T(a % b); }
};
template <class T> struct Min {
  static T apply(T a, T b) { return a < b ? a : b; }
};
template <class T> struct Max {
  static T apply(T a, T b) { return a > b ? a : b; }
};
template <class T> struct Abs {
  static T apply(T a) { return a < 0 ? Sub<T>::apply(0, a) : a; }
};
template <class T> struct Neg {
  static T apply(T a) { return Sub<T>::apply(0, a); }
};
template <class T> struct And {
  static T apply(T a, T b) { return a & b; }
};
template <class T> struct Or {
  static T apply(T a, T b) { return a | b; }
};
template <class T> struct Xor {
  static T apply(T a, T b) { return a ^ b; }
};
template <class T> struct Not {
  static T apply(T a) { return T(~a); }
};
template <class T> struct Shl {
  static T apply(T a, uint32_t n) { return n >= Bits<T> ? T(0) : T(Wrap<T>(a) << (n & 63)); }
};
template <class T> struct Shr {
  static T apply(T a, uint32_t n) {
    uint32_t most = Bits<T> - 1;
    return n > most && !std::is_signed_v<T> ? T(0) : T(a >> (n < most ? n : most));
  }
};
template <bool Left, bool Wrapped> struct Funnel {
  static uint32_t apply(uint32_t low, uint32_t high, uint32_t n) {
    n = Wrapped ? n & 31 : n < 32 ? n : 32;
    uint64_t both = uint64_t(high) << 32 | low;
    return Left ? uint32_t((both << n) >> 32) : uint32_t(both >> n);
  }
};
template <class T> struct BitFieldExtract {
  static T apply(T a, uint32_t position, uint32_t length) {
    position &= 255, length &= 255;
    if (!length)
      return 0;
    uint32_t signAt = std::min(position + length - 1, Bits<T> - 1);
    bool sign = std::is_signed_v<T> && (Wrap<T>(a) >> signAt & 1);
    Wrap<T> bits = position < Bits<T> ? Wrap<T>(a) >> position : 0;
    uint32_t known = position >= Bits<T> ? 0 : std::min(length, Bits<T> - position);
    Wrap<T> mask = known >= Bits<T> ? ~Wrap<T>(0) : (Wrap<T>(1) << known) - 1;
    return T((bits & mask) | (sign ? ~mask : 0));
  }
};
template <class T> struct BitFieldInsert {
  static T apply(T a, T b, uint32_t position, uint32_t length) {
    position &= 255, length &= 255;
    if (position >= Bits<T>)
      return b;
    T mask = T((length >= Bits<T> ? ~T(0) : T((T(1) << length) - 1)) << position);
    return T((b & ~mask) | (T(a << position) & mask));
  }
};
template <class T> struct PopCount {
  static uint32_t apply(T a) { return uint32_t(__builtin_popcountll(a)); }
};
template <class T> struct LeadingZeros {
  static uint32_t apply(T a) { return a ? uint32_t(__builtin_clzll(a)) - (64 - Bits<T>) : Bits<T>; }
};
template <class T> struct Reverse {
  static T apply(T a) {
    T reversed = 0;
    for (unsigned bit = 0; bit < Bits<T>; ++bit)
      reversed = T(reversed << 1 | (a >> bit & 1));
    return reversed;
  }
};
struct Permute {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t selector) {
    uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (unsigned k = 0; k < 4; ++k) {
      uint32_t select = selector >> (4 * k) & 15;
      uint32_t byte = bytes >> (8 * (select & 7)) & 0xff;
      if (select & 8) // replicate the sign
        byte = byte & 0x80 ? 0xff : 0;
      result |= byte << (8 * k);
    }
    return result;
  }
};

Step lop3(Warp &w, const Instr &i, Lanes lanes) {
  const uint32_t *a = w.row<uint32_t>(i.r[1]), *b = w.row<uint32_t>(i.r[2]), *c = w.row<uint32_t>(i.r[3]);
  uint32_t result[32];
  for (unsigned l = 0; l < 32; ++l) {
    result[l] = 0;
    for (unsigned k = 0; k < 8; ++k)
      if (i.imm >> k & 1)
        result[l] |= (k & 4 ? a[l] : ~a[l]) & (k & 2 ? b[l] : ~b[l]) & (k & 1 ? c[l] : ~c[l]);
  }
  uint32_t *d = w.row<uint32_t>(i.r[0]);
  for (unsigned l = 0; l < 32; ++l)
    d[l] = lanes >> l & 1 ? result[l] : d[l];
  return Step::Next;
}

ATTN_SIMD_END

template <class T> void addArithmetic(FormTable &t, const std::string &type) {
  addLanewise<Add<T>, T, T, T>(t, "add." + type);
  addLanewise<Sub<T>, T, T, T>(t, "sub." + type);
  addLanewise<Mul<T>, T, T, T>(t, "mul.lo." + type);
  addLanewise<MulHi<T>, T, T, T>(t, "mul.hi." + type);
  addLanewise<Mad<T>, T, T, T, T>(t, "mad.lo." + type);
  addLanewise<MadHi<T>, T, T, T, T>(t, "mad.hi." + type);
  addLanewise<Div<T>, T, T, T>(t, "div." + type);
  addLanewise<Rem<T>, T, T, T>(t, "rem." + type);
  addLanewise<Min<T>, T, T, T>(t, "min." + type);
  addLanewise<Max<T>, T, T, T>(t, "max." + type);
  addLanewise<Shr<T>, T, T, uint32_t>(t, "shr." + type);
  if constexpr (sizeof(T) < 8) {
    addLanewise<MulWide<T>, Twice<T>, T, T>(t, "mul.wide." + type);
    addLanewise<MadWide<T>, Twice<T>, T, T, Twice<T>>(t, "mad.wide." + type);
  }
  if constexpr (std::is_signed_v<T>) {
    addLanewise<Abs<T>, T, T>(t, "abs." + type);
    addLanewise<Neg<T>, T, T>(t, "neg." + type);
  }
  if constexpr (sizeof(T) >= 4)
    addLanewise<BitFieldExtract<T>, T, T, uint32_t, uint32_t>(t, "bfe." + type);
}

template <class T> void addBits(FormTable &t, const std::string &type) {
  addLanewise<And<T>, T, T, T>(t, "and." + type);
  addLanewise<Or<T>, T, T, T>(t, "or." + type);
  addLanewise<Xor<T>, T, T, T>(t, "xor." + type);
  addLanewise<Not<T>, T, T>(t, "not." + type);
  addLanewise<Shl<T>, T, T, uint32_t>(t, "shl." + type);
  addLanewise<Shr<T>, T, T, uint32_t>(t, "shr." + type);
  if constexpr (sizeof(T) >= 4) {
    addLanewise<BitFieldInsert<T>, T, T, T, uint32_t, uint32_t>(t, "bfi." + type);
    addLanewise<PopCount<T>, uint32_t, T>(t, "popc." + type);
    addLanewise<LeadingZeros<T>, uint32_t, T>(t, "clz." + type);
    addLanewise<Reverse<T>, T, T>(t, "brev." + type);
  }
}

} // namespace

void addIntegerForms(FormTable &t) {
  addArithmetic<uint16_t>(t, "u16");
  addArithmetic<int16_t>(t, "s16");
  addArithmetic<uint32_t>(t, "u32");
  addArithmetic<int32_t>(t, "s32");
  addArithmetic<uint64_t>(t, "u64");
  addArithmetic<int64_t>(t, "s64");
  addBits<uint16_t>(t, "b16");
  addBits<uint32_t>(t, "b32");
  addBits<uint64_t>(t, "b64");
  addLanewise<Funnel<true, true>, uint32_t, uint32_t, uint32_t, uint32_t>(t, "shf.l.wrap.b32");
  addLanewise<Funnel<true, false>, uint32_t, uint32_t, uint32_t, uint32_t>(t, "shf.l.clamp.b32");
  addLanewise<Funnel<false, true>, uint32_t, uint32_t, uint32_t, uint32_t>(t, "shf.r.wrap.b32");
  addLanewise<Funnel<false, false>, uint32_t, uint32_t, uint32_t, uint32_t>(t, "shf.r.clamp.b32");
  addLanewise<Permute, uint32_t, uint32_t, uint32_t, uint32_t>(t, "prmt.b32");
  t.add("lop3.b32", "w=wwwi", lop3);
}

} // namespace attn::emu
