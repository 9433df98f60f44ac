#pragma once
//! \file
//! Evaluation of a method that compares images in several branches: embeds the two sides and the gallery's LR copies,
//! and computes the distances a few queries at a time. Source: FTWA (docs/inside/methods/ftwa.md), whose test distance
//! is the weighting of eq. 4.

#include <cstdint>
#include <optional>

#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

//! Counts as images_to_embed() does, if the comparison names a distance.
std::uint64_t images_of_branches(const methods::Method& method, const datasets::Split& split,
                                 const Comparison& comparison);

//! Embeds as embed_split() does, if the comparison names a distance. A single process is interrupted between blocks of
//! queries too.
std::optional<DistanceEmbedding> embed_distances(methods::Method& method, const ImageSource& source,
                                                 const datasets::Split& split, const Comparison& comparison,
                                                 const EmbeddingOptions& options, const EmbeddingProgress& progress);

}  // namespace resolute::workers
