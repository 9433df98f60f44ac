#pragma once
//! \file
//! Several images side by side in one, to look at.

#include <span>

#include "datasets/image/image.h"

namespace resolute::datasets {

//! Rows of `columns` images, each in a cell of the largest image's size, kept apart by `gap` pixels of mid grey.
//! \param images at least one, none empty \param columns at least 1 \param gap 0 or more
//! \throws ContractError if the sheet would pass kMaxImageSide
Image contact_sheet(std::span<const Image> images, int columns, int gap = 2);

}  // namespace resolute::datasets
