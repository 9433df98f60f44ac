#pragma once
//! \file
//! The galleries that a protocol draws where labels are all that is known of the images.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "settings/evaluation.h"

namespace resolute::datasets {

//! By the seed of a split, and with its gallery in order, an evaluation's galleries of that split (draw_gallery()).
//! Identity -1 is not drawn. Identity 0 stands for a split's distractors, which are not drawn either; elsewhere people
//! may be numbered from 0, and then a query has it.
//! \param asked identities of the queries \param shown of the gallery \return for each draw indices into `shown`; no
//! draw where the protocol has the whole gallery
std::vector<std::vector<std::size_t>> draw_galleries(const settings::EvaluationProtocol& protocol, std::uint64_t seed,
                                                     std::span<const std::int64_t> asked,
                                                     std::span<const std::int64_t> shown);

//! Why there is no score where queries have a match in the whole gallery and none in a drawn one.
inline constexpr const char* kNoMatchDrawn =
    "no drawn gallery has a match of a query: an image of its identity from another camera";

}  // namespace resolute::datasets
