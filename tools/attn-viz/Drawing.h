//===- Drawing.h - A scene laid out ---------------------------------*- C++ -*-===//
//
// Rectangles and text in whole units, which the image formats write in order.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_DRAWING_H
#define ATTN_TOOLS_ATTN_VIZ_DRAWING_H

#include "tools/attn-viz/Scene.h"

namespace attn::viz {

using Color = uint32_t; ///< 0xrrggbb

/// Colours that people with any colour vision tell apart (Okabe and Ito, jfly.uni-koeln.de/color), darkest for full
/// tiles, then visible pairs of partial tiles, then hidden pairs of partial tiles. One row for each kernel map,
/// repeated.
struct Shades {
  Color full, shown, ground;
};
inline constexpr Shades palette[] = {
    {0x0a5a8f, 0x4fa3d9, 0xdcecf7}, // blue
    {0xb8860b, 0xf0b840, 0xfcf1d8}, // orange
    {0x00704f, 0x3fbf98, 0xd9f2ea}, // green
    {0x8f4a75, 0xd99abf, 0xf7e6f0}, // purple
    {0x3b3b3b, 0x8c8c8c, 0xe6e6e6}, // grey
};
inline constexpr Color skippedColor = 0xf4f4f2, blindColor = 0xd55e00, textColor = 0x222222, mutedColor = 0x666666,
                       lineColor = 0xffffff, frameColor = 0xb0b0b0;
inline const Shades &shadesOf(int map) { return palette[size_t(std::max(map, 0)) % std::size(palette)]; }

struct Rect {
  int64_t x, y, width, height;
};
/// Rectangles of one colour.
struct Fill {
  Color color;
  std::vector<Rect> rects;
};
/// A line of text; y is its base line.
struct Text {
  int64_t x, y, size;
  bool bold;
  Color color;
  std::string text;
};

struct Drawing {
  int64_t width = 0, height = 0;
  std::string title, description;
  std::vector<Fill> fills;
  std::vector<Text> texts; ///< over all fills
};

Drawing draw(const Scene &scene);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_DRAWING_H
