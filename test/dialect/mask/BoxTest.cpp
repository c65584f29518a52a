//===- BoxTest.cpp - Box programs against every pair -----------------------===//
//
// ATTN_SEED chooses the cases, ATTN_PROPERTY_PAIRS (see PropertyTest.cpp) their number.
//===----------------------------------------------------------------------===//
#include "dialect/mask/BoxProgram.h"
#include "dialect/mask/Evaluate.h"
#include "test/dialect/mask/RandomExpr.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <set>

using namespace attn::mask;
using namespace attn::mask::test;

namespace {

/// One axis of a neighbourhood as NATTEN's reference mask defines it (arXiv 2504.16922).
struct Axis {
  int64_t size, window, stride, dilation;
  bool causal;
};

bool sees(const Axis &a, int64_t query, int64_t key) {
  if (query % a.dilation != key % a.dilation)
    return false;
  int64_t x = query / a.dilation, y = key / a.dilation, residue = query % a.dilation;
  int64_t length = (a.size - residue + a.dilation - 1) / a.dilation;
  int64_t left = a.window / 2, right = a.window / 2 + a.window % 2 - 1;
  if (a.causal) {
    int64_t leader = std::min(x / a.stride * a.stride + a.stride - 1, length - 1);
    return std::max<int64_t>(leader - left - right, 0) <= y && y <= x;
  }
  int64_t leader = std::min(x / a.stride * a.stride + a.stride / 2, length - 1);
  int64_t start = std::max<int64_t>(leader - left, 0);
  if (leader + right >= length)
    start += length - right - leader - 1;
  return start <= y && y < start + a.window;
}

Expr sym(const char *name) { return Expr::symbol(name); }
Expr op(Op o, Expr a, Expr b) { return Expr::make(o, {std::move(a), std::move(b)}); }
Expr num(int64_t n) { return Expr::integer(n); }

/// The same as an expression over coordinates, in the words of docs/spec-format.md.
Expr neighborhood(Expr x, Expr y, Expr size, Expr window, Expr stride, Expr dilation, bool causal, bool dilated) {
  std::vector<Expr> parts;
  if (dilated) {
    Expr residue = op(Op::Mod, x, dilation);
    parts.push_back(op(Op::Eq, residue, op(Op::Mod, y, dilation)));
    size = op(Op::FloorDiv, size - residue + dilation - num(1), dilation);
    x = op(Op::FloorDiv, x, dilation), y = op(Op::FloorDiv, y, dilation);
  }
  Expr group = op(Op::FloorDiv, x, stride) * stride;
  if (causal) {
    Expr leader = op(Op::Min, group + stride - num(1), size - num(1));
    parts.push_back(leader - y < window);
    parts.push_back(y <= x);
  } else {
    Expr start = group + op(Op::FloorDiv, stride, num(2)) - op(Op::FloorDiv, window, num(2));
    start = op(Op::Min, op(Op::Max, start, num(0)), op(Op::Max, size - window, num(0)));
    parts.push_back(start <= y);
    parts.push_back(y < start + window);
  }
  Expr all = parts[0];
  for (size_t i = 1; i < parts.size(); ++i)
    all = all && parts[i];
  return all;
}

struct Counts {
  int64_t tiles = 0, visited = 0, spurious = 0, evaluations = 0;
};

using Visible = std::function<bool(int64_t q, int64_t k)>;

/// Walks the boxes of keys of every box of queries as a kernel does. Returns what is wrong, or nothing.
std::string walk(const BoxProgram &program, const TokenGrid &grid, Environment env, const Visible &visible,
                 Counts &counts) {
  BoxLayout queries = boxLayout(grid, Side::Query), keys = boxLayout(grid, Side::Key);
  int64_t rows = grid.tile(Side::Query), tile = grid.tile(Side::Key);
  std::vector<Box> keyBoxes;
  std::multiset<int64_t> seenKeys, seenRows;
  for (int64_t n = 0, end = 1; n < end; ++n) {
    Box box = boxOf(grid, keys, Side::Key, n, env);
    end = box.boxes;
    if (n < end)
      keyBoxes.push_back(box);
    for (int64_t p : box.positions)
      if (n < end && p != Box::padding)
        seenKeys.insert(p);
  }
  for (int64_t n = 0, end = 1; n < end; ++n) {
    Box box = boxOf(grid, queries, Side::Query, n, env);
    end = box.boxes;
    if (n >= end)
      break;
    std::vector<int64_t> positions;
    for (int64_t p : box.positions)
      if (p != Box::padding)
        positions.push_back(p);
    seenRows.insert(positions.begin(), positions.end());
    if (positions.empty())
      continue;
    env.values[".row0"] = n * rows;
    int64_t k0 = 0;
    for (size_t kept = 0; kept < keyBoxes.size();) {
      env.values[".k0"] = k0;
      ++counts.evaluations;
      auto [kind, next, last] = program.classify(env);
      if (last != int64_t(keyBoxes.size()) * tile || next <= k0 || next > last || next % tile != 0)
        return "next is " + std::to_string(next) + " of " + std::to_string(last);
      for (; k0 < next; k0 += tile, ++kept) {
        bool any = false, all = true;
        for (int64_t key : keyBoxes[kept].positions) {
          for (int64_t query : positions) {
            bool hit = key != Box::padding && visible(query, key);
            any |= hit, all &= hit;
          }
        }
        TileClass truth = !any ? TileClass::Empty : all ? TileClass::Full : TileClass::Partial;
        ++counts.tiles;
        counts.visited += kind != TileClass::Empty;
        counts.spurious += kind == TileClass::Partial && truth != TileClass::Partial;
        if (kind != truth && kind != TileClass::Partial)
          return "box " + std::to_string(n) + " and key box " + std::to_string(kept) + ": " + std::to_string(int(kind)) +
                 " instead of " + std::to_string(int(truth));
      }
    }
  }
  // Every position is in one box.
  int64_t q = env.values[".q_pos"], k = 0;
  for (int64_t p : seenRows)
    if (p != q++)
      return "query " + std::to_string(q - 1) + " is in no box or in two";
  for (int64_t p : seenKeys)
    if (p != k++)
      return "key " + std::to_string(k - 1) + " is in no box or in two";
  if (q != env.values[".q_pos"] + env.values["q_len"] || k != env.values["kv_len"])
    return "a position is in no box";
  return {};
}

/// A random grid with boxes; sizes as constants or as parameters x0, x1, x2 and dilations d0, d1, d2.
struct Case {
  TokenGrid grid;
  std::vector<Axis> axes;
  Expr mask;
  Environment env;
  std::set<std::string> positive;
  std::string text;
};

Case randomCase(RandomExpr &random) {
  Case c;
  size_t rank = random.between(1, 3);
  int64_t most = rank == 1 ? 40 : rank == 2 ? 11 : 6, product = 1;
  bool symbolic = random.between(0, 1);
  for (size_t i = 0; i < rank; ++i) {
    Axis a;
    a.size = random.between(1, most);
    a.dilation = random.between(0, 2) ? 1 : random.between(1, 4);
    int64_t longest = (a.size - (a.dilation - 1) + a.dilation - 1) / a.dilation; // of the shortest residue
    a.window = random.between(1, std::max<int64_t>(longest, 1));
    a.stride = random.between(1, a.window);
    a.causal = random.between(0, 2) == 0;
    c.axes.push_back(a);
    product *= a.size;
    auto value = [&](const char *name, int64_t number) {
      std::string full = name + std::to_string(i);
      c.env.values[full] = number;
      c.positive.insert(full);
      return symbolic ? Expr::symbol(full) : num(number);
    };
    bool dilated = symbolic || a.dilation > 1;
    Expr dilation = value("d", a.dilation);
    c.grid.axes.push_back({value("x", a.size), dilated ? dilation : num(1), random.between(1, 4), random.between(1, 4)});
  }
  for (size_t i = 0; i < rank; ++i) {
    const Axis &a = c.axes[i];
    auto value = [&](const char *name, int64_t number) {
      std::string full = name + std::to_string(i);
      c.env.values[full] = number;
      c.positive.insert(full);
      return symbolic ? Expr::symbol(full) : num(number);
    };
    Expr part = neighborhood(coordinateOf(c.grid, Side::Query, i), coordinateOf(c.grid, Side::Key, i),
                             c.grid.axes[i].size, value("w", a.window), value("s", a.stride), c.grid.axes[i].dilation,
                             a.causal, symbolic || a.dilation > 1);
    c.mask = c.mask ? c.mask && part : part;
    c.text += " size " + std::to_string(a.size) + " window " + std::to_string(a.window) + " stride " +
              std::to_string(a.stride) + " dilation " + std::to_string(a.dilation) + (a.causal ? " causal" : "") +
              " boxes " + std::to_string(c.grid.axes[i].rows) + "/" + std::to_string(c.grid.axes[i].keys) + ";";
  }
  c.env.values["kv_len"] = c.env.values["q_len"] = product;
  c.env.values[".q_pos"] = 0;
  return c;
}

bool isVisible(const Case &c, int64_t q, int64_t k) {
  for (size_t i = c.axes.size(); i-- > 0;) {
    int64_t size = c.axes[i].size;
    if (!sees(c.axes[i], i ? q % size : q, i ? k % size : k))
      return false;
    q /= size, k /= size;
  }
  return true;
}

int64_t cases() { return setting("ATTN_PROPERTY_PAIRS", 1000000) / 2500; }

} // namespace

