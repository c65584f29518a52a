//===- Scene.h - What a picture shows -------------------------------*- C++ -*-===//
//
// The model that every format draws. Tiles are classified by the range programs of the compiled kernels, pairs by the
// pattern itself (Visibility.h); where both are known they are checked against each other.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_SCENE_H
#define ATTN_TOOLS_ATTN_VIZ_SCENE_H

#include "dialect/mask/TokenGrid.h"
#include "tools/attn-viz/Call.h"
#include "tools/attn-viz/Parts.h"

#include <optional>
#include <set>

namespace attn::viz {

/// What a tile is, as in passes/analysis/TileReport.h; `absent` lies behind the keys of its row.
inline constexpr char full = '#', partial = '+', skipped = '.', absent = ' ';
/// What a pair is, beside the number of the kernel map that shows it.
inline constexpr int16_t hidden = -1, behind = -2;

struct Figures {
  int64_t pairs = 0, visible = 0;
  bool atLeast = false; ///< `visible` leaves out partial tiles that were too many to look into
  int64_t full = 0, partial = 0, skipped = 0;
  int64_t visits = 0;    ///< of tiles; a tile of two kernels counts twice
  int64_t needless = 0;  ///< partial tiles that show all of their pairs, or none
  int64_t blindRows = 0; ///< rows without a visible key; -1: not counted

  int64_t tiles() const { return full + partial + skipped; }
  bool operator==(const Figures &other) const;
};

/// Rows and columns of a drawing, and of its tiles.
struct Shape {
  int64_t qLen = 0, kvLen = 0, rows = 0, keys = 0;
};

/// One drawing: heads (and layers) with the same picture. Where tiles are boxes of a token grid there are two: rows and
/// columns in the order of positions (`inOrder`: every pair is a tile, classed as its box), and in the order of the
/// boxes.
struct Panel {
  std::string title, note;
  Shape shape;
  bool inOrder = false;
  std::vector<std::string> tiles; ///< a line for each row tile, a character for each key tile
  std::vector<int16_t> pairs;     ///< for each row and column; empty where they are too many
  std::vector<bool> blind;        ///< for each row: no visible key; empty where not counted
  Figures figures;

  bool sameAs(const Panel &other) const;
};

/// The drawings of one entry point, side by side.
struct EntryScene {
  std::string name;
  Call call;                           ///< as that of the scene, or in steps
  bool isScan = false;                 ///< no tile is visited: a state stands for the keys
  bool usesHeads = false;              ///< heads may differ
  std::optional<mask::TokenGrid> grid; ///< tiles are boxes of it, unless rows are steps
  std::vector<Panel> panels;
};

struct Scene {
  std::string pattern, doc;
  Call call;
  std::vector<std::string> maps; ///< kernel maps of all entries, by their classes; pairs hold indices
  std::vector<EntryScene> entries;
  std::set<std::string> positive; ///< parameters that must be at least 1

  /// `64 queries (rows) x 64 keys (columns), ...` and `window = 16; is_retrieval: made up, seed 0`, for people.
  std::string callText() const, valueText() const;
  /// The title of an entry point; empty where it goes without saying.
  std::string entryText(const EntryScene &entry) const;
};

/// What stands under a panel, one a line.
std::vector<std::string> panelLines(const Panel &panel, const EntryScene &entry);

/// Text as content of XML or HTML: markup escaped, what is no character there left out.
std::string escapeMarkup(const std::string &text);

/// Returns an empty string, or what is wrong.
std::string makeScene(const Parts &parts, const Request &request, Scene &scene);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_SCENE_H
