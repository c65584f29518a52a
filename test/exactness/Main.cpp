//===- Main.cpp - Writes docs/exactness.md, or the rows of one mask ---------===//
#include "test/exactness/Report.h"

#include <cstdio>

using namespace attn::exactness;

/// Rows of all masks, or of the one called `only`.
static void table(const char *title, int64_t length, int rowTiles, const std::string &only) {
  std::printf("\n## %s\n\n| mask | heads | tiles | visited | must be | partial | must be | plan reads, bytes |\n"
              "|---|--:|--:|--:|--:|--:|--:|--:|\n",
              title);
  for (const Case &test : cases()) {
    if (!only.empty() && only != test.name)
      continue;
    std::printf("%s\n", rowOf(test, length, rowTiles).c_str());
    std::fflush(stdout);
  }
}

int main(int argc, char **argv) {
  std::string only = argc > 1 ? argv[1] : "";
  std::printf(
      R"(# Mask exactness

The loops that attn generates visit a key tile exactly if it holds a visible pair of the row tile, and run mask code exactly if
it holds a masked one as well. Below are the key tiles (of 64 keys) that the loops of the compiled pattern visit and mask,
beside the counts of a brute force that evaluates every pair and shares no code with them. `test/exactness` holds the masks and
compares tile by tile: also at other lengths, in the decode form, and for every pattern in `patterns/` without a grid.
Written by `build/dev/bin/attn-exactness > docs/exactness.md`.

Masks of positions, heads and scalars need no plan. For operands the plan reads a tensor once if something is promised of it
(`domain`), and not at all otherwise; the loops read what they need.
)");
  table("4096 queries and keys, every tile of 64 rows", 4096, 0, only);
  table("1,048,576 queries and keys, 20 random row tiles of 16 rows", millionKeys, millionTiles, only);
}
