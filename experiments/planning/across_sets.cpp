#include "experiments/planning/across_sets.h"

#include <algorithm>

#include "experiments/specification/estimated_split.h"
#include "experiments/specification/stages.h"
#include "settings/names.h"
#include "settings/raw_data.h"

namespace resolute::experiments {
namespace {

bool is_stand_in(const DatasetText& dataset) {
  return dataset.synthetic && !settings::facts_of(dataset.source).rendered;
}

settings::Subject subject_of(const DatasetText& dataset) {
  if (dataset.synthetic) return dataset.synthetic->subject;
  return settings::facts_of(dataset.source).stand_in.vehicles ? settings::Subject::kVehicle
                                                              : settings::Subject::kPerson;
}

//! With a slash at the end or without.
bool is_same_folder(const std::filesystem::path& one, const std::filesystem::path& other) {
  return !one.empty() && one / "" == other / "";
}

//! Tells whether both show the same people, as the suite's words say it wherever it is read. People of stand-ins are
//! nobody's.
bool same_people(const DatasetText& one, const DatasetText& other) {
  if (is_stand_in(one) || is_stand_in(other) || one.source != other.source) return false;
  if (one.synthetic) return one.synthetic->seed == other.synthetic->seed && subject_of(one) == subject_of(other);
  return is_same_folder(one.written.value("root", ""), other.written.value("root", ""));
}

//! Tells whether each camera, or each of the two that there are, saw everybody who may be tested: which of them is LR
//! then decides nothing about who is drawn.
bool seen_by_all_cameras(const PackSettings& pack, const SplitSettings& one, const SplitSettings& other) {
  if (pack.synthetic) return true;
  const settings::RawData* raw = settings::raw_data_of(pack.source);
  const auto any_camera = [](const SplitSettings& split) { return split.low_cameras().front() == 0; };
  return raw != nullptr && raw->cameras == 2 && any_camera(one) == any_camera(other);
}

//! \param problem what is wrong, with its place
void check_strangers(const std::string& problem, const std::string& row, const DividedSet& trained,
                     const DividedSet& asked) {
  if (!share_people(trained.dataset, asked.dataset)) return;
  const DatasetPlan &one = trained.planned, &other = asked.planned;
  if (const std::string key = key_of_division(one.pack, trained.split, other.pack, asked.split); !key.empty())
    throw core::input_error(
        problem,
        fmt::format("it has the people of '{}', and of row '{}' some would be trained on and asked for", one.id, row),
        fmt::format("give both the same '{}'{}", key, one.pack.synthetic ? ", or one of them another 'seed'" : ""));
}

}  // namespace

std::string key_of_division(const PackSettings& one_pack, const SplitSettings& one, const PackSettings& other_pack,
                            const SplitSettings& other) {
  if (std::string key = divided_by(one, other, seen_by_all_cameras(one_pack, one, other)); !key.empty()) return key;
  return one.partition == settings::Partition::kRandomHalves && one_pack.synthetic && other_pack.synthetic &&
                 one_pack.synthetic->identities != other_pack.synthetic->identities
             ? "identities"
             : "";
}

bool share_people(const DatasetText& one, const DatasetText& other) {
  // Two variables may name one folder.
  return same_people(one, other) || is_same_folder(one.root, other.root);
}

void check_joined(const Combination& row, const DividedSet& set, const DividedSet& joined) {
  if (share_people(set.dataset, joined.dataset))
    throw core::input_error(
        fmt::format("{}: key 'joined_with' names '{}'", row.row.joined_with.place, joined.planned.id),
        fmt::format("it has the people of '{}', who would train as two persons each", set.planned.id),
        "leave it out, or join a set of other people");
}

void check_learnt(const Combination& row, const DividedSet& learnt, const DividedSet& asked) {
  const bool names_it = settings::is_among(row.row.joined_with.value, learnt.planned.id);
  check_strangers(
      names_it ? fmt::format("{}: key 'joined_with' names '{}' where '{}' is asked for", row.row.joined_with.place,
                             learnt.planned.id, asked.planned.id)
               : fmt::format("{}: key 'start_from' names '{}', whose trainings learn from '{}' too, where '{}' "
                             "is asked for",
                             row.row.start_from.place, row.row.start_from.value, learnt.planned.id, asked.planned.id),
      row.row.id.value, learnt, asked);
}

void check_across(const TableText& table, const Combination& trained, const SplitSettings& trained_split,
                  const Combination& asked, const SplitSettings& asked_split) {
  const DatasetPlan &one = trained.planned, &other = asked.planned;
  const std::string problem = fmt::format("{}: key 'evaluate_on' names '{}'", table.evaluate_on_place, other.id);
  if (one.pack.height != other.pack.height || one.pack.width != other.pack.width)
    throw core::input_error(
        problem,
        fmt::format("its images are {}x{} pixels, and the networks of '{}' see {}x{}", other.pack.height,
                    other.pack.width, one.id, one.pack.height, one.pack.width),
        fmt::format("give both the same 'height' and 'width', or name a data set that has the images of '{}' in the "
                    "size of '{}'",
                    other.id, one.id));
  check_strangers(problem, trained.row.id.value, {trained.dataset, one, trained_split},
                  {asked.dataset, other, asked_split});
}

SplitSettings tested_alone(SplitSettings split) {
  const SplitSettings standard;
  split.train_pool = standard.train_pool;
  split.train_identities = standard.train_identities;
  return split;
}

std::vector<std::string> notes_across(const TableText& table, const SuiteText& suite) {
  std::vector<std::string> notes;
  for (const std::string& column : table.datasets) {
    if (!is_across(column)) continue;
    if (notes.empty()) notes.emplace_back("a → b: trained on a, asked for the test people of b");
    const ColumnSets sets = sets_of(column);
    const auto& one = *std::ranges::find(suite.datasets, sets.trained_on, &DatasetText::id);
    const auto& other = *std::ranges::find(suite.datasets, sets.asked_on, &DatasetText::id);
    const settings::Subject subjects[] = {subject_of(one), subject_of(other)};
    if (subjects[0] != subjects[1])
      notes.push_back(fmt::format("{}: trained on images of a {}, asked for a {}", column_name(column),
                                  settings::word(subjects[0]), settings::word(subjects[1])));
    if (same_people(one, other))
      notes.push_back(fmt::format("{}: both have the same people, divided alike", column_name(column)));
  }
  return notes;
}

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
