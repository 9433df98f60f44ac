#include "experiments/specification/stages.h"

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

std::string divided_by(const SplitSettings& one, const SplitSettings& other, bool cameras_seen_by_all) {
  if (one.partition != other.partition) return "split.partition";
  // Validation people are drawn of those who would train. Who holds some out trains on nobody of the test.
  const bool asks_validation = other.validation_identities != 0;
  if (asks_validation && one.validation_identities != other.validation_identities) return "split.validation_identities";
  if (!asks_validation && one.partition == settings::Partition::kOfficial) return "";
  const std::string by_seed = one.seed == other.seed ? "" : "split.seed";
  if (!asks_validation && one.partition == settings::Partition::kPublished) return by_seed;
  if (one.tested != other.tested) return "split.tested";
  if (!asks_validation && !one.tested.empty()) return "";
  if (!by_seed.empty()) return by_seed;
  if (one.test_identities != other.test_identities) return "split.test_identities";
  if (cameras_seen_by_all) return "";
  if (one.lr_side != other.lr_side) return "split.lr_side";
  if (one.low_cameras() != other.low_cameras())
    return one.lr_cameras.empty() && other.lr_cameras.empty() ? "split.lr_camera" : "split.lr_cameras";
  return "";
}

bool tests_strangers(const SplitSettings& trained, const SplitSettings& tested) {
  return divided_by(trained, tested).empty();
}

std::optional<TrainingSpecification> without_length(TrainingSpecification training) {
  const settings::Schedule schedule = training.recipe.schedule;
  if (schedule != settings::Schedule::kStep && schedule != settings::Schedule::kConstant) return std::nullopt;
  // Stages of equal lengths are written in two ways: normalised() drops what the length says.
  methods::fill_in_pace(training.method, training.network, training.recipe.steps);
  if (methods::is_paced_by_length(training.method)) return std::nullopt;  // too short for its stages
  training.recipe.steps = 0;
  return training;
}

bool goes_on(const TrainingSpecification& shorter, const TrainingSpecification& longer) {
  if (shorter.recipe.steps >= longer.recipe.steps) return false;
  const auto any_length = without_length(longer);
  return any_length && without_length(shorter) == any_length;
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
           "give both rows the same split.partition, split.tested, split.test_identities, split.validation_identities "
           "and LR cameras");
  const auto backbone = [](const TrainingSpecification& training) { return settings::word(training.network.backbone); };
  if (backbone(first) != backbone(second))
    refuse(fmt::format("its backbone is {}, not {}", backbone(first), backbone(second)), "give both the same backbone");
  if (methods::same_networks(first.method, second.method) && first.network.neck == second.network.neck &&
      of_training(first.split) == of_training(second.split) && first.joined == second.joined)
    return StartPart::kModule;
  if (const int trunks = methods::row(first.method).trunks; trunks != 1)
    refuse(fmt::format("its networks differ from this row's, and it has {} trunks to choose from", trunks),
           "start from a row with one trunk, or give both rows the same method, network and people");
  return StartPart::kTrunk;
}

}  // namespace resolute::experiments
