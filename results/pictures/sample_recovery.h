#pragma once
//! \file
//! How near decoders bring a sample's images to what they should look like: the lines of recovery.csv
//! (results/records/recovery.h, docs/inside/formats/recovery.md).

#include <cstddef>
#include <span>
#include <vector>

#include "datasets/pack/pack.h"
#include "results/pictures/feature_samples.h"
#include "results/pictures/view_pictures.h"
#include "results/records/output_file.h"
#include "results/records/recovery.h"

namespace resolute::results {

//! Images that pass through decoders at a time, in the sample's order.
inline constexpr std::size_t kRecoveryBatch = 16;

//! \param scales of a method's decoders \throws RuntimeError (kInput) for one above 1 whose copies the pack lacks
void check_scales(std::span<const int> scales, const datasets::PackReader& pack);

//! The sample's images as decoders get them: as a camera would have stored each at its rate, enlarged.
//! \param threads that work at a time; no bit depends on it \throws RuntimeError: kCorrupt for a damaged row; kInput
//! for a rate that the pack lacks
std::vector<datasets::Image> recovery_inputs(const datasets::PackReader& pack, std::span<const SampleImage> images,
                                             int threads);

//! A decoder's output and the input itself, as 8-bit pictures, are held against the picture that the decoder aims at:
//! the copy that training makes of the image at the decoder's scale, the HR image for 1.
//! \param inputs recovery_inputs() \param decoded of these, one for each decoder \param copies_from
//! Recipe::copies_from of the training \return a line for each image and decoder, decoders within images
//! \throws RuntimeError as recovery_inputs()
std::vector<ImageRecoveryQuality> recovery_quality(const datasets::PackReader& pack,
                                                   std::span<const SampleImage> images,
                                                   std::span<const datasets::Image> inputs,
                                                   std::span<const RecoveredPictures> decoded,
                                                   settings::CopiesFrom copies_from, int threads);

//! recovery.csv of such lines.
OutputFiles recovery_file(const std::vector<ImageRecoveryQuality>& lines);

}  // namespace resolute::results
