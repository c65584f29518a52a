//===- CheckReads.cpp - Which indices are in range ---------------------------===//
#include "dialect/attn/AttnDialect.h"
#include "dialect/mask/Impossible.h"
#include "dialect/mask/Simplify.h"
#include "dialect/tile/TileDialect.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/verify/Check.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::passes;
using mask::Expr;

namespace {

/// Checks the reads of one kernel.
class ReadChecker {
public:
  ReadChecker(tile::KernelOp kernel, ir::PatternOp pattern);
  void check(std::vector<std::pair<std::string, std::string>> &lines);

private:
  std::string nameOf(Value buffer);
  Expr size(const std::string &tensor, size_t dimension);
  std::string range(const Expr &index, const std::string &tensor, size_t dimension);
  void read(Value buffer, ValueRange indices, StringRef list = {});
  void rope(ValueRange tables, const char *position);
  void report(const std::string &tensor, const std::vector<std::string> &indices, const std::string &answer);

  tile::KernelOp kernel;
  ir::PatternOp pattern;
  mask::Facts facts;
  std::vector<Expr> known; ///< what holds of the coordinates of every pair of a call
  std::vector<std::pair<std::string, std::string>> found;
};

} // namespace

ReadChecker::ReadChecker(tile::KernelOp kernel, ir::PatternOp pattern) : kernel(kernel), pattern(pattern) {
  facts = factsOf(kernel);
  auto symbol = [](const char *name) { return Expr::symbol(name); };
  Expr zero = Expr::integer(0), q = symbol("q");
  std::pair<const char *, const char *> below[] = {
      {"b", "batch"}, {"h", "q_heads"}, {"g", "kv_heads"}, {"l", "layers"}, {"k", "kv_len"}};
  for (auto [coordinate, most] : below) {
    known.push_back(zero <= symbol(coordinate));
    known.push_back(symbol(coordinate) < symbol(most));
  }
  switch (pattern.getPositions().value_or(ir::Positions::TopLeft)) {
  case ir::Positions::BottomRight:
    known.push_back(symbol("kv_len") <= q + symbol("q_len"));
    known.push_back(q < symbol("kv_len"));
    break;
  case ir::Positions::TopLeft:
    known.push_back(zero <= q);
    known.push_back(q < symbol("q_len"));
    if (!pattern.getPositions())
      known.push_back(symbol("q_len") <= symbol("kv_len"));
    break;
  default: break;
  }
  for (const std::string &name : facts.positive)
    known.push_back(Expr::integer(1) <= Expr::symbol(name));
}

/// The argument that `buffer` is, or those that it is chosen from.
std::string ReadChecker::nameOf(Value buffer) {
  if (Operation *choice = buffer.getDefiningOp()) {
    std::string names;
    for (Value operand : choice->getOperands())
      if (operand.getType() == buffer.getType())
        names += (names.empty() ? "" : " or ") + nameOf(operand);
    return names;
  }
  auto argument = dyn_cast<BlockArgument>(buffer);
  if (!argument || argument.getOwner() != &kernel.getBody().front())
    return {};
  return cast<StringAttr>(kernel.getArgs()[argument.getArgNumber() - tile::NumLeadingArguments]).str();
}

/// The size of a dimension of an operand; empty if it is no part of an expression.
Expr ReadChecker::size(const std::string &tensor, size_t dimension) {
  auto operand = pattern.lookupSymbol<ir::OperandOp>(tensor);
  if (!operand || dimension >= operand.getShape().size())
    return {};
  Attribute size = operand.getShape()[dimension];
  if (auto number = dyn_cast<IntegerAttr>(size))
    return Expr::integer(number.getInt());
  return Expr::symbol(cast<StringAttr>(size).str());
}

