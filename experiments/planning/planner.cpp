#include "experiments/planning/planner.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "experiments/planning/across_sets.h"
#include "experiments/planning/halving.h"
#include "experiments/planning/initial_weights.h"
#include "experiments/planning/normalised.h"
#include "experiments/planning/planner_parts.h"
#include "experiments/specification/stages.h"
#include "methods/rules.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostJobs = 200'000;

class Planner {
 public:
  Planner(SuiteText& suite, const ReferenceNumbers* references, const WeightsCatalogue& weights)
      : suite_(suite), references_(references), weights_(suite.options, weights) {}

  Plan run() {
    plan_.suite = suite_.name;
    plan_.title = suite_.title;
    plan_.worker = suite_.worker;
    plan_.program_sha256 = suite_.program_sha256;
    for (const DatasetText& dataset : suite_.datasets)
      if (has_column(suite_, dataset.id)) add_dataset(dataset);
    std::vector<TablePlan> trials = follow_searches();
    for (const TableText& table : suite_.tables) add_table(table);
    weights_.refuse_missing();
    std::ranges::move(trials, std::back_inserter(plan_.tables));
    // Rows that wait would have the effect.
    if (!plan_.waits()) refuse_idle_sets();
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
      row.joined = row_text.joined_with.value;
      std::vector<std::string> joined;
      for (const std::string& id : row.joined) joined.push_back(column_title(plan_, id));
      if (!joined.empty()) facts_.joined.insert(fmt::format("{} on {}", row.label, fmt::join(joined, " and ")));
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
    for (const RowText& row : text.rows)
      for (const SearchPlan& search : plan_.searches)
        if (search.id == row.search.value)
          table.notes.push_back(
              fmt::format("{}: winner of search '{}' on {}, {}; its trainings have all training people", row.label,
                          search.id, search.dataset, search.winner));
    check_rows(
        text, table,
        [&](const JobId& job) -> const JobSpecification& { return plan_.jobs[index_.at(job.hex)].specification; },
        suite_.methods);
    // Papers measured real images.
    if (references_ != nullptr)
      add_papers(
          table, text, *references_,
          [&](const std::string& column) {
            return !is_across(column) && (suite_.options.with_references || images_of(plan_, column) == Images::kReal);
          },
          title_of_);
    plan_.tables.push_back(std::move(table));
  }

  //! \return the tables of their trials
  std::vector<TablePlan> follow_searches() {
    std::vector<SearchCourse> courses;
    std::vector<TablePlan> trials;
    for (const SearchText& search : suite_.searches) {
      facts_ = {};
      TableText text;
      text.id = search.id.value;
      text.base = search.base;
      text.metrics = {{search.metric}, search.place};
      text.datasets = {search.dataset.value};
      // Another program, or the package's worker, is not told where a training goes on (orchestrator/launch).
      bool anew = !suite_.worker.empty() || !suite_.methods.empty();
      courses.push_back(follow(search, [&](const RowText& row, std::size_t rung, const CellPlan* before) {
        return plan_point(search, text, row, rung, before, anew);
      }));
      courses.back().plan.anew = anew;
      plan_.searches.push_back(courses.back().plan);
      trials.push_back(trials_table(search, courses.back()));
      std::ranges::move(notes_of(facts_), std::back_inserter(trials.back().notes));
      deviations_.clear();
    }
    if (const auto waiting =
            settle_rows(suite_, courses, [&](const TableText& table, const RowText& row) { check_row(table, row); });
        !waiting.empty())
      plan_.notes.push_back(
          fmt::format("not planned before their search has its winner: {}", fmt::join(waiting, ", ")));
    return trials;
  }

  //! Nothing of it is planned.
  void check_row(const TableText& table, const RowText& row) {
    const std::size_t others = plan_.jobs.size();
    for (const std::string& column : table.datasets) make_cell(table, row, column);
    deviations_.clear();
    starts_.clear();
    forget_jobs(others);
  }