TEST(Box, NeighborhoodsAreExact) {
  RandomExpr random(setting("ATTN_SEED", 1));
  Counts counts;
  for (int64_t i = 0; i < cases(); ++i) {
    Case c = randomCase(random);
    for (size_t a = 0; a < c.axes.size(); ++a) // the dilation is found in the mask
      if (c.axes[a].dilation > 1 && c.axes[a].size > 1)
        ASSERT_EQ(dilationOf(overCoordinates(c.mask, c.grid), a), c.grid.axes[a].dilation) << c.mask.str();
    BoxProgram program = BoxProgram::compile(c.mask, c.grid, c.positive);
    std::string wrong =
        walk(program, c.grid, c.env, [&](int64_t q, int64_t k) { return isVisible(c, q, k); }, counts);
    ASSERT_EQ(wrong, "") << c.text << "\n" << c.mask.str();
    ASSERT_EQ(counts.spurious, 0) << c.text << "\n" << c.mask.str();
  }
  std::printf("%lld boxes, %lld visited, %lld evaluations\n", (long long)counts.tiles, (long long)counts.visited,
              (long long)counts.evaluations);
}

TEST(Box, PartsOfASequence) { // q_len != kv_len, and lengths that end within a row of the grid
  RandomExpr random(setting("ATTN_SEED", 1) + 1);
  Counts counts;
  for (int64_t i = 0; i < cases(); ++i) {
    Case c = randomCase(random);
    int64_t keys = c.env.values["kv_len"];
    keys = c.env.values["kv_len"] = random.between(1, keys + 5);
    c.env.values[".q_pos"] = random.between(-5, keys - 1);
    c.env.values["q_len"] = random.between(1, keys + 5 - c.env.values[".q_pos"]);
    BoxProgram program = BoxProgram::compile(c.mask, c.grid, c.positive);
    auto visible = [&](int64_t q, int64_t k) {
      c.env.values["q"] = q, c.env.values["k"] = k;
      return evaluate(c.mask, c.env).integer != 0;
    };
    ASSERT_EQ(walk(program, c.grid, c.env, visible, counts), "") << c.text << "\n" << c.mask.str();
  }
  std::printf("%lld boxes, %lld of %lld visited without need\n", (long long)counts.tiles, (long long)counts.spurious,
              (long long)counts.visited);
}

