//===- Png.cpp - A drawing as PNG -----------------------------------------===//
//
// With the public domain libraries of libstb-dev, whose output depends on nothing but the input: a writer with its own
// compression and a font of line segments.
//===----------------------------------------------------------------------===//
#include "tools/attn-viz/Render.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_easy_font.h>
#include <stb/stb_image_write.h>
#pragma clang diagnostic pop

using namespace attn::viz;

namespace {

constexpr int64_t scale = 2, maxSide = 16384;

class Canvas {
public:
  explicit Canvas(const Drawing &drawing)
      : width(drawing.width * scale), height(drawing.height * scale), pixels(size_t(width * height * 3), char(0xff)) {}

  void fill(Rect r, Color color) {
    for (int64_t y = std::max<int64_t>(r.y, 0); y < std::min(r.y + r.height, height); ++y)
      for (int64_t x = std::max<int64_t>(r.x, 0); x < std::min(r.x + r.width, width); ++x)
        for (int channel = 0; channel < 3; ++channel)
          pixels[size_t((y * width + x) * 3 + channel)] = char(color >> (16 - 8 * channel));
  }
  void write(const Text &line);
  std::string encode() const;

private:
  int64_t width, height;
  std::string pixels;
};

} // namespace

/// The font has ASCII only and letters of 7 units above the base line; a bold letter is drawn twice.
void Canvas::write(const Text &line) {
  std::string ascii;
  for (char c : line.text)
    if ((c & 0xc0) != 0x80) // one sign for each character of UTF-8
      ascii += c >= 0x20 && c < 0x7f ? c : '?';
  struct Vertex {
    float x, y, z;
    unsigned char color[4];
  };
  std::vector<Vertex> vertices(ascii.size() * 4 * 40 + 4); // a letter has at most 40 segments
  int quads = stb_easy_font_print(0, 0, ascii.data(), nullptr, vertices.data(), int(vertices.size() * sizeof(Vertex)));
  int64_t unit = scale * line.size > 30 ? 3 : 2;
  for (int i = 0; i < quads; ++i) {
    const Vertex &from = vertices[size_t(i) * 4], &to = vertices[size_t(i) * 4 + 2];
    int64_t x = int64_t(from.x) * unit, y = int64_t(from.y) * unit;
    fill({line.x * scale + x, line.y * scale + y - 7 * unit, (int64_t(to.x) * unit - x) + (line.bold ? 1 : 0),
          int64_t(to.y) * unit - y},
         line.color);
  }
}

std::string Canvas::encode() const {
  std::string bytes;
  stbi_write_png_to_func(
      [](void *to, void *data, int size) {
        static_cast<std::string *>(to)->append(static_cast<char *>(data), size_t(size));
      },
      &bytes, int(width), int(height), 3, pixels.data(), int(width * 3));
  return bytes;
}

std::string attn::viz::renderPng(const Drawing &drawing) {
  if (std::max(drawing.width, drawing.height) * scale > maxSide)
    return "";
  Canvas canvas(drawing);
  for (const Fill &fill : drawing.fills)
    for (const Rect &r : fill.rects)
      canvas.fill({r.x * scale, r.y * scale, r.width * scale, r.height * scale}, fill.color);
  for (const Text &line : drawing.texts)
    canvas.write(line);
  return canvas.encode();
}
