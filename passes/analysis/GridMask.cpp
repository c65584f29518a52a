//===- GridMask.cpp - A mask seen along the axes of a token grid -----------===//
#include "passes/analysis/GridMask.h"

#include "dialect/mask/Evaluate.h"

#include <algorithm>

using namespace attn::passes;
using namespace attn::mask;

GridMask GridMask::of(const Expr &mask, const TokenGrid &grid) {
  size_t rank = grid.axes.size();
  GridMask result;
  result.axes.assign(rank, Expr::boolean(true));
  Expr over = overCoordinates(mask, grid);
  std::vector<Expr> parts = over.op() == Op::And ? over.args() : std::vector<Expr>{over};
  for (const Expr &part : parts) {
    std::set<std::string> symbols, tensors;
    part.collect(symbols, tensors);
    bool isFree = tensors.empty() && !symbols.count("q") && !symbols.count("k") && !symbols.count("h") &&
                  !symbols.count("g") && !symbols.count("b") && !symbols.count("l");
    std::vector<size_t> axes;
    for (size_t i = 0; i < rank; ++i)
      if (symbols.count(coordinateSymbol(Side::Query, i).name()) || symbols.count(coordinateSymbol(Side::Key, i).name()))
        axes.push_back(i);
    result.usesGrid |= !axes.empty();
    if (!isFree || axes.size() > 1) {
      result.isProduct = false;
      continue;
    }
    Expr &axis = result.axes[axes.empty() ? 0 : axes[0]];
    axis = axis.isConst() ? part : axis && part;
  }
  if (rank == 1)
    result.usesGrid = dilationOf(over, 0) != Expr::integer(1);
  return result;
}

bool GridMask::sees(size_t axis, int64_t query, int64_t key, Environment &env) const {
  env.values[coordinateSymbol(Side::Query, axis).name()] = query;
  env.values[coordinateSymbol(Side::Key, axis).name()] = key;
  Value value = evaluate(axes[axis], env);
  return !value.ok() || value.integer != 0;
}
