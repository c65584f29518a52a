//===- Boxes.cpp - Tiles that are boxes of a token grid --------------------===//
#include "codegen/cpu/Boxes.h"

#include "codegen/emit/RangeCode.h"
#include "passes/analysis/MaskRegion.h"

using namespace mlir;
using namespace attn;
using namespace attn::codegen;
using namespace attn::codegen::cpu;
using attn::mask::Side;

Boxes::Boxes(KernelScope &scope) : scope(scope), e(scope.e), grid(passes::tokenGrid(scope.kernel)) {}

/// The results of mask::boxLayout for one box.
Values Boxes::layout(Side side, Value number) {
  RangeInputs inputs = rangeInputs(scope, {{".box", number}});
  return emitRangeCode(e, mask::boxLayout(*grid, side).code, inputs);
}

Value Boxes::keyEnd() { return e.mul(layout(Side::Key, e.i64(0))[0], scope.task.keyTile); }

/// Writes the positions of a box to `table`, i32, boxPadding for padding.
void Boxes::emitPositions(Side side, Value number, Value table) {
  const Task &task = scope.task;
  Values box = layout(side, number);
  bool isQuery = side == Side::Query;
  Value begin = isQuery ? task.qPos : e.i64(0);
  Value end = isQuery ? e.add(task.qPos, task.qLen) : task.kvLen;
  e.outline("box_positions", [&] {
    Value to = e.capture(table), from = e.parameter(begin), until = e.parameter(end);
    Values steps, counts;
    for (size_t i = 0; i < grid->axes.size(); ++i) {
      steps.push_back(e.parameter(box[2 + 2 * i]));
      counts.push_back(e.parameter(box[3 + 2 * i]));
    }
    std::function<void(size_t, Value, Value, Value)> axis = [&](size_t i, Value position, Value element, Value exists) {
      if (i == grid->axes.size()) {
        Value inside = e.createOrFold<arith::AndIOp>(e.cmp(arith::CmpIPredicate::sge, position, from),
                                                     e.lt(position, until));
        Value valid = e.createOrFold<arith::AndIOp>(exists, inside);
        Value entry = e.create<arith::TruncIOp>(e.getI32Type(), e.select(valid, position, e.i64(boxPadding)));
        e.store(entry, e.gep(to, e.mul(element, 4)), 4);
        return;
      }
      int64_t extent = grid->axes[i].box(side);
      e.loop(e.i64(0), e.i64(extent), 1, [&](Value index) {
        Value here = e.createOrFold<arith::AndIOp>(exists, e.lt(index, counts[i]));
        axis(i + 1, e.add(position, e.mul(index, steps[i])), e.add(e.mul(element, extent), index), here);
      });
    };
    axis(0, e.parameter(box[1]), e.i64(0), e.i1(true));
  });
}

Value Boxes::emitRows(Value row0) {
  const Task &task = scope.task;
  emitPositions(Side::Query, e.createOrFold<arith::DivSIOp>(row0, e.i64(task.rowTile)), task.positions);
  e.outline("box_rows", [&] {
    // Padding repeats the last row of the box, so that it sees no key that no row of the tile sees.
    Value positions = e.capture(task.positions), stored = e.capture(task.stored);
    Value none = e.intOf(e.getI32Type(), boxPadding), tile = e.i64(task.rowTile);
    auto entry = [&](Value r) { return e.load(e.getI32Type(), e.gep(positions, e.mul(r, 4)), 4); };
    Values last = e.loop(e.i64(0), tile, 1, none, [&](Value r, ValueRange carried) {
      return Values{e.max(entry(r), carried[0])};
    });
    e.loop(e.i64(0), e.i64(scope.padded(task.rowTile)), 1, [&](Value r) {
      Value position = entry(r);
      Value isRow = e.createOrFold<arith::AndIOp>(e.ne(position, none), e.lt(r, tile));
      e.store(e.create<arith::ExtUIOp>(e.getI8Type(), isRow), e.gep(stored, r));
      e.store(e.select(isRow, position, last[0]), e.gep(positions, e.mul(r, 4)), 4);
    });
  });
  return e.ne(e.load(e.getI32Type(), task.positions, 4), e.intOf(e.getI32Type(), boxPadding));
}

void Boxes::emitKeys(Value k0) {
  emitPositions(Side::Key, e.createOrFold<arith::DivSIOp>(k0, e.i64(scope.task.keyTile)), scope.task.keyPositions);
}
