#include "experiments/language/normalised.h"

namespace resolute::experiments {
namespace {

template <class Options>
void reset_triplet(Options& options) {
  if (options.triplet) return;
  options.margin = Options().margin;
  options.mining = Options().mining;
}

void reset(BaselineOptions& options) { reset_triplet(options); }

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

}  // namespace

TrainingSpecification normalised(TrainingSpecification training) {
  std::visit([](auto& options) { reset(options); }, training.method);
  return training;
}

EvaluationSpecification normalised(EvaluationSpecification evaluation) {
  EvaluationProtocol& protocol = evaluation.protocol;
  if (protocol.sample_rates.empty()) protocol.sample_identities = EvaluationProtocol().sample_identities;
  if (protocol.query_rates == evaluation.split.query_rates) protocol.query_rates.clear();
  return evaluation;
}

}  // namespace resolute::experiments
