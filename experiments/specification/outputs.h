#pragma once
//! \file
//! The outputs and metrics of an evaluation, one row each. An output is a file beside result.json, a metric a number in
//! it (docs/inside/formats/result.md). A row says what a method and the protocol must do to have it. The columns of
//! output files stand in results/, the figures that show them in report/figures/output_figures.cpp.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "experiments/specification/specification.h"
#include "methods/tells.h"

namespace resolute::experiments {

//! Something that a method does or does not do, and that a metric or an output needs.
struct Ability {
  const char* lacks;  //!< words for it in messages: "recovers images"
  //! \param distance the distance of the evaluation, distance_asked()
  bool (*of)(const methods::Tells& tells, const std::string& distance);
};
inline constexpr Ability kLearnsWeights{
    "compares by learned weights", [](const methods::Tells& tells, const std::string&) {
      return std::any_of(tells.distances.begin(), tells.distances.end(), [](const auto& one) { return one.weighted; });
    }};
inline constexpr Ability kComparesByWeights{
    kLearnsWeights.lacks, [](const methods::Tells& tells, const std::string& distance) {
      return std::any_of(tells.distances.begin(), tells.distances.end(),
                         [&](const auto& one) { return one.weighted && one.name == distance; });
    }};
inline constexpr Ability kRecoversImages{
    "recovers images", [](const methods::Tells& tells, const std::string&) { return !tells.recovered.empty(); }};
inline constexpr Ability kTellsLevelsApart{
    "tells levels of resolution apart",
    [](const methods::Tells& tells, const std::string&) { return !tells.level_rates.empty(); }};
inline constexpr Ability kHasMasks{"has masks",
                                   [](const methods::Tells& tells, const std::string&) { return tells.masks; }};
inline constexpr Ability kVariesInLength{
    "varies in length", [](const methods::Tells& tells, const std::string&) { return !tells.prefixes.empty(); }};

//! The subject of the file.
enum class LeftOf {
  kEveryQuery,
  kMethod,  //!< the network itself, and its results for all queries
  kSample,  //!< test images at evaluate.sample_rates; no file without such rates
  kPanels,  //!< evaluate.panels queries; no file for 0
};

//! A file in the evaluation's folder, or several files that one file names.
struct Output {
  const char* file;  //!< path relative to that folder; the key in results::EvaluationRecord::outputs
  const char* name;  //!< words for its contents in messages
  LeftOf of;
  const Ability* needs;  //!< what the method must do; null: nothing
};
inline constexpr Output kQueriesOutput{"queries.csv", "scores of queries", LeftOf::kEveryQuery, nullptr};
inline constexpr Output kWeightsOutput{"weights.csv", "weights", LeftOf::kSample, &kLearnsWeights};
inline constexpr Output kRecoveryOutput{"recovery.csv", "recovered images", LeftOf::kSample, &kRecoversImages};
inline constexpr Output kMasksOutput{"masks.csv", "masks", LeftOf::kMethod, &kHasMasks};
inline constexpr Output kPrefixesOutput{"prefixes.csv", "distances by prefix", LeftOf::kMethod, &kVariesInLength};
inline constexpr Output kPanelsOutput{"panels/panels.json", "panels", LeftOf::kPanels, nullptr};
inline constexpr Output kSamplesOutput{"samples.h5", "samples", LeftOf::kSample, nullptr};

//! How a metric's numbers are printed and checked.
struct Unit {
  double shown;        //!< tables print a result's value times this: 100 for per cent
  int decimals;        //!< decimals in tables
  const char* legend;  //!< words for the unit below a table; null: per cent
  const char* range;   //!< words for the range of values in refusals; null: any value
  double least, most;
};

inline constexpr const char* kWeightsLegend = "weights w and rank correlations ρ as they are";
inline constexpr const char* kPsnrLegend = "PSNR in dB";
inline constexpr Unit kFraction{100, 1, nullptr, "a fraction from 0 to 1", 0, 1};
inline constexpr Unit kWeight{1, 2, kWeightsLegend, nullptr, 0, 0};
inline constexpr Unit kCorrelation{1, 2, kWeightsLegend, "a correlation from -1 to 1", -1, 1};
inline constexpr Unit kSpread{1, 3, "the spread of masks as it is", nullptr, 0, 0};
inline constexpr Unit kPsnr{1, 2, kPsnrLegend, "a PSNR of 0 dB or more", 0, std::numeric_limits<double>::infinity()};
inline constexpr Unit kGain{1, 2, kPsnrLegend, nullptr, 0, 0};
inline constexpr Unit kSsim{1, 3, "SSIM as it is", "an SSIM from -1 to 1", -1, 1};

enum class Better { kUp, kDown, kNeither };

//! Why a table cannot show a metric, and what to set.
struct Unmeasured {
  std::string why, suggestion;
};

struct Metric {
  const char* name;     //!< its key in result.json; a rate from 2 to 16 follows where it ends in '_'
  const char* heading;  //!< heading of its column, {} for the rate; null: no table shows it
  const Unit* unit;
  Better better;
  const Output* output;  //!< the output that it summarises; null: it comes from features or distances
  const Ability* needs;  //!< what the method must do; null: nothing
  //! The protocol's gap that keeps a method that has it from measuring it; null: never any. \param rate as in
  //! MetricName
  std::optional<Unmeasured> (*lacks)(const EvaluationProtocol& protocol, int rate);

