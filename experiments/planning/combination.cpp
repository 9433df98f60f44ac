#include "experiments/planning/combination.h"

#include <algorithm>
#include <cctype>

#include "experiments/specification/estimated_split.h"
#include "experiments/specification/stages.h"
#include "methods/rules.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

//! Stands in the specification of a training whose method is in Python: it asks nothing of a batch.
MethodOptions no_method_of_ours() {
  BaselineOptions options;
  options.images = methods::BaselineImages::kStored;
  options.triplet = false;
  return options;
}

//! Fills in a recipe's members of a method in Python: its file, and all of its options by value.
void add_program(const Combination& combination, const PythonMethod& method, Draft& draft) {
  if (draft.recipe.program != 0)
    combination.refuse("train.program", draft.recipe.program,
                       fmt::format("'{}' is in Python, and the hash of its file says what trains", draft.method),
                       "leave it out");
  core::Json options = core::Json::object();
  for (const PythonOption& option : method.options) {
    const std::string key = draft.method + "." + option.name;
    const auto given = combination.settings.find(key);
    if (given == combination.settings.end() && !option.standard)
      throw core::input_error(fmt::format("{}: key '{}' is missing", combination.row.place, key),
                              fmt::format("{}:{} gives it no default", method.file, option.line),
                              "set it in the row or in [defaults]");
    options[option.name] = given == combination.settings.end() ? *option.standard : given->second.value;
  }
  draft.recipe.program = method.revision;
  draft.recipe.program_sha256 = method.sha256;
  draft.recipe.program_options = core::canonical_json(options);
}

//! Parts that `freeze` names: all levels of the trunk, and groups of parameters.
void add_frozen(const Combination& combination, Draft& draft) {
  const auto found = combination.settings.find("freeze");
  if (found == combination.settings.end()) return;
  auto names = found->second.value.get<std::vector<std::string>>();
  std::ranges::sort(names);
  // A method in Python has a trunk only where a part of its module has that name.
  if (draft.recipe.program_options.empty() && std::erase(names, "trunk") > 0) {
    const auto levels = combination.row.settings.find("network.frozen_levels");
    if (levels != combination.row.settings.end())
      throw core::input_error(
          fmt::format("{}: key 'freeze' stands beside 'network.frozen_levels'", found->second.place),
          fmt::format("that one is at {}; both say which part of the trunk stays", levels->second.place),
          "leave one of them out");
    draft.network.frozen_levels = settings::kTrunkLevels;
  }
  draft.recipe.frozen = fmt::format("{}", fmt::join(names, ","));
}

//! People of a stand-in who train, and who are held out of them for a search: no more than there are.
void fit_split(const PackSettings& pack, SplitSettings& split) {
  SplitSettings everybody = split;
  everybody.train_identities = everybody.validation_identities = 0;
  const int half = pack.synthetic->identities / 2, people = most_training_identities(pack, everybody).value_or(half);
  if (split.validation_identities > people - 2)
    split.validation_identities = std::min(split.validation_identities, people / 2);
  if (split.train_identities > std::min(half, people - split.validation_identities)) split.train_identities = 0;
}

void check_draft(const Combination& combination, const SuiteText& suite, const Draft& draft) {
  combination.in_suite_words([&] {
    settings::check_members(draft, "");
    settings::check_members(draft.epochs, "train.");
    // An option of another method is wrong though the row leaves it out.
    methods::for_each_method([&]<class Options>() {
      settings::check_members(draft.section<Options>(), std::string(Options::kMethod) + ".");
    });
  });
  const int sets = settings::facts_of(combination.dataset.source).published_sets;
  if (draft.split.partition == settings::Partition::kPublished && sets != 0 && draft.trials > sets)
    combination.refuse("trials", draft.trials,
                       fmt::format("source '{}' publishes {} test sets, one a trial",
                                   settings::word(combination.dataset.source), sets),
                       fmt::format("lower it to {} or set split.partition = \"random-halves\"", sets));
  if (draft.recipe.program != 0 && draft.recipe.program_options.empty() && suite.worker.empty())
    combination.refuse("train.program", draft.recipe.program, "the suite has no 'worker', so resolute-worker trains",
                       "name the program by 'worker', or leave the key out");
  if (draft.lanes % draft.ranks != 0)
    combination.refuse("ranks", draft.ranks, fmt::format("it must divide the number of lanes, {}", draft.lanes));
  if (draft.method.empty())
    throw core::input_error(fmt::format("{}: key 'method' is missing", combination.row.place),
                            fmt::format("row '{}' needs it", combination.row.id.value),
                            "set it in the row or in [defaults]");
}

}  // namespace

