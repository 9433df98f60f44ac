#include "experiments/planning/planner.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "experiments/planning/across_sets.h"
#include "experiments/planning/counted_epochs.h"
#include "experiments/planning/from_papers.h"
#include "experiments/planning/initial_weights.h"
#include "experiments/planning/normalised.h"
#include "experiments/planning/table_checks.h"
#include "experiments/specification/stages.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostJobs = 200'000;

//! Nothing is published of a user's list. Its labels, where they are here, say whether it can be split, and what it
//! then has to train on.
std::optional<settings::TrainingCount> count_listed(const Combination& combination, const SplitSettings& split,
                                                    const TrainingImages& images) {
  const PackSettings& pack = combination.planned.pack;
  if (pack.source != settings::Source::kCsv || pack.synthetic || !images) return std::nullopt;
  try {
    return images(combination.planned, split);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;
    throw error.at(combination.dataset.place);
  }
}

//! It must have people enough.
void check_listed(const Combination& combination, const TrainingSpecification& training, const TrainingImages& images) {
  if (const auto count = count_listed(combination, training.split, images))
    combination.told([&] { check_identities(training, count->identities); });
}

class Planner {
 public:
  Planner(const SuiteText& suite, const ReferenceNumbers* references, const WeightsCatalogue& weights)
      : suite_(suite), references_(references), weights_(suite.options, weights) {}

  Plan run() {
    plan_.suite = suite_.name;
    plan_.title = suite_.title;
    plan_.worker = suite_.worker;
    plan_.program_sha256 = suite_.program_sha256;
    for (const DatasetText& dataset : suite_.datasets)
      if (has_column(suite_, dataset.id)) add_dataset(dataset);
    for (const TableText& table : suite_.tables) add_table(table);
    refuse_idle_sets();
    if (!suite_.program_sha256.empty() && !has_programs_)
      throw core::input_error(fmt::format("{}: key 'worker_files' has no effect", suite_.file),
                              "no row has a 'train.program'", "set train.program = 1, or leave the key out");
    add_methods();
    plan_.epochs.assign(epochs_.begin(), epochs_.end());
    plan_.missing_weights.assign(weights_.missing().begin(), weights_.missing().end());
    plan_.of_unknown_people.assign(weights_.of_unknown_people().begin(), weights_.of_unknown_people().end());
    std::vector<std::string> left_out;
    for (const TableText& table : suite_.left_out) left_out.push_back(table.id);
    if (!left_out.empty())
      plan_.notes.push_back(
          fmt::format("left out, for none of their data sets is asked for: {}", fmt::join(left_out, ", ")));
    return std::move(plan_);
  }

 private:
  //! Files of methods in Python go on to the package's worker.
  void add_methods() {
    for (const auto& [id, method] : suite_.methods) {
      plan_.method_schemas[id] = method.schema;
      if (!methods_.contains(id)) continue;
      if (plan_.worker.empty()) plan_.worker = {suite_.python, "-m", "resolute", "work"};
      plan_.worker.push_back(method.path.string());
    }
  }

  void add_dataset(const DatasetText& dataset) {
    const Settings settings = laid_over(suite_.bases[dataset.base], dataset.settings);
    PackSettings pack = make_draft(settings).pack;
    pack.name = dataset.id;
    pack.source = dataset.source;
    pack.synthetic = dataset.synthetic;
    try {
      settings::check(pack);
    } catch (const MemberError& error) {
      const auto setting = settings.find(error.key());
      throw error.in_suite(
          setting != settings.end() ? setting->second.place : dataset.place_of(error.key(), dataset.place),
          fmt::format("for data set '{}'", dataset.id));
    }
    std::vector<JobId> shards;
    for (int shard = 0; shard < pack.shards; ++shard)
      shards.push_back(add_job({{},
                                ShardSpecification{pack, shard},
                                {},
                                1,
                                fmt::format("shard {} of {} of {}", shard, pack.shards, pack.name)}));
    seals_[dataset.id] = add_job({{}, SealSpecification{pack}, shards, 1, fmt::format("seal of {}", pack.name)});
    DatasetPlan planned{dataset.id, pack, dataset.root, dataset.root_text, dataset.follow_links};
    planned.drawn_folder = !pack.synthetic && suite_.options.drawn_folder && suite_.options.drawn_folder(planned);
    plan_.datasets.push_back(std::move(planned));
  }

