//===- Page.h - A pattern as a page with controls -------------------*- C++ -*-===//
//
// One HTML file that loads nothing: masks as JavaScript (JavaScript.h), operands as data, and the script of page.js. A
// content security policy admits exactly these scripts, by their hashes; text of the pattern is data everywhere.
//===----------------------------------------------------------------------===//
#ifndef ATTN_TOOLS_ATTN_VIZ_PAGE_H
#define ATTN_TOOLS_ATTN_VIZ_PAGE_H

#include "tools/attn-viz/Scene.h"

namespace attn::viz {

/// Largest page; beyond, renderPage refuses with LIMIT.
inline constexpr int64_t maxPageLength = 2048, maxPageElements = int64_t(1) << 20;

/// The page of `pattern`, which opens as `scene` shows it. Where operands have a value for each query or key,
/// lengths cannot grow beyond the scene's. Returns an empty string, or what is wrong.
std::string renderPage(const spec::Pattern &pattern, const Scene &scene, std::string &page);

} // namespace attn::viz

#endif // ATTN_TOOLS_ATTN_VIZ_PAGE_H
