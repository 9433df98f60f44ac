#pragma once
//! \file
//! Images of a pack as 8-bit pictures of network size, as networks see them, and how near one picture is to another:
//! for people to look at, and to measure.

#include <vector>

#include "datasets/image/image.h"
#include "datasets/pack/pack.h"
#include "results/scores/image_quality.h"

namespace resolute::results {

//! A row of the pack as a camera would have stored it at a rate, enlarged; rate 1: the HR image. \throws RuntimeError:
//! kCorrupt for a damaged row; kInput for a rate that the pack lacks; so does the next
datasets::Image picture_of_view(const datasets::PackReader& pack, std::size_t row, int rate);

//! The LR copy that a training makes of a row at a rate (LaneBatch::copies, without augmentation); rate 1: the HR
//! image.
datasets::Image picture_of_copy(const datasets::PackReader& pack, std::size_t row, int rate, settings::CopiesFrom from);

//! Pictures as one decoder recovers them.
struct RecoveredPictures {
  int scale = 1;                          //!< the rate whose look the decoder aims at
  std::vector<datasets::Image> pictures;  //!< in the order of the inputs
};

//! A decoder's outputs as pictures: normalisation is undone, values beyond black and white are cut, the rest rounded.
//! \param values `count` × like.height × like.width × 3, row-major \param like a picture of the size
std::vector<datasets::Image> pictures_of(const float* values, std::size_t count, const datasets::Image& like);

PictureQuality quality_of(const datasets::Image& picture, const datasets::Image& reference);

}  // namespace resolute::results
