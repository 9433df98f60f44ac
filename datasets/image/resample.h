#pragma once
//! \file
//! Resizing. The kernel decides results, so it is part of the product: for the three antialiased kernels the bytes are
//! those of Pillow's Image.resize (BILINEAR, BICUBIC, LANCZOS), on every machine: integer sums of 22-bit fixed-point
//! coefficients. Method: Pillow, src/libImaging/Resample.c, of which this is an implementation of our own.

#include <memory>

#include "datasets/image/image.h"
#include "settings/pack.h"

namespace resolute::datasets {

using settings::Kernel;

//! Memory of resize_into() between calls: coefficients of the sizes met so far (the latest few hundred) and room for
//! intermediate pixels. For one thread at a time.
class ResizeScratch {
 public:
  ResizeScratch();
  ~ResizeScratch();
  ResizeScratch(const ResizeScratch&) = delete;
  ResizeScratch& operator=(const ResizeScratch&) = delete;
  ResizeScratch(ResizeScratch&&) noexcept;
  ResizeScratch& operator=(ResizeScratch&&) noexcept;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

//! The image at another size, 1..kMaxImageSide per side. A side that keeps its length is not filtered; the same size is
//! a copy. \throws ContractError for an empty image or a size outside the limits
Image resize(const Image& image, int height, int width, Kernel kernel);

//! The same into `to`, of any size before; may not be `image` itself. Sizes that `scratch` has met are resized without
//! an allocation. \throws as resize()
void resize_into(const Image& image, int height, int width, Kernel kernel, Image& to, ResizeScratch& scratch);

}  // namespace resolute::datasets
