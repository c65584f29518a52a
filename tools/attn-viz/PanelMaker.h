//===- PanelMaker.h - The drawings of one head ----------------------*- C++ -*-===//
#ifndef ATTN_TOOLS_ATTN_VIZ_PANELMAKER_H
#define ATTN_TOOLS_ATTN_VIZ_PANELMAKER_H

#include "passes/analysis/TileReport.h"
#include "tools/attn-viz/Kernels.h"
#include "tools/attn-viz/Scene.h"
#include "tools/attn-viz/Visibility.h"

#include "llvm/ADT/ArrayRef.h"

namespace attn::viz {

/// Draws the heads of an entry point: tiles by its loops, pairs by the pattern (numbers of kernel maps by
/// `mapNumbers`).
class PanelMaker {
public:
  PanelMaker(const Call &call, llvm::ArrayRef<Loop> loops, Visibility &visibility, llvm::ArrayRef<int16_t> mapNumbers)
      : call(call), loops(loops), visibility(visibility), mapNumbers(mapNumbers) {}

  /// Appends the drawings of one head; the last one has the figures. `budget` of pairs: where it does not do for all of
  /// them, only tiles are drawn.
  std::string make(int64_t layer, int64_t head, int64_t budget, std::vector<Panel> &panels);
  mask::Environment environment(int64_t layer, int64_t head) const;

private:
  /// The rows of the drawing that are one call: all of them, or with steps one.
  struct Part {
    int64_t row, rows, kvLen;
  };
  std::vector<Part> parts() const;
  passes::TileCall tileCall(const Part &part, int64_t layer) const;
  std::string classify(int64_t layer, int64_t head, int64_t budget, Panel &panel) const;
  std::string lookAtPairs(int64_t layer, int64_t head, Panel &panel);
  std::string compare(Panel &panel) const;
  std::string findBlindRows(int64_t layer, int64_t head, Panel &panel) const;
  std::string merge(const passes::TileCall &tiles, int64_t head, std::vector<std::string> &lines,
                    Figures *figures) const;
  std::string classifyBoxes(int64_t layer, int64_t head, int64_t budget, Panel &panel, Panel &inOrder) const;

  const Call &call;
  llvm::ArrayRef<Loop> loops;
  Visibility &visibility;
  llvm::ArrayRef<int16_t> mapNumbers;
  std::vector<std::vector<int64_t>> keyClasses; ///< of the keys of each part
};

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_PANELMAKER_H