  PlannedJob& training_of_trial(const JobId& evaluation) {
    const auto& asked = std::get<EvaluationSpecification>(plan_.jobs[index_.at(evaluation.hex)].specification);
    return plan_.jobs[index_.at(asked.training.hex)];
  }

  //! \param anew set where rungs do not go on from one another
  PointAtRung plan_point(const SearchText& search, const TableText& table, const RowText& row, std::size_t rung,
                         const CellPlan* before, bool& anew) {
    const std::size_t others = plan_.jobs.size();
    PointAtRung point{make_cell(table, row, search.dataset.value)};
    const Combination combination = combine(table, row, search.dataset.value);
    const bool paced =
        methods::is_paced_by_length(method_options(combination, checked_draft(combination, suite_), suite_.methods));
    double sum = 0;
    std::size_t known = 0;
    for (std::size_t trial = 0; trial < point.cell.evaluations.size(); ++trial) {
      const JobId& evaluation = point.cell.evaluations[trial];
      PlannedJob& job = training_of_trial(evaluation);
      const auto& training = std::get<TrainingSpecification>(job.specification);
      check_search(search, training, paced);
      if (training.recipe.program != 0) anew = true;
      job.keeps_state = job.keeps_state || (rung + 1 < search.rungs.value.size() && !anew);
      if (before != nullptr && !anew) {
        const PlannedJob& shorter = training_of_trial(before->evaluations[trial]);
        job.goes_on = {shorter.id, std::get<TrainingSpecification>(shorter.specification).recipe.steps};
      }
      const auto score =
          suite_.options.score_of ? suite_.options.score_of(evaluation, search.metric) : std::optional<double>();
      if (score) {
        sum += *score;
        ++known;
      } else if (suite_.options.has_diverged && suite_.options.has_diverged(job.id)) {
        point.diverged = job.id;
      }
    }
    if (known == point.cell.evaluations.size()) point.score = sum / static_cast<double>(known);
    if (point.diverged) forget_jobs(others);
    return point;
  }

  //! Takes out the jobs that were planned last.
  void forget_jobs(std::size_t left) {
    first_stages_.clear();  // theirs may be among them
    for (std::size_t i = left; i < plan_.jobs.size(); ++i) index_.erase(plan_.jobs[i].id.hex);
    plan_.jobs.erase(plan_.jobs.begin() + static_cast<std::ptrdiff_t>(left), plan_.jobs.end());
  }

  //! A row on a data set. \param id of the data set, which some table has
  Combination combine(const TableText& table, const RowText& row, const std::string& id) const {
    const DatasetText& dataset = text_of(id);
    return {row, dataset, plan_of(id),
            laid_over(laid_over(suite_.bases[table.base], dataset.settings_in(table.base)), row.settings)};
  }

  const DatasetText& text_of(const std::string& id) const {
    return *std::ranges::find(suite_.datasets, id, &DatasetText::id);
  }
  //! \param id of one that some table has
  const DatasetPlan& plan_of(const std::string& id) const {
    return *std::ranges::find(plan_.datasets, id, &DatasetPlan::id);
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

  //! A row has no use for an option of another method. Rows of one grid over methods share what they set.
  void refuse_idle_keys(const TableText& table, const Combination& combination, const std::string& method) const {
    for (const auto& [key, setting] : combination.row.settings) {
      const auto other = method_of_key(key, suite_.methods);
      const auto shares = [&](const RowText& row) {
        return row.place == combination.row.place &&
               combine(table, row, combination.dataset.id).settings.at("method").value == *other;
      };
      if (!other || *other == method || std::ranges::any_of(table.rows, shares)) continue;
      const std::string ours = method + key.substr(key.find('.'));
      throw core::input_error(
          fmt::format("{}: key '{}' has no effect", setting.place, key),
          fmt::format("row '{}' is of method '{}'", combination.row.id.value, method),
          settings::is_among(setting_keys(), ours) ? fmt::format("write '{}', or leave it out", ours) : "leave it out");
    }
  }

  CellPlan make_cell(const TableText& table, const RowText& row, const std::string& column) {
    const ColumnSets sets = sets_of(column);
    const Combination combination = combine(table, row, sets.trained_on);
    const Draft draft = draft_of(combination);
    refuse_idle_keys(table, combination, draft.method);
    const MethodOptions method = method_options(combination, draft, suite_.methods);
    facts_.add(draft, row.label, sets.trained_on);
    has_programs_ = has_programs_ || !facts_.programs.empty();
    facts_.add_opponents(draft.recipe, method, row.label);
    const AskedMethod asked_method{method, draft.recipe, suite_.methods};
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
      check_metrics(table, asked, asked_draft.protocol, asked_method);
      cell.evaluations =
          add_trials(table, combination, draft, method, {asked, tested_alone(asked_draft.split), asked_draft.protocol});
    } else {
      check_metrics(table, combination, draft.protocol, asked_method);
      cell.evaluations = add_trials(table, combination, draft, method, {combination, draft.split, draft.protocol});
    }
    if (references_ != nullptr) add_papers(cell, row.references, table.metrics.value, *references_, title_of_);
    return cell;
  }

