#pragma once
//! \file
//! Changes of an image's colours with Pillow's bytes (releases 9 to 11): ImageEnhance's, ImageOps', and the hue of
//! torchvision's ColorJitter on Pillow's images.

#include <cstdint>
#include <vector>

#include "datasets/image/image.h"

namespace resolute::datasets {

enum class ColourChange {
  kBrightness,    //!< amount: a factor of at least 0; 0 is black, 1 the image as it is
  kContrast,      //!< likewise; 0 is the mean grey
  kSaturation,    //!< likewise; 0 is grey (ImageEnhance.Color)
  kSharpness,     //!< likewise; 0 is smoothed
  kHue,           //!< amount: -0.5 to 0.5 of a turn
  kPosterize,     //!< amount: the bits that a level keeps, a whole number from 0 to 8
  kSolarize,      //!< amount: levels from this one on become 255 less themselves
  kAutoContrast,  //!< each channel's lowest level becomes 0, its highest 255; no amount
  kEqualize,      //!< each channel's levels become about equally frequent; no amount
};

struct ColourStep {
  ColourChange change = ColourChange::kBrightness;
  double amount = 1;
  bool operator==(const ColourStep&) const = default;
};

//! \param image not empty; changed in place \param scratch memory between calls, grows with the image
void change_colours(Image& image, const ColourStep& step, std::vector<std::uint8_t>& scratch);

}  // namespace resolute::datasets
