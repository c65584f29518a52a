//===- TileAttention.cpp - Entry points to kernels and launches --------------===//
#include "passes/Passes.h"
#include "passes/analysis/KernelMaps.h"
#include "passes/analysis/MaskRegion.h"
#include "passes/tile/BoxChoice.h"
#include "passes/tile/IntervalChoice.h"
#include "passes/tile/Kernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace attn::passes {
#define GEN_PASS_DEF_TILEATTENTION
#include "passes/Passes.h.inc"
} // namespace attn::passes

using namespace mlir;
using namespace attn;
using namespace attn::passes;

namespace {

struct TileAttention : attn::passes::impl::TileAttentionBase<TileAttention> {
  using TileAttentionBase::TileAttentionBase;
  void runOnOperation() override {
    // Names of patterns and entry points have no dots, those made here do: an entry point may be called like its
    // pattern.
    for (auto pattern : getOperation().getOps<ir::PatternOp>())
      pattern.setSymName(("pattern." + pattern.getSymName()).str());
    SmallVector<func::FuncOp> entries;
    getOperation().walk([&](func::FuncOp entry) { entries.push_back(entry); });
    for (func::FuncOp entry : entries)
      if (failed(lower(entry)))
        return signalPassFailure();
  }

private:
  LogicalResult lower(func::FuncOp entry);
  LogicalResult nameTensors(func::FuncOp entry);
  LogicalResult lower(ir::AttendOp attend);
  LogicalResult lower(ir::MergeOp merge);
  LogicalResult lower(ir::GatedSumOp sum);
  void rowKernel(Operation *op, StringRef suffix, llvm::function_ref<void(KernelBuilder &)> build);
  tile::ScheduleAttr schedule(TileSizes sizes, bool pack, tile::GridAttr grid = {});
  TileSizes stated(ir::PatternOp pattern, TileSizes sizes, bool pack);
  std::string nameOf(Value value) { return names.lookup(value); }
  void launch(OpBuilder &builder, ArrayRef<tile::KernelOp> forms);

  // State of the entry being lowered.
  llvm::DenseMap<Value, std::string> names; ///< tensor values; a result nobody uses has none
  tile::EntryOp entryOp;
  int64_t launches = 0;
};

/// The inputs or outputs of an entry as dictionaries {name, role, cache}.
ArrayAttr describe(func::FuncOp entry, bool inputs) {
  Builder b(entry.getContext());
  SmallVector<Attribute> list;
  unsigned count = inputs ? entry.getNumArguments() : entry.getNumResults();
  for (unsigned i = 0; i < count; ++i) {
    auto get = [&](StringRef key) { return inputs ? entry.getArgAttr(i, key) : entry.getResultAttr(i, key); };
    SmallVector<NamedAttribute> fields{b.getNamedAttr("name", get("attn.name"))};
    for (StringRef key : {"role", "cache"})
      if (Attribute value = get(("attn." + key).str()))
        fields.push_back(b.getNamedAttr(key, value));
    list.push_back(b.getDictionaryAttr(fields));
  }
  return b.getArrayAttr(list);
}

} // namespace

tile::ScheduleAttr TileAttention::schedule(TileSizes sizes, bool pack, tile::GridAttr grid) {
  return tile::ScheduleAttr::get(&getContext(), sizes.rows, sizes.keys, pack, /*splits=*/false, /*target=*/{}, grid);
}

/// What the pass options or the pattern's own schedule say, in this order, else `sizes`.
TileSizes TileAttention::stated(ir::PatternOp pattern, TileSizes sizes, bool pack) {
  DictionaryAttr forms = pattern.getScheduleAttr();
  auto form = forms ? forms.getAs<DictionaryAttr>(pack ? "decode" : "prefill") : DictionaryAttr();
  auto read = [&](StringRef name, int64_t &size) {
    if (auto value = form ? form.getAs<IntegerAttr>(name) : IntegerAttr())
      size = value.getInt();
  };
  read("rows", sizes.rows);
  read("keys", sizes.keys);
  if (!pack && rows)
    sizes.rows = rows;
  if (keys)
    sizes.keys = keys;
  return sizes;
}

/// Inputs have the names of the entry's arguments, what is returned the names of its results,
/// everything else becomes a temporary.
LogicalResult TileAttention::nameTensors(func::FuncOp entry) {
  names.clear();
  for (BlockArgument argument : entry.getArguments())
    names[argument] = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.name").str();
  Operation *ret = entry.getBody().front().getTerminator();
  for (auto [index, value] : llvm::enumerate(ret->getOperands())) {
    if (names.count(value))
      return ret->emitError("result ") << index << " is an input or returned twice; expected a computed tensor";
    names[value] = entry.getResultAttrOfType<StringAttr>(index, "attn.name").str();
  }
  int64_t temporaries = 0;
  for (Operation &op : entry.getBody().front())
    for (Value result : op.getResults())
      if (!names.count(result) && !result.use_empty())
        names[result] = "%" + std::to_string(temporaries++);
  return success();
}

