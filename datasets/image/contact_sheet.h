#pragma once
//! \file
//! Several images side by side in one, to look at.

#include <array>
#include <cstdint>
#include <span>

#include "datasets/image/image.h"

namespace resolute::datasets {

//! Rows of `columns` images, each in a cell of the largest image's size, kept apart by `gap` pixels of a grey.
//! \param images at least one, none empty \param columns at least 1 \param gap 0 or more \param grey 0 to 255
//! \throws ContractError if the sheet would pass kMaxImageSide
Image contact_sheet(std::span<const Image> images, int columns, int gap = 2, std::uint8_t grey = 128);

//! The image within a frame of `thickness` pixels on each side. \param colour red, green, blue
//! \throws ContractError if it would pass kMaxImageSide
Image framed(const Image& image, int thickness, const std::array<std::uint8_t, 3>& colour);

}  // namespace resolute::datasets
