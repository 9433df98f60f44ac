#include "experiments/specification/stages.h"

#include <tuple>

#include "experiments/specification/validation.h"
#include "methods/rules.h"

namespace resolute::experiments {
namespace {

//! Without what only queries have.
SplitSettings of_training(SplitSettings split) {
  split.query_rates = SplitSettings().query_rates;
  split.distractors = SplitSettings().distractors;
  return split;
}

}  // namespace

bool tests_strangers(const SplitSettings& trained, const SplitSettings& tested) {
  if (trained.partition != tested.partition) return false;
  switch (trained.partition) {
    case settings::Partition::kOfficial:
      return true;
    case settings::Partition::kPublished:
      return trained.seed == tested.seed;
    case settings::Partition::kRandomHalves:
      break;
  }
  if (!trained.tested.empty() || !tested.tested.empty()) return trained.tested == tested.tested;
  // Who has both an LR and an HR image takes part in the draw.
  const auto drawn_by = [](const SplitSettings& split) {
    return std::tuple(split.seed, split.test_identities, split.lr_camera, split.lr_cameras, split.lr_side);
  };
  return drawn_by(trained) == drawn_by(tested);
}

StartPart part_to_start(const TrainingSpecification& first, const TrainingSpecification& second,
                        const std::string& name) {
  const auto refuse = [&](const std::string& why, const std::string& suggestion) {
    throw MemberError("start_from", "'" + name + "'", why, suggestion);
  };
  for (const auto* training : {&first, &second})
    if (training->recipe.program != 0)
      refuse(fmt::format("{} is trained by a method in Python or a program, whose network nobody else reads",
                         training == &first ? "that row" : "this row"),
             "start from a row that resolute-worker trains");
  if (first.pack != second.pack) refuse("it is of another pack", "");
  if (!tests_strangers(first.split, second.split))
    refuse("people who train there are tested here: the two divide people otherwise",
           "give both rows the same split.partition, split.tested, split.test_identities and LR cameras");
  const auto backbone = [](const TrainingSpecification& training) { return settings::word(training.network.backbone); };
  if (backbone(first) != backbone(second))
    refuse(fmt::format("its backbone is {}, not {}", backbone(first), backbone(second)), "give both the same backbone");
  if (methods::same_networks(first.method, second.method) && first.network.neck == second.network.neck &&
      of_training(first.split) == of_training(second.split))
    return StartPart::kModule;
  if (const int trunks = methods::row(first.method).trunks; trunks != 1)
    refuse(fmt::format("its networks differ from this row's, and it has {} trunks to choose from", trunks),
           "start from a row with one trunk, or give both rows the same method, network and people");
  return StartPart::kTrunk;
}

}  // namespace resolute::experiments
