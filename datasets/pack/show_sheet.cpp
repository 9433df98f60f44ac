// The sheet of `resolute data show`: one line per image, everything on it told in words.

#include <algorithm>

#include "datasets/image/contact_sheet.h"
#include "datasets/image/lettering.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/show.h"

namespace resolute::datasets {
namespace {

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kInk{30, 30, 30}, kLowInk{190, 20, 30}, kEmpty{225, 225, 225};
constexpr std::uint8_t kPaper = 255;

std::string size_text(int height, int width) { return fmt::format("{}x{}", height, width); }

// Pixels as squares, so that a small image is looked at as it is.
Image magnified(const Image& image, int factor) {
  Image large = make_image(image.height * factor, image.width * factor);
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x)
      std::copy_n(image.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(y / factor) * image.width + x / factor), 3,
                  large.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * large.width + x));
  return large;
}

struct Cell {
  Image picture;      // at the size shown; empty where there is none
  Image true_size;    // empty where there is none, or where it does not fit beside the picture
  std::string below;  // its size, or why nothing is there
  bool low = false;   // came in low resolution
};

struct Line {
  std::vector<std::string> words;
  bool low = false;
  std::vector<Cell> cells;  // HR, then the LR views by rate
};

// What is the same for every line.
struct Style {
  int magnification;  // of pixels at network size
  int letters;        // scale of the letters
  int height;         // of a picture
  int width;
  int gap;
  int letter_line() const { return (kLetterHeight + 3) * letters; }
};

Style style_of(const PackSettings& options) {
  // Packs of tests are stamps: they are enlarged to some 160 pixels.
  const int magnification = std::clamp(std::min(160 / options.height, 320 / options.width), 1, 8);
  const int height = options.height * magnification;
  return {magnification, height >= 200 ? 2 : 1, height, options.width * magnification, height >= 200 ? 12 : 8};
}

// The column of an image that came in low resolution: that of its rate if there is one, else the first of LR views.
std::size_t column_of_low(int rate, const std::vector<int>& rates) {
  if (rates.empty()) return 0;
  const auto found = std::find(rates.begin(), rates.end(), rate);
  return found == rates.end() ? 1 : 1 + static_cast<std::size_t>(found - rates.begin());
}

Line make_line(const PackReader& pack, std::size_t number, const std::vector<int>& rates, const Style& style) {
  const PackRow& row = pack.row(number);
  const PackSettings& options = pack.options();
  Line line;
  line.low = row.sample.rate != 1;
  line.cells.resize(rates.size() + 1);
  line.words = {row.sample.identity == 0 ? std::string("distractor") : fmt::format("id {}", row.sample.identity),
                fmt::format("camera {}", row.sample.camera), row.sample.subset,
                size_text(row.native_height, row.native_width)};
  if (line.low)
    line.words.push_back(row.sample.rate == 0 ? std::string("LR, rate ?")
                                              : fmt::format("LR, rate {}", row.sample.rate));
  Image hr = make_image(options.height, options.width);
  pack.read_hr(number, hr.pixels);
  hr = magnified(hr, style.magnification);
  if (line.low) {
    const std::size_t column = column_of_low(row.sample.rate, rates);
    for (Cell& cell : line.cells) cell.below = "none";
    Cell& cell = line.cells[column];
    cell.picture = std::move(hr);
    cell.below = "as it came";
    cell.low = true;
    return line;
  }
  line.cells[0] = {std::move(hr), {}, size_text(options.height, options.width), false};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    Image view;
    pack.read_view(number, rates[i], view);
    Cell& cell = line.cells[i + 1];
    cell.below = size_text(view.height, view.width);
    cell.picture = magnified(enlarge(view, options.height, options.width), style.magnification);
    if (view.height <= style.height && view.width <= style.width) cell.true_size = std::move(view);
  }
  return line;
}

struct Column {
  int left = 0;
  int width = 0;
  int true_left = 0;  // of the images at their true size
};

// Where each column stands: the words, then a cell each. `right` is where the last one ends.
std::vector<Column> place_columns(const std::vector<Line>& lines, const std::vector<std::string>& heads,
                                  const Style& style, int& right) {
  std::vector<Column> columns(heads.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    int main = text_width(heads[i], style.letters), beside = 0;
    for (const Line& line : lines) {
      if (i == 0) {
        for (const std::string& word : line.words) main = std::max(main, text_width(word, style.letters));
        continue;
      }
      const Cell& cell = line.cells[i - 1];
      main = std::max({main, style.width, text_width(cell.below, style.letters)});
      beside = std::max(beside, cell.true_size.width);
    }
    columns[i].left = right;
    columns[i].true_left = right + main + style.gap / 2;
    columns[i].width = main + (beside == 0 ? 0 : style.gap / 2 + beside);
    right += columns[i].width + style.gap;
  }
  return columns;
}

