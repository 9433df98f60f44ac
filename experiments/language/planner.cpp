#include "experiments/language/planner.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "core/hash/sha256.h"
#include "experiments/language/combination.h"
#include "experiments/language/counted_epochs.h"
#include "experiments/language/from_papers.h"
#include "experiments/language/normalised.h"
#include "experiments/language/plan_notes.h"
#include "experiments/specification/metrics.h"
#include "experiments/specification/validation.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostJobs = 200'000;

//! Stands in the specification of a training whose method is in Python: it asks nothing of a batch.
MethodOptions no_method_of_ours() {
  BaselineOptions options;
  options.images = methods::BaselineImages::kStored;
  options.triplet = false;
  return options;
}

class Planner {
 public:
  Planner(const SuiteText& suite, const ReferenceNumbers* references, const WeightsCatalogue& weights,
          const TrainingImages& training_images)
      : suite_(suite), references_(references), weights_(weights), training_images_(training_images) {}

  Plan run() {
    plan_.suite = suite_.name;
    plan_.title = suite_.title;
    plan_.worker = suite_.worker;
    plan_.program_sha256 = suite_.program_sha256;
    for (const DatasetText& dataset : suite_.datasets)
      if (in_use(dataset)) add_dataset(dataset);
    for (const TableText& table : suite_.tables) add_table(table);
    refuse_idle_sets();
    if (!suite_.program_sha256.empty() && facts_.programs.empty())
      throw core::input_error(fmt::format("{}: key 'worker_files' has no effect", suite_.file),
                              "no row has a 'train.program'", "set train.program = 1, or leave the key out");
    add_methods();
    plan_.epochs.assign(epochs_.begin(), epochs_.end());
    plan_.missing_weights.assign(missing_weights_.begin(), missing_weights_.end());
    if (!suite_.left_out.empty())
      plan_.notes.push_back(
          fmt::format("left out, for none of their data sets is asked for: {}", fmt::join(suite_.left_out, ", ")));
    return std::move(plan_);
  }

 private:
  bool in_use(const DatasetText& dataset) const {
    return std::any_of(suite_.tables.begin(), suite_.tables.end(), [&](const TableText& table) {
      return std::find(table.datasets.begin(), table.datasets.end(), dataset.id) != table.datasets.end();
    });
  }

  //! Files of methods in Python go on to the package's worker.
  void add_methods() {
    for (const auto& [id, method] : suite_.methods) {
      plan_.method_schemas[id] = method.schema;
      if (!methods_.contains(id)) continue;
      if (plan_.worker.empty()) plan_.worker = {suite_.python, "-m", "resolute", "work"};
      plan_.worker.push_back(method.path.string());
    }
  }

  std::vector<std::string> known_methods() const {
    std::vector<std::string> known = method_names();
    for (const auto& [id, method] : suite_.methods) known.push_back(id);
    return known;
  }

  //! The method whose option "METHOD.NAME" is; nothing for any other key.
  std::optional<std::string> method_of_key(const std::string& key) const {
    const std::string section = key.substr(0, key.find('.'));
    return settings::is_among(known_methods(), section) ? std::optional(section) : std::nullopt;
  }

