#pragma once
//! \file
//! Changes that training makes to an image: of its colours, random flip, shift within a black border, erasing; drawn by
//! key, so that an image and its LR copies share the draw. All but the first are applied while pixels become normalised
//! floats.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "datasets/image/colour.h"
#include "datasets/image/image.h"
#include "settings/training.h"

namespace resolute::datasets {

//! Changes of colours, drawn for each image: first the jitter, then the policy.
struct ColourOptions {
  double jitter = 0;  //!< probability that these four change, in drawn order, as torchvision's ColorJitter does it
  double brightness = 0, contrast = 0, saturation = 0;  //!< factors are drawn from max(0, 1 - x) to 1 + x; 0: left out
  double hue = 0;                                       //!< turns are drawn from -x to x, x at most 0.5; 0: left out
  settings::ColourPolicy policy = settings::ColourPolicy::kNone;
  int magnitude = 9;  //!< 0 to 30
};

struct LoaderOptions {
  std::vector<int> train_rates = {2, 3, 4};  //!< rates of the LR copies, drawn uniformly; 1 is a copy of the HR image
  double flip = 0.5;                         //!< probability of a horizontal flip
  int pad = 10;                              //!< black border, pixels, before a random crop back to size
  double erasing = 0.0;  //!< probability that a rectangle becomes the mean colour (0 after normalising)
  std::uint64_t seed = 0;
  settings::CopiesFrom copies_from = settings::CopiesFrom::kNative;
  bool originals = false;  //!< HR images of items that stand in the batch as LR images alone too, where there are any
  ColourOptions colours = {};
  //! Of LR copies. With a rate they are shrunk from the image at network size, and train_rates are not read.
  settings::DegradationSettings copies = {};
};

//! What a training by that recipe does to images.
LoaderOptions loader_options(const settings::Recipe& recipe, std::uint64_t seed, bool originals = false);

//! ColourJitter's four and the policy's two.
inline constexpr std::size_t kMostColourSteps = 6;

//! The changes to one training image.
struct Augmentation {
  int rate = 1;  //!< of the LR copy
  bool flipped = false;
  int shift_y = 0;    //!< the image moves down by this, -pad to pad
  int shift_x = 0;    //!< and right
  int erase_top = 0;  //!< the erased rectangle; height 0: none
  int erase_left = 0;
  int erase_height = 0;
  int erase_width = 0;
  std::array<ColourStep, kMostColourSteps> colour_steps{};  //!< before all else, one after the other; the first
  std::size_t colours = 0;                                  //!< so many of them
  bool operator==(const Augmentation&) const = default;
};

//! A pure function of the arguments; colours have draws of their own, so that all others are as without them. The
//! policy's magnitudes are torchvision's RandAugment's. Random erasing as in Zhong et al., AAAI 2020: area 2 % to 40 %,
//! aspect 0.3 to 1/0.3. \param height, width of the image, pixels
Augmentation draw_augmentation(const LoaderOptions& options, int height, int width, std::uint64_t round,
                               std::size_t row, std::uint32_t occurrence);

//! augment()'s memory between calls; grows with the width.
struct AugmentRows {
  std::vector<std::uint8_t> black, levels;
  std::vector<float> floats;
};

//! The image, flipped, then shifted, then erased, as normalised_level() has it: black where it moved away, 0 where
//! erased. \param image not empty \param augmentation any shift; the rectangle lies in the image
//! \param to height×width×3 floats, those of a row behind one another
void augment(const Image& image, const Augmentation& augmentation, AugmentRows& rows, std::span<float> to);
//! The same for whoever flips, erases and normalises elsewhere, in this order: levels, neither flipped nor erased, and
//! shifted so that flipping brings them where they belong. \param to height×width×3 levels
void augment(const Image& image, const Augmentation& augmentation, AugmentRows& rows, std::span<std::uint8_t> to);

}  // namespace resolute::datasets
