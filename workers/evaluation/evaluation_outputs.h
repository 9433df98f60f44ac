#pragma once
//! \file
//! The outputs of an evaluation beside features.h5 and its scores: what a report shows of queries, images and features
//! is written here, by the job that has the networks, and only embedded later.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/specification.h"
#include "results/pictures/feature_samples.h"
#include "workers/evaluation/branch_weights.h"
#include "workers/evaluation/evaluator.h"
#include "workers/evaluation/resolution_probe.h"

namespace resolute::workers {

//! Which images the protocol asks for, a pure function of split, protocol and whether the method learns branch weights
//! or has decoders.
struct OutputPlan {
  std::vector<std::size_t> panel_queries;      //!< results::choose_panel_queries()
  experiments::EvaluationProtocol protocol{};  //!< whose gallery the panels show
  std::vector<results::SampleImage> sample;
  std::vector<ProbeImage> probe;
  std::vector<WeighedView> weighed;  //!< choose_weighed(), where the method tells branch_weights and there is a sample
  std::vector<results::SampleImage> recovered;  //!< the sample, where the method has decoders
  //! Images to pass through networks for it.
  std::size_t images() const { return sample.size() + 2 * probe.size() + weighed.size() + recovered.size(); }
};

//! \throws RuntimeError (kInput) as choose_probe_images() and, where there is a sample, results::check_scales()
OutputPlan plan_outputs(methods::Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                        const experiments::EvaluationProtocol& protocol);

//! The parts that make_outputs() works with; all outlive it.
struct OutputParts {
  methods::Method& method;
  const datasets::PackReader& pack;
  const datasets::Split& split;
  const EmbeddingOptions& options;
  const Embedding& embedding;
  const results::GalleryScores& scores;
  settings::CopiesFrom copies_from;  //!< the training's: what decoders aimed at
};

struct EvaluationOutputs {
  //! queries.csv; prefixes.csv of a method that tells prefixes, masks.csv of one with mask_values(); the panels,
  //! weights.csv and recovery.csv where asked for.
  results::OutputFiles files;
  std::vector<results::SampleImage> sample;
  std::vector<float> sample_features;       //!< sample × dimension
  std::vector<std::int64_t> sample_prefix;  //!< dimensions_of() the sample
  //! resolution_probe, WeighedImages::metrics and results::recovery_metrics(), where asked for;
  //! results::mask_metrics().
  std::map<std::string, double> metrics;
};

//! Computes everything and writes nothing. \param progress images done of plan.images()
//! \return nothing if `progress` said so \throws RuntimeError as embed_images() and measure_recovery()
std::optional<EvaluationOutputs> make_outputs(const OutputParts& parts, const OutputPlan& plan,
                                              const EmbeddingProgress& progress);

//! Each file whole or not at all. \return their names → SHA-256, as EvaluationRecord::outputs
//! \throws RuntimeError as the file system does
std::map<std::string, std::string> write_outputs(core::FileSystem& files, const std::filesystem::path& folder,
                                                 const EvaluationOutputs& outputs);

}  // namespace resolute::workers
