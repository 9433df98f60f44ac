#include "experiments/planning/plan_notes.h"

#include "experiments/specification/plan.h"
#include "settings/trunk_shape.h"

namespace resolute::experiments {
namespace {

void note(std::map<std::string, TableFacts::Rows>& values, const std::string& value, const std::string& row) {
  TableFacts::Rows& rows = values[value];
  if (rows.known.insert(row).second) rows.labels.push_back(row);
}

std::string listed(const std::set<std::string>& values) { return fmt::format("{}", fmt::join(values, ", ")); }

//! "mlr", or "hr-both-views (Mine), mlr": rows are named where few of them have the value.
std::string listed(const std::map<std::string, TableFacts::Rows>& values) {
  constexpr std::size_t kMostNamed = 2;
  std::vector<std::string> parts;
  for (const auto& [value, rows] : values)
    parts.push_back(values.size() > 1 && rows.labels.size() <= kMostNamed
                        ? fmt::format("{} ({})", value, fmt::join(rows.labels, ", "))
                        : value);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void TableFacts::add(const Draft& draft, const std::string& row, const std::string& dataset) {
  const std::string& sha256 = draft.recipe.program_sha256;
  if (!draft.recipe.program_options.empty()) {
    note(python, fmt::format("{} of SHA-256 {}", draft.method, sha256.substr(0, 12)), row);
  } else if (draft.recipe.program != 0) {
    note(programs,
         std::to_string(draft.recipe.program) +
             (sha256.empty() ? "" : fmt::format(" of SHA-256 {}", sha256.substr(0, 12))),
         row);
  } else {
    note(backbones, std::string(settings::word(draft.network.backbone)), row);
    small = small && settings::trunk_shape(draft.network).small;
  }
  note(pools, std::string(settings::word(draft.split.train_pool)), row);
  note(trials, std::to_string(draft.trials), row);
  add_test(draft, row, dataset);
}

void TableFacts::add_opponents(const Recipe& recipe, const MethodOptions& method, const std::string& row) {
  if (recipe.program != 0 || recipe.optimiser == settings::Optimiser::kAdam) return;
  for (const methods::Group& group : methods::row(method).groups)
    if (group.opponent) note(opponents, group.name, row);
}

void TableFacts::add_test(const Draft& draft, const std::string& row, const std::string& dataset) {
  note(partitions,
       draft.split.tested.empty() ? std::string(settings::word(draft.split.partition))
                                  : fmt::format("a list of {} tested identities", draft.split.tested.size()),
       row);
  if (draft.split.lr_side != SplitSettings().lr_side)
    note(lr_sides, std::string(settings::word(draft.split.lr_side)), row);
  if (!draft.split.lr_cameras.empty())
    note(lr_sides, fmt::format("cameras {}", fmt::join(draft.split.lr_cameras, " ")), row);
  if (draft.split.distractors != SplitSettings().distractors) with_distractors.insert(dataset);
  if (draft.split.test_identities != 0) note(test_identities, std::to_string(draft.split.test_identities), row);
  if (draft.split.validation_identities != 0) note(validated, std::to_string(draft.split.validation_identities), row);
  if (draft.split.lr_camera == 0) any_camera.insert(dataset);
}

std::vector<std::string> notes_of(const TableFacts& facts) {
  std::vector<std::string> notes;
  if (!facts.weights.empty()) {
    notes.push_back("initial weights " + listed(facts.weights));
    if (facts.from_scratch) notes.push_back("rows without weights from scratch");
  } else if (!facts.dropped_weights.empty()) {
    notes.push_back(
        fmt::format("from scratch by --from-scratch (the suite asks for {} weights)", listed(facts.dropped_weights)));
  } else if (facts.from_scratch) {
    notes.push_back("from scratch (no initial weights)");
  }
  if (!facts.starts.empty()) notes.push_back("started from other rows' trainings: " + listed(facts.starts));
  if (!facts.joined.empty()) notes.push_back("trained on further data sets: " + listed(facts.joined));
  if (!facts.python.empty()) notes.push_back(fmt::format("trained by a method in Python ({})", listed(facts.python)));
  if (!facts.programs.empty())
    notes.push_back(fmt::format("trained by a program of its own (train.program {}), which may read settings otherwise",
                                listed(facts.programs)));
  if (!facts.backbones.empty())
    notes.push_back(facts.small ? fmt::format("small backbone ({})", listed(facts.backbones))
                                : "backbone " + listed(facts.backbones));
  notes.push_back("training pool " + listed(facts.pools));
  notes.push_back(fmt::format("trials {}, partition {}", listed(facts.trials), listed(facts.partitions)));
  if (!facts.test_identities.empty()) notes.push_back("test identities " + listed(facts.test_identities));
  if (!facts.validated.empty())
    notes.push_back(
        fmt::format("asked for {} validation people of the training half, not for the test", listed(facts.validated)));
  if (!facts.lr_sides.empty()) notes.push_back("low-resolution side by " + listed(facts.lr_sides));
  if (!facts.any_camera.empty()) notes.push_back("low-resolution images of any camera: " + listed(facts.any_camera));
  if (!facts.with_distractors.empty()) notes.push_back("distractors in the gallery: " + listed(facts.with_distractors));
  for (const auto& [group, rows] : facts.opponents)
    notes.push_back(
        fmt::format("{} of {} learn by Adam whatever train.optimiser says", group, fmt::join(rows.labels, ", ")));
  if (!facts.deviations.empty())
    notes.push_back(fmt::format("{} unlike the paper: {}", kDeviationMark, listed(facts.deviations)));
  return notes;
}

}  // namespace resolute::experiments
