#pragma once
//! \file
//! A degraded copy of an image: shrunk by a real rate, blurred, made noisy and pressed through JPEG, in this order.
//! Pixels are rounded to 8 bits after each step, as image files are. Where Pillow has the step the bytes are Pillow's:
//! resize, GaussianBlur, and JPEG as Image.save(quality=…) and Image.open make it with the same libjpeg-turbo.

#include <cstdint>
#include <vector>

#include "core/random/random.h"
#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "settings/degradation.h"

namespace resolute::datasets {

//! The values that one image drew.
struct Degradation {
  double rate = 1;   //!< 1 to 16; 1: not shrunk
  double blur = 0;   //!< standard deviation, pixels of the shrunk image, 0 to 16; 0: none
  double noise = 0;  //!< standard deviation, levels, 0 to 64; 0: none
  int jpeg = 0;      //!< quality, 1 to 100; 0: none
  bool operator==(const Degradation&) const = default;
};

//! One draw from the stream for each step, also for one that is left out: a step's values do not depend on the others'
//! intervals. \param settings in range
Degradation draw_degradation(const settings::DegradationSettings& settings, core::RandomStream& stream);

//! Memory of degrade() between calls. For one thread at a time.
struct DegradationScratch {
  std::vector<std::uint8_t> line, blurred;
};

//! Blurs `image`, makes it noisy and presses it through JPEG: all but the shrinking, by what `drawn` says.
//! Noise: to each level, in the order of memory, stream.normal() times Degradation::noise is added; the sum is rounded
//! to the nearest level, halves up, and held in 0 to 255. \param image not empty
void degrade(Image& image, const Degradation& drawn, core::RandomStream& stream, DegradationScratch& scratch);

//! Pillow's ImageFilter.GaussianBlur(sigma): three box blurs along rows, then three along columns, edges repeated.
//! \param sigma 0 to DegradationSettings::kMostBlur pixels; 0 leaves the image as it is
void gaussian_blur(Image& image, double sigma, DegradationScratch& scratch);

}  // namespace resolute::datasets
