#pragma once
//! \file
//! Images of a pack as 8-bit pictures of network size, as networks see them, and what decoders make of them as such
//! pictures: for people to look at, and to measure.

#include <span>
#include <vector>

#include "datasets/image/image.h"
#include "datasets/pack/pack.h"
#include "methods/networks/method.h"
#include "results/scores/image_quality.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

//! A view as a network sees it. \throws RuntimeError: kCorrupt for a damaged row; kInput for a rate that the pack
//! lacks; so does the next
datasets::Image picture_of_view(const datasets::PackReader& pack, const ImageView& view);

//! The LR copy that a training makes of a row at a rate (LaneBatch::copies, without augmentation); rate 1: the HR
//! image.
datasets::Image picture_of_copy(const datasets::PackReader& pack, std::size_t row, int rate, settings::CopiesFrom from);

//! The picture as each of the method's decoders recovers it.
struct RecoveredPictures {
  int scale = 1;                          //!< of Tells::recovered
  std::vector<datasets::Image> pictures;  //!< in the order of the inputs
};

//! One pass of the pictures through the method's decoders, float32, batch norms not folded, on the device where its
//! parameters lie; normalisation is undone, values beyond black and white are cut, the rest rounded.
//! \param pictures at least one, all of one size
//! \return one for each decoder, in descending order of scales; empty without a decoder
std::vector<RecoveredPictures> recover_pictures(methods::Method& method, std::span<const datasets::Image> pictures);

results::PictureQuality quality_of(const datasets::Image& picture, const datasets::Image& reference);

}  // namespace resolute::workers
