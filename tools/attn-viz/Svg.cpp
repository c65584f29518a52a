//===- Svg.cpp - A drawing as SVG -----------------------------------------===//
#include "tools/attn-viz/Render.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attn::viz;
using llvm::formatv;

std::string attn::viz::renderSvg(const Drawing &drawing) {
  std::string text =
      formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
              "font-family=\"system-ui,Helvetica,Arial,sans-serif\" shape-rendering=\"crispEdges\">\n"
              "<title>{2}</title>\n<desc>{3}</desc>\n<path fill=\"#fff\" d=\"M0 0h{0}v{1}H0z\"/>\n",
              drawing.width, drawing.height, escapeMarkup(drawing.title), escapeMarkup(drawing.description));
  for (const Fill &fill : drawing.fills) {
    text += formatv("<path fill=\"#{0}\" d=\"", llvm::utohexstr(fill.color, /*LowerCase=*/true, /*Width=*/6));
    for (const Rect &r : fill.rects)
      text += formatv("M{0} {1}h{2}v{3}h-{2}z", r.x, r.y, r.width, r.height);
    text += "\"/>\n";
  }
  for (const Text &line : drawing.texts)
    text += formatv("<text x=\"{0}\" y=\"{1}\" font-size=\"{2}\"{3} fill=\"#{4}\">{5}</text>\n", line.x, line.y,
                    line.size, line.bold ? " font-weight=\"bold\"" : "", llvm::utohexstr(line.color, true, 6),
                    escapeMarkup(line.text));
  return text + "</svg>\n";
}