  //! The data sets that the row's trainings learn from besides the combination's.
  std::vector<Combination> join(const TableText& table, const Combination& combination, const Draft& draft) {
    std::vector<Combination> joined;
    std::vector<std::string> ids = combination.row.joined_with.value;
    std::ranges::sort(ids);  // their order makes no other training
    for (const std::string& id : ids) {
      if (std::ranges::find(plan_.datasets, id, &DatasetPlan::id) == plan_.datasets.end())
        combination.refuse("joined_with", "'" + id + "'", "its table is left out, and no other has that data set",
                           "ask for that table's data sets too");
      joined.push_back(combine(table, combination.row, id));
      joined.back().settings["trials"] = {draft.trials, combination.place_of("trials")};
    }
    return joined;
  }

  //! Puts them in a training, whose other members are there. \throws RuntimeError (kInput) with the place of a key that
  //! is wrong on one of them
  void add_joined(const Combination& combination, const std::vector<Combination>& joined,
                  TrainingSpecification& training) {
    for (const Combination& one : joined) {
      const Draft draft = checked_draft(one, suite_);
      note_sets(one, [](const std::string& key) { return key.starts_with("split."); });
      JoinedSet set{one.planned.pack, draft.split};
      set.split.seed = training.seed;
      one.in_suite_words([&] { check_set(training, set); });
      training.joined.push_back(set);
    }
    check_apart(combination, joined, training);
  }

  //! A trial's training, checked. Trials of rows that speak of steps differ in their seeds alone, and checked_draft()
  //! has looked at how many there may be: what holds of one holds of all.
  //! \param lengths what its epochs come to, of the trials before it too
  TrainingSpecification training_of(const TableText& table, const Combination& combination, const Draft& draft,
                                    const MethodOptions& method, int trial, std::vector<EpochsPlan>& lengths) {
    const std::vector<Combination> joined = join(table, combination, draft);
    TrainingSpecification training;
    training.method = method;
    training.network = draft.network;
    training.recipe = draft.recipe;
    training.pack = combination.planned.pack;
    training.split = draft.split;
    set_trial(training, trial);
    training.lanes = draft.lanes;
    training.device = draft.device;
    TrainingSpecification any_length = training;  // whose every other member is told by its own key if it is wrong
    if (combination.settings.contains("train.epochs")) any_length.recipe.steps = Recipe::kMostSteps;
    add_joined(combination, joined, any_length);
    training.joined = any_length.joined;
    if (speaks_of_epochs(combination.settings)) {
      combination.in_suite_words([&] { check(JobSpecification(any_length)); });
      count_steps(combination, joined, draft.epochs, {suite_.options.training_images, suite_.options.estimate},
                  training, lengths);
    }
    combination.in_suite_words([&] { check(JobSpecification(training)); });
    if (suite_.options.check_lists) check_people(combination, joined, training, suite_.options.training_images);
    training = normalised(training);
    combination.in_suite_words([&] { check(JobSpecification(training)); });
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
    std::vector<JoinedSet> joined{};       //!< its own, and those of the trainings before it
    std::vector<const RowText*> stages{};  //!< its row, and those of the trainings before it
    NamedStart weights{};                  //!< that it or the first of those started from
  };

