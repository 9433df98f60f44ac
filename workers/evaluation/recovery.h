#pragma once
//! \file
//! Images through the decoders of a method, as pictures (results/pictures/view_pictures.h), and how near they come to
//! what they should look like (results/pictures/sample_recovery.h).

#include <optional>
#include <span>
#include <vector>

#include "methods/networks/method.h"
#include "results/pictures/sample_recovery.h"
#include "results/pictures/view_pictures.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

//! One pass of the pictures through the method's decoders, float32, batch norms not folded, on the device where its
//! parameters lie. \param pictures at least one, all of one size
//! \return one for each decoder, in descending order of scales; empty without a decoder
std::vector<results::RecoveredPictures> recover_pictures(methods::Method& method,
                                                         std::span<const datasets::Image> pictures);

//! Images pass through recover() in blocks of results::kRecoveryBatch, so that no figure depends on threads or
//! processes. \param copies_from Recipe::copies_from of the training
//! \param progress images done and in all, before each block and after the last
//! \return results::recovery_quality() of all; nothing if `progress` said so \throws RuntimeError as that
std::optional<std::vector<results::ImageRecoveryQuality>> measure_recovery(methods::Method& method,
                                                                           const datasets::PackReader& pack,
                                                                           std::span<const results::SampleImage> images,
                                                                           settings::CopiesFrom copies_from,
                                                                           const EmbeddingProgress& progress);

}  // namespace resolute::workers
