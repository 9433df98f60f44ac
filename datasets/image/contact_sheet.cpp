#include "datasets/image/contact_sheet.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace resolute::datasets {
namespace {

// Its upper left corner at (top, left).
void paste(Image& onto, const Image& image, int top, int left) {
  RESOLUTE_EXPECT(top >= 0 && left >= 0 && image.height <= onto.height - top && image.width <= onto.width - left,
                  "an image is pasted inside another one");
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
    std::memcpy(&onto.pixels[((static_cast<std::size_t>(top) + y) * static_cast<std::size_t>(onto.width) +
                              static_cast<std::size_t>(left)) *
                             3],
                &image.pixels[y * row_bytes], row_bytes);
}

}  // namespace

Image contact_sheet(std::span<const Image> images, int columns, int gap, std::uint8_t grey) {
  RESOLUTE_EXPECT(!images.empty() && columns >= 1 && gap >= 0, "a contact sheet needs images and columns");
  int cell_height = 0;
  int cell_width = 0;
  for (const Image& image : images) {
    RESOLUTE_EXPECT(image.height >= 1 && image.width >= 1, "an empty image cannot be shown");
    cell_height = std::max(cell_height, image.height);
    cell_width = std::max(cell_width, image.width);
  }
  const int count = static_cast<int>(images.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  Image sheet = make_image(rows * (cell_height + gap) + gap, columns * (cell_width + gap) + gap);
  std::ranges::fill(sheet.pixels, grey);
  for (int i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    paste(sheet, image, gap + i / columns * (cell_height + gap), gap + i % columns * (cell_width + gap));
  }
  return sheet;
}

Image framed(const Image& image, int thickness, const std::array<std::uint8_t, 3>& colour) {
  RESOLUTE_EXPECT(thickness >= 0 && image.height >= 1 && image.width >= 1, "a frame goes round an image");
  Image whole = make_image(image.height + 2 * thickness, image.width + 2 * thickness);
  for (std::size_t i = 0; i < whole.pixels.size(); ++i) whole.pixels[i] = colour.at(i % 3);
  paste(whole, image, thickness, thickness);
  return whole;
}

}  // namespace resolute::datasets
