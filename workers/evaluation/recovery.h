#pragma once
//! \file
//! How near a method's decoders bring test images at several resolutions to what they should look like: the lines of
//! recovery.csv (results/records/recovery.h, docs/inside/formats/recovery.md).

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "datasets/pack/pack.h"
#include "methods/networks/method.h"
#include "results/records/recovery.h"
#include "workers/evaluation/feature_samples.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

//! Images that pass through the decoders at a time: a float32 copy of each and of every decoder's output is held.
inline constexpr std::size_t kRecoveryBatch = 16;

//! Tells::recovered. \throws RuntimeError (kInput) for a scale above 1 whose copies the pack lacks
const std::vector<int>& recovery_scales(const methods::Method& method, const datasets::PackReader& pack);

//! Each image of a sample, as a camera would have stored it at its rate and enlarged, through recover(). A decoder's
//! output and the input itself, as 8-bit pictures, are held against the picture that the decoder aims at: the copy that
//! training makes of the image at the decoder's scale, the HR image for 1. Images pass in blocks of kRecoveryBatch in
//! the sample's order, so that no figure depends on threads or processes.
//! \param copies_from Recipe::copies_from of the training
//! \param progress images done and in all, before each block and after the last
//! \return a line for each image and decoder, decoders within images; nothing if `progress` said so
//! \throws RuntimeError: kCorrupt for a damaged row; kInput for a rate that the pack lacks
std::optional<std::vector<results::ImageRecoveryQuality>> measure_recovery(methods::Method& method,
                                                                           const datasets::PackReader& pack,
                                                                           std::span<const SampleImage> images,
                                                                           settings::CopiesFrom copies_from,
                                                                           const EmbeddingProgress& progress);

}  // namespace resolute::workers
