#include "methods/rain/options.h"

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
          .supervision = supervision};
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
                      .supervision = section.supervision};
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

}  // namespace resolute::methods