  void add_table(const TableText& text) {
    TablePlan table{text.id, text.title, text.metrics.value, text.datasets, {}, text.compare_with.value};
    facts_ = {};
    for (const RowText& row_text : text.rows) {
      RowPlan row{row_text.id.value, row_text.label, {}};
      row.latex = row_text.latex;
      for (const std::string& column : text.datasets) row.cells.push_back(make_cell(text, row_text, column));
      for (const std::string& start : starts_) facts_.starts.insert(fmt::format("{} from {}", row.label, start));
      row.starts.assign(starts_.begin(), starts_.end());
      starts_.clear();
      facts_.deviations.insert(deviations_.begin(), deviations_.end());
      row.deviations.assign(deviations_.begin(), deviations_.end());
      deviations_.clear();
      table.rows.push_back(std::move(row));
    }
    table.mean_of = text.mean_of.value;
    table.margin = text.margin;
    table.strict_classes = text.strict_classes;
    table.notes = notes_of(facts_);
    std::ranges::move(notes_across(text, suite_), std::back_inserter(table.notes));
    has_programs_ = has_programs_ || !facts_.programs.empty();
    check_rows(text, table, [&](const JobId& job) -> const JobSpecification& {
      return plan_.jobs[index_.at(job.hex)].specification;
    });
    // Papers measured real images.
    if (references_ != nullptr)
      add_papers(table, text, *references_, [&](const std::string& column) {
        return !is_across(column) && (suite_.options.with_references || images_of(plan_, column) == Images::kReal);
      });
    plan_.tables.push_back(std::move(table));
  }

  //! A row on a data set. \param id of the data set, which some table has
  Combination combine(const TableText& table, const RowText& row, const std::string& id) const {
    const auto dataset = std::ranges::find(suite_.datasets, id, &DatasetText::id);
    const auto planned = std::ranges::find(plan_.datasets, id, &DatasetPlan::id);
    return {row, *dataset, *planned,
            laid_over(laid_over(suite_.bases[table.base], dataset->settings_in(table.base)), row.settings)};
  }

  //! Notes which --set reach the combination. \param reads whether anything there reads a key
  void note_sets(const Combination& combination, const std::function<bool(const std::string& key)>& reads) {
    for (const auto& [key, setting] : suite_.sets)
      if (const auto found = combination.settings.find(key);
          found != combination.settings.end() && found->second.place == setting.place && reads(key))
        effective_sets_.insert(key);
  }

  Draft draft_of(const Combination& combination) {
    Draft draft = checked_draft(combination, suite_);
    note_sets(combination, [&](const std::string& key) {
      return method_of_key(key, suite_.methods).value_or(draft.method) == draft.method;
    });
    methods_.insert(draft.method);
    return draft;
  }

