#pragma once
//! \file
//! The files that an evaluation leaves beside its result, one row each (docs/formats/result.md), and what a method must
//! do to leave them. Their columns stand in results/, the figures that show them in cli/figures.cpp.

#include <algorithm>
#include <string>

#include "experiments/specification.h"
#include "methods/tells.h"

namespace resolute::experiments {

//! What a method must do for an evaluation of it to have a metric or an output.
struct Ability {
  const char* lacks;  //!< what a row without it does not do: "recovers images"
  const char* rows;   //!< methods whose rows do it, for a suggestion
  //! \param distance that the evaluation compares by, distance_asked()
  bool (*of)(const methods::Tells& tells, const std::string& distance);
};
inline constexpr Ability kLearnsWeights{
    "compares by learned weights", "'ftwa' with 'ftwa.weighting' and the distance 'weighted'",
    [](const methods::Tells& tells, const std::string&) {
      return std::any_of(tells.distances.begin(), tells.distances.end(), [](const auto& one) { return one.weighted; });
    }};
inline constexpr Ability kComparesByWeights{
    kLearnsWeights.lacks, kLearnsWeights.rows, [](const methods::Tells& tells, const std::string& distance) {
      return std::any_of(tells.distances.begin(), tells.distances.end(),
                         [&](const auto& one) { return one.weighted && one.name == distance; });
    }};
inline constexpr Ability kRecoversImages{
    "recovers images", "'msifla', or 'rain' with 'rain.reconstruction'",
    [](const methods::Tells& tells, const std::string&) { return !tells.recovered.empty(); }};
inline constexpr Ability kTellsLevelsApart{
    "tells levels of resolution apart", "'resolution_adaptive' with varying length or masks",
    [](const methods::Tells& tells, const std::string&) { return !tells.level_rates.empty(); }};
inline constexpr Ability kHasMasks{
    "has masks", "'resolution_adaptive' with 'resolution_adaptive.masks' \"joint\" or \"progressive\"",
    [](const methods::Tells& tells, const std::string&) { return tells.masks; }};
inline constexpr Ability kVariesInLength{
    "varies in length", "'resolution_adaptive' with 'resolution_adaptive.varying_length'",
    [](const methods::Tells& tells, const std::string&) { return !tells.prefixes.empty(); }};

//! Of what an evaluation leaves a file.
enum class LeftOf {
  kEveryQuery,
  kMethod,  //!< of the network's own state and what it makes of all queries
  kSample,  //!< test images at evaluate.sample_rates; nothing without them
  kPanels,  //!< evaluate.panels queries; nothing for 0
};

//! A file, or several that one names, in the evaluation's folder.
struct Output {
  const char* file;  //!< relative to that folder, its key in results::EvaluationRecord::outputs
  const char* name;  //!< what it holds, as messages say it
  LeftOf of;
  const Ability* needs;  //!< of the method; null: nothing
};
inline constexpr Output kQueriesOutput{"queries.csv", "scores of queries", LeftOf::kEveryQuery, nullptr};
inline constexpr Output kWeightsOutput{"weights.csv", "weights", LeftOf::kSample, &kLearnsWeights};
inline constexpr Output kRecoveryOutput{"recovery.csv", "recovered images", LeftOf::kSample, &kRecoversImages};
inline constexpr Output kMasksOutput{"masks.csv", "masks", LeftOf::kMethod, &kHasMasks};
inline constexpr Output kPrefixesOutput{"prefixes.csv", "distances by prefix", LeftOf::kMethod, &kVariesInLength};
inline constexpr Output kPanelsOutput{"panels/panels.json", "panels", LeftOf::kPanels, nullptr};
inline constexpr Output kSamplesOutput{"samples.h5", "samples", LeftOf::kSample, nullptr};

//! \param needs null: nothing
bool has(const Ability* needs, const MethodOptions& method, const EvaluationProtocol& protocol);

//! Whether evaluations of the method by the protocol leave the file.
bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol);

}  // namespace resolute::experiments
