#pragma once
//! \file
//! What an evaluation leaves beside features.h5 and its scores: what a report shows of queries, images and features is
//! written here, by the job that has the networks, and only embedded later.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "experiments/specification.h"
#include "workers/branch_weights.h"
#include "workers/evaluator.h"
#include "workers/feature_samples.h"
#include "workers/panels.h"
#include "workers/resolution_probe.h"

namespace resolute::workers {

//! Which images the protocol asks for, a pure function of split, protocol and whether the method learns branch weights.
struct OutputPlan {
  std::vector<std::size_t> panel_queries;  //!< choose_panel_queries()
  std::vector<SampleImage> sample;
  std::vector<ProbeImage> probe;
  std::vector<SampleImage> weighed;  //!< choose_weighed(), where the method has_branch_weights() and there is a sample
  //! Images to embed for it.
  std::size_t images() const { return sample.size() + 2 * probe.size() + weighed.size(); }
};

//! \throws RuntimeError (kInput) as choose_probe_images()
OutputPlan plan_outputs(const Method& method, const datasets::Split& split,
                        const experiments::EvaluationProtocol& protocol);

//! What make_outputs() works with; all outlive it.
struct OutputParts {
  Method& method;
  const datasets::PackReader& pack;
  const datasets::Split& split;
  const EmbeddingOptions& options;
  const Embedding& embedding;
  const results::SingleShotScores& scores;
};

struct EvaluationOutputs {
  OutputFiles files;  //!< queries.csv; the panels and weights.csv where asked for
  std::vector<SampleImage> sample;
  std::vector<float> sample_features;     //!< sample × dimension
  std::map<std::string, double> metrics;  //!< resolution_probe and WeighedImages::metrics, where asked for
};

//! Computes everything and writes nothing. \param progress images embedded of plan.images()
//! \return nothing if `progress` said so \throws RuntimeError as embed_images()
std::optional<EvaluationOutputs> make_outputs(const OutputParts& parts, const OutputPlan& plan,
                                              const EmbeddingProgress& progress);

//! Each file whole or not at all. \return their names → SHA-256, as EvaluationRecord::outputs
//! \throws RuntimeError as the file system does
std::map<std::string, std::string> write_outputs(core::FileSystem& files, const std::filesystem::path& job_folder,
                                                 const EvaluationOutputs& outputs);

}  // namespace resolute::workers
