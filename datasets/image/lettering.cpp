#include "datasets/image/lettering.h"

#include <algorithm>

#include "core/error.h"

namespace resolute::datasets {
namespace {

using Letter = std::array<std::uint8_t, kLetterHeight>;  // a row a byte, its leftmost pixel 16, its rightmost 1

constexpr std::string_view kSigns = " !%()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::array<Letter, 50> kLetters = {{
    {0, 0, 0, 0, 0, 0, 0},         // space
    {4, 4, 4, 4, 4, 0, 4},         // !
    {24, 25, 2, 4, 8, 19, 3},      // %
    {2, 4, 8, 8, 8, 4, 2},         // (
    {8, 4, 2, 2, 2, 4, 8},         // )
    {0, 4, 4, 31, 4, 4, 0},        // +
    {0, 0, 0, 0, 12, 4, 8},        // ,
    {0, 0, 0, 31, 0, 0, 0},        // -
    {0, 0, 0, 0, 0, 12, 12},       // .
    {0, 1, 2, 4, 8, 16, 0},        // /
    {14, 17, 19, 21, 25, 17, 14},  // 0
    {4, 12, 4, 4, 4, 4, 14},       // 1
    {14, 17, 1, 2, 4, 8, 31},      // 2
    {31, 2, 4, 2, 1, 17, 14},      // 3
    {2, 6, 10, 18, 31, 2, 2},      // 4
    {31, 16, 30, 1, 1, 17, 14},    // 5
    {6, 8, 16, 30, 17, 17, 14},    // 6
    {31, 1, 2, 4, 8, 8, 8},        // 7
    {14, 17, 17, 14, 17, 17, 14},  // 8
    {14, 17, 17, 15, 1, 2, 12},    // 9
    {0, 12, 12, 0, 12, 12, 0},     // :
    {0, 0, 31, 0, 31, 0, 0},       // =
    {14, 17, 1, 2, 4, 0, 4},       // ?
    {14, 17, 17, 31, 17, 17, 17},  // A
    {30, 17, 17, 30, 17, 17, 30},  // B
    {14, 17, 16, 16, 16, 17, 14},  // C
    {30, 17, 17, 17, 17, 17, 30},  // D
    {31, 16, 16, 30, 16, 16, 31},  // E
    {31, 16, 16, 30, 16, 16, 16},  // F
    {14, 17, 16, 23, 17, 17, 15},  // G
    {17, 17, 17, 31, 17, 17, 17},  // H
    {14, 4, 4, 4, 4, 4, 14},       // I
    {7, 2, 2, 2, 2, 18, 12},       // J
    {17, 18, 20, 24, 20, 18, 17},  // K
    {16, 16, 16, 16, 16, 16, 31},  // L
    {17, 27, 21, 21, 17, 17, 17},  // M
    {17, 17, 25, 21, 19, 17, 17},  // N
    {14, 17, 17, 17, 17, 17, 14},  // O
    {30, 17, 17, 30, 16, 16, 16},  // P
    {14, 17, 17, 17, 21, 18, 13},  // Q
    {30, 17, 17, 30, 20, 18, 17},  // R
    {15, 16, 16, 14, 1, 1, 30},    // S
    {31, 4, 4, 4, 4, 4, 4},        // T
    {17, 17, 17, 17, 17, 17, 14},  // U
    {17, 17, 17, 17, 17, 10, 4},   // V
    {17, 17, 17, 21, 21, 27, 17},  // W
    {17, 17, 10, 4, 10, 17, 17},   // X
    {17, 17, 10, 4, 4, 4, 4},      // Y
    {31, 1, 2, 4, 8, 16, 31},      // Z
    {0, 0, 0, 0, 0, 0, 31},        // _
}};
static_assert(kLetters.size() == kSigns.size());

const Letter& letter_of(char sign) {
  const char capital = sign >= 'a' && sign <= 'z' ? static_cast<char>(sign - 'a' + 'A') : sign;
  const std::size_t place = kSigns.find(capital);
  return kLetters.at(place == std::string_view::npos ? kSigns.find('?') : place);
}

void fill_square(Image& image, int top, int left, int side, const std::array<std::uint8_t, 3>& colour) {
  for (int y = std::max(top, 0); y < std::min(top + side, image.height); ++y)
    for (int x = std::max(left, 0); x < std::min(left + side, image.width); ++x)
      std::copy(colour.begin(), colour.end(),
                image.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * image.width + x));
}

}  // namespace

int text_width(std::string_view text, int scale) {
  RESOLUTE_EXPECT(scale >= 1, "letters are enlarged by whole numbers");
  return text.empty() ? 0 : (static_cast<int>(text.size()) * kLetterAdvance - 1) * scale;
}

void draw_text(Image& image, int top, int left, std::string_view text, const std::array<std::uint8_t, 3>& colour,
               int scale) {
  RESOLUTE_EXPECT(scale >= 1, "letters are enlarged by whole numbers");
  for (const char sign : text) {
    const Letter& letter = letter_of(sign);
    for (int y = 0; y < kLetterHeight; ++y)
      for (int x = 0; x < kLetterAdvance - 1; ++x)
        if ((letter.at(static_cast<std::size_t>(y)) >> (kLetterAdvance - 2 - x) & 1) != 0)
          fill_square(image, top + y * scale, left + x * scale, scale, colour);
    left += kLetterAdvance * scale;
  }
}

}  // namespace resolute::datasets
