#include "experiments/planning/across_sets.h"

#include <algorithm>

#include "settings/names.h"

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

//! The key by which the same people are divided in two ways; empty where they are divided in one.
std::string divided_by(const PackSettings& one_pack, const SplitSettings& one, const PackSettings& other_pack,
                       const SplitSettings& other) {
  if (one.partition != other.partition) return "split.partition";
  if (one.partition != settings::Partition::kRandomHalves) return "";
  if (one.tested != other.tested) return "split.tested";
  if (one.test_identities != other.test_identities) return "split.test_identities";
  return one_pack.synthetic && one_pack.synthetic->identities != other_pack.synthetic->identities ? "identities" : "";
}

}  // namespace

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
  // Two variables may name one folder.
  if (!same_people(trained.dataset, asked.dataset) && !is_same_folder(one.root, other.root)) return;
  if (const std::string key = divided_by(one.pack, trained_split, other.pack, asked_split); !key.empty())
    throw core::input_error(
        problem,
        fmt::format("it has the people of '{}', and of row '{}' some would be trained on and asked for", one.id,
                    trained.row.id.value),
        fmt::format("give both the same '{}'{}", key, one.pack.synthetic ? ", or one of them another 'seed'" : ""));
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

}  // namespace resolute::experiments