/// What keeps 0 <= index < size.
std::string ReadChecker::range(const Expr &index, const std::string &tensor, size_t dimension) {
  Expr most = size(tensor, dimension);
  if (!bool(most)) // `!` of an expression is another expression
    return "clamped";
  Expr outside = index < Expr::integer(0) || most <= index;
  auto proves = [&](const std::vector<Expr> &from) {
    Expr all = outside;
    for (const Expr &fact : from)
      all = all && fact;
    return mask::isImpossible(all, facts);
  };
  std::vector<Expr> from;
  std::set<std::string> used, tensors;
  index.collect(used, tensors);
  most.collect(used, tensors);
  llvm::copy_if(known, std::back_inserter(from), [&](const Expr &fact) {
    std::set<std::string> symbols;
    fact.collect(symbols, tensors);
    return llvm::any_of(symbols, [&](const std::string &name) { return used.count(name); });
  });
  if (!proves(from))
    return "clamped to 0 <= " + index.str() + " < " + most.str();
  for (size_t i = from.size(); i-- > 0;) { // what the proof does not need
    std::vector<Expr> fewer = from;
    fewer.erase(fewer.begin() + i);
    if (proves(fewer))
      from = std::move(fewer);
  }
  std::string text;
  for (const Expr &fact : from)
    text += (text.empty() ? "" : ", ") + fact.str();
  return "in range: proved from " + (text.empty() ? "the index itself" : text);
}

void ReadChecker::report(const std::string &tensor, const std::vector<std::string> &indices,
                         const std::string &answer) {
  std::pair<std::string, std::string> line{tensor + "[" + llvm::join(indices, ", ") + "]", answer};
  if (!llvm::is_contained(found, line))
    found.push_back(std::move(line));
}

/// A read of an element, or of a list of them in the last dimension, which `list` names.
void ReadChecker::read(Value buffer, ValueRange indices, StringRef list) {
  std::string tensor = nameOf(buffer), answer;
  std::vector<std::string> texts;
  auto add = [&](std::string text, const std::string &one) {
    texts.push_back(std::move(text));
    if (!StringRef(answer).contains(one))
      answer += (answer.empty() ? "" : "; ") + one;
  };
  for (auto [dimension, value] : llvm::enumerate(indices)) {
    auto index = valueToExpr(value);
    Expr e = succeeded(index) ? mask::canonicalize(*index) : Expr();
    add(e ? e.str() : "computed from scores", e ? range(e, tensor, dimension) : "clamped");
  }
  if (!list.empty())
    add(list.str(), "in range: a search ends where the tensor does");
  report(tensor, texts, answer);
}

void ReadChecker::rope(ValueRange tables, const char *position) {
  for (Value table : tables)
    report(nameOf(table), {position, "channel"}, range(Expr::symbol(position), nameOf(table), 0));
}

void ReadChecker::check(std::vector<std::pair<std::string, std::string>> &lines) {
  ScopedDiagnosticHandler quiet(kernel.getContext(), [](Diagnostic &) { return success(); });
  kernel.walk([&](Operation *op) {
    if (auto element = dyn_cast<tile::ElementOp>(op))
      read(element.getBuffer(), element.getIndices());
    else if (auto member = dyn_cast<tile::MemberOp>(op))
      read(member.getBuffer(), member.getIndices(), "from .. to");
    else if (auto ancestor = dyn_cast<tile::AncestorOp>(op))
      read(ancestor.getBuffer(), ancestor.getIndices(), "parents");
    else if (auto load = dyn_cast<tile::LoadOp>(op)) {
      report(nameOf(load.getView()), {"row"}, "in range: rows past the last one repeat it");
      rope(load.getRope(), "q");
    } else if (auto load = dyn_cast<tile::LoadKeysOp>(op)) {
      report(nameOf(load.getView()), {"k"}, "in range: positions past the end are not read");
      rope(load.getRope(), "k");
    }
  });
  for (auto &line : found)
    if (!llvm::is_contained(lines, line))
      lines.push_back(std::move(line));
}

CheckReport passes::checkReads(ModuleOp tiled) {
  CheckReport report;
  std::vector<std::pair<std::string, std::string>> lines;
  for (auto pattern : tiled.getOps<ir::PatternOp>())
    for (auto kernel : tiled.getOps<tile::KernelOp>())
      ReadChecker(kernel, pattern).check(lines);
  for (const auto &[what, answer] : lines)
    if (!llvm::StringRef(what).starts_with("%")) // what another launch has computed
      report.text += "read " + what + ": " + answer + "\n";
  return report;
}
