#pragma once
//! \file
//! Words in a picture: capitals, digits and a few signs of 5×7 pixels, so that a sheet of images says what it shows
//! wherever it is looked at.

#include <array>
#include <cstdint>
#include <string_view>

#include "datasets/image/image.h"

namespace resolute::datasets {

inline constexpr int kLetterHeight = 7;   //!< pixels at scale 1
inline constexpr int kLetterAdvance = 6;  //!< from one letter's left edge to the next one's, pixels at scale 1

//! Pixels that draw_text() takes across at that scale. \param scale 1 or more
int text_width(std::string_view text, int scale = 1);

//! Draws letters whose upper left corner is (top, left); what lies outside the image is left out. Small letters are
//! drawn as capitals, and what there is no letter for as a question mark. \param scale 1 or more \param colour red,
//! green, blue
void draw_text(Image& image, int top, int left, std::string_view text, const std::array<std::uint8_t, 3>& colour,
               int scale = 1);

}  // namespace resolute::datasets
