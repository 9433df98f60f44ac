#pragma once
//! \file
//! The place of each true match of a query among its wrong matches, by counting: no matrix of queries × gallery, no
//! sort of the gallery. ranking.h and galleries.h use it.

#include <cstdint>
#include <functional>
#include <limits>
#include <span>

#include "results/kernel/features.h"
#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"

namespace resolute::results::kernel {

//! Position of a gallery image that is no wrong match: left out, or a true match.
inline constexpr std::uint32_t kNotWrong = std::numeric_limits<std::uint32_t>::max();

//! \param side the message's word for the matrix: "query", "gallery"
//! \throws core::RuntimeError (kInput) if there are not rows × dimension values
void check_size(const FeatureMatrix& matrix, const char* side);

//! \throws core::RuntimeError (kInput) where the sides' features have other dimensions, or none
void check_dimensions(std::size_t query, std::size_t gallery);

//! Rows first, first + 1, … of a side. \throws core::RuntimeError (kInput) that names the first value that is NaN or
//! infinite
void check_values(std::span<const float> values, std::size_t first, std::size_t dimension, const char* side);

//! One query against the whole gallery. The spans are valid during the visit.
struct QueryPositions {
  std::size_t query;
  std::span<const std::size_t> matches;          //!< true matches as gallery indices, nearest first, ties by index
  std::span<const std::uint64_t> wrong_at_most;  //!< for each match: wrong matches at most as far
  std::span<const std::uint32_t>
      positions;  //!< for each gallery image: true matches nearer than it, or kNotWrong; empty unless asked for
};

//! Called once for each query that has a match, from several threads at once, in no order.
using Visit = std::function<void(const QueryPositions&)>;

//! By features. `gemm` filters: a pair whose approximate distance lies within the rounding bound of a true match's is
//! computed again by squared_distance(), so every number visited is that of the exact distances.
//! \param prefix empty, or for each query how many leading dimensions are compared
//! \throws core::RuntimeError kInput: sizes that disagree, values that are NaN or infinite, a prefix out of range;
//!         kEnvironment: a product outside the bound of gemm.h
//! The gallery is read twice, or more often where queries compare many numbers of dimensions or where positions are
//! asked for; in memory are its images read last, twice, and of each query its matches' distances.
void visit_positions(const FeatureMatrix& query, const GallerySource& gallery, std::span<const std::int64_t> prefix,
                     const Matching& matching, const Gemm& gemm, const WorkOptions& work, bool with_positions,
                     const Visit& visit);

//! By distances, row-major queries × gallery. \throws core::RuntimeError (kInput) on a NaN or infinite one
void visit_positions(std::span<const float> distances, const Matching& matching, const WorkOptions& work,
                     bool with_positions, const Visit& visit);
void visit_positions(std::span<const double> distances, const Matching& matching, const WorkOptions& work,
                     bool with_positions, const Visit& visit);

//! Fills distances of the queries first, first + 1, … to the gallery, row-major: to a true match the distance itself,
//! to a wrong one any number that lies on the same side of each true match's distance. Called from several threads at
//! once.
using DistanceRows =
    std::function<void(std::size_t first, std::size_t count, const Matching& matching, std::span<double> to)>;

//! What fills rows calls it first. \throws core::RuntimeError (kInput) if there are not as many features as identities
void check_features(const Matching& matching, std::size_t queries, std::size_t gallery);

//! By such distances, of some queries at a time. \throws core::RuntimeError (kInput) on a NaN or infinite one
void visit_positions(const DistanceRows& distances, const Matching& matching, const WorkOptions& work,
                     const Visit& visit);

}  // namespace resolute::results::kernel