  //! Adds a trial's training behind all that it needs. \param lengths of its trials so far
  PlannedTraining add_training(const TableText& table, const Combination& combination, const Draft& draft,
                               TrainingSpecification training, int trial, const std::vector<EpochsPlan>& lengths) {
    bool provisional = (!training.initial_weights.empty() && weights_.is_missing(draft.weights)) ||
                       std::ranges::any_of(lengths, &EpochsPlan::estimated);
    std::vector<JobId> needs{seals_.at(combination.dataset.id)};
    std::vector<JoinedSet> joined = training.joined;
    std::vector<const RowText*> stages{&combination.row};
    for (const JoinedSet& set : joined) needs.push_back(seals_.at(set.pack.name));
    NamedStart weights{draft.weights, training.initial_weights};
    weights_.check_people(combination, weights, training);
    if (const std::string& name = combination.row.start_from.value; !name.empty()) {
      const PlannedTraining& first = add_first_stage(table, combination, trial);
      combination.in_suite_words([&] {
        training.start_from = Start{first.id, part_to_start(first.specification, training, name)};
      });
      combination.in_suite_words([&] { check(JobSpecification(training)); });
      needs.push_back(first.id);
      joined.insert(joined.end(), first.joined.begin(), first.joined.end());
      stages.insert(stages.end(), first.stages.begin(), first.stages.end());
      weights = first.weights;
      provisional = provisional || first.provisional;
    }
    const JobId id = add_job({{},
                              training,
                              std::move(needs),
                              draft.ranks,
                              fmt::format("training {} trial {} '{}' on {}", trainer_of(draft, suite_), trial,
                                          combination.row.label, names_of(training)),
                              provisional});
    const KeptStateOf& kept_state_of = suite_.options.kept_state_of;
    if ((draft.keep_state || kept_state_of) && may_go_on(combination, draft, training, suite_)) {
      PlannedJob& job = plan_.jobs[index_.at(id.hex)];
      job.keeps_state = job.keeps_state || draft.keep_state;
      if (!job.goes_on && kept_state_of) job.goes_on = kept_state_of(id, training);
    }
    return {std::move(training), id, provisional, std::move(joined), std::move(stages), std::move(weights)};
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
      std::vector<EpochsPlan> lengths;
      TableFacts facts = std::exchange(facts_, {});  // a table tells of its own rows
      const TrainingSpecification training = training_of(
          *first_table, combination, draft, method_options(combination, draft, suite_.methods), trial, lengths);
      facts_ = std::move(facts);
      found =
          first_stages_.emplace(key, add_training(*first_table, combination, draft, training, trial, lengths)).first;
      epochs_.insert(lengths.begin(), lengths.end());
    }
    stages_.pop_back();
    return found->second;
  }

  //! By its id: the table's own, else the one that another table has.
  std::pair<const TableText*, const RowText*> row_to_start_from(const TableText& home,
                                                                const Combination& second) const {
    const std::string& id = second.row.start_from.value;
    const auto found = rows_of_id(suite_, home, id);
    if (found.empty()) {
      std::vector<std::string> ids;
      for (const auto* list : {&suite_.tables, &suite_.left_out})
        for (const TableText& table : *list)
          for (const RowText& row : table.rows) ids.push_back(row.id.value);
      second.refuse("start_from", "'" + id + "'", "the suite has no row of that id", settings::nearest_or_all(id, ids));
    }
    if (found.size() == 1) return found.front();
    std::vector<std::string> tables;
    for (const auto& [table, row] : found) tables.push_back(table->id);
    second.refuse("start_from", "'" + id + "'",
                  fmt::format("tables '{}' have a row of that id", fmt::join(tables, "', '")),
                  "give the row that is meant an id of its own");
  }

  //! Adds the trials' trainings and evaluations. \return the evaluations
  std::vector<JobId> add_trials(const TableText& table, const Combination& combination, const Draft& draft,
                                const MethodOptions& method, const Question& question) {
    std::vector<EpochsPlan> lengths;
    TrainingSpecification training = training_of(table, combination, draft, method, 0, lengths);
    if (draft.recipe.program == 0)
      std::ranges::copy(methods::deviations(training.method), std::inserter(deviations_, deviations_.end()));
    EvaluationSpecification evaluation{{}, question.on.planned.pack, question.split, question.protocol};
    const JobId seal = seals_.at(combination.dataset.id), asked_seal = seals_.at(question.on.dataset.id);
    std::vector<JobId> evaluations;
    for (int trial = 0; trial < draft.trials; ++trial) {
      if (trial > 0 && speaks_of_epochs(combination.settings))
        training = training_of(table, combination, draft, method, trial, lengths);
      set_trial(training, trial);
      evaluation.split.seed = training.split.seed;
      const std::string asked = asked_seal == seal ? "" : fmt::format(", asked on {}", question.on.dataset.id);
      const PlannedTraining planned = add_training(table, combination, draft, training, trial, lengths);
      if (const auto& start = planned.specification.start_from)
        starts_.insert(
            fmt::format("the {} of row '{}'", settings::word(start->part), combination.row.start_from.value));
      evaluation.training = planned.id;
      for (const JoinedSet& set : planned.joined)
        check_learnt(combination, {text_of(set.pack.name), plan_of(set.pack.name), set.split},
                     {question.on.dataset, question.on.planned, evaluation.split});
      if (trial == 0) {
        for (const RowText* stage : planned.stages)
          check_chosen(suite_, *stage, question.on, question.split, draft.trials);
        question.on.in_suite_words([&] { check(evaluation, training.method); });
        evaluation = normalised(evaluation, training);
      }
      if (asked_seal != seal) {
        TrainingSpecification tested = training;
        tested.pack = evaluation.pack;
        tested.split = evaluation.split;
        weights_.check_people(question.on, planned.weights, tested);
      }
      // It looks at what its training saw, too.
      std::vector<JobId> after{asked_seal, evaluation.training};
      if (asked_seal != seal) after.push_back(seal);
      for (const JoinedSet& set : planned.joined)
        if (const JobId& one = seals_.at(set.pack.name); std::ranges::find(after, one) == after.end())
          after.push_back(one);
      evaluations.push_back(add_job({{},
                                     evaluation,
                                     after,
                                     1,
                                     fmt::format("evaluation {} trial {} '{}' on {}{}", trainer_of(draft, suite_),
                                                 trial, combination.row.label, names_of(training), asked),
                                     planned.provisional}));
    }
    epochs_.insert(lengths.begin(), lengths.end());
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

  SuiteText& suite_;  // its rows get the settings of winners
  const ReferenceNumbers* references_;
  const TitleOf title_of_ = [this](const std::string& column) { return column_title(plan_, column); };
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
  if (std::ranges::any_of(suite.searches, [&](const SearchText& one) { return one.dataset.value == dataset; }))
    return true;
  return std::ranges::any_of(suite.tables, [&](const TableText& table) {
    return std::ranges::any_of(table.datasets,
                               [&](const std::string& column) {
                                 const ColumnSets sets = sets_of(column);
                                 return sets.trained_on == dataset || sets.asked_on == dataset;
                               }) ||
           std::ranges::any_of(table.rows,
                               [&](const RowText& row) { return settings::is_among(row.joined_with.value, dataset); });
  });
}

Plan make_plan(SuiteText suite, const ReferenceNumbers* references, const WeightsCatalogue& weights) {
  return Planner(suite, references, weights).run();
}

}  // namespace resolute::experiments
