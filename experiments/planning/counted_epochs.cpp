#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "experiments/planning/planner_parts.h"
#include "experiments/specification/estimated_split.h"

namespace resolute::experiments {
namespace {

constexpr const char *kEpochs = "train.epochs", *kMilestones = "train.milestone_epochs",
                     *kWarmup = "train.warmup_epochs";

struct CountedImages {
  std::size_t number = 0;
  bool estimated = false;
};

//! The variable whose folder the images would be in, were it set; empty where there is none.
std::string unset_variable(const DatasetPlan& dataset) {
  const auto begin = dataset.root_text.find("${"), end = dataset.root_text.find('}', begin);
  if (!dataset.root.empty() || begin == std::string::npos || end == std::string::npos) return {};
  return dataset.root_text.substr(begin + 2, end - begin - 2);
}

//! \param key the one in epochs that asks
CountedImages counted_images_of(const Combination& combination, const ImageCount& count, const SplitSettings& split,
                                const std::string& key) {
  const std::string& dataset = combination.dataset.id;
  const std::string value = combination.settings.at(key).value.dump();
  std::optional<settings::TrainingCount> counted;
  try {
    if (count.counted) counted = count.counted(combination.planned, split);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;
    combination.refuse(key, value,
                       fmt::format("the training images of data set '{}' cannot be counted: {}", dataset, error.what()),
                       fmt::format("put that right or give '{}'", in_other_words(key)));
  }
  if (counted) return {counted->images};
  if (count.estimate)
    if (const auto estimate = estimated_split(combination.planned.pack, split))
      return {std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(estimate->train))), true};
  const std::string variable = unset_variable(combination.planned);
  combination.refuse(key, value,
                     fmt::format("how many steps an epoch of data set '{}' has is not known: neither its pack nor "
                                 "its raw images are here",
                                 dataset),
                     variable.empty() ? fmt::format("give '{}'", in_other_words(key))
                                      : fmt::format("export {}=FOLDER with its raw images, or give '{}'", variable,
                                                    in_other_words(key)));
}

}  // namespace

bool speaks_of_epochs(const Settings& settings) {
  return settings.contains(kEpochs) || settings.contains(kMilestones) || settings.contains(kWarmup);
}

void count_steps(const Combination& combination, const std::vector<Combination>& joined,
                 const settings::EpochSettings& epochs, const ImageCount& training_images,
                 TrainingSpecification& training, std::vector<EpochsPlan>& lengths) {
  Recipe& recipe = training.recipe;
  std::size_t at = 0;
  const auto steps_of = [&](const std::string& key, int asked) {
    if (asked == 0) return 0;
    auto [images, estimated] = counted_images_of(combination, training_images, training.split, key);
    for (std::size_t i = 0; i < joined.size(); ++i) {
      const CountedImages more = counted_images_of(joined[i], training_images, training.joined.at(i).split, key);
      images += more.number;
      estimated = estimated || more.estimated;
    }
    const std::uint64_t needed = settings::steps_of_epochs(static_cast<std::uint64_t>(asked), images, recipe);
    const int steps = static_cast<int>(std::min<std::uint64_t>(needed, Recipe::kMostSteps + 1));
    if (at == lengths.size())
      lengths.push_back(
          {combination.dataset.id, key, asked, recipe.identities * recipe.images, images, images, steps, steps});
    EpochsPlan& over = lengths[at++];
    over.fewest_images = std::min(over.fewest_images, images);
    over.most_images = std::max(over.most_images, images);
    over.fewest_steps = std::min(over.fewest_steps, steps);
    over.most_steps = std::max(over.most_steps, steps);
    over.estimated = over.estimated || estimated;
    return steps;
  };
  const auto given = [&](const char* key) { return combination.settings.contains(key); };
  if (given(kEpochs)) recipe.steps = steps_of(kEpochs, epochs.epochs);
  if (given(kMilestones)) {
    recipe.milestones.clear();
    for (const int milestone : epochs.milestone_epochs) recipe.milestones.push_back(steps_of(kMilestones, milestone));
  }
  if (given(kWarmup)) recipe.warmup_steps = steps_of(kWarmup, epochs.warmup_epochs);
}

}  // namespace resolute::experiments