TEST(Box, AnyMaskIsSound) {
  RandomExpr random(setting("ATTN_SEED", 1) + 2);
  Counts counts;
  for (int64_t i = 0; i < cases(); ++i) {
    Case c = randomCase(random);
    Environment env = random.environment(c.env.values["kv_len"]);
    c.env.values.insert(env.values.begin(), env.values.end());
    c.env.tensors = env.tensors, c.env.reals = env.reals;
    c.env.values["h"] = 1;
    Expr mask = random.between(0, 2) ? random.anyMask() : random.exactMask();
    // Often over coordinates of the grid instead of q and k.
    size_t axis = random.between(0, c.axes.size() - 1);
    if (random.between(0, 1))
      mask = mask.substitute([&](const std::string &name) {
        return name == "q"   ? coordinateOf(c.grid, Side::Query, axis)
               : name == "k" ? coordinateOf(c.grid, Side::Key, axis)
                             : Expr();
      });
    if (random.between(0, 1))
      mask = random.between(0, 1) ? mask && c.mask : mask || c.mask;
    bool defined = true;
    auto visible = [&](int64_t q, int64_t k) {
      c.env.values["q"] = q, c.env.values["k"] = k;
      Value value = evaluate(mask, c.env);
      defined &= value.ok(); // not ok: a zero divisor, the caller's mistake
      return value.ok() && value.integer != 0;
    };
    BoxProgram program = BoxProgram::compile(mask, c.grid, c.positive);
    std::string wrong = walk(program, c.grid, c.env, visible, counts);
    if (defined)
      ASSERT_EQ(wrong, "") << c.text << "\n" << mask.str();
  }
  std::printf("%lld boxes, %lld of %lld visited without need\n", (long long)counts.tiles, (long long)counts.spurious,
              (long long)counts.visited);
}

