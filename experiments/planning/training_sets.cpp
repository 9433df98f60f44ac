#include "experiments/planning/training_sets.h"

#include "experiments/planning/across_sets.h"
#include "experiments/specification/estimated_split.h"

namespace resolute::experiments {

std::optional<settings::TrainingCount> count_listed(const Combination& combination, const SplitSettings& split,
                                                    const TrainingImages& images) {
  if (combination.planned.pack.synthetic || !images) return std::nullopt;
  try {
    return images(combination.planned, split);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;
    throw error.at(combination.dataset.place);
  }
}

void check_people(const Combination& combination, const std::vector<Combination>& joined,
                  const TrainingSpecification& training, const TrainingImages& images) {
  std::optional<int> all = 0;  // nothing once a set's are not known
  const auto add = [&](const Combination& one, const JoinedSet& set) {
    SplitSettings everybody = set.split;
    everybody.train_identities = 0;
    const auto count = count_listed(one, everybody, images);
    const auto most = count ? std::optional(count->identities) : most_training_identities(set.pack, everybody);
    if (!most) {
      all.reset();
      return;
    }
    one.in_suite_words([&] {
      const int trained = trained_identities(set, *most);
      if (all) all = *all + trained;
    });
  };
  add(combination, {training.pack, training.split});
  for (std::size_t i = 0; i < joined.size(); ++i) add(joined[i], training.joined.at(i));
  if (all) combination.in_suite_words([&] { check_identities(training, *all); });
}

void set_trial(TrainingSpecification& training, int trial) {
  training.seed = training.split.seed = static_cast<std::uint64_t>(trial);
  for (JoinedSet& set : training.joined) set.split.seed = training.seed;
}

std::string names_of(const TrainingSpecification& training) {
  std::string names = training.pack.name;
  for (const JoinedSet& set : training.joined) names += " and " + set.pack.name;
  return names;
}

void check_apart(const Combination& combination, const std::vector<Combination>& joined,
                 const TrainingSpecification& training) {
  const auto divided = [](const Combination& set, const SplitSettings& split) {
    return DividedSet{set.dataset, set.planned, split};
  };
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const DividedSet next = divided(joined[i], training.joined.at(i).split);
    check_joined(combination, divided(combination, training.split), next);
    for (std::size_t j = 0; j < i; ++j) check_joined(combination, divided(joined[j], training.joined[j].split), next);
  }
}

}  // namespace resolute::experiments