  CellPlan make_cell(const TableText& table, const RowText& row, const std::string& column) {
    const ColumnSets sets = sets_of(column);
    const Combination combination = combine(table, row, sets.trained_on);
    const Draft draft = draft_of(combination);
    const MethodOptions method = method_options(combination, draft, suite_.methods);
    facts_.add(draft, row.label, sets.trained_on);
    CellPlan cell;
    cell.dataset = column;
    if (is_across(column)) {
      Combination asked = combine(table, row, sets.asked_on);
      asked.settings["trials"] = {draft.trials, combination.place_of("trials")};
      const Draft asked_draft = checked_draft(asked, suite_);
      note_sets(asked,
                [](const std::string& key) { return key.starts_with("split.") || key.starts_with("evaluate."); });
      check_across(table, combination, draft.split, asked, asked_draft.split);
      if (suite_.options.check_lists) count_listed(asked, asked_draft.split, suite_.options.training_images);
      facts_.add_test(asked_draft, row.label, sets.asked_on);
      check_metrics(table, asked, asked_draft.protocol, method);
      cell.evaluations =
          add_trials(table, combination, draft, method, {asked, tested_alone(asked_draft.split), asked_draft.protocol});
    } else {
      check_metrics(table, combination, draft.protocol, method);
      cell.evaluations = add_trials(table, combination, draft, method, {combination, draft.split, draft.protocol});
    }
    if (references_ != nullptr) add_papers(cell, row.references, table.metrics.value, *references_);
    return cell;
  }

  //! A trial's training, checked. Trials of rows that speak of steps differ in their seeds alone, and checked_draft()
  //! has looked at how many there may be: what holds of one holds of all.
  //! \param told what its epochs come to, of the trials before it too
  TrainingSpecification training_of(const Combination& combination, const Draft& draft, const MethodOptions& method,
                                    int trial, std::vector<EpochsPlan>& told) {
    TrainingSpecification training;
    training.method = method;
    training.network = draft.network;
    training.recipe = draft.recipe;
    training.pack = combination.planned.pack;
    training.split = draft.split;
    training.seed = static_cast<std::uint64_t>(trial);
    training.split.seed = training.seed;
    training.lanes = draft.lanes;
    training.device = draft.device;
    if (speaks_of_epochs(combination.settings)) {
      TrainingSpecification any_length = training;  // whose every other member is told by its own key if it is wrong
      if (combination.settings.contains("train.epochs")) any_length.recipe.steps = Recipe::kMostSteps;
      combination.told([&] { check(JobSpecification(any_length)); });
      count_steps(combination, draft.epochs, {suite_.options.training_images, suite_.options.estimate}, training, told);
    }
    combination.told([&] { check(JobSpecification(training)); });
    if (suite_.options.check_lists) check_listed(combination, training, suite_.options.training_images);
    training = normalised(training);
    combination.told([&] { check(JobSpecification(training)); });
    if (combination.row.start_from.value.empty()) training.initial_weights = weights_.find(combination, draft, facts_);
    return training;
  }

  //! The test that a row's trainings are asked.
  struct Question {
    const Combination& on;
    SplitSettings split;
    EvaluationProtocol protocol;
  };

  struct PlannedTraining {
    TrainingSpecification specification;
    JobId id;
    bool provisional = false;
  };

  //! Adds a trial's training behind all that it needs. \param told of its trials so far
  PlannedTraining add_training(const TableText& table, const Combination& combination, const Draft& draft,
                               TrainingSpecification training, int trial, const std::vector<EpochsPlan>& told) {
    bool provisional = (!training.initial_weights.empty() && weights_.is_missing(draft.weights)) ||
                       std::ranges::any_of(told, &EpochsPlan::estimated);
    std::vector<JobId> needs{seals_.at(combination.dataset.id)};
    weights_.check_people(combination, draft, training);
    if (const std::string& name = combination.row.start_from.value; !name.empty()) {
      const PlannedTraining& first = add_first_stage(table, combination, trial);
      combination.told([&] {
        training.start_from = Start{first.id, part_to_start(first.specification, training, name)};
      });
      combination.told([&] { check(JobSpecification(training)); });
      needs.push_back(first.id);
      provisional = provisional || first.provisional;
    }
    const JobId id = add_job({{},
                              training,
                              std::move(needs),
                              draft.ranks,
                              fmt::format("training {} trial {} '{}' on {}", draft.method, trial, combination.row.label,
                                          combination.dataset.id),
                              provisional});
    return {std::move(training), id, provisional};
  }

