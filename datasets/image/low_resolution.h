#pragma once
//! \file
//! Low-resolution images: the HR image shrunk r times, r the rate. Rate 1 is a copy, no resampling. Pixels are rounded
//! to 8 bits after each resize, as image files are. Defaults and what public code does instead: protocols, "How an LR
//! image is made".

#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "settings/member_checks.h"

namespace resolute::datasets {

inline constexpr int kMaxRate = settings::kLargestRate;

//! The LR image as a camera would have stored it: floor(native height / rate) × floor(native width / rate), at least 1
//! a side; of an image already resized to network size, the LR copy that training makes. \param rate 1 to kMaxRate
Image low_resolution_view(const Image& native, int rate, Kernel kernel);
//! The same into `to`, which may not be `native` (resample.h: resize_into()).
void low_resolution_view_into(const Image& native, int rate, Kernel kernel, Image& to, ResizeScratch& scratch);

//! Back to network size, bilinear (triangle), whatever kernel shrank it.
Image enlarge(const Image& image, int height, int width);
//! The same into `to`, of which nothing else is kept; as resize_into() without an allocation once both have been used.
void enlarge(const Image& image, int height, int width, Image& to, ResizeScratch& scratch);

}  // namespace resolute::datasets
