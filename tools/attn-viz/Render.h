//===- Render.h - A scene as text or image --------------------------*- C++ -*-===//
//
// The same scene gives the same bytes, on every machine.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_RENDER_H
#define ATTN_TOOLS_ATTN_VIZ_RENDER_H

#include "tools/attn-viz/Drawing.h"
#include "tools/attn-viz/Scene.h"

namespace attn::viz {

/// A character for each tile; `!` before row tiles in which some row sees no key. Drawings stand side by side as far
/// as 120 columns go.
std::string renderAscii(const Scene &scene);

/// Plain SVG: paths and text, no script, no external reference.
std::string renderSvg(const Drawing &drawing);

/// An image of twice the drawing's size. Empty where it would be larger than 16384 pixels on a side.
std::string renderPng(const Drawing &drawing);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_RENDER_H