  bool has_rate() const { return std::string_view(name).ends_with('_'); }
  //! Tells whether each query has a value of it, so that two rows can be compared query by query.
  bool is_per_query() const { return output != nullptr && output->of == LeftOf::kEveryQuery; }
  //! Heading of its column. \param rate as in MetricName
  std::string heading_at(int rate) const;
};

//! For the metrics below: what the protocol lacks (Metric::lacks).
std::optional<Unmeasured> lacks_probe(const EvaluationProtocol& protocol, int rate);
std::optional<Unmeasured> lacks_rates(const EvaluationProtocol& protocol, int rate);
std::optional<Unmeasured> lacks_rate(const EvaluationProtocol& protocol, int rate);

namespace kinds {

constexpr Metric of_queries(const char* name, const char* heading) {
  return {name, heading, &kFraction, Better::kUp, &kQueriesOutput, nullptr, nullptr};
}
constexpr Metric of_weights(const char* name, const char* heading) {
  return {name, heading, &kCorrelation, Better::kNeither, &kWeightsOutput, &kLearnsWeights, lacks_rates};
}
constexpr Metric of_pairs(const char* name, const char* heading, const Unit& unit) {
  return {name, heading, &unit, Better::kNeither, nullptr, &kComparesByWeights, nullptr};
}
constexpr Metric of_recovery(const char* name, const char* heading, const Unit& unit) {
  return {name, heading, &unit, Better::kUp, &kRecoveryOutput, &kRecoversImages, lacks_rate};
}
//! A metric that only result.json has; no table shows it.
constexpr Metric untold(const char* name, const Unit& unit) {
  return {name, nullptr, &unit, Better::kNeither, nullptr, nullptr, nullptr};
}

}  // namespace kinds

//! The best rank-1 of a training's evaluations on its own test set. No evaluation leaves it: tables take it from the
//! training's log (results/records/training_log.h). Neither side is better, so that no table puts it in bold.
inline constexpr const char* kBestOnTest = "rank1_best_on_test";

//! Every metric of this program but counts.
inline constexpr std::array kMetrics{
    kinds::of_queries("rank1", "rank-1"),
    kinds::of_queries("rank5", "rank-5"),
    kinds::of_queries("rank10", "rank-10"),
    kinds::of_queries("rank20", "rank-20"),
    kinds::of_queries("mAP", "mAP"),
    Metric{"mINP", "mINP", &kFraction, Better::kUp, nullptr, nullptr, nullptr},
    Metric{kBestOnTest, "rank-1, best on test (not a result)", &kFraction, Better::kNeither, nullptr, nullptr, nullptr},
    Metric{"resolution_probe", "resolution probe", &kFraction, Better::kDown, nullptr, nullptr, lacks_probe},
    kinds::of_weights("weight_hr_rho", "ρ(w_HR, rate)"),
    kinds::of_weights("weight_lr_rho", "ρ(w_LR, rate)"),
    kinds::of_pairs("weight_query_hr", "w_HR of queries", kWeight),
    kinds::of_pairs("weight_query_lr", "w_LR of queries", kWeight),
    kinds::of_pairs("weight_gallery_hr", "w_HR of gallery", kWeight),
    kinds::of_pairs("weight_gallery_lr", "w_LR of gallery", kWeight),
    kinds::of_pairs("hr_share", "HR share", kFraction),
    Metric{"level_agreement", "level agreement", &kFraction, Better::kUp, nullptr, &kTellsLevelsApart, nullptr},
    Metric{"mask_spread", "mask spread", &kSpread, Better::kNeither, &kMasksOutput, &kHasMasks, nullptr},
    kinds::of_recovery("recovered_psnr_", "PSNR recovered, r = {} (dB)", kPsnr),
    kinds::of_recovery("enlarged_psnr_", "PSNR enlarged, r = {} (dB)", kPsnr),
    kinds::of_recovery("psnr_gain_", "PSNR gain, r = {} (dB)", kGain),
    kinds::of_recovery("recovered_ssim_", "SSIM recovered, r = {}", kSsim),
    kinds::of_recovery("enlarged_ssim_", "SSIM enlarged, r = {}", kSsim),
    kinds::untold("map_single", kFraction),
    kinds::untold("map_full", kFraction),
    kinds::untold("chance_rank1", kFraction),
    kinds::untold("chance_rank5", kFraction),
    kinds::untold("chance_rank10", kFraction),
    kinds::untold("chance_rank20", kFraction),
    kinds::untold("chance_mAP", kFraction),
    kinds::untold("weight_hr_rho_low", kCorrelation),
    kinds::untold("weight_hr_rho_high", kCorrelation),
    kinds::untold("weight_lr_rho_low", kCorrelation),
    kinds::untold("weight_lr_rho_high", kCorrelation)};

}  // namespace resolute::experiments
