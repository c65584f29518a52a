//===- Apply.h - One instruction over many values ------------------*- C++ -*-===//
#ifndef ATTN_TEST_RUNTIME_EMULATOR_APPLY_H
#define ATTN_TEST_RUNTIME_EMULATOR_APPLY_H

#include "test/runtime/emulator/Snippet.h"

#include <limits>
#include <type_traits>

namespace attn::emu::test {

/// The register of a type, number n.
template <class T> std::string reg(int n) {
  const char *file = std::is_same_v<T, float>    ? "%f"
                     : std::is_same_v<T, double> ? "%fd"
                     : sizeof(T) == 2            ? "%h"
                     : sizeof(T) == 4            ? "%r"
                                                 : "%rd";
  return file + std::to_string(100 + n);
}
template <class T> std::string moveType() {
  return std::is_same_v<T, float> ? "f32" : std::is_same_v<T, double> ? "f64" : "b" + std::to_string(sizeof(T) * 8);
}

/// d[k] = mnemonic s[k]... for all k, in one launch of as many CTAs as it takes. `tail` goes behind the operands.
/// Runs twice: with full warps, and with the odd lanes alone, which must leave the other elements as they were.
template <class D, class... S>
std::vector<D> apply(const std::string &mnemonic, const std::string &tail, const std::vector<S> &...sources) {
  size_t counts[] = {sources.size()...};
  size_t count = (counts[0] + 31) / 32 * 32;
  std::vector<D> result(count), odd(count);
  std::vector<std::vector<char>> keep;
  for (int half = 0; half < 2; ++half) {
    std::string body = "mov.u32 %r1, %ctaid.x;\nmad.lo.s32 %r2, %r1, 32, %r0;\n", operands = reg<D>(0);
    int number = 1;
    auto load = [&](auto sample) {
      using T = decltype(sample);
      std::string n = std::to_string(number);
      body += "mul.wide.u32 %rd10, %r2, " + std::to_string(sizeof(T)) + ";\nadd.s64 %rd11, %rd" + n + ", %rd10;\n";
      body += "ld.global." + moveType<T>() + " " + reg<T>(number) + ", [%rd11];\n";
      operands += ", " + reg<T>(number++);
    };
    (load(S()), ...);
    if (half)
      body += "and.b32 %r3, %r0, 1;\nsetp.eq.s32 %p1, %r3, 0;\n@%p1 bra END;\n";
    body += mnemonic + " " + operands + tail + ";\n;mul.wide.u32 %rd10, %r2, " + std::to_string(sizeof(D)) +
            ";\nadd.s64 %rd11, %rd0, %rd10;\nst.global." + moveType<D>() + " [%rd11], " + reg<D>(0) + ";\nEND:\n";
    Snippet snippet(body);
    snippet.buffer(half ? odd : result);
    auto add = [&](auto values) {
      values.resize(count);
      keep.emplace_back(reinterpret_cast<char *>(values.data()), reinterpret_cast<char *>(values.data() + count));
      snippet.buffer(keep.back(), false);
    };
    keep.reserve(8);
    (add(sources), ...);
    snippet.launch.grid = {uint32_t(count / 32), 1, 1};
    snippet.ok();
  }
  for (size_t k = 1; k < count; k += 2)
    EXPECT_EQ(memcmp(&result[k], &odd[k], sizeof(D)), 0) << mnemonic << " in lane " << k % 32 << " of half a warp";
  result.resize(counts[0]);
  return result;
}
template <class D, class S> std::vector<D> apply(const std::string &m, const std::vector<S> &s) {
  return apply<D, S>(m, "", s);
}

/// Edge values of an integer type and random ones.
template <class T> std::vector<T> integers(unsigned seed, size_t count = 512) {
  std::vector<T> values;
  using U = std::make_unsigned_t<T>;
  std::mt19937_64 random(seed);
  for (U u : {U(0), U(1), U(2), U(3), U(-1), U(-2), U(U(1) << (sizeof(T) * 8 - 1)), U(~(U(1) << (sizeof(T) * 8 - 1)))})
    values.push_back(T(u));
  while (values.size() < count) {
    uint64_t r = random();
    values.push_back(T(r >> (random() % (sizeof(T) * 8)))); // of all magnitudes
  }
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

/// Edge values of float and double and random bit patterns.
template <class T> std::vector<T> floats(unsigned seed, size_t count = 1024) {
  using L = std::numeric_limits<T>;
  std::vector<T> values = {0,
                           -T(0),
                           1,
                           -1,
                           T(0.5),
                           T(1.5),
                           2,
                           L::max(),
                           -L::max(),
                           L::min(),
                           -L::min(),
                           L::denorm_min(),
                           -L::denorm_min(),
                           L::infinity(),
                           -L::infinity(),
                           L::quiet_NaN(),
                           T(3.14159265),
                           T(1e10),
                           T(-1e-10),
                           T(126.5)};
  std::mt19937_64 random(seed);
  while (values.size() < count) {
    uint64_t bits = random();
    T value;
    memcpy(&value, &bits, sizeof value);
    values.push_back(random() % 2 ? value : T(std::normal_distribution<double>()(random)) * 8);
  }
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

/// Bit equality, but any NaN equals any NaN.
template <class T> void expectSame(const std::string &what, T got, T want) {
  if (got != got && want != want)
    return;
  EXPECT_EQ(memcmp(&got, &want, sizeof(T)), 0) << what << ": got " << double(got) << ", want " << double(want);
}

} // namespace attn::emu::test

#endif // ATTN_TEST_RUNTIME_EMULATOR_APPLY_H