void draw_cell(Image& sheet, const Cell& cell, int top, const Column& column, const Style& style) {
  const Colour& ink = cell.low ? kLowInk : kInk;
  if (cell.picture.pixels.empty()) {
    Image empty = make_image(style.height, style.width);
    for (std::size_t i = 0; i < empty.pixels.size(); ++i) empty.pixels[i] = kEmpty.at(i % 3);
    paste(sheet, empty, top, column.left);
  } else if (cell.low) {
    const int frame = style.gap / 4;
    paste(sheet, framed(cell.picture, frame, kLowInk), top - frame, column.left - frame);
  } else {
    paste(sheet, cell.picture, top, column.left);
  }
  if (!cell.true_size.pixels.empty()) paste(sheet, cell.true_size, top, column.true_left);
  draw_text(sheet, top + style.height + 3 * style.letters, column.left, cell.below, ink, style.letters);
}

std::vector<std::string> title_of(const PackReader& pack, const Style& style) {
  const PackStatistics all = pack_statistics(pack);
  const PackSettings& options = pack.options();
  std::vector<std::string> title = {
      fmt::format("{} from {}: {} images, {} identities", options.name, settings::word(options.source), all.rows,
                  all.identities),
      fmt::format("{} (height x width), {} kernel", size_text(options.height, options.width),
                  settings::word(options.kernel)),
      fmt::format("LR views from {} size, also at true size", settings::word(options.view_from))};
  if (style.magnification > 1) title.push_back(fmt::format("pixels shown {} times as large", style.magnification));
  return title;
}

}  // namespace

core::Bytes contact_sheet_png(const PackReader& pack, int samples) {
  const std::vector<std::size_t> rows = choose_samples(pack, samples);
  const std::vector<int> rates = stored_rates(pack.options());
  const Style style = style_of(pack.options());
  const auto refuse_beyond = [&](std::int64_t height, std::int64_t width) {
    if (height > kMaxImageSide || width > kMaxImageSide)
      throw core::input_error(fmt::format("a sheet of {} samples", rows.size()),
                              fmt::format("it would pass {} pixels a side", kMaxImageSide), "ask for fewer");
  };
  constexpr int kMostWords = 5;
  const int line_height = std::max(style.height + style.letter_line(), kMostWords * style.letter_line()) + style.gap;
  const std::vector<std::string> title = title_of(pack, style);
  const int first_line = style.gap + (static_cast<int>(title.size()) + 2) * style.letter_line() + style.gap;
  const std::int64_t height = first_line + static_cast<std::int64_t>(rows.size()) * line_height;
  refuse_beyond(height, static_cast<std::int64_t>(rates.size() + 1) * style.width);

  std::vector<Line> lines;
  for (const std::size_t row : rows) lines.push_back(make_line(pack, row, rates, style));
  std::vector<std::string> heads = {"", "HR"};
  for (const int rate : rates) heads.push_back(fmt::format("/{} view", rate));
  int right = style.gap;
  const std::vector<Column> columns = place_columns(lines, heads, style, right);
  for (const std::string& text : title) right = std::max(right, text_width(text, style.letters) + 2 * style.gap);
  refuse_beyond(height, right);

  Image sheet = make_image(static_cast<int>(height), right);
  std::fill(sheet.pixels.begin(), sheet.pixels.end(), kPaper);
  int top = style.gap;
  for (const std::string& text : title) {
    draw_text(sheet, top, style.gap, text, kInk, style.letters);
    top += style.letter_line();
  }
  for (std::size_t i = 0; i < columns.size(); ++i)
    draw_text(sheet, top + style.letter_line(), columns[i].left, heads[i], kInk, style.letters);
  top = first_line;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.words.size(); ++i)
      draw_text(sheet, top + static_cast<int>(i) * style.letter_line(), columns[0].left, line.words[i],
                line.low && i + 1 == kMostWords ? kLowInk : kInk, style.letters);
    for (std::size_t i = 0; i < line.cells.size(); ++i) draw_cell(sheet, line.cells[i], top, columns[i + 1], style);
    top += line_height;
  }
  return encode_png(sheet);
}

}  // namespace resolute::datasets
