#include "methods/cadnet/options.h"

#include "methods/rules.h"

namespace resolute::methods {

void check_with(const CadnetOptions& o, const TrainingSettings& training) {
  const bool unlabelled = o.reconstruction || o.feature_adversary || o.image_adversary;
  if (!o.identifies() && !unlabelled)
    throw settings::MemberError("cadnet.classification", "false", "every other loss is off too, so none is left");
  if (training.recipe.labelled_fraction == 0 && !unlabelled)
    throw settings::MemberError("train.labelled_fraction", "0",
                                "without labels, 'cadnet.reconstruction' and an adversary no loss is left");
  check_frozen_levels(training.network, o.classification || o.recovers(), "a classifier and a decoder");
  if (o.feature_adversary && training.network.frozen_levels == settings::kTrunkLevels)
    throw settings::MemberError("cadnet.feature_adversary", "true",
                                "all levels of the trunk are frozen: nothing answers the discriminator of features",
                                "set it to false, or 'network.frozen_levels' to 4 at most");
  if (o.pairing == Pairing::kShuffled) check_lr_stream("cadnet.pairing", o.triplet, training.recipe);
  if (o.triplet) check_hr_images(training.recipe);
}

void reset_unread(CadnetOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  const CadnetOptions defaults;
  reset_triplet(options);
  if (!options.identifies()) options.features = defaults.features;
  if (!options.reconstruction) options.reconstruction_weight = defaults.reconstruction_weight;
  if (!options.feature_adversary) options.feature_adversarial_weight = defaults.feature_adversarial_weight;
  if (!options.image_adversary) options.image_adversarial_weight = defaults.image_adversarial_weight;
}

}  // namespace resolute::methods
