#include "methods/rain/options.h"

#include <tuple>

#include "methods/rules.h"

namespace resolute::methods {

RainSection RainOptions::section() const {
  const Adversary shown = opponent() != nullptr ? *opponent() : Adversary();
  const Game game = shown.non_saturating ? Game::kNonSaturating : Game::kMinimax;
  return {.levels = opponent() != nullptr ? shown.levels : std::vector<int>{},
          .classification = classification,
          .triplet = triplet,
          .reconstruction = reconstruction,
          .margin = margin,
          .mining = mining,
          .adversary = opponent() != nullptr ? game : Game::kOff,
          .updates = shown.updates,
          .discriminator = shown.discriminator,
          .decoder = decoder,
          .adversarial_weight = shown.weight,
          .reconstruction_weight = reconstruction_weight,
          .supervision = supervision,
          .pairing = pairing};
}

RainOptions RainOptions::of(const RainSection& section) {
  RainOptions options{.adversary = NoAdversary(),
                      .classification = section.classification,
                      .triplet = section.triplet,
                      .reconstruction = section.reconstruction,
                      .margin = section.margin,
                      .mining = section.mining,
                      .decoder = section.decoder,
                      .reconstruction_weight = section.reconstruction_weight,
                      .supervision = section.supervision,
                      .pairing = section.pairing};
  if (section.adversary == Game::kOff) return options;
  if (section.levels.empty())
    throw settings::MemberError(
        "rain.levels", "[]",
        fmt::format("the adversary '{}' has no level to work on", settings::word(section.adversary)),
        "name levels, or set rain.adversary = \"off\"");
  options.adversary = Adversary{section.levels, section.adversary == Game::kNonSaturating, section.updates,
                                section.discriminator, section.adversarial_weight};
  return options;
}

void check_with(const RainOptions& o, const TrainingSettings& training) {
  const bool unlabelled = o.reconstruction || o.opponent() != nullptr;
  if (!o.classification && !o.triplet && !unlabelled)
    throw settings::MemberError("rain.adversary", "'off'", "every other loss is off too, so none is left");
  if (training.recipe.labelled_fraction == 0 && !unlabelled)
    throw settings::MemberError("train.labelled_fraction", "0",
                                "without labels, 'rain.reconstruction' and an adversary no loss is left");
  check_frozen_levels(training.network, o.classification || o.reconstruction,
                      "'rain.classification' and 'rain.reconstruction'");
  const Adversary* opponent = o.opponent();
  if (opponent != nullptr && opponent->levels.front() <= training.network.frozen_levels)
    throw settings::MemberError("rain.levels", opponent->levels,
                                fmt::format("the first {} levels of the trunk are frozen: nothing in them answers a "
                                            "discriminator",
                                            training.network.frozen_levels),
                                "name levels above 'network.frozen_levels'");
  if (o.pairing == Pairing::kShuffled) check_lr_stream("rain.pairing", o.triplet, training.recipe);
  if (o.triplet) check_hr_images(training.recipe);
}

void reset_unread(RainOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  reset_triplet(options);
  if (options.reconstruction) return;
  options.decoder = RainOptions().decoder;
  options.reconstruction_weight = RainOptions().reconstruction_weight;
}

bool same_tensors(const RainOptions& a, const RainOptions& b) {
  const auto shape = [](const RainOptions& o) {
    const Adversary* game = o.opponent();
    return std::tuple(o.classification, o.reconstruction, o.decoder,
                      game == nullptr ? std::vector<int>() : game->levels,
                      game == nullptr ? DiscriminatorKind() : game->discriminator);
  };
  return shape(a) == shape(b);
}

}  // namespace resolute::methods