  //! The trial's training of the row that `second` starts from, planned.
  const PlannedTraining& add_first_stage(const TableText& table, const Combination& second, int trial) {
    if (const auto weights = second.row.settings.find("weights");
        weights != second.row.settings.end() && weights->second.value != "none")
      second.refuse("start_from", "'" + second.row.start_from.value + "'",
                    fmt::format("the row names 'weights' too, at {}", weights->second.place), "leave one of them out");
    const auto [first_table, row] = row_to_start_from(table, second);
    stages_.push_back(&second.row);
    if (stages_.size() > kMostStages)
      second.refuse("start_from", "'" + row->id.value + "'",
                    fmt::format("more than {} rows start from one another", kMostStages), "start from an earlier row");
    if (std::ranges::find(stages_, row) != stages_.end()) {
      std::vector<std::string> ids;
      for (const RowText* stage : stages_) ids.push_back(stage->id.value);
      second.refuse("start_from", "'" + row->id.value + "'",
                    fmt::format("'{}' starts from itself then: {} from {}", row->id.value, fmt::join(ids, " from "),
                                row->id.value),
                    "leave it out of one of them");
    }
    const std::tuple key(row, second.dataset.id, trial);
    auto found = first_stages_.find(key);
    if (found == first_stages_.end()) {
      const Combination combination = combine(*first_table, *row, second.dataset.id);
      const Draft draft = draft_of(combination);
      std::vector<EpochsPlan> told;
      const TableFacts facts = facts_;  // a table tells of its own rows
      const TrainingSpecification training =
          training_of(combination, draft, method_options(combination, draft, suite_.methods), trial, told);
      facts_ = facts;
      found = first_stages_.emplace(key, add_training(*first_table, combination, draft, training, trial, told)).first;
      epochs_.insert(told.begin(), told.end());
    }
    stages_.pop_back();
    return found->second;
  }

  //! By its id: the table's own, else the one that another table has.
  std::pair<const TableText*, const RowText*> row_to_start_from(const TableText& own, const Combination& second) const {
    const std::string& id = second.row.start_from.value;
    std::vector<std::pair<const TableText*, const RowText*>> found;
    std::vector<std::string> tables, ids;
    for (const auto* list : {&suite_.tables, &suite_.left_out})
      for (const TableText& table : *list)
        for (const RowText& row : table.rows) {
          ids.push_back(row.id.value);
          if (row.id.value != id) continue;
          if (&table == &own || table.id == own.id) return {&table, &row};
          found.emplace_back(&table, &row);
          tables.push_back(table.id);
        }
    if (found.empty())
      second.refuse("start_from", "'" + id + "'", "the suite has no row of that id", settings::nearest_or_all(id, ids));
    if (found.size() > 1)
      second.refuse("start_from", "'" + id + "'",
                    fmt::format("tables '{}' have a row of that id", fmt::join(tables, "', '")),
                    "give the row that is meant an id of its own");
    return found.front();
  }

