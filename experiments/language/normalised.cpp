#include "experiments/language/normalised.h"

#include "experiments/distance.h"

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

}  // namespace

TrainingSpecification normalised(TrainingSpecification training) {
  std::visit([](auto& options) { reset(options); }, training.method);
  // These put all images of a batch through a network together.
  if (std::holds_alternative<BaselineOptions>(training.method) ||
      std::holds_alternative<MsiflaOptions>(training.method))
    training.network.bn_streams = NetworkSettings().bn_streams;
  return training;
}

EvaluationSpecification normalised(EvaluationSpecification evaluation, const MethodOptions& method) {
  EvaluationProtocol& protocol = evaluation.protocol;
  const std::string distance = distance_asked(protocol, method);
  if (!compares_copies(distance)) protocol.gallery_copy_rate = EvaluationProtocol().gallery_copy_rate;
  if (distance == distance_asked({}, method)) protocol.distance = EvaluationProtocol().distance;
  if (protocol.sample_rates.empty()) protocol.sample_identities = EvaluationProtocol().sample_identities;
  if (protocol.query_rates == evaluation.split.query_rates) protocol.query_rates.clear();
  return evaluation;
}

}  // namespace resolute::experiments