std::optional<std::string> method_of_key(const std::string& key, const PythonMethods& in_python) {
  const std::string section = key.substr(0, key.find('.'));
  const bool known = in_python.contains(section) || settings::is_among(method_names(), section);
  return known ? std::optional(section) : std::nullopt;
}

Draft checked_draft(const Combination& combination, const SuiteText& suite) {
  Draft draft = make_draft(combination.settings);
  if (const auto python = suite.methods.find(draft.method); python != suite.methods.end())
    add_program(combination, python->second, draft);
  else if (draft.recipe.program != 0)
    draft.recipe.program_sha256 = suite.program_sha256;
  add_frozen(combination, draft);
  // A stand-in of a dozen people shows that a row runs, whatever size of training it is about.
  if (const PackSettings& pack = combination.planned.pack; pack.synthetic && settings::is_stand_in(pack))
    fit_split(pack, draft.split);
  check_draft(combination, suite, draft);
  return draft;
}

MethodOptions method_options(const Combination& combination, const Draft& draft, const PythonMethods& in_python) {
  if (in_python.contains(draft.method)) return no_method_of_ours();
  std::optional<MethodOptions> options;
  methods::for_each_method([&]<class Options>() {
    if (draft.method != Options::kMethod) return;
    combination.in_suite_words([&] { options = methods::options_of<Options>(draft.section<Options>()); });
  });
  if (options) return *options;
  std::vector<std::string> known = method_names();
  for (const auto& [id, method] : in_python) known.push_back(id);
  combination.refuse("method", "'" + draft.method + "'", fmt::format("methods are {}", fmt::join(known, ", ")),
                     settings::did_you_mean(draft.method, known));
}

bool may_go_on(const Combination& combination, const Draft& draft, const TrainingSpecification& training,
               const SuiteText& suite) {
  const bool ours = draft.recipe.program == 0 && suite.worker.empty() && suite.methods.empty();
  // Stages as long as the length makes them stand in `training` with their steps.
  const auto paced = [&] { return methods::is_paced_by_length(method_options(combination, draft, suite.methods)); };
  if (ours && without_length(training) && !(draft.keep_state && paced())) return true;
  if (draft.keep_state && combination.row.settings.contains("keep_state"))
    combination.refuse(
        "keep_state", true,
        ours ? "the length of this training paces it from the first step on, so that none goes on"
             : "resolute-worker alone goes on from a state, and the suite has another worker or a method "
               "in Python",
        ours ? "set train.schedule = \"step\" or \"constant\", and stages by their steps; or leave it out"
             : "leave it out");
  return false;
}

std::string trainer_of(const Draft& draft, const SuiteText& suite) {
  if (draft.recipe.program == 0 || !draft.recipe.program_options.empty()) return draft.method;
  // "train.py" says more than the "python3.11" that starts it.
  const auto is_file = [](const std::string& word) {
    const std::string extension = std::filesystem::path(word).extension().string();
    return !word.starts_with('-') && extension.size() > 1 &&
           std::isalpha(static_cast<unsigned char>(extension[1])) != 0;
  };
  const auto file = std::ranges::find_if(suite.worker, is_file);
  return std::filesystem::path(file == suite.worker.end() ? suite.worker.front() : *file).filename().string();
}

std::vector<std::pair<const TableText*, const RowText*>> rows_of_id(const SuiteText& suite, const TableText& home,
                                                                    const std::string& id) {
  std::vector<std::pair<const TableText*, const RowText*>> found;
  for (const auto* tables : {&suite.tables, &suite.left_out})
    for (const TableText& table : *tables)
      for (const RowText& row : table.rows) {
        if (row.id.value != id) continue;
        if (table.id == home.id) return {{&table, &row}};
        found.emplace_back(&table, &row);
      }
  return found;
}

}  // namespace resolute::experiments