void TileAttention::launch(OpBuilder &builder, ArrayRef<tile::KernelOp> forms) {
  SmallVector<Attribute> symbols;
  for (tile::KernelOp form : forms)
    symbols.push_back(FlatSymbolRefAttr::get(form.getSymNameAttr()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&entryOp.getBody().front());
  builder.create<tile::LaunchOp>(entryOp.getLoc(), builder.getArrayAttr(symbols));
  ++launches;
}

LogicalResult TileAttention::lower(ir::AttendOp attend) {
  auto maps = attend.getMaps().getOps<ir::KernelMapOp>();
  ir::KernelMapOp map = *maps.begin();
  if (std::next(maps.begin()) != maps.end() || map.getClasses())
    return attend.emitError("expected one kernel map without classes; run --attn-fuse-kernel-maps first");
  if (map.getZeroValue() && !attend.getOut().use_empty())
    return attend.emitError("expected no use of the out of keys without values; run --attn-split-partitions first");
  AttendNames tensors{nameOf(attend.getQuery()), nameOf(attend.getOut()), nameOf(attend.getLse()), {}, {}};
  for (auto [key, value] : llvm::zip(attend.getKeys(), attend.getValues())) {
    tensors.keys.push_back(nameOf(key));
    tensors.values.push_back(nameOf(value));
  }
  auto lastDim = [](Value v) { return cast<RankedTensorType>(v.getType()).getShape().back(); };
  TileProblem problem{lastDim(attend.getQuery()), lastDim(attend.getOut()), lanes, l2Bytes, tensorCores};
  auto pattern = attend->getParentOfType<ir::PatternOp>();
  std::string prefix = entryOp.getSymName().str() + "." + std::to_string(launches);
  SmallVector<tile::KernelOp> forms;
  auto linear = dyn_cast<ir::LinearAttr>(map.getWeight());
  bool scan = linear && linear.getForm() == "chunked";
  for (bool pack : {false, true}) {
    if (scan && pack)
      continue; // one token at a time carries its state in the caller's hands
    OpBuilder builder(&getContext());
    builder.setInsertionPointToEnd(getOperation().getBody());
    TileSizes model = pack ? decodeTile(problem) : prefillTile(problem), sizes = stated(pattern, model, pack);
    if (scan)
      sizes.rows = sizes.keys;
    tile::GridAttr grid;
    if (!scan && !pack && !tensorCores && !map.getMask().empty()) {
      auto mask = regionToExpr(map.getMask());
      if (failed(mask))
        return failure();
      if (!hasSlots(attend)) // slots are no tokens of the grid
        grid = chooseBoxes(*mask, pattern, sizes, lanes);
      sizes = grid ? boxSizes(grid) : stated(pattern, chooseIntervals(*mask, pattern, model, lanes), pack);
    }
    KernelBuilder kernel(builder, attend.getLoc(),
                         prefix + (pack   ? ".decode"
                                   : scan ? ".scan"
                                          : ".prefill"),
                         schedule(sizes, pack, grid), pattern);
    if (failed(scan ? buildScanKernel(kernel, attend, tensors)
                    : buildAttendKernel(kernel, attend, tensors, tensorCores)))
      return failure();
    forms.push_back(kernel.kernel());
  }
  OpBuilder builder(&getContext());
  launch(builder, forms);
  return success();
}

LogicalResult TileAttention::lower(ir::MergeOp merge) {
  SmallVector<std::string> outs, lses;
  for (Value out : merge.getOuts())
    outs.push_back(nameOf(out));
  for (Value lse : merge.getLses())
    lses.push_back(nameOf(lse));
  auto type = cast<RankedTensorType>(merge.getOut().getType());
  rowKernel(merge, ".merge", [&](KernelBuilder &kernel) {
    buildMergeKernel(kernel, type.getShape().back(), type.getElementType(), outs, lses, nameOf(merge.getOut()),
                     nameOf(merge.getLse()));
  });
  return success();
}

LogicalResult TileAttention::lower(ir::GatedSumOp sum) {
  SmallVector<std::string> outs;
  for (Value out : sum.getOuts())
    outs.push_back(nameOf(out));
  SmallVector<mask::Expr> gates;
  for (Region &gate : sum.getGates()) {
    auto expr = regionToExpr(gate);
    if (failed(expr))
      return failure();
    gates.push_back(*expr);
  }
  auto type = cast<RankedTensorType>(sum.getOut().getType());
  rowKernel(sum, ".sum", [&](KernelBuilder &kernel) {
    buildGatedSumKernel(kernel, type.getShape().back(), type.getElementType(), outs, gates, nameOf(sum.getOut()));
  });
  return success();
}

/// A kernel over rows alone, and its launch.
void TileAttention::rowKernel(Operation *op, StringRef suffix, llvm::function_ref<void(KernelBuilder &)> build) {
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(getOperation().getBody());
  std::string name = (entryOp.getSymName() + "." + Twine(launches) + suffix).str();
  KernelBuilder kernel(builder, op->getLoc(), name, schedule({tensorCores ? 64 : lanes, 1}, false),
                       op->getParentOfType<ir::PatternOp>());
  build(kernel);
  launch(builder, kernel.kernel());
}

LogicalResult TileAttention::lower(func::FuncOp entry) {
  if (failed(nameTensors(entry)))
    return failure();
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(getOperation().getBody());
  launches = 0;
  entryOp =
      builder.create<tile::EntryOp>(entry.getLoc(), entry.getSymName(), describe(entry, true), describe(entry, false));
  builder.createBlock(&entryOp.getBody());
  for (Operation &op : entry.getBody().front()) {
    LogicalResult result = success();
    if (auto attend = dyn_cast<ir::AttendOp>(op))
      result = lower(attend);
    else if (auto merge = dyn_cast<ir::MergeOp>(op))
      result = lower(merge);
    else if (auto sum = dyn_cast<ir::GatedSumOp>(op))
      result = lower(sum);
    else if (!isa<func::ReturnOp>(op))
      result = op.emitError("has no lowering to tiles");
    if (failed(result))
      return failure();
  }
  entry.erase();
  return success();
}
