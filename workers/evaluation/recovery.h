#pragma once
//! \file
//! A sample's images through the decoders of a method, and how near they come to what they should look like
//! (results/pictures/sample_recovery.h).

#include <optional>
#include <span>
#include <vector>

#include "methods/networks/method.h"
#include "results/pictures/sample_recovery.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

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
