#pragma once
//! \file
//! Low-resolution images: an HR image whose height and width are divided by the rate r. Rate 1 is a copy without
//! resampling. Pixels are rounded to 8 bits after each resize, as image files are. The defaults are compared with
//! public code in docs/datasets.md.

#include <algorithm>

#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "settings/member_checks.h"

namespace resolute::datasets {

//! Sides of an image shrunk by `rate`: floor(side / rate) pixels, at least 1.
constexpr ImageSize shrunk_size(const ImageSize& size, int rate) {
  return {std::max(size.height / rate, 1), std::max(size.width / rate, 1)};
}

//! The same for a real rate.
inline ImageSize shrunk_size(const ImageSize& size, double rate) {
  return {std::max(static_cast<int>(size.height / rate), 1), std::max(static_cast<int>(size.width / rate), 1)};
}

//! The LR image as a camera would have stored it, of shrunk_size(). For an image at network size it is the LR copy that
//! a training makes. \param rate 1 to settings::kLargestRate
Image low_resolution_view(const Image& native, int rate, Kernel kernel);
//! The same into `to`, which may not be `native` (resample.h: resize_into()).
void low_resolution_view_into(const Image& native, int rate, Kernel kernel, Image& to, ResizeScratch& scratch);

//! Enlarges to network size, bilinear (triangle), whatever kernel shrank the image.
Image enlarge(const Image& image, int height, int width);
//! The same into `to`, whose contents are replaced. As resize_into(), it allocates nothing once `to` and `scratch` have
//! been used.
void enlarge(const Image& image, int height, int width, Image& to, ResizeScratch& scratch);

}  // namespace resolute::datasets