TEST(Box, LargeGridsEndEarly) { // a grid far larger than the sequence has no more boxes than positions
  TokenGrid grid;
  grid.axes = {{num(1), num(1), 2, 2}, {sym("x1"), sym("d1"), 2, 2}, {sym("x2"), sym("d2"), 2, 2}};
  Environment env;
  env.values = {{"kv_len", 100},        {"q_len", 100},         {".q_pos", 0},           {"x1", (1ll << 31) - 1},
                {"x2", (1ll << 31) - 1}, {"d1", (1ll << 31) - 1}, {"d2", (1ll << 31) - 1}};
  Box box = boxOf(grid, boxLayout(grid, Side::Key), Side::Key, 7, env);
  EXPECT_EQ(box.boxes, 100);
  int64_t no = Box::padding;
  EXPECT_EQ(box.positions, (std::vector<int64_t>{7, no, no, no, no, no, no, no}));
}

TEST(Box, SlabsAreSkipped) { // 2-D, 64 x 64, window 7 x 7: evaluations of the order of the visited boxes
  TokenGrid grid;
  grid.axes = {{num(64), num(1), 8, 8}, {num(64), num(1), 12, 8}};
  Expr mask = Expr::boolean(true);
  for (size_t i : {0, 1})
    mask = mask && neighborhood(coordinateOf(grid, Side::Query, i), coordinateOf(grid, Side::Key, i), num(64), num(7),
                                num(1), num(1), false, false);
  Environment env;
  env.values = {{"kv_len", 4096}, {"q_len", 4096}, {".q_pos", 0}};
  Counts counts;
  Case c{grid, {{64, 7, 1, 1, false}, {64, 7, 1, 1, false}}, mask, env, {}, {}};
  ASSERT_EQ(walk(BoxProgram::compile(mask, grid), grid, env,
                 [&](int64_t q, int64_t k) { return isVisible(c, q, k); }, counts),
            "");
  EXPECT_EQ(counts.spurious, 0);
  EXPECT_LT(counts.evaluations, counts.tiles / 2);
  EXPECT_LT(counts.visited, counts.tiles / 6);
}
