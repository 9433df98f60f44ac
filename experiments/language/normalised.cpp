#include "experiments/language/normalised.h"

#include <numeric>

#include "core/overloaded.h"
#include "experiments/distance.h"
#include "experiments/resolution_levels.h"
#include "experiments/trunk_shape.h"

namespace resolute::experiments {
namespace {

template <class Options>
void reset_triplet(Options& options) {
  if (options.triplet) return;
  options.margin = Options().margin;
  options.mining = Options().mining;
}

template <class Options>
void reset_classification(Options& options) {
  if (!options.classification) options.classification_weight = Options().classification_weight;
}

void reset(BaselineOptions& options) {
  reset_triplet(options);
  reset_classification(options);
}

void reset(FtwaOptions& options) {
  reset_triplet(options);
  reset_classification(options);
  const FtwaOptions defaults;
  if (!options.triplet) options.triplet_weight = defaults.triplet_weight;
  if (!options.transformation) {
    options.transformation_weight = defaults.transformation_weight;
    options.transformation_detach = defaults.transformation_detach;
    options.transformed_losses = defaults.transformed_losses;
    options.transformation_blocks = defaults.transformation_blocks;
  }
  if (!options.weighting) options.weight_balance = defaults.weight_balance;
  // The balance of weights looks at the same shares.
  if (!options.weighting || (!options.classification && options.weight_balance == 0))
    options.classification_weighting = defaults.classification_weighting;
  if (!options.weighting || !options.triplet) options.triplet_weighting = defaults.triplet_weighting;
}

void reset(RainOptions& options) {
  reset_triplet(options);
  const RainOptions defaults;
  if (!options.reconstruction) {
    options.decoder = defaults.decoder;
    options.reconstruction_weight = defaults.reconstruction_weight;
  }
  if (options.adversary != "off") return;
  options.levels.clear();
  options.updates = defaults.updates;
  options.discriminator = defaults.discriminator;
  options.adversarial_weight = defaults.adversarial_weight;
}

void reset(MsiflaOptions& options) {
  reset_triplet(options);
  // One scale has one re-ID network either way.
  if (options.scales.size() == 1) options.reid_networks = MsiflaOptions().reid_networks;
}

//! Sub-vectors as equal as they can be.
std::vector<int> evenly(int dimensions, std::size_t parts) {
  const int count = static_cast<int>(parts);
  std::vector<int> widths(parts, dimensions / count);
  for (int i = 0; i < dimensions % count; ++i) ++widths[static_cast<std::size_t>(i)];
  return widths;
}

//! What only levels of resolution read, in a method that treats every image alike. A neck normalises sub-vector by
//! sub-vector: their number and widths are then in the network all the same.
void reset_levels(ResolutionAdaptiveOptions& options, bool neck) {
  const ResolutionAdaptiveOptions defaults;
  const int dimensions = std::accumulate(options.widths.begin(), options.widths.end(), 0);
  const bool levels = uses_levels(options);
  if (!levels && !neck && dimensions >= static_cast<int>(defaults.widths.size())) {
    options.level_rates = defaults.level_rates;
    options.widths.resize(options.level_rates.size());
  }
  if (!levels) {
    int rate = static_cast<int>(options.level_rates.size());
    for (int& of_level : options.level_rates) of_level = rate--;
  }
  if (!options.varying_length && !neck) options.widths = evenly(dimensions, options.widths.size());
}

void reset(ResolutionAdaptiveOptions& options, NetworkSettings& network, int steps) {
  const ResolutionAdaptiveOptions defaults;
  // It stands before the classifier alone.
  if (!options.classification) network.neck = NetworkSettings().neck;
  reset_levels(options, network.neck);
  if (options.masks == "off") {
    options.mask_blocks = defaults.mask_blocks;
    options.mask_mean = defaults.mask_mean;
    options.mask_deviation = defaults.mask_deviation;
    options.mask_learning_rate = defaults.mask_learning_rate;
  }
  ResolutionAdaptiveOptions as_long = options;
  as_long.stage_steps = defaults.stage_steps;
  const int masks = mask_count(options, network);
  if (options.masks != "progressive" || stage_steps(options, masks, steps) == stage_steps(as_long, masks, steps))
    options.stage_steps = defaults.stage_steps;
  if (!options.verification) {
    options.verification_weight = defaults.verification_weight;
    options.verification_width = defaults.verification_width;
  }
}

}  // namespace

TrainingSpecification normalised(TrainingSpecification training) {
  std::visit(core::Overloaded{
                 [&](ResolutionAdaptiveOptions& options) { reset(options, training.network, training.recipe.steps); },
                 [](auto& options) { reset(options); }},
             training.method);
  // These put all images of a batch through a network together.
  if (!methods::row(training.method).needs.streams) training.network.bn_streams = NetworkSettings().bn_streams;
  return training;
}

EvaluationSpecification normalised(EvaluationSpecification evaluation, const MethodOptions& method) {
  EvaluationProtocol& protocol = evaluation.protocol;
  const std::string distance = distance_asked(protocol, method);
  if (!compares_copies(method, distance)) protocol.gallery_copy_rate = EvaluationProtocol().gallery_copy_rate;
  if (distance == distance_asked({}, method)) protocol.distance = EvaluationProtocol().distance;
  if (!uses_levels(method)) protocol.query_level = EvaluationProtocol().query_level;
  if (protocol.sample_rates.empty()) protocol.sample_identities = EvaluationProtocol().sample_identities;
  if (protocol.query_rates == evaluation.split.query_rates) protocol.query_rates.clear();
  return evaluation;
}

}  // namespace resolute::experiments
