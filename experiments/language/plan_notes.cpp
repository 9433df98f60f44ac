#include "experiments/language/plan_notes.h"

#include "experiments/specification/plan.h"
#include "methods/trunk_shape.h"

namespace resolute::experiments {

void PlanFacts::add(const Draft& draft, const std::string& dataset) {
  if (draft.recipe.program != 0) {
    programs.insert(std::to_string(draft.recipe.program));
  } else {
    backbones.emplace(settings::word(draft.network.backbone));
    small = small && methods::trunk_shape(draft.network).small;
  }
  lanes.insert(std::to_string(draft.lanes));
  pools.emplace(settings::word(draft.split.train_pool));
  partitions.emplace(settings::word(draft.split.partition));
  if (draft.split.lr_side != SplitSettings().lr_side) lr_sides.emplace(settings::word(draft.split.lr_side));
  if (!draft.split.lr_cameras.empty())
    lr_sides.insert(fmt::format("cameras {}", fmt::join(draft.split.lr_cameras, " ")));
  if (draft.split.distractors != SplitSettings().distractors) with_distractors.insert(dataset);
  if (draft.split.test_identities != 0) test_identities.insert(std::to_string(draft.split.test_identities));
  if (draft.split.lr_camera == 0) any_camera.insert(dataset);
  trials.insert(std::to_string(draft.trials));
}

std::vector<std::string> notes_of(const PlanFacts& facts) {
  const auto listed = [](const std::set<std::string>& values) { return fmt::format("{}", fmt::join(values, ", ")); };
  std::vector<std::string> notes;
  if (!facts.weights.empty()) {
    notes.push_back("initial weights " + listed(facts.weights));
    if (facts.from_scratch) notes.push_back("rows without weights from scratch");
  } else if (facts.dropped_weights.empty()) {
    notes.push_back("from scratch (no initial weights)");
  } else {
    notes.push_back(
        fmt::format("from scratch by --from-scratch (the suite asks for {} weights)", listed(facts.dropped_weights)));
  }
  if (!facts.programs.empty())
    notes.push_back(fmt::format("trained by a program of its own (train.program {}), which may read settings otherwise",
                                listed(facts.programs)));
  if (!facts.backbones.empty())
    notes.push_back(facts.small ? fmt::format("small backbone ({})", listed(facts.backbones))
                                : "backbone " + listed(facts.backbones));
  notes.push_back(fmt::format("L = {} (lanes a batch)", listed(facts.lanes)));
  notes.push_back("training pool " + listed(facts.pools));
  notes.push_back(fmt::format("trials {}, partition {}", listed(facts.trials), listed(facts.partitions)));
  if (!facts.test_identities.empty()) notes.push_back("test identities " + listed(facts.test_identities));
  if (!facts.lr_sides.empty()) notes.push_back("low-resolution side by " + listed(facts.lr_sides));
  if (!facts.any_camera.empty()) notes.push_back("low-resolution images of any camera: " + listed(facts.any_camera));
  if (!facts.with_distractors.empty()) notes.push_back("distractors in the gallery: " + listed(facts.with_distractors));
  if (!facts.deviations.empty())
    notes.push_back(fmt::format("{} unlike the paper: {}", kDeviationMark, listed(facts.deviations)));
  return notes;
}

}  // namespace resolute::experiments