  //! What the recipe says of a method in Python: its file, and all of its options by value.
  void add_program(const Combination& combination, const PythonMethod& method, Draft& draft) const {
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
      const auto own = dataset.places.find(error.key());
      throw error.in_suite(setting != settings.end()     ? setting->second.place
                           : own != dataset.places.end() ? own->second
                                                         : dataset.place,
                           fmt::format("for data set '{}'", dataset.id));
    }
    std::vector<JobId> shards;
    for (int shard = 0; shard < pack.shards; ++shard)
      shards.push_back(add_job(ShardSpecification{pack, shard}, {}, 1,
                               fmt::format("shard {} of {} of {}", shard, pack.shards, pack.name)));
    seals_[dataset.id] = add_job(SealSpecification{pack}, shards, 1, fmt::format("seal of {}", pack.name));
    DatasetPlan planned{dataset.id, pack, dataset.root, dataset.root_text, dataset.follow_links};
    planned.drawn_folder = !pack.synthetic && suite_.drawn_folder && suite_.drawn_folder(planned);
    plan_.datasets.push_back(std::move(planned));
  }

  void add_table(const TableText& text) {
    TablePlan table{text.id, text.title, text.metrics, text.datasets, {}, text.compare_with};
    facts_ = {};
    for (const RowText& row_text : text.rows) {
      RowPlan row{row_text.id, row_text.label, {}};
      row.latex = row_text.latex;
      for (const std::string& id : text.datasets) {
        const auto dataset = std::find_if(suite_.datasets.begin(), suite_.datasets.end(),
                                          [&](const DatasetText& one) { return one.id == id; });
        const auto planned = std::find_if(plan_.datasets.begin(), plan_.datasets.end(),
                                          [&](const DatasetPlan& one) { return one.id == id; });
        Combination combination{
            row_text, *dataset, *planned,
            laid_over(laid_over(suite_.bases[text.base], dataset->settings_in(text.base)), row_text.settings)};
        row.cells.push_back(make_cell(text, combination));
      }
      facts_.deviations.insert(deviations_.begin(), deviations_.end());
      row.deviations.assign(deviations_.begin(), deviations_.end());
      deviations_.clear();
      table.rows.push_back(std::move(row));
    }
    table.mean_of = text.mean_of;
    table.margin = text.margin;
    table.strict_classes = text.strict_classes;
    table.notes = notes_of(facts_);
    check_queries(text, table);
    check_means(text, table);
    check_columns(text, table);
    if (references_ != nullptr) {
      table.claims = claims_of(text, references_->claims());
      if (text.published) table.published = published_rows(text, *text.published, *references_);
      table.no_reference = papers_without_numbers(text, table.published, *references_);
      table.look_up = addresses_of_missing(text, *references_);
      hide_references(table);
    }
    plan_.tables.push_back(std::move(table));
  }

  //! Papers measured real images.
  bool shows_references(const std::string& dataset) const {
    return suite_.with_references || images_of(plan_, dataset) == Images::kReal;
  }

  //! Takes out what papers say of columns that show nothing of theirs: drawn images', and those that are not made. What
  //! is wrong with it has been refused by now.
  void hide_references(TablePlan& table) const {
    for (RowPlan& row : table.rows)
      for (CellPlan& cell : row.cells)
        if (!shows_references(cell.dataset)) {
          cell.references.clear();
          cell.paper = {};
        }
    const bool lacks = std::any_of(table.rows.begin(), table.rows.end(), [](const RowPlan& row) {
      return std::any_of(row.cells.begin(), row.cells.end(),
                         [](const CellPlan& cell) { return !cell.paper.no_reference.empty(); });
    });
    if (!lacks) table.look_up.clear();
    std::erase_if(table.claims, [&](const ClaimPlan& claim) { return !shows_references(claim.dataset); });
    const auto hidden = [&](const auto& of_dataset) {
      const auto& made = table.datasets;
      return std::find(made.begin(), made.end(), of_dataset.first) == made.end() || !shows_references(of_dataset.first);
    };
    for (PublishedRow& row : table.published) {
      std::erase_if(row.numbers, hidden);
      std::erase_if(row.paper, hidden);
    }
    std::erase_if(table.published, [](const PublishedRow& row) { return row.numbers.empty(); });
  }

  const EvaluationSpecification& evaluation_of(const CellPlan& cell) const {
    return std::get<EvaluationSpecification>(plan_.jobs[index_.at(cell.evaluations.front().hex)].specification);
  }

  //! Rows that are compared query by query must have the same queries.
  void check_queries(const TableText& text, const TablePlan& table) const {
    const auto reference = std::find_if(table.rows.begin(), table.rows.end(),
                                        [&](const RowPlan& row) { return row.id == table.compare_with; });
    if (reference == table.rows.end()) return;
    const auto queries = [&](const CellPlan& cell) {
      const EvaluationSpecification& evaluation = evaluation_of(cell);
      const std::vector<int>& asked = evaluation.protocol.query_rates;
      const SplitSettings& split = evaluation.split;
      const std::string side = split.lr_side != settings::LrSide::kCamera
                                   ? fmt::format("lr_side {}", settings::word(split.lr_side))
                                   : settings::low_cameras_text(split, " ");
      const std::string tested =
          split.test_identities == 0 ? "" : fmt::format(", test_identities {}", split.test_identities);
      return fmt::format("partition {}{}, {}, query rates [{}]", settings::word(split.partition), tested, side,
                         fmt::join(asked.empty() ? split.query_rates : asked, ", "));
    };
    for (const RowPlan& row : table.rows)
      for (std::size_t i = 0; i < row.cells.size(); ++i)
        if (const std::string own = queries(row.cells[i]), its = queries(reference->cells[i]); own != its)
          throw core::input_error(
              fmt::format("{}: key 'compare_with' has the value '{}'", text.compare_place, text.compare_with),
              fmt::format("its queries on data set '{}' are not those of row '{}': {} against {}", table.datasets[i],
                          row.id, its, own),
              "put rows with other queries in a table of their own");
  }

  //! The mean over data sets is made trial by trial.
  void check_means(const TableText& text, const TablePlan& table) const {
    for (const RowPlan& row : table.rows) {
      const CellPlan* first = nullptr;
      for (const CellPlan& cell : row.cells) {
        if (!settings::is_among(table.mean_of, cell.dataset)) continue;
        if (first == nullptr) first = &cell;
        if (cell.evaluations.size() != first->evaluations.size())
          throw core::input_error(
              fmt::format("{}: key 'mean_of' names '{}' and '{}'", text.mean_place, first->dataset, cell.dataset),
              fmt::format("row '{}' has {} trials on the one and {} on the other", row.id, first->evaluations.size(),
                          cell.evaluations.size()),
              "give both the same 'trials'");
      }
    }
  }

  bool cell_has(const CellPlan& cell, const std::string& metric) const {
    const EvaluationSpecification& evaluation = evaluation_of(cell);
    const PlannedJob& training = plan_.jobs[index_.at(evaluation.training.hex)];
    return has_metric(std::get<TrainingSpecification>(training.specification).method, evaluation.protocol, metric);
  }

  //! A metric that only some rows have is a column all the same; one that none has is a mistake.
  void check_columns(const TableText& text, const TablePlan& table) const {
    for (const std::string& metric : table.metrics)
      if (std::none_of(table.rows.begin(), table.rows.end(), [&](const RowPlan& row) {
            return std::any_of(row.cells.begin(), row.cells.end(),
                               [&](const CellPlan& cell) { return cell_has(cell, metric); });
          })) {
        const Ability* const needs = metric_named(metric)->needs;
        RESOLUTE_EXPECT(needs != nullptr, "a table has cells");
        throw core::input_error(fmt::format("{}: key 'metrics' names '{}'", text.metrics_place, metric),
                                fmt::format("no row of table '{}' {}", text.id, needs->lacks),
                                fmt::format("leave it out or add a row of method '{}' at its defaults",
                                            fmt::join(methods_able(*needs), "' or '")));
      }
  }

  //! What the table shows must be measured.
  void check_metrics(const TableText& table, const Combination& combination, const Draft& draft) const {
    for (const std::string& metric : table.metrics) {
      const MetricName name = metric_named(metric);
      if (name->lacks == nullptr || !has_metric(method_options(combination, draft), draft.protocol, metric)) continue;
      if (const auto unmeasured = name->lacks(draft.protocol, name.rate))
        throw core::input_error(fmt::format("{}: key 'metrics' names '{}'", table.metrics_place, metric),
                                fmt::format("{} {}", unmeasured->why, combination.context()), unmeasured->suggestion);
    }
  }

  CellPlan make_cell(const TableText& table, const Combination& combination) {
    Draft draft = make_draft(combination.settings);
    if (const auto python = suite_.methods.find(draft.method); python != suite_.methods.end())
      add_program(combination, python->second, draft);
    else if (draft.recipe.program != 0)
      draft.recipe.program_sha256 = suite_.program_sha256;
    // A stand-in of a dozen people shows that a row runs, whatever size of training it is about.
    if (const auto& drawn = combination.planned.pack.synthetic; drawn &&
                                                                settings::is_stand_in(combination.planned.pack) &&
                                                                draft.split.train_identities > drawn->identities / 2)
      draft.split.train_identities = 0;
    for (const auto& [key, setting] : suite_.sets)
      if (const auto found = combination.settings.find(key); found != combination.settings.end() &&
                                                             found->second.place == setting.place &&
                                                             method_of_key(key).value_or(draft.method) == draft.method)
        effective_sets_.insert(key);
    methods_.insert(draft.method);
    check_draft(combination, draft);
    check_metrics(table, combination, draft);
    CellPlan cell;
    cell.dataset = combination.dataset.id;
    cell.evaluations = add_trials(combination, draft);
    for (const ReferenceRequest& request : combination.row.references) {
      if (!request.stands_beside(cell.dataset)) continue;
      for (const auto& [metric, value] : references_->find(request)) cell.references.emplace(metric, value);
    }
    if (!combination.row.references.empty())
      cell.paper = paper_cell(combination.row.references, cell.dataset, table.metrics, *references_);
    return cell;
  }

  void check_draft(const Combination& combination, const Draft& draft) {
    combination.told([&] {
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
    if (draft.recipe.program != 0 && draft.recipe.program_options.empty() && suite_.worker.empty())
      combination.refuse("train.program", draft.recipe.program, "the suite has no 'worker', so resolute-worker trains",
                         "name the program by 'worker', or leave the key out");
    if (draft.lanes % draft.ranks != 0)
      combination.refuse("ranks", draft.ranks, fmt::format("it must divide the number of lanes, {}", draft.lanes));
    if (draft.method.empty())
      throw core::input_error(fmt::format("{}: key 'method' is missing", combination.row.place),
                              fmt::format("row '{}' needs it", combination.row.id),
                              "set it in the row or in [defaults]");
  }

  //! Those that the draft names.
  const NamedWeights& find_weights(const Combination& combination, const Draft& draft) {
    const std::string& name = draft.weights;
    if (const auto known = named_weights_.find(name); known != named_weights_.end()) return known->second;
    const auto refuse = [&](const std::string& why, const std::string& suggestion) {
      combination.refuse("weights", "'" + name + "'", why, suggestion);
    };
    if (!is_weights_name(name)) refuse("a name of weights has 1 to 64 characters of a-z, 0-9 and '-'", "");
    const std::string how = import_command(name, settings::word(draft.network.backbone));
    const auto found = weights_.find(name);
    if (!found) {
      std::vector<std::string> names = {"none", "imagenet"};
      for (const std::string& one : weights_.names()) names.push_back(one);
      std::string suggestion = name == "imagenet" ? "" : settings::did_you_mean(name, names);
      if (suggestion.empty() && suite_.estimate) return open_weights(draft);
      if (suggestion.empty())
        suggestion = fmt::format(
            "import them ({}), run with --from-scratch, which every table then says, or set "
            "weights=none",
            how);
      refuse("the store has no weights of that name", suggestion);
    }
    if (suite_.need_weights && !weights_.has_file(*found))
      refuse(fmt::format("their file weights/{}.safetensors is missing in the store", found->sha256),
             fmt::format("import them again ({})", how));
    return named_weights_.emplace(name, *found).first->second;
  }

  bool is_missing(const std::string& name) const {
    return std::ranges::any_of(missing_weights_, [&](const MissingWeights& one) { return one.name == name; });
  }

  //! Stands for weights that nobody has imported: a SHA-256 that is no file's.
  const NamedWeights& open_weights(const Draft& draft) {
    const std::string& name = draft.weights;
    const std::string backbone(settings::word(draft.network.backbone));
    missing_weights_.insert({name, backbone});
    // Of each backbone another file could go by the name; so nothing is remembered of it.
    open_weights_ = {name, core::sha256_hex("weights that are not imported: " + name), backbone, "", ""};
    return open_weights_;
  }

  //! What a training starts from: a SHA-256, or "" for from scratch. The specification has passed its checks.
  std::string initial_weights(const Combination& combination, const Draft& draft) {
    if (!draft.recipe.program_options.empty()) return {};  // the method's own business
    if (draft.weights == "none") {
      facts_.from_scratch = true;
      return {};
    }
    if (suite_.from_scratch) {
      const std::string suggestion =
          draft.weights == "imagenet" ? "" : settings::did_you_mean(draft.weights, {"none", "imagenet"});
      if (!is_weights_name(draft.weights) || (!suggestion.empty() && !weights_.find(draft.weights)))
        find_weights(combination, draft);
      facts_.dropped_weights.insert(draft.weights);
      return {};
    }
    const NamedWeights& weights = find_weights(combination, draft);
    const std::string_view backbone = settings::word(draft.network.backbone);
    if (weights.backbone != backbone)
      combination.refuse("weights", "'" + draft.weights + "'",
                         fmt::format("they are of the backbone {}, not {}", weights.backbone, backbone),
                         "import weights of this backbone under another name, or set weights=none");
    facts_.weights.insert(
        is_missing(weights.name)
            ? fmt::format("{} ({}, not imported)", weights.name, weights.backbone)
            : fmt::format("{} ({}, SHA-256 {})", weights.name, weights.backbone, weights.sha256.substr(0, 12)));
    return weights.sha256;
  }

  //! What the section of the draft's method says; check_draft() has looked at its members.
  MethodOptions method_options(const Combination& combination, const Draft& draft) const {
    if (suite_.methods.contains(draft.method)) return no_method_of_ours();
    std::optional<MethodOptions> options;
    methods::for_each_method([&]<class Options>() {
      if (draft.method != Options::kMethod) return;
      combination.told([&] { options = methods::options_of<Options>(draft.section<Options>()); });
    });
    if (!options)
      combination.refuse("method", "'" + draft.method + "'",
                         fmt::format("methods are {}", fmt::join(known_methods(), ", ")),
                         settings::did_you_mean(draft.method, known_methods()));
    return *options;
  }

  //! A trial's training, checked. Trials of rows that speak of steps differ in their seeds alone, and check_draft() has
  //! looked at how many there may be: what holds of one holds of all.
  //! \param told what its epochs come to, of the trials before it too
  TrainingSpecification training_of(const Combination& combination, const Draft& draft, int trial,
                                    std::vector<EpochsPlan>& told) {
    TrainingSpecification training;
    training.method = method_options(combination, draft);
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
      check_of(combination, JobSpecification(any_length));
      count_steps(combination, draft.epochs, {training_images_, suite_.estimate}, training, told);
    }
    check_of(combination, JobSpecification(training));
    if (suite_.check_lists) check_listed(combination, training);
    training = normalised(training);
    check_of(combination, JobSpecification(training));
    training.initial_weights = initial_weights(combination, draft);
    return training;
  }

  //! Of a list of one's own nothing is published. Where its labels are here they say whether it can be split and has
  //! people enough.
  void check_listed(const Combination& combination, const TrainingSpecification& training) const {
    if (training.pack.source != settings::Source::kCsv || training.pack.synthetic || !training_images_) return;
    std::optional<settings::TrainingCount> count;
    try {
      count = training_images_(combination.planned, training.split);
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInput) throw;
      throw error.at(combination.dataset.place);
    }
    if (count) combination.told([&] { check_identities(training, count->identities); });
  }

  //! Adds the trials' trainings and evaluations. \return the evaluations
  std::vector<JobId> add_trials(const Combination& combination, const Draft& draft) {
    std::vector<EpochsPlan> told;
    TrainingSpecification training = training_of(combination, draft, 0, told);
    facts_.add(draft, combination.row.label, combination.dataset.id);
    if (draft.recipe.program == 0)
      std::ranges::copy(methods::deviations(training.method), std::inserter(deviations_, deviations_.end()));
    EvaluationSpecification evaluation{{}, training.pack, training.split, draft.protocol};
    const JobId seal = seals_.at(combination.dataset.id);
    std::vector<JobId> evaluations;
    for (int trial = 0; trial < draft.trials; ++trial) {
      if (trial > 0 && speaks_of_epochs(combination.settings)) training = training_of(combination, draft, trial, told);
      training.seed = static_cast<std::uint64_t>(trial);
      training.split.seed = training.seed;
      evaluation.split.seed = training.split.seed;
      const std::string what =
          fmt::format("{} trial {} '{}' on {}", draft.method, trial, combination.row.label, combination.dataset.id);
      const bool provisional =
          (!training.initial_weights.empty() && is_missing(draft.weights)) ||
          std::any_of(told.begin(), told.end(), [](const EpochsPlan& one) { return one.estimated; });
      evaluation.training = add_job(training, {seal}, draft.ranks, "training " + what, provisional);
      if (trial == 0) {
        check_of(combination, evaluation, training.method);
        evaluation = normalised(evaluation, training);
      }
      evaluations.push_back(add_job(evaluation, {seal, evaluation.training}, 1, "evaluation " + what, provisional));
    }
    epochs_.insert(told.begin(), told.end());
    return evaluations;
  }

  //! experiments::check() of these.
  template <class... Specifications>
  void check_of(const Combination& combination, const Specifications&... specifications) const {
    combination.told([&] { check(specifications...); });
  }

  JobId add_job(JobSpecification specification, std::vector<JobId> after, int slots, std::string label,
                bool provisional = false) {
    JobId id = job_id(specification);
    const auto [at, inserted] = index_.emplace(id.hex, plan_.jobs.size());
    if (!inserted) {
      // W is no part of a job; where rows disagree the fastest of them serves all.
      int& known = plan_.jobs[at->second].slots;
      known = std::max(known, slots);
      return id;
    }
    if (plan_.jobs.size() == kMostJobs)
      throw core::input_error(fmt::format("{}: the suite has too many jobs", suite_.file),
                              fmt::format("at most {} are planned", kMostJobs), "split it in several suites");
    plan_.jobs.push_back({id, std::move(specification), std::move(after), slots, std::move(label), provisional});
    return id;
  }

  void refuse_idle_sets() const {
    for (const auto& [key, setting] : suite_.sets) {
      const std::string problem = fmt::format("{}: key '{}' has no effect", setting.place, key);
      if (const auto method = method_of_key(key); method && !methods_.contains(*method))
        throw core::input_error(problem, fmt::format("no row is of the method '{}'", *method), "leave it out");
      if (!effective_sets_.contains(key))
        throw core::input_error(problem, "every row or data set gives it itself, and that wins",
                                fmt::format("change it in '{}'", suite_.file));
    }
  }

  const SuiteText& suite_;
  const ReferenceNumbers* references_;
  const WeightsCatalogue& weights_;
  const TrainingImages& training_images_;
  std::map<std::string, NamedWeights> named_weights_;  // found so far
  std::set<MissingWeights> missing_weights_;           // that no file goes by, where that may be
  NamedWeights open_weights_;
  Plan plan_;
  std::unordered_map<std::string, std::size_t> index_;  // of jobs by id
  std::map<std::string, JobId> seals_;
  std::set<std::string> effective_sets_;
  std::set<std::string> methods_;  // of the rows
  std::set<EpochsPlan> epochs_;
  std::set<std::string> deviations_;  // of the row so far
  TableFacts facts_;                  // of the table that is made
};

}  // namespace

Plan make_plan(const SuiteText& suite, const ReferenceNumbers* references, const WeightsCatalogue& weights,
               const TrainingImages& training_images) {
  return Planner(suite, references, weights, training_images).run();
}

}  // namespace resolute::experiments
