// Predicates: setp, selp, testp and logic on them.
#include "runtime/device/emulator/Numeric.h"

namespace attn::emu {
namespace {

enum Combine { NoCombine, CombineAnd, CombineOr, CombineXor, TwoResults = 4 };

ATTN_SIMD_BEGIN

inline float number(Half h) { return toFloat(h); }
inline float number(BFloat b) { return toFloat(b); }
template <class T> T number(T t) { return t; }

struct Eq {
  template <class T> static bool apply(T a, T b) { return a == b; }
};
struct Ne {
  template <class T> static bool apply(T a, T b) { return a < b || a > b; }
}; // false for NaN
struct Lt {
  template <class T> static bool apply(T a, T b) { return a < b; }
};
struct Le {
  template <class T> static bool apply(T a, T b) { return a <= b; }
};
struct Gt {
  template <class T> static bool apply(T a, T b) { return a > b; }
};
struct Ge {
  template <class T> static bool apply(T a, T b) { return a >= b; }
};
/// True also if an operand is NaN.
template <class Ordered> struct OrNaN {
  template <class T> static bool apply(T a, T b) { return Ordered::apply(a, b) || a != a || b != b; }
};
struct Num {
  template <class T> static bool apply(T a, T b) { return a == a && b == b; }
};
struct Nan {
  template <class T> static bool apply(T a, T b) { return a != a || b != b; }
};

template <class Compare, class T> Lanes compare(const T *a, const T *b) {
  Lanes result = 0;
  for (unsigned l = 0; l < 32; ++l)
    result |= Lanes(Compare::apply(number(a[l]), number(b[l]))) << l;
  return result;
}

template <class T> void select(T *d, const T *a, const T *b, Lanes choice, Lanes lanes) {
  ATTN_INDEPENDENT
  for (unsigned l = 0; l < 32; ++l) {
    T chosen = choice >> l & 1 ? a[l] : b[l];
    d[l] = lanes >> l & 1 ? chosen : d[l];
  }
}

ATTN_SIMD_END

void setPredicate(Warp &w, uint32_t row, Lanes value, Lanes lanes) {
  Lanes *p = w.row<Lanes>(row);
  *p = (*p & ~lanes) | (value & lanes);
}

template <class Compare, class T> Step setp(Warp &w, const Instr &i, Lanes lanes) {
  const uint32_t *r = i.r + (i.mode & TwoResults ? 2 : 1);
  Lanes result = compare<Compare>(w.row<T>(r[0]), w.row<T>(r[1])), opposite = ~result;
  if (unsigned combine = i.mode & 3) {
    Lanes c = w.predicate(r[2]);
    auto with = [&](Lanes p) { return combine == CombineAnd ? p & c : combine == CombineOr ? p | c : p ^ c; };
    result = with(result);
    opposite = with(opposite);
  }
  setPredicate(w, i.r[0], result, lanes);
  if (i.mode & TwoResults)
    setPredicate(w, i.r[1], opposite, lanes);
  return Step::Next;
}

template <class T> Step selp(Warp &w, const Instr &i, Lanes lanes) {
  select(w.row<T>(i.r[0]), w.row<T>(i.r[1]), w.row<T>(i.r[2]), w.predicate(i.r[3]), lanes);
  return Step::Next;
}

Step andPred(Warp &w, const Instr &i, Lanes lanes) {
  setPredicate(w, i.r[0], w.predicate(i.r[1]) & w.predicate(i.r[2]), lanes);
  return Step::Next;
}
Step orPred(Warp &w, const Instr &i, Lanes lanes) {
  setPredicate(w, i.r[0], w.predicate(i.r[1]) | w.predicate(i.r[2]), lanes);
  return Step::Next;
}
Step xorPred(Warp &w, const Instr &i, Lanes lanes) {
  setPredicate(w, i.r[0], w.predicate(i.r[1]) ^ w.predicate(i.r[2]), lanes);
  return Step::Next;
}
Step notPred(Warp &w, const Instr &i, Lanes lanes) {
  setPredicate(w, i.r[0], ~w.predicate(i.r[1]), lanes);
  return Step::Next;
}

enum FloatClass { Finite, Infinite, Number, NotANumber, Normal, Subnormal };
template <class T> Step testp(Warp &w, const Instr &i, Lanes lanes) {
  const T *a = w.row<T>(i.r[1]);
  Lanes result = 0;
  for (unsigned l = 0; l < 32; ++l) {
    bool is = false;
    switch (FloatClass(i.mode)) {
    case Finite: is = std::isfinite(a[l]); break;
    case Infinite: is = std::isinf(a[l]); break;
    case Number: is = !std::isnan(a[l]); break;
    case NotANumber: is = std::isnan(a[l]); break;
    case Normal: is = std::isnormal(a[l]); break;
    case Subnormal: is = std::fpclassify(a[l]) == FP_SUBNORMAL; break;
    }
    result |= Lanes(is) << l;
  }
  setPredicate(w, i.r[0], result, lanes);
  return Step::Next;
}

template <class Compare, class T> void addCompare(FormTable &t, const std::string &compare, const std::string &type) {
  static constexpr char x = letter<T>;
  static constexpr char plain[] = {'p', '=', x, x, 0}, combined[] = {'p', '=', x, x, 'p', 0};
  static constexpr char two[] = {'p', 'p', '=', x, x, 0}, both[] = {'p', 'p', '=', x, x, 'p', 0};
  const char *words[] = {"", ".and", ".or", ".xor"};
  for (unsigned combine = NoCombine; combine <= CombineXor; ++combine) {
    std::string name = "setp." + compare + words[combine] + "." + type;
    t.add(name, combine ? combined : plain, setp<Compare, T>, combine);
    t.add(name, combine ? both : two, setp<Compare, T>, combine | TwoResults);
  }
}

template <class T> void addOrdered(FormTable &t, const std::string &type) {
  addCompare<Eq, T>(t, "eq", type);
  addCompare<Ne, T>(t, "ne", type);
  addCompare<Lt, T>(t, "lt", type);
  addCompare<Le, T>(t, "le", type);
  addCompare<Gt, T>(t, "gt", type);
  addCompare<Ge, T>(t, "ge", type);
}

template <class T> void addUnsigned(FormTable &t, const std::string &type) {
  addOrdered<T>(t, type);
  addCompare<Lt, T>(t, "lo", type);
  addCompare<Le, T>(t, "ls", type);
  addCompare<Gt, T>(t, "hi", type);
  addCompare<Ge, T>(t, "hs", type);
}

template <class T> void addFloat(FormTable &t, const std::string &type) {
  addOrdered<T>(t, type);
  addCompare<OrNaN<Eq>, T>(t, "equ", type);
  addCompare<OrNaN<Ne>, T>(t, "neu", type);
  addCompare<OrNaN<Lt>, T>(t, "ltu", type);
  addCompare<OrNaN<Le>, T>(t, "leu", type);
  addCompare<OrNaN<Gt>, T>(t, "gtu", type);
  addCompare<OrNaN<Ge>, T>(t, "geu", type);
  addCompare<Num, T>(t, "num", type);
  addCompare<Nan, T>(t, "nan", type);
}

} // namespace

void addLogicForms(FormTable &t) {
  addCompare<Eq, uint16_t>(t, "eq", "b16");
  addCompare<Ne, uint16_t>(t, "ne", "b16");
  addCompare<Eq, uint32_t>(t, "eq", "b32");
  addCompare<Ne, uint32_t>(t, "ne", "b32");
  addCompare<Eq, uint64_t>(t, "eq", "b64");
  addCompare<Ne, uint64_t>(t, "ne", "b64");
  addUnsigned<uint16_t>(t, "u16");
  addUnsigned<uint32_t>(t, "u32");
  addUnsigned<uint64_t>(t, "u64");
  addOrdered<int16_t>(t, "s16");
  addOrdered<int32_t>(t, "s32");
  addOrdered<int64_t>(t, "s64");
  addFloat<float>(t, "f32");
  addFloat<double>(t, "f64");
  addFloat<Half>(t, "f16");
  addFloat<BFloat>(t, "bf16");
  for (const char *type : {"b16", "u16", "s16"})
    t.add(std::string("selp.") + type, "h=hhp", selp<uint16_t>);
  for (const char *type : {"b32", "u32", "s32", "f32"})
    t.add(std::string("selp.") + type, "w=wwp", selp<uint32_t>);
  for (const char *type : {"b64", "u64", "s64", "f64"})
    t.add(std::string("selp.") + type, "d=ddp", selp<uint64_t>);
  t.add("and.pred", "p=pp", andPred);
  t.add("or.pred", "p=pp", orPred);
  t.add("xor.pred", "p=pp", xorPred);
  t.add("not.pred", "p=p", notPred);
  const char *classes[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  for (unsigned k = 0; k < 6; ++k) {
    t.add(std::string("testp.") + classes[k] + ".f32", "p=w", testp<float>, k);
    t.add(std::string("testp.") + classes[k] + ".f64", "p=d", testp<double>, k);
  }
}

} // namespace attn::emu
