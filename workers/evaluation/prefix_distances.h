#pragma once
//! \file
//! How queries and gallery images compare by the leading sub-vectors of representations that vary in length: the lines
//! of prefixes.csv (results/records/prefix_distances.h, docs/inside/formats/prefixes.md).

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "results/records/prefix_distances.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

//! Pairs whose distances are measured in one group of queries, at most, unless a single query has more: 32 MiB of
//! doubles.
inline constexpr std::size_t kMostPrefixPairs = std::size_t{1} << 22;

//! Queries are grouped by rate and level; each group is measured by every prefix up to its level. Ranks and precisions
//! are of all its queries, by the whole gallery. Distances are of all its pairs or, where these are more than
//! `most_pairs`, of those of r of its Q queries, the ⌊i Q / r⌋-th for i from 0: r = max(1, ⌊most_pairs / gallery⌋).
//! A distance is the sum over the prefix's sub-vectors of what decides rankings (results/kernel/distance.h), so that no
//! figure depends on threads.
//! \param rates of the queries \param dimensions Tells::prefixes \param go_on asked before each line; false
//! ends it
//! \return lines by rate, level and prefix; nothing if it was ended
std::optional<std::vector<results::PrefixDistances>> measure_prefixes(const FeatureEmbedding& embedding,
                                                                      std::span<const int> rates,
                                                                      std::span<const int> dimensions,
                                                                      const std::function<bool()>& go_on,
                                                                      std::size_t most_pairs = kMostPrefixPairs);

}  // namespace resolute::workers
