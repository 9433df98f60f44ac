#pragma once
//! \file
//! From levels to the numbers that networks take, on the device where they lie.

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "datasets/loader/loader.h"
#include "datasets/loader/normalisation.h"
#include "networks/nn/placed.h"
#include "networks/torch.h"

namespace resolute::workers {

//! datasets::normalised_level() on a device, whose constants it holds there.
class LevelNormalisation {
 public:
  // A tensor of the device to divide by: a GPU multiplies by the reciprocal of a number, which rounds otherwise.
  explicit LevelNormalisation(at::Device device)
      : white_(of_channels({255, 255, 255}, device)),
        mean_(of_channels(datasets::kChannelMean, device)),
        deviation_(of_channels(datasets::kChannelDeviation, device)) {}

  //! The ones of N images that are flipped: on the device, once for all images of their items. Undefined where none is.
  at::Tensor flips_of(std::span<const datasets::Augmentation> augmentations) const {
    if (std::none_of(augmentations.begin(), augmentations.end(),
                     [](const auto& augmentation) { return augmentation.flipped; }))
      return {};
    std::vector<std::uint8_t> flipped;
    for (const datasets::Augmentation& augmentation : augmentations) flipped.push_back(augmentation.flipped ? 1 : 0);
    return networks::placed(at::tensor(flipped, at::kByte).to(at::kBool).view({-1, 1, 1, 1}), white_.device());
  }

  //! The CPU's bits of images that are flipped and erased. \param levels N×H×W×3 uint8 on the device, contiguous, as
  //! datasets::BatchLevels has them \param flips flips_of() them \param augmentations N: what is erased of each
  //! \return N×3×H×W float32, channels-last in memory
  at::Tensor operator()(const at::Tensor& levels, const at::Tensor& flips,
                        const std::vector<datasets::Augmentation>& augmentations) const {
    const at::Tensor seen = flips.defined() ? at::where(flips, levels.flip({2}), levels) : levels;
    at::Tensor numbers = seen.to(at::kFloat).div_(white_).sub_(mean_).div_(deviation_);
    if (std::any_of(augmentations.begin(), augmentations.end(),
                    [](const auto& augmentation) { return augmentation.erase_height > 0; }))
      numbers.masked_fill_(mask_of(augmentations, levels), 0.0);
    return numbers.permute({0, 3, 1, 2});
  }

 private:
  static at::Tensor of_channels(const std::array<float, 3>& values, at::Device device) {
    return networks::placed(at::tensor(std::vector<float>(values.begin(), values.end())), device);
  }

  // N×H×W×1: whether a pixel is erased of its image.
  static at::Tensor mask_of(const std::vector<datasets::Augmentation>& augmentations, const at::Tensor& levels) {
    std::vector<std::int64_t> bounds;
    for (const datasets::Augmentation& augmentation : augmentations)
      for (int bound : {augmentation.erase_top, augmentation.erase_top + augmentation.erase_height,
                        augmentation.erase_left, augmentation.erase_left + augmentation.erase_width})
        bounds.push_back(bound);
    const at::Tensor of_image = networks::placed(at::tensor(bounds, at::kLong).view({-1, 4, 1, 1}), levels.device());
    const auto places = [&](std::int64_t axis, at::IntArrayRef shape) {
      return at::arange(levels.size(axis), of_image.options()).view(shape);
    };
    const at::Tensor y = places(1, {1, -1, 1}), x = places(2, {1, 1, -1});
    const auto bound = [&](std::int64_t side) { return of_image.select(1, side); };
    return y.ge(bound(0))
        .logical_and(y.lt(bound(1)))
        .logical_and(x.ge(bound(2)))
        .logical_and(x.lt(bound(3)))
        .unsqueeze(3);
  }

  at::Tensor white_, mean_, deviation_;
};

}  // namespace resolute::workers