  //! Adds the trials' trainings and evaluations. \return the evaluations
  std::vector<JobId> add_trials(const TableText& table, const Combination& combination, const Draft& draft,
                                const MethodOptions& method, const Question& question) {
    std::vector<EpochsPlan> told;
    TrainingSpecification training = training_of(combination, draft, method, 0, told);
    if (draft.recipe.program == 0)
      std::ranges::copy(methods::deviations(training.method), std::inserter(deviations_, deviations_.end()));
    EvaluationSpecification evaluation{{}, question.on.planned.pack, question.split, question.protocol};
    const JobId seal = seals_.at(combination.dataset.id), asked_seal = seals_.at(question.on.dataset.id);
    std::vector<JobId> evaluations;
    for (int trial = 0; trial < draft.trials; ++trial) {
      if (trial > 0 && speaks_of_epochs(combination.settings))
        training = training_of(combination, draft, method, trial, told);
      training.seed = static_cast<std::uint64_t>(trial);
      training.split.seed = training.seed;
      evaluation.split.seed = training.split.seed;
      const std::string asked = asked_seal == seal ? "" : fmt::format(", asked on {}", question.on.dataset.id);
      const PlannedTraining planned = add_training(table, combination, draft, training, trial, told);
      if (const auto& start = planned.specification.start_from)
        starts_.insert(
            fmt::format("the {} of row '{}'", settings::word(start->part), combination.row.start_from.value));
      evaluation.training = planned.id;
      if (trial == 0) {
        question.on.told([&] { check(evaluation, training.method); });
        evaluation = normalised(evaluation, training);
      }
      if (asked_seal != seal) {
        TrainingSpecification tested = training;
        tested.pack = evaluation.pack;
        tested.split = evaluation.split;
        weights_.check_people(question.on, draft, tested);
      }
      // It looks at what its training saw, too.
      std::vector<JobId> after{asked_seal, evaluation.training};
      if (asked_seal != seal) after.push_back(seal);
      evaluations.push_back(add_job({{},
                                     evaluation,
                                     after,
                                     1,
                                     fmt::format("evaluation {} trial {} '{}' on {}{}", draft.method, trial,
                                                 combination.row.label, combination.dataset.id, asked),
                                     planned.provisional}));
    }
    epochs_.insert(told.begin(), told.end());
    return evaluations;
  }

  //! \param job its id is made here
  JobId add_job(PlannedJob job) {
    job.id = job_id(job.specification);
    const auto [at, inserted] = index_.emplace(job.id.hex, plan_.jobs.size());
    if (!inserted) {
      // W is no part of a job; where rows disagree the fastest of them serves all.
      int& known = plan_.jobs[at->second].slots;
      known = std::max(known, job.slots);
      return job.id;
    }
    if (plan_.jobs.size() == kMostJobs)
      throw core::input_error(fmt::format("{}: the suite has too many jobs", suite_.file),
                              fmt::format("at most {} are planned", kMostJobs), "split it in several suites");
    plan_.jobs.push_back(std::move(job));
    return plan_.jobs.back().id;
  }

  void refuse_idle_sets() const {
    for (const auto& [key, setting] : suite_.sets) {
      const std::string problem = fmt::format("{}: key '{}' has no effect", setting.place, key);
      if (const auto method = method_of_key(key, suite_.methods); method && !methods_.contains(*method))
        throw core::input_error(problem, fmt::format("no row is of the method '{}'", *method), "leave it out");
      if (!effective_sets_.contains(key))
        throw core::input_error(problem, "every row or data set gives it itself, and that wins",
                                fmt::format("change it in '{}'", suite_.file));
    }
  }

  const SuiteText& suite_;
  const ReferenceNumbers* references_;
  InitialWeights weights_;
  Plan plan_;
  std::unordered_map<std::string, std::size_t> index_;  // of jobs by id
  std::map<std::string, JobId> seals_;
  std::set<std::string> effective_sets_;
  std::set<std::string> methods_;  // of the rows
  std::set<EpochsPlan> epochs_;
  std::set<std::string> deviations_;    // of the row so far
  std::set<std::string> starts_;        // of the row so far
  std::vector<const RowText*> stages_;  // rows whose starts are being planned, each from the next
  std::map<std::tuple<const RowText*, std::string, int>, PlannedTraining> first_stages_;  // by row, data set and trial
  TableFacts facts_;                                                                      // of the table that is made
  bool has_programs_ = false;  // some row so far has a train.program
};

}  // namespace

bool has_column(const SuiteText& suite, const std::string& dataset) {
  return std::ranges::any_of(suite.tables, [&](const TableText& table) {
    return std::ranges::any_of(table.datasets, [&](const std::string& column) {
      const ColumnSets sets = sets_of(column);
      return sets.trained_on == dataset || sets.asked_on == dataset;
    });
  });
}

Plan make_plan(const SuiteText& suite, const ReferenceNumbers* references, const WeightsCatalogue& weights) {
  return Planner(suite, references, weights).run();
}

}  // namespace resolute::experiments
